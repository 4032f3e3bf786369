//go:build !linux

package spec

// Real-time signals have names on Linux only.
const (
	rtMin     = 0
	maxSignal = 31
)
