package colony

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	ossignal "os/signal"
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
	limitThreads()
	signals := newCaught()
	signals.notify()
	c, err := begin(o, b)
	if err != nil {
		return 1, err
	}
	c.run(signals)
	return c.loop.code, nil
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

// caught is what signal delivery needs: SIGCHLD apart, because many may stand
// for one and one for many.
type caught struct{ child, others chan os.Signal }

func newCaught() caught { return caught{make(chan os.Signal, 1), make(chan os.Signal, 128)} }

// notify catches all there are. One that is not caught would kill a Go program
// even as PID 1; one that is ignored would be ignored by every child.
func (c caught) notify() {
	if c.child == nil {
		return
	}
	ossignal.Notify(c.child, syscall.SIGCHLD)
	ossignal.Notify(c.others, otherSignals()...)
	// The C libraries' own, which os/signal leaves alone: whoever started us may
	// have left them ignored (make does that), and every child would ignore them.
	for n := unix.Signal(32); n <= 34; n++ {
		byDefault(n)
	}
}

// otherSignals are those that can be caught, without SIGCHLD and SIGURG, which
// is the Go runtime's own.
func otherSignals() (all []os.Signal) {
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, 32, 33, 34:
		default:
			all = append(all, n)
		}
	}
	return all
}

// colony is the parts, put together.
type colony struct {
	loop    *loop
	files   *sink
	above   *notifier
	work    []func()      // the edges, each a goroutine
	push    func()        // hands the spawner what did not fit before
	inbox   chan event    // from the spawner and the censor
	news    chan event    // from the files
	batches chan *batch   // to the publisher
	urgent  chan struct{} // likewise: somebody waits
	quit    chan struct{} // closed at the end
	written chan struct{} // closed when the publisher is done
	log     *logbook

	first     event     // of the loop
	version   string    // of this program
	locks     []int     // see house
	watcher   *watcher  // whose state goes to a successor
	holds     chan hold // to the watcher
	successor *successor
	wards     *wards
}

func newColony(o Options, h *house, null int, b *baton) (*colony, error) {
	c := emptyColony(o.Log)
	urgent, news := outbox{c.inbox, c.quit}, outbox{c.news, c.quit}
	fresh := func() *troubles { return newTroubles(news) }

	m, err := newOrRestored(o, h, b)
	if err != nil {
		return nil, err
	}
	results, err := openResults(h.places, time.Now(), m.requests)
	if err != nil && h.trouble["state"] == nil {
		h.trouble["results"] = err
	}
	above, err := openNotifier(os.Getenv)
	if err != nil {
		h.trouble["service manager"] = err
	}
	c.above = above
	ledger := openLedger(h.places, h.epoch, fresh().knowing(h.trouble, "children"))
	tty := openTerminal()
	prep := &preparer{colony: h.id, accounts: systemAccounts(), null: null, terminal: tty}
	c.version, c.locks, c.successor = o.Version, h.locks, &successor{trust: h.trust, out: urgent, fd: -1}
	kernel := &linux{newSpawner(prep, ledger, urgent, c.start), newCensor(h.id, urgent), openOrphanage(), tty, c.successor, newWards(h.wards, urgent)}
	publisher := &publisher{places: h.places, id: h.id, pids: o.PIDDir, journal: openJournal(h.places.EventsDir()), ledger: ledger,
		results: results, trouble: fresh().knowing(h.trouble, "state", "results", "pid files"), above: above, rest: restAfter, urgent: c.urgent, shown: map[string]int{}}
	c.watcher = newWatcher(o, h, news, fresh)
	c.watcher.holds = c.holds
	c.files = &sink{pending: &batch{}, urgent: c.urgent, look: c.watcher.want, logbook: c.log}
	c.loop = &loop{model: m, kernel: kernel, files: c.files, clock: now}
	c.push = kernel.push
	c.wards = kernel.wards
	c.work = []func(){c.wards.run, c.watcher.run, func() { publisher.run(c.batches); close(c.written) }}
	switch {
	case b != nil:
		c.continueFrom(b, h, publisher)
	case len(h.wards) > 0:
		c.watcher.config.id = noDir // what was adopted ends for a spec that is not there, not for a directory that is empty
	}
	return c, nil
}

