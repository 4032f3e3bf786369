package colony

import "golang.org/x/sys/unix"

// waiter waits for deaths in the kernel itself, as a shell does. That wakes one
// thread, where a SIGCHLD wakes three: the one that handles it, that of
// os/signal, and the loop's. It says who is dead, and looks again when it is told
// that something was reaped; else it would find the same zombie for ever.
type waiter struct {
	dead  chan int      // pids of zombies, to the loop
	again chan struct{} // from the loop
	quit  <-chan struct{}
	stops bool // SIGCHLD is wanted all the time: it also says that a child was stopped
}

func newWaiter(quit <-chan struct{}, stops bool) *waiter {
	return &waiter{make(chan int), make(chan struct{}, 1), quit, stops}
}

// goOn has the waiter look again. It does no harm to say so too often.
func (w *waiter) goOn() {
	select {
	case w.again <- struct{}{}:
	default:
	}
}

func (w *waiter) run() {
	for w.follow() && w.lull() {
	}
}

// follow tells of deaths while we have children; false at the end. Meanwhile
// nobody needs a SIGCHLD, and none is sent.
func (w *waiter) follow() bool {
	if !w.stops {
		defer byDefault(unix.SIGCHLD)()
	}
	for {
		ev, ok := nextDead(unix.P_ALL, 0, 0)
		if !ok {
			return true
		}
		if !w.tell(ev.pid) {
			return false
		}
	}
}

// lull waits while we have no child; false at the end. One may come to us all the
// same, started by us or left by a stranger. The loop hears of its death by a
// SIGCHLD, as every Go program does, reaps, and has us go on. What has come and
// died before SIGCHLD was caught again is told here.
func (w *waiter) lull() bool {
	if ev, ok := nextDead(unix.P_ALL, 0, unix.WNOHANG); ok {
		return w.tell(ev.pid)
	}
	return w.wait()
}

func (w *waiter) tell(pid int) bool {
	select {
	case w.dead <- pid:
		return w.wait()
	case <-w.quit:
		return false
	}
}

// wait waits until it makes sense to look again.
func (w *waiter) wait() bool {
	select {
	case <-w.again:
		return true
	case <-w.quit:
		return false
	}
}
