package colony

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
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
	wrote     chan struct{} // told that it goes on
	written   chan struct{} // closed when the publisher is done
	log       *logbook

	first     event     // of the loop
	version   string    // of this program
	locks     []int     // see house
	watcher   *watcher  // whose state goes to a successor
	holds     chan hold // to the watcher
	successor *successor
	wards     *wards
	ears      *ears
	sockets   *sockets
	streams   *streams
	waiter    *waiter
	leave     func() // removes what only lives have had
}

func newColony(o Options, h *house, null int, b *baton) (*colony, error) {
	c := emptyColony(o.Log)
	m, fresh, err := newOrRestored(o, h, b)
	if err != nil {
		return nil, err
	}
	above, err := openNotifier(os.Getenv)
	if err != nil {
		h.trouble["service manager"] = err
	}
	c.above = above
	c.version, c.locks, c.successor = o.Version, h.locks, &successor{trust: h.trust, out: c.urgentBox(), fd: -1}
	c.ears = newEars(h.procs, h.places, h.id, c.urgentBox(), c.start)
	c.sockets = newSockets(launch.System(), c.urgentBox(), c.start)
	c.streams = newStreams(h.places, c.urgentBox(), c.start)
	var carried []int
	if b != nil {
		carried = b.Pipes
	}
	c.streams.inherit(m, carried)
	c.furnish(o, h, m, b)
	c.loop.history.fresh = fresh
	c.publisher.thrift, c.publisher.vault, c.publisher.stdins = newThrift(), newVault(h.id, h.places), fifos{h.places}
	tty := openTerminal()
	groups := cgroups{h.id, ownGroup}
	prep := &preparer{colony: h.id, accounts: launch.System(), null: null, terminal: tty, ears: c.ears, cgroups: groups, vault: newVault(h.id, h.places),
		sockets: c.sockets, stdins: fifos{h.places}, streams: c.streams}
	kernel := &linux{newSpawner(prep, c.ledger, c.urgentBox(), func(f func()) { c.start(func() { o.await(); f() }) }), newCensor(h.procs, h.id, groups.members, c.urgentBox()), openOrphanage(), tty, c.successor,
		newWards(h.procs, h.wards, c.urgentBox()), c.ears, groups, c.streams, false, c.sockets}
	if h.resumes { // a killed supervisor could not
		lives := livesOf(m)
		groups.clear(lives)
		c.publisher.vault.clear(lives)
	}
	if b == nil {
		clearFIFOs(h.disk, h.places, namesOf(m))
		c.sockets.receive(nil, m, h.wards)
	} else {
		c.sockets.receive(b.Sockets, m, h.wards)
	}
	c.loop.kernel = kernel
	c.push = kernel.push
	c.wards = kernel.wards
	c.leave = func() {
		c.sockets.settle(time.Second)
		c.publisher.vault.close()
		if kernel.grouped {
			groups.close()
		}
	}
	c.waiter.stops = tty != nil
	c.work = []func(){func() { o.await(); c.waiter.run() }, c.wards.run, c.ears.run, c.streams.run, c.watcher.run, func() { c.publisher.run(c.batches); close(c.written) }}
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
		results: results, trouble: fresh(), above: c.above, present: h.present, rest: restAfter, urgent: c.urgent, wrote: c.wrote, shown: map[string]int{}}
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
	clearEars(h, m)
	for _, a := range interrupted {
		if !slices.ContainsFunc(c.files.pending.answers, func(b answer) bool { return b.file == a.file }) {
			c.files.write(a)
		}
	}
}

// newOrRestored is the model to go on with: of what was handed over to us, or
// of what earlier starts have left. Where nothing was there to be left, fresh is
// another one, made alike: the first start need not wait for a snapshot.
func newOrRestored(o Options, h *house, b *baton) (m, fresh *model, err error) {
	if b != nil {
		m, err = takeOver(policyOf(o), b.State)
		if err == nil {
			m.trap = o.trap
		}
		return m, nil, err
	}
	old := h.readPast(o.Log)
	h.resumes = old.resumption
	left := h.survey(old)
	h.clearPast(left, old)
	now, left := h.now(), left.aged(h.procs)
	p := policyOf(o)
	anew := func() *model {
		m := newModel(p, h.seed, spec.ColonyStatus{PID: h.procs.self(), Version: o.Version, Started: now.wall, Epoch: h.epoch,
			Config: h.places.Config, Messages: h.places.Messages, State: h.places.State})
		m.resume(maps.Clone(old.notes), old.statuses, old.generations, old.resumption)
		m.begin(now, old.resumption, h.trouble)
		m.inheritAll(now, left, o.Log)
		if len(o.Command) > 0 {
			m.command(commandSpec(o.Command))
		}
		return m
	}
	if h.newborn && len(left.lives) == 0 {
		fresh = anew()
	}
	m = anew()
	m.trap = o.trap
	h.wards = left.fds
	return m, fresh, nil
}

// emptyColony is a colony without its edges.
func emptyColony(log *slog.Logger) *colony {
	quit := make(chan struct{})
	return &colony{inbox: make(chan event, 64), news: make(chan event, 64), batches: make(chan *batch), urgent: make(chan struct{}, 1),
		quit: quit, leave: func() {}, waiter: newWaiter(quit, false), wrote: make(chan struct{}, 1), written: make(chan struct{}), log: newLogbook(log), holds: make(chan hold), first: ticked{}}
}

func newWatcher(o Options, h *house, out outbox, fresh func() *troubles) *watcher {
	t := fresh()
	vet := vetting{launch.System(), cgroups{h.id, ownGroup}, newVault(h.id, h.places)}
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
