package colony

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// simWorld is a machine on paper with a colony on it: the real core, the real
// loop, and the real readers and writers of files, on a simulated kernel, disk
// and clock. Nothing in it runs by itself: each turn one of the parts that
// could go on does so, chosen by the schedule.
type simWorld struct {
	mono   instant
	wall   time.Duration // added to the wall clock by whoever sets it
	disk   *simDisk
	kernel *simKernel
	truth  *truth

	c       *colony // the supervisor; nil = none runs
	signals caught
	scans   time.Time // when the watcher looks at everything again
	begun   bool      // the watcher has
	hints   []string  // paths, on their way to the watcher
	back    string    // why the next program gives back at once; "" = it does not
	ended   bool      // the last supervisor has ended in order
	booted  bool      // there was one

	sent   int // messages
	random uint64
	trace  *strings.Builder // nil = nobody reads it
	broken string           // the first invariant that did not hold
}

var simPlaces = spec.Places{Config: "/c/config", Messages: "/c/messages", State: "/c/state"}

const simID = "0123456789abcdef"

var simBegin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newSimWorld(trace *strings.Builder) *simWorld {
	w := &simWorld{mono: instant(time.Hour), trace: trace}
	w.disk = newSimDisk(w.steady, "/c", simPlaces.Config, simPlaces.Messages)
	w.kernel = &simKernel{w: w, next: 100}
	w.truth = newTruth(w)
	return w
}

// steady is the time that the edges measure with.
func (w *simWorld) steady() time.Time { return simBegin.Add(time.Duration(w.mono)) }

func (w *simWorld) now() moment { return moment{w.mono, w.steady().Add(w.wall)} }

// luck is a number below n that the schedule decides.
func (w *simWorld) luck(n int) int {
	w.random += 0x9e3779b97f4a7c15
	z := w.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

func (w *simWorld) say(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%v "+format+"\n", append([]any{time.Duration(w.mono) - time.Hour}, args...)...)
	}
}

// fail notes that an invariant does not hold. The first one counts.
func (w *simWorld) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.say("BROKEN: %s", w.broken)
	}
}

var simLog = slog.New(slog.NewTextHandler(io.Discard, nil))

var simOptions = Options{Frequency: 10 * time.Second, Threshold: time.Second, KillTime: 5 * time.Second, MinDelay: time.Second, MaxDelay: 10 * time.Second,
	Helpers: map[string][]string{heartcheck: {"heartcheck"}}, Log: simLog, Version: "1", Places: simPlaces}

// boot starts a supervisor; with a baton, as the next program of the one that
// ran. It may be killed before it has begun.
func (w *simWorld) boot(b *baton) {
	k := w.kernel
	if b == nil {
		k.me = 0
		k.me = k.free()
	}
	k.forget()
	k.swept = 0
	if w.ended {
		w.truth.excuse("") // the past does not count
	}
	w.hints, w.ended = nil, false
	w.guarded(func() { w.furnish(b) })
}

func (w *simWorld) furnish(b *baton) {
	k := w.kernel
	h := &house{outside: outside{w.disk, k, w.now, w.steady, 1}, places: simPlaces, id: simID, epoch: "epoch", trouble: map[string]error{}}
	if b != nil {
		h.wards = b.Wards
	}
	h.newborn, w.booted = !w.booted, true
	if err := makeState(h.disk, h.places); err != nil {
		h.trouble["state"] = err
	}
	for _, dir := range []string{simPlaces.Config, simPlaces.Messages} {
		w.disk.mkdir(dir, 0o755)
	}
	c := emptyColony(simLog)
	w.c = c
	o := simOptions
	o.trap = w.watch
	m, fresh, err := newOrRestored(o, h, b)
	if err != nil {
		w.fail("start: %v", err)
		return
	}
	w.say("supervisor %d starts (upgrade: %v)", k.me, b != nil)
	c.furnish(simOptions, h, m, b)
	c.loop.history.fresh = fresh
	c.version, c.push = "1", func() {}
	c.loop.kernel = k
	c.wards = newWards(k, h.wards, c.urgentBox())
	c.watcher.open, c.watcher.config.reader.vet = nil, vetFunc(func(*spec.Spec) string { return "" })
	k.wards = h.wards
	for pid, fd := range k.wards { // that have died while they were taken on
		if p := k.pins[fd-firstFD]; k.find(p.pid) != p {
			k.news = append(k.news, exited{pid: pid, status: exitStatus{unknown: true}, reaped: true})
		}
	}
	w.signals, w.begun = caught{child: make(chan os.Signal, 1)}, false
	w.turn(c.first)
	w.reap()
}

