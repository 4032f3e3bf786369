package colony

import (
	"os"
	ossignal "os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// caught is what signal delivery needs: SIGCHLD apart, because many may stand
// for one and one for many.
type caught struct{ child, others chan os.Signal }

func newCaught() caught { return caught{make(chan os.Signal, 1), make(chan os.Signal, 128)} }

// notify catches all there are. One that is not caught would kill a Go program
// even as PID 1; one that is ignored would be ignored by every child.
func (c caught) notify() {
	c.notifyFirst(true)
	c.notifyRest()
}

// notifyFirst is notify for the signals that have to be caught before the first start, for
// each takes some 50 us: by which we are asked for something, or meet a log that nobody
// reads, and those that children would ignore if we have inherited that (with any other the
// runtime sees to it). With a command they are all that others may want to send it; but for the
// real-time signals, which nobody sends to a program that has just begun.
func (c caught) notifyFirst(command bool) {
	if c.child == nil {
		return
	}
	first := firstSignals
	if command {
		first = otherSignals(1, 31)
	}
	ossignal.Notify(c.others, first...)
	ossignal.Notify(c.child, syscall.SIGCHLD)
	// The C libraries' own, which os/signal leaves alone: whoever started us may
	// have left them ignored (make does that), and every child would ignore them.
	for n := unix.Signal(32); n <= 34; n++ {
		byDefault(n)
	}
}

var firstSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE, syscall.SIGPWR,
	syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT}

func (c caught) notifyRest() {
	if c.others != nil {
		ossignal.Notify(c.others, otherSignals(1, 64)...)
	}
}

// otherSignals are those from first to last that can be caught, without SIGCHLD and SIGURG, which
// is the Go runtime's own.
func otherSignals(first, last syscall.Signal) (all []os.Signal) {
	for n := first; n <= last; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, 32, 33, 34: // see notifyFirst
		default:
			all = append(all, n)
		}
	}
	return all
}

// restLater is when the first starts are out.
const restLater = 20 * time.Millisecond
