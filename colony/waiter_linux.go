package colony

import (
	"time"

	"golang.org/x/sys/unix"
)

// waiter waits for deaths in the kernel itself, as a shell does. That wakes one
// thread, where a SIGCHLD wakes three: the one that handles it, that of
// os/signal, and the loop's. It says who is dead, and looks again when it is told
// to, which is after the zombie was reaped; else it would find the same one for
// ever.
type waiter struct {
	dead  chan int      // pids of zombies, to the loop; noChild
	again chan struct{} // from the loop
	quit  <-chan struct{}
	stops bool // SIGCHLD is wanted all the time: it also says that a child was stopped

	// The loop's own.
	owed  bool    // it was not told to look again
	since instant // since when starts have kept us from that
	lull  bool    // it has no child to wait for
}

// noChild instead of a pid says that there is none to wait for.
const noChild = 0

func newWaiter(quit <-chan struct{}, stops bool) *waiter {
	return &waiter{dead: make(chan int), again: make(chan struct{}, 1), quit: quit, stops: stops}
}

// goOn has the waiter look again. It does no harm to say so too often.
func (w *waiter) goOn() {
	w.owed, w.since, w.lull = false, 0, false
	select {
	case w.again <- struct{}{}:
	default:
	}
}

// begun takes in that there is a new child.
func (w *waiter) begun() {
	if w.lull {
		w.goOn()
	}
}

// heard takes in that it has told of a death, and will look again when it is told to.
func (w *waiter) heard() {
	select {
	case <-w.again: // that was said too often: it would find the same zombie
	default:
	}
}

// forksFirst is how long nobody looks for the next death while starts are on
// their way. A look at many children keeps the kernel's list of processes locked,
// and whoever forks waits for it. And a thread that blocks in the kernel keeps what
// else was to run on it, the spawner, until the runtime notices: for 0.1 to 0.5 ms.
const forksFirst = 2 * time.Millisecond

func (w *waiter) run() {
	for w.follow() && w.pause() {
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

// pause waits while we have no child; false at the end. One may come to us from
// strangers too, or be forked where nobody tells us: the loop hears of its death
// by a SIGCHLD, as every Go program does, reaps it, and has us go on. What has
// died before SIGCHLD was caught again is told here.
func (w *waiter) pause() bool {
	if ev, ok := nextDead(unix.P_ALL, 0, unix.WNOHANG); ok {
		return w.tell(ev.pid)
	}
	return w.tell(noChild)
}

// tell tells the loop, and waits until it makes sense to look again; false at
// the end.
func (w *waiter) tell(pid int) bool {
	select {
	case w.dead <- pid:
	case <-w.quit:
		return false
	}
	select {
	case <-w.again:
		return true
	case <-w.quit:
		return false
	}
}