// watch sees every event on its way to the core.
func (w *simWorld) watch(what any) {
	if ev, ok := what.(event); ok {
		w.say("%T %+v", ev, ev)
		w.truth.before(ev)
	}
	if e, ok := what.(effect); ok {
		w.truth.witness(e)
	}
}

// guarded runs a part of the supervisor, which may be killed on the way.
func (w *simWorld) guarded(f func()) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case simKilled:
			w.murder()
		default:
			panic(p)
		}
	}()
	f()
}

// murder is kill -9.
func (w *simWorld) murder() {
	w.say("supervisor %d is killed", w.kernel.me)
	w.truth.murdered()
	w.c = nil
	w.kernel.supervisorDies()
}

func (w *simWorld) sigchld() {
	if w.c != nil {
		select {
		case w.signals.child <- nil:
		default:
		}
	}
}

// turn has the loop take in an event, and looks whether it did right.
func (w *simWorld) turn(ev event) {
	idle := w.truth.mustBeIdle(ev)
	if idle != "" {
		w.c.loop.turn(ticked{}) // what is due is not of this event
	}
	acts := w.truth.acts + len(w.kernel.orders)
	w.c.loop.turn(ev)
	if idle != "" && w.truth.acts+len(w.kernel.orders) != acts {
		w.fail("%s has started or ended something", idle)
	}
	w.check()
}

// check holds the model against its invariants.
func (w *simWorld) check() {
	m := w.c.loop.model
	if m.panics > 0 {
		w.fail("the core has panicked")
	} else if err := check(m); err != nil {
		w.fail("%v", err)
	}
	w.truth.isTold(m)
}

// reap has the loop take in the dead.
func (w *simWorld) reap() {
	w.c.reap(w.signals)
	w.check()
}

// part is one thing that could happen next.
type part int

const (
	partDeath  part = iota // of a process that was signalled
	partReap               // SIGCHLD
	partInbox              // an answer of the kernel is taken in
	partNews               // likewise, of the files
	partTimer              // of the loop
	partWrite              // a batch
	partRetry              // what could not be written
	partHint               // the watcher hears of a change
	partLook               // the watcher's timers
	partAsked              // the watcher is asked to look
	partSpawn              // the spawner goes on
	partCount              // a census is counted
	partAnswer             // an answer of the kernel reaches the inbox
	partTold               // likewise, what a life has told
	partLeave              // handing over
	parts
)

// ready reports whether a part has something to do now.
func (w *simWorld) ready(p part) bool {
	k, c := w.kernel, w.c
	if p == partDeath {
		return len(k.doom) > 0
	}
	if c == nil || len(c.news) > 40 && p != partNews || len(c.inbox) > 40 && p != partInbox {
		return false
	}
	switch p {
	case partReap:
		return len(w.signals.child) > 0
	case partInbox:
		return len(c.inbox) > 0
	case partNews:
		return len(c.news) > 0
	case partTimer:
		at := c.loop.model.deadline()
		return at != 0 && at <= w.mono
	case partWrite:
		return !c.files.pending.empty() && w.luck(4) == 0 // it rests between two
	case partRetry:
		return c.publisher.behind() && w.luck(4) == 0
	case partHint:
		return len(w.hints) > 0 && w.begun
	case partLook:
		return !w.begun || !w.lookAt().After(w.steady())
	case partAsked:
		return len(c.watcher.rescans)+len(c.watcher.again) > 0
	case partSpawn:
		for _, s := range k.spawners {
			if k.busy(s) {
				return true
			}
		}
		return false
	case partCount:
		return len(k.censuses) > 0
	case partAnswer:
		return len(k.news) > 0 || k.examined != nil
	case partTold:
		return len(k.wire) > 0
	case partLeave:
		return c.loop.leaving
	}
	return false
}

// lookAt is when the watcher has something to do by itself.
func (w *simWorld) lookAt() time.Time {
	watch := w.c.watcher
	return soonest(w.scans, watch.config.recheckAt(), watch.messages.recheckAt(), watch.dots.at)
}

// step lets one part go on; n says which of those that can. It reports whether
// there was one.
func (w *simWorld) step(n int) bool {
	var can [parts]part
	some := 0
	for p := range parts {
		if w.ready(p) {
			can[some] = p
			some++
		}
	}
	if some == 0 {
		return false
	}
	w.guarded(func() { w.do(can[n%some]) })
	if w.c != nil && w.c.loop.done {
		w.finish()
	}
	return true
}

