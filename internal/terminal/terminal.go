// Package terminal is what programs have in common that draw on a terminal.
package terminal

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Is says whether a person is at the other end of w.
func Is(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Stop stops us as Ctrl-Z does, and returns when we go on. Without a shell that
// could continue us, as in a container, the kernel does not stop us, and that is at
// once.
func Stop() {
	// TSTP itself may be caught, and the runtime does not give its default back; that
	// of TTOU is the same. To this very thread, so that it takes effect before the
	// call returns.
	runtime.LockOSThread()
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTTOU)
	runtime.UnlockOSThread()
}