// newOrRestored is the model to go on with: of what was handed over to us, or
// of what earlier starts have left.
func newOrRestored(o Options, h *house, b *baton) (*model, error) {
	if b != nil {
		s, err := readSnapshot(b.State)
		if err != nil {
			return nil, err
		}
		m, err := restore(policyOf(o), s)
		if err == nil {
			m.trap, m.colony.Version = o.trap, o.Version
		}
		return m, err
	}
	old := h.readPast(o.Log)
	left := h.survey(old)
	h.clearPast(left, old.resumption)
	m := newModel(policyOf(o), rand.Uint64(), spec.ColonyStatus{PID: os.Getpid(), Version: o.Version, Started: time.Now(), Epoch: h.epoch,
		Config: h.places.Config, Messages: h.places.Messages, State: h.places.State})
	m.trap = o.trap
	m.resume(old.notes, old.statuses, old.generations, old.resumption)
	m.begin(now(), old.resumption, h.trouble)
	m.inheritAll(now(), left, o.Log)
	h.wards = left.fds
	if len(o.Command) > 0 {
		m.command(commandSpec(o.Command))
	}
	return m, nil
}

// emptyColony is a colony without its edges.
func emptyColony(log *slog.Logger) *colony {
	return &colony{inbox: make(chan event, 64), news: make(chan event, 64), batches: make(chan *batch), urgent: make(chan struct{}, 1),
		quit: make(chan struct{}), written: make(chan struct{}), log: newLogbook(log), holds: make(chan hold), first: ticked{}}
}

func newWatcher(o Options, h *house, out outbox, fresh func() *troubles) *watcher {
	t := fresh().knowing(h.trouble, "messages")
	accounts := systemAccounts()
	vet := func(sp *spec.Spec) string { return accounts.vet(sp, os.Getuid(), os.Getgid(), ourGroups()) }
	return &watcher{
		config:   newConfigDir(h.places.Config, h.trust, vet, out, t),
		messages: newMessageDir(h.places, os.Getuid(), o.Insecure, out, t),
		open:     openHints, watched: map[string]dirID{}, trouble: t, frequency: o.Frequency,
		rescans: make(chan struct{}, 1), again: make(chan struct{}, 1), quit: out.quit,
	}
}

// policyOf fills in what the flags say.
func policyOf(o Options) policy {
	p := policy{threshold: o.Threshold, grace: o.KillTime, minDelay: o.MinDelay, maxDelay: o.MaxDelay, budget: o.ShutdownTimeout,
		helpers: map[string]*spec.Spec{}}
	for name, argv := range o.Helpers {
		p.helpers[name] = helperSpec(argv)
	}
	return p
}

// now reads both clocks.
func now() moment {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return moment{instant(ts.Nano()), time.Now().UTC()}
}

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
		c.arm(timer)
		var out chan<- *batch
		if !c.files.pending.empty() {
			out = c.batches
		}
		select {
		case <-signals.child:
			c.reap(signals)
		case s := <-signals.others:
			if s != syscall.SIGPIPE { // it may be our own, from a log nobody reads
				c.loop.turn(signalled{spec.Signal(s.(syscall.Signal))})
			}
		case ev := <-c.inbox:
			switch ev := ev.(type) {
			case counted:
				c.reap(signals) // so that the core knows what has died since
			case exited:
				c.wards.release(ev.pid)
			}
			c.loop.turn(ev)
			c.loop.lookForStop() // its SIGCHLD may have come before its start was known
			c.push()
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

// reap takes in the dead, and has the rest of them taken in later if there are
// very many.
func (c *colony) reap(signals caught) {
	if c.loop.reap() {
		select {
		case signals.child <- syscall.SIGCHLD:
		default: // one is there
		}
	}
}

// safetyTick bounds the time between looks for dead children.
const safetyTick = 10 * time.Second

// arm sets the timer to the next time the core wants to be called.
func (c *colony) arm(timer *time.Timer) {
	d := safetyTick
	if at := c.loop.model.deadline(); at != 0 {
		d = max(0, min(d, at.sub(c.loop.clock().mono)))
	}
	timer.Reset(d)
}

// finish writes what is left to write, within bounds: a disk or a log that does
// not answer must not keep us from ending.
func (c *colony) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	close(c.quit) // nobody reads the edges' events any more
	select {
	case c.batches <- c.files.pending:
	case <-ctx.Done():
	}
	close(c.batches)
	select {
	case <-c.written:
	case <-ctx.Done():
	}
	c.log.flush(ctx)
}