func (w *simWorld) do(p part) {
	k, c := w.kernel, w.c
	switch p {
	case partDeath:
		k.reapDoomed(w.luck(8))
	case partReap:
		if w.luck(2) == 0 {
			<-w.signals.child
			w.reap()
		} else { // what the waiter says, which may not be true any more
			pids := w.kernel.offered()
			w.c.told(pids[w.luck(len(pids))])
			w.check()
		}
	case partInbox:
		w.take(<-c.inbox)
	case partNews:
		w.turn(<-c.news)
	case partTimer:
		w.turn(ticked{})
		w.reap()
	case partWrite:
		w.write()
	case partRetry:
		c.publisher.writeLeft()
	case partHint:
		path := w.hints[0]
		w.hints = w.hints[1:]
		c.watcher.hinted(fsnotify.Event{Name: path})
	case partLook:
		w.look()
	case partAsked:
		select {
		case <-c.watcher.rescans:
			c.watcher.scan(true)
		case <-c.watcher.again:
			c.watcher.config.startOver()
			c.watcher.scan(false)
		}
	case partSpawn:
		for i := range k.spawners {
			if s := k.spawners[(i+w.luck(4))%len(k.spawners)]; k.busy(s) {
				k.work(s)
				break
			}
		}
	case partCount:
		q := k.censuses[0]
		k.censuses = k.censuses[1:]
		ev, _ := (&censor{procs: k, colony: simID}).count(q)
		k.answer(ev)
	case partAnswer:
		if k.examined != nil && (len(k.news) == 0 || w.luck(2) == 0) {
			c.inbox <- *k.examined
			k.examined = nil
			return
		}
		i := 0
		if len(k.news) > 1 && w.luck(3) == 0 && free(k.news[0]) && free(k.news[1]) {
			i = 1 // of another goroutine
		}
		c.inbox <- k.news[i]
		k.news = append(k.news[:i:i], k.news[i+1:]...)
	case partTold:
		k.deliverTold()
	case partLeave:
		w.handOver()
	}
}

// write has the publisher write what is pending.
func (w *simWorld) write() {
	b := w.c.files.pending
	w.c.files.pending = &batch{}
	w.c.publisher.write(b)
}

// free reports whether an answer may overtake another: each census is a
// goroutine of its own, and so is who waits for what was adopted.
func free(ev event) bool {
	switch ev.(type) {
	case counted, exited:
		return true
	}
	return false
}

func (w *simWorld) take(ev event) {
	w.c.take(ev, w.signals)
	w.check()
}

// look is what the watcher does by its timers.
func (w *simWorld) look() {
	watch := w.c.watcher
	now := w.steady()
	if !w.begun || !w.scans.After(now) {
		watch.messages.remember()
		watch.scan(false)
		w.begun, w.scans = true, now.Add(simOptions.Frequency)
		return
	}
	if !watch.dots.at.IsZero() && !now.Before(watch.dots.at) {
		watch.scan(false)
	}
	watch.config.recheck(now)
	watch.look()
}

// handOver is colony.handOver without another program: the same process goes on
// with what was written down.
func (w *simWorld) handOver() {
	c := w.c
	w.c.loop.leaving = false
	stopped := w.mono
	w.drainBoxes()
	w.reap()
	for !c.files.pending.empty() || len(c.inbox)+len(c.news) > 0 {
		w.write()
		w.drainBoxes()
	}
	if !c.mayLeave() {
		w.turn(remained{})
		return
	}
	text, err := c.testament(c.publisher.left, stopped).text()
	next := &baton{}
	if err == nil {
		err = json.Unmarshal(text, next)
	}
	if err != nil {
		w.fail("hand over: %v", err)
		return
	}
	next.back, w.back = w.back, ""
	w.c = nil
	w.boot(next)
}

func (w *simWorld) drainBoxes() {
	c := w.c
	for len(c.inbox)+len(c.news) > 0 && w.broken == "" {
		select {
		case ev := <-c.inbox:
			w.take(ev)
		case ev := <-c.news:
			w.turn(ev)
		}
	}
}

// finish is colony.finish: the supervisor ends in order.
func (w *simWorld) finish() {
	c := w.c
	w.say("supervisor ends with %d", c.loop.code)
	w.truth.finished()
	w.guarded(func() { c.publisher.write(c.files.pending); c.publisher.writeLeft() })
	if w.c == nil {
		return // killed after all
	}
	w.c, w.ended = nil, true
	w.kernel.supervisorDies()
}

// hint lets the watcher hear of a change: late, twice, or never.
func (w *simWorld) hint(path string, how int) {
	switch {
	case w.c == nil || how%4 == 0:
	case how%4 == 1:
		w.hints = append(w.hints, path, path)
	default:
		w.hints = append(w.hints, path)
	}
}

func configFile(name string) string { return filepath.Join(simPlaces.Config, name) }

// vetFunc is a vetter that finds nothing odd.
type vetFunc func(*spec.Spec) string

func (f vetFunc) problem(sp *spec.Spec) string { return f(sp) }
func (vetFunc) odd(*spec.Spec) []string        { return nil }
