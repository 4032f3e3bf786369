package colony

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Run supervises until somebody ends the colony, and returns the exit code for
// the process. An error means that it could not start; after that nothing is
// fatal.
//
// A program that was executed to take over from another in this process does
// so, or gives it back.
func Run(o Options) (code int, err error) {
	if os.Getenv(checkKey) != "" {
		return checkState(o)
	}
	b, err := receiveBaton()
	if err != nil {
		return 1, err
	}
	limitHeap()
	offFirstThread(func() { code, err = run(o, b) })
	return code, err
}

func run(o Options, b *baton) (code int, err error) {
	signals := newCaught()
	ready := make(chan struct{})
	o.fit = ready
	if b != nil { // who has children must not miss one
		signals.notify()
		makeThreads(nil)
		close(ready)
	} else {
		go func() { // each signal and each thread makes a processor wait
			heard := make(chan struct{})
			go func() {
				signals.notifyFirst(len(o.Command) > 0)
				close(heard)
			}()
			makeThreads(heard)
			close(ready)
			time.Sleep(restLater)
			signals.notifyRest()
		}()
	}
	c, err := begin(o, b)
	if err != nil {
		return 1, err
	}
	c.run(signals)
	return c.loop.code, nil
}

// await waits until we are fit to have children.
func (o Options) await() {
	if o.fit != nil {
		<-o.fit
	}
}

// begin builds the colony. Until it is there nothing has changed that the
// program before us, if there is one, could not go on from.
func begin(o Options, b *baton) (c *colony, err error) {
	if b != nil {
		defer b.settle(&err)()
		if o.taken != nil {
			o.taken()
		}
	}
	closeOnExec()
	if err := becomeReaper(); err != nil {
		return nil, err
	}
	h, err := openHouse(o, b)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	return newColony(o, h, null, b)
}

// now reads both clocks. The monotonic one is that of the machine, whose
// readings the next program in this process can compare with its own; package
// time reads the same one, without a system call, but does not show it.
func now() moment {
	t := time.Now()
	return moment{ourStart.mono.add(t.Sub(ourStart.wall)), t.UTC()}
}

// ourStart is one instant on both clocks, as package time began.
var ourStart = func() moment {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return moment{instant(ts.Nano()), time.Now()}
}()

// start runs f as a goroutine that is started again should it panic, but not at
// full speed.
func (c *colony) start(f func()) {
	go func() {
		for c.survived(f) {
			select {
			case <-time.After(time.Second):
			case <-c.quit:
			}
		}
	}()
}

// survived runs f; true if it panicked.
func (c *colony) survived(f func()) (panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			panicked = true
			outbox{c.news, c.quit}.send(recovered{fmt.Sprint(p), string(debug.Stack()), nil})
		}
	}()
	f()
	return false
}

// run is the loop.
func (c *colony) run(signals caught) {
	c.start(c.log.run)
	for _, w := range c.work {
		c.start(w)
	}
	c.loop.turn(c.first)
	c.reap(signals) // whose death was not told us
	timer := time.NewTimer(0)
	defer timer.Stop()
	beats := c.above.beats()
	var flushed <-chan batch
	for !c.loop.done {
		if c.loop.leaving && flushed == nil {
			flushed = c.askFlush() // most of what there is to write, while we still supervise
		}
		var out chan<- *batch
		wait := time.Duration(0)
		if !c.files.pending.empty() {
			if wait = c.files.wait(c.loop); wait <= 0 {
				out = c.batches
			}
		}
		if w := c.lookOn(signals); w > 0 && (wait <= 0 || w < wait) {
			wait = w
		}
		others := signals.others
		if w := c.loop.holdSignals(); w > 0 {
			others = nil
			if wait <= 0 || w < wait {
				wait = w
			}
		}
		c.arm(timer, wait)
		select {
		case <-signals.child:
			c.reap(signals)
		case pid := <-c.waiter.dead:
			c.told(pid)
		case s := <-others:
			if s != syscall.SIGPIPE { // it may be our own, from a log nobody reads
				c.loop.turn(signalled{spec.Signal(s.(syscall.Signal))})
			}
		case ev := <-c.inbox:
			c.take(ev, signals)
		case ev := <-c.news:
			c.loop.turn(ev)
		case out <- c.files.pending:
			c.files.pending = &batch{}
		case <-flushed:
			flushed, c.loop.leaving = nil, false
			c.loop.turn(c.handOver(signals))
		case <-beats:
			c.above.beat()
		case <-timer.C:
			c.loop.turn(ticked{})
			c.reap(signals) // a safety net; SIGCHLD is never missed as far as is known
		}
	}
	c.finish()
}

// take takes in what a kernel has to say.
func (c *colony) take(ev event, signals caught) {
	switch ev := ev.(type) {
	case counted:
		c.reap(signals) // so that the core knows what has died since
	case exited:
		c.wards.release(ev.pid)
	case started:
		c.waiter.begun()
	}
	c.turn(ev)
	c.loop.lookForStop() // its SIGCHLD may have come before its start was known
	c.push()
}

// reap takes in the dead, and has the rest of them taken in later if there are
// very many.
func (c *colony) reap(signals caught) {
	if c.loop.reap() {
		select {
		case signals.child <- syscall.SIGCHLD:
		default: // one is there
		}
	}
	c.waiter.goOn()
}

// told takes in what the waiter has found.
func (c *colony) told(pid int) {
	if pid == noChild {
		c.waiter.lull = true
		return
	}
	c.waiter.heard()
	c.loop.bury(pid) // unless it was reaped since
	c.waiter.owed = true
}

// lookOn has the waiter look again, or says how long that waits for starts. If
// they take long, all who have died meanwhile are taken in at once.
func (c *colony) lookOn(signals caught) (wait time.Duration) {
	if !c.waiter.owed {
		return 0
	}
	wait = c.loop.yields(&c.waiter.since, forksFirst)
	switch {
	case wait > 0:
		return wait
	case c.waiter.since != 0 && c.loop.model.outstanding() > 0:
		c.reap(signals)
	default:
		c.waiter.goOn()
	}
	return 0
}

// safetyTick bounds the time between looks for dead children.
const safetyTick = 10 * time.Second

// arm sets the timer to the next time the core wants to be called, or to when
// there is no more waiting with what is to be written.
func (c *colony) arm(timer *time.Timer, wait time.Duration) {
	d := safetyTick
	if wait > 0 {
		d = wait
	}
	if at := c.loop.model.deadline(); at != 0 {
		d = max(0, min(d, at.sub(c.loop.clock().mono)))
	}
	timer.Reset(d)
}

// How long the end waits for a disk or a log that does not answer, and for a disk
// that does, but slowly.
const (
	finishTime = 2 * time.Second
	finishMost = 8 * time.Second
)

// finish writes what is left to write, within bounds: a disk or a log that does
// not answer must not keep us from ending.
func (c *colony) finish() {
	c.streams.tellUnread(c.loop.model, c.loop.clock(), c.files)
	close(c.quit) // nobody reads the edges' events any more
	late, idle := time.After(finishMost), time.NewTimer(finishTime)
	last := c.batches
	for over := false; !over; {
		select {
		case last <- c.files.pending:
			close(c.batches)
			last = nil
		case <-c.wrote:
			idle.Reset(finishTime)
		case <-c.written:
			over = true
		case <-idle.C:
			over = true
		case <-late:
			over = true
		}
	}
	if last != nil {
		close(c.batches)
	}
	c.leave()
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	c.log.flush(ctx)
}
