package wrap

import (
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// lastSignal is SIGRTMAX.
const lastSignal = 64

// catch starts to collect every signal that can be caught and means something to
// the child. SIGCHLD is about us; SIGURG is how the Go runtime interrupts its own
// threads; SIGPROF and 32 to 34 it keeps for itself. What was ignored when we were
// started, as by nohup, stays ignored: the child inherits that, while it would not
// inherit a signal that we catch.
func catch() chan os.Signal {
	var list []os.Signal
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		switch s {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG:
			continue
		}
		if !signal.Ignored(s) {
			list = append(list, s)
		}
	}
	c := make(chan os.Signal, 2*lastSignal)
	signal.Notify(c, list...)
	return c
}

// release gives signals their former meaning back.
func release(c chan os.Signal) { signal.Stop(c) }

// forward passes s on to the child. A job that is stopped must stop as a whole,
// or its shell would wait for us for ever: so after SIGTSTP, SIGTTIN and SIGTTOU
// we let the kernel do to us what it does by default, which is nothing in a
// process group that no shell looks after.
func forward(child *os.Process, s syscall.Signal) {
	child.Signal(s) // the only error is that it has just ended, which is seen next
	switch s {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		stopOurselves(s)
	}
}

// stopOurselves gives s its default meaning, sends it to us, and catches it
// again; it returns when we are continued. os/signal cannot do this: a signal
// that was caught once is never again left to the kernel.
func stopOurselves(s syscall.Signal) {
	// The signal goes to this very thread, so that it has taken effect when the
	// call returns.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var byDefault, caught sigaction
	if setAction(s, &byDefault, &caught) {
		syscall.Tgkill(os.Getpid(), syscall.Gettid(), s)
		setAction(s, &caught, nil)
	}
}

// sigaction has room for the kernel's struct of that name, which is smaller on
// every architecture. All zero it means SIG_DFL; anything else comes from the
// kernel and goes back unread.
type sigaction [16]uint64

// setAction sets what s does and stores what it did before.
func setAction(s syscall.Signal, action, before *sigaction) bool {
	const maskSize = 8 // bytes of the kernel's sigset_t
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s),
		uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), maskSize, 0, 0)
	return errno == 0
}

// quietPipe is a log that remembers when it was written last. A log whose reader
// is gone raises SIGPIPE, which is about us and must not be passed on.
type quietPipe struct {
	log  *slog.Logger
	last atomic.Pointer[time.Time]
}

// echo is how long after a write its SIGPIPE may still come.
const echo = time.Second

func (q *quietPipe) warn(msg string, args ...any) {
	q.mark()
	q.log.Warn(msg, args...)
	q.mark()
}

func (q *quietPipe) info(msg string, args ...any) {
	q.mark()
	q.log.Info(msg, args...)
	q.mark()
}

func (q *quietPipe) mark() {
	now := time.Now()
	q.last.Store(&now)
}

func (q *quietPipe) brokeJustNow() bool {
	last := q.last.Load()
	return last != nil && time.Since(*last) < echo
}
