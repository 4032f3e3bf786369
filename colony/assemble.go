package colony

import (
	"log/slog"
	"os"
	"runtime/debug"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// colony is the parts, put together.
type colony struct {
	loop      *loop
	files     *sink
	ledger    *ledger
	publisher *publisher
	above     *notifier
	work      []func()      // the edges, each a goroutine
	push      func()        // hands the spawner what did not fit before
	inbox     chan event    // from the spawner and the censor
	news      chan event    // from the files
	batches   chan *batch   // to the publisher
	urgent    chan struct{} // likewise: somebody waits
	quit      chan struct{} // closed at the end
	written   chan struct{} // closed when the publisher is done
	log       *logbook

	fit <-chan struct{} // closed when we may have children: signals are caught; nil = so it is

	first     event     // of the loop
	version   string    // of this program
	locks     []int     // see house
	watcher   *watcher  // whose state goes to a successor
	holds     chan hold // to the watcher
	successor *successor
	wards     *wards
	waiter    *waiter
}

func newColony(o Options, h *house, null int, b *baton) (*colony, error) {
	c := emptyColony(o.Log)
	m, err := newOrRestored(o, h, b)
	if err != nil {
		return nil, err
	}
	above, err := openNotifier(os.Getenv)
	if err != nil {
		h.trouble["service manager"] = err
	}
	c.above = above
	c.version, c.locks, c.successor = o.Version, h.locks, &successor{trust: h.trust, out: c.urgentBox(), fd: -1}
	c.furnish(o, h, m, b)
	c.publisher.thrift = debug.FreeOSMemory
	tty := openTerminal()
	prep := &preparer{colony: h.id, accounts: systemAccounts(), null: null, terminal: tty}
	kernel := &linux{newSpawner(prep, c.ledger, c.urgentBox(), func(f func()) { c.start(func() { o.await(); f() }) }), newCensor(h.procs, h.id, c.urgentBox()), openOrphanage(), tty, c.successor,
		newWards(h.procs, h.wards, c.urgentBox())}
	c.loop.kernel = kernel
	c.push = kernel.push
	c.wards = kernel.wards
	c.waiter.stops = tty != nil
	c.work = []func(){func() { o.await(); c.waiter.run() }, c.wards.run, c.watcher.run, func() { c.publisher.run(c.batches); close(c.written) }}
	return c, nil
}

// urgentBox takes what the loop waits for; newsBox, what the files have to say.
func (c *colony) urgentBox() outbox { return outbox{c.inbox, c.quit} }
func (c *colony) newsBox() outbox   { return outbox{c.news, c.quit} }

// furnish puts loop and files around a model: everything but the kernel.
func (c *colony) furnish(o Options, h *house, m *model, b *baton) {
	fresh := func() *troubles { return newTroubles(c.newsBox(), h.trouble) }
	results, interrupted, err := openResults(h.disk, h.places, h.clock(), m.requests)
	if err != nil && h.trouble["state"] == nil {
		h.trouble["results"] = err
	}
	c.ledger = openLedger(h.disk, h.procs, h.places, h.epoch, fresh())
	c.publisher = &publisher{disk: h.disk, places: h.places, id: h.id, pids: o.PIDDir, journal: openJournal(h.disk, h.places.EventsDir()), ledger: c.ledger,
		results: results, trouble: fresh(), above: c.above, rest: restAfter, urgent: c.urgent, shown: map[string]int{}}
	c.watcher = newWatcher(o, h, c.newsBox(), fresh)
	c.watcher.holds = c.holds
	c.files = &sink{pending: &batch{}, urgent: c.urgent, look: c.watcher.want, logbook: c.log}
	c.loop = &loop{model: m, files: c.files, clock: h.now}
	switch {
	case b != nil:
		c.continueFrom(b, h)
	case len(h.wards) > 0:
		c.watcher.config.id = noDir // what was adopted ends for a spec that is not there, not for a directory that is empty
	}
	for _, a := range interrupted {
		if !slices.ContainsFunc(c.files.pending.answers, func(b answer) bool { return b.file == a.file }) {
			c.files.write(a)
		}
	}
}

// newOrRestored is the model to go on with: of what was handed over to us, or
// of what earlier starts have left.
func newOrRestored(o Options, h *house, b *baton) (*model, error) {
	if b != nil {
		m, err := takeOver(policyOf(o), b.State)
		if err == nil {
			m.trap, m.colony.Version = o.trap, o.Version
		}
		return m, err
	}
	old := h.readPast(o.Log)
	left := h.survey(old)
	h.clearPast(left, old)
	m := newModel(policyOf(o), h.seed, spec.ColonyStatus{PID: h.procs.self(), Version: o.Version, Started: h.now().wall, Epoch: h.epoch,
		Config: h.places.Config, Messages: h.places.Messages, State: h.places.State})
	m.trap = o.trap
	m.resume(old.notes, old.statuses, old.generations, old.resumption)
	m.begin(h.now(), old.resumption, h.trouble)
	m.inheritAll(h.now(), left, o.Log)
	h.wards = left.fds
	if len(o.Command) > 0 {
		m.command(commandSpec(o.Command))
	}
	return m, nil
}

// emptyColony is a colony without its edges.
func emptyColony(log *slog.Logger) *colony {
	quit := make(chan struct{})
	return &colony{inbox: make(chan event, 64), news: make(chan event, 64), batches: make(chan *batch), urgent: make(chan struct{}, 1),
		quit: quit, waiter: newWaiter(quit, false), written: make(chan struct{}), log: newLogbook(log), holds: make(chan hold), first: ticked{}}
}

func newWatcher(o Options, h *house, out outbox, fresh func() *troubles) *watcher {
	t := fresh()
	accounts := systemAccounts()
	vet := func(sp *spec.Spec) string { return accounts.vet(sp, os.Getuid(), os.Getgid(), ourGroups()) }
	return &watcher{
		config:   newConfigDir(h.outside, h.places.Config, h.trust, vet, out, t),
		messages: newMessageDir(h.outside, h.places, os.Getuid(), o.Insecure, out, t),
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
