package spec

// Real-time signals as the C library hands them out: it keeps the kernel's 32
// and 33 for itself.
const (
	rtMin     = 34
	maxSignal = 64
)
