package colony

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// world plays kernel, watcher and publisher to a model: it performs effects on
// paper, and checks the invariants after every step.
type world struct {
	stage  drainStage // before the step
	t      *testing.T
	m      *model
	loop   *loop
	now    moment
	last   []effect // of the last step
	orders []spawn  // unanswered
	sent   int      // messages
	pids   int      // last pid given out
	alive  map[int]spawn
	census *census // unanswered
	status map[string]spec.Status
	result map[string]spec.Result
	events []spec.Event
	exit   *int
	trace  []string // the events so far, for a failing test to show
	// tame children end when they are told to; others only by KILL.
	tame    func(pid int) bool
	told    map[int][]spec.Signal
	dying   []int                // signalled to death, exit not delivered
	endedAt map[string]instant   // when the last life of a service was over by itself, if it was short
	asked   map[string]bool      // something excused an early start since then
	loose   map[lifeID][]process // what is left of lives whose main is gone
	stray   []process            // what belongs to nobody
	rebirth bool                 // the model is made anew after each step
	files   map[string]seen      // as the watcher has them
	relook  bool                 // everything is to be told again
	asking  bool                 // a successor is examined
	handing bool                 // and is to take over
}

var testPolicy = policy{threshold: time.Second, grace: 5 * time.Second, minDelay: time.Second, maxDelay: time.Hour}

func newWorld(t *testing.T, p policy) *world {
	w := &world{t: t, alive: map[int]spawn{}, status: map[string]spec.Status{}, result: map[string]spec.Result{},
		tame: func(int) bool { return true }, told: map[int][]spec.Signal{}, endedAt: map[string]instant{}, asked: map[string]bool{},
		loose: map[lifeID][]process{}, files: map[string]seen{}, pids: 100}
	w.now = moment{instant(time.Hour), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.m = newModel(p, 1, spec.ColonyStatus{})
	w.m.begin(w.now, false, nil)
	w.loop = &loop{model: w.m, clock: func() moment { return w.now }}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(w.trace, "\n"))
		}
	})
	return w
}

// do performs one step and what follows from it at once.
func (w *world) do(ev event) {
	w.t.Helper()
	pinned := 0
	if e, ok := ev.(exited); ok && !e.reaped {
		pinned = e.pid
		delete(w.alive, e.pid)
	}
	w.trace = append(w.trace, fmt.Sprintf("%v %T %+v", w.now.mono, ev, ev))
	if e, ok := ev.(seen); ok && e.gone {
		delete(w.files, e.name)
	} else if ok {
		w.files[e.name] = e
	}
	var before []byte
	if w.m.trap != nil {
		before = w.m.encode()
	}
	w.loop.model = w.m // which a test may have replaced
	panics := w.m.panics
	w.stage = w.m.drain.stage // a helper may be begun in the step that ends the last service, or finds one more
	w.last = slices.Clone(w.loop.step(ev))
	if w.m != w.loop.model {
		w.trace = append(w.trace, "panic")
		w.again(before, w.loop.model.panics-panics)
	}
	for _, e := range w.last {
		w.perform(e, pinned)
	}
	if err := check(w.m); err != nil {
		w.t.Fatalf("after %T %+v: %v", ev, ev, err)
	}
	if w.rebirth {
		w.reborn()
	}
	if w.relook && w.exit == nil {
		w.relook = false
		w.tellAgain()
	}
}

// again takes in that a step has panicked: the model was had again as it was,
// but for what came of the panic.
func (w *world) again(before []byte, panics int) {
	w.t.Helper()
	w.m = w.loop.model
	if before == nil {
		w.t.Fatalf("the core has panicked: %v", w.last)
	}
	for name := range w.m.services {
		w.excuse(name)
	}
	if panics != 1 {
		w.t.Fatalf("%d panics are counted, want one more", panics)
	}
	h := w.loop.history
	h.since = h.since[:len(h.since)-1] // without the panic itself
	m, err := h.again(w.m)
	if err != nil {
		w.t.Fatal(err)
	}
	after := m.encode()
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		w.t.Fatalf("after a panic it is another (-before +after):\n%s", diff)
	}
}

// tellAgain tells the model of every file, as after a look afresh.
func (w *world) tellAgain() {
	w.t.Helper()
	names := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		names[name] = true
		w.do(w.files[name])
	}
	w.do(scanned{names: names})
}

// reborn makes the model anew from what it gives away of itself.
func (w *world) reborn() {
	w.t.Helper()
	before := w.m.encode()
	s, err := readSnapshot(before)
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := restore(w.m.policy, s)
	if err != nil {
		w.t.Fatal(err)
	}
	after := m.encode()
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		w.t.Fatalf("restored, it is another (-before +after):\n%s", diff)
	}
	if err := check(m); err != nil {
		w.t.Fatalf("restored: %v", err)
	}
	m.trap = w.m.trap
	w.m = m
}

func (w *world) perform(e effect, pinned int) {
	w.t.Helper()
	switch e := e.(type) {
	case spawn:
		if w.m.drain.on && e.kind != kindStopCommand && (e.life.name[0] != '@' || min(w.stage, w.m.drain.stage) > drainServices) {
			w.t.Fatalf("spawn of %q while draining", e.life.name)
		}
		w.checkEarly(e)
		w.orders = append(w.orders, e)
	case signal:
		_, ok := w.alive[e.pid]
		if !ok && e.pid != pinned {
			w.t.Fatalf("signal %v to pid %d, which is not ours", e.signal, e.pid)
		}
		w.told[e.pid] = append(w.told[e.pid], e.signal)
		if ok && (e.signal == sigKILL || deadly[e.signal] && w.tame(e.pid)) && !slices.Contains(w.dying, e.pid) {
			w.dying = append(w.dying, e.pid)
		}
		if e.group {
			w.hitLoose(e.pid, e.signal)
		}
	case signalRest:
		for _, p := range e.processes {
			w.hit(p.processID, e.signal)
		}
	case sweep:
		for _, p := range slices.Clone(w.stray) {
			w.hit(p.processID, e.signal)
		}
	case census:
		if w.census != nil && w.m.census.lost == 0 {
			w.t.Fatal("a second census while one is out")
		}
		w.census = &e
	case publish:
		w.status[e.status.Name] = *e.status
	case retract:
		delete(w.status, e.name)
		delete(w.endedAt, e.name) // whoever comes by that name is another
	case record:
		w.events = append(w.events, e.event)
	case answer:
		if r, ok := w.result[e.file]; ok && r.Finished != nil {
			w.t.Fatalf("result %q finished twice", e.file)
		}
		w.result[e.file] = e.result
	case report:
		if strings.Contains(e.text, "internal error") {
			w.t.Fatalf("%s %v", e.text, e.attrs)
		}
	case examine:
		w.asking = true
	case handover:
		if len(w.m.orders) > 0 {
			w.t.Fatal("a handover while starts are under way")
		}
		w.handing = true
	case rescan:
		w.relook = w.relook || e.afresh
	case exit:
		w.exit = &e.code
	}
}

// deadly signals end a tame child.
var deadly = map[spec.Signal]bool{sigTERM: true, sigINT: true, sigQUIT: true}

// hitLoose delivers a signal to the group of a main process that is gone.
func (w *world) hitLoose(leader int, sig spec.Signal) {
	for _, ps := range w.loose {
		for _, p := range slices.Clone(ps) {
			if p.inGroup {
				w.hit(p.processID, sig)
			}
		}
	}
}

// hit delivers a signal to a process that is no child by fork.
func (w *world) hit(id processID, sig spec.Signal) {
	if sig != sigKILL && !w.tame(id.pid) {
		return
	}
	gone := func(p process) bool { return p.processID == id }
	for l, ps := range w.loose {
		w.loose[l] = slices.DeleteFunc(slices.Clone(ps), gone)
		if len(w.loose[l]) == 0 {
			delete(w.loose, l)
		}
	}
	w.stray = slices.DeleteFunc(slices.Clone(w.stray), gone)
}

// checkEarly is invariant 8: no start of a service is closer to a fast failure
// than its least delay, unless somebody asked, or a drain that has ended a helper goes
// back to the services.
func (w *world) checkEarly(e spawn) {
	w.t.Helper()
	name := e.life.name
	at, ok := w.endedAt[name]
	if !ok || e.kind == kindStopCommand {
		return
	}
	delete(w.endedAt, name)
	least := w.m.bounds(w.m.services[name]).min
	if !w.asked[name] && w.stage <= w.m.drain.stage && w.now.mono.sub(at) < least {
		w.t.Fatalf("%q started %v after a fast failure, want at least %v", name, w.now.mono.sub(at), least)
	}
}

// answerOne answers the oldest order.
func (w *world) answerOne() int {
	w.t.Helper()
	if len(w.orders) == 0 {
		w.t.Fatal("no order is out")
	}
	o := w.orders[0]
	w.orders = w.orders[1:]
	return w.startOrder(o)
}

func (w *world) startOrder(o spawn) int {
	w.pids++
	w.alive[w.pids] = o
	w.do(started{order: o.order, pid: w.pids})
	return w.pids
}

// failOne fails the oldest order.
func (w *world) failOne(f fault) {
	w.t.Helper()
	o := w.orders[0]
	w.orders = w.orders[1:]
	if o.kind != kindStopCommand && f.class != faultBusy {
		w.endedAt[o.life.name] = w.now.mono
		w.asked[o.life.name] = w.m.services[o.life.name].restart
	}
	w.do(spawnFailed{o.order, f})
}

// die ends a child.
func (w *world) die(pid int, st exitStatus) {
	w.t.Helper()
	w.dying = slices.DeleteFunc(w.dying, func(p int) bool { return p == pid })
	o := w.alive[pid]
	s := w.m.services[o.life.name]
	if s != nil && o.kind != kindStopCommand {
		if !s.life.asked && w.now.mono.sub(s.life.started.mono) < w.m.bounds(s).threshold {
			w.endedAt[s.name] = w.now.mono
			w.asked[s.name] = s.restart
		}
	}
	w.do(exited{pid: pid, status: st, alone: len(w.loose) == 0 && len(w.stray) == 0})
}

// count answers the census that is out.
func (w *world) count() {
	if w.census == nil {
		return
	}
	q := *w.census
	w.census = nil
	ev := counted{number: q.number, left: map[lifeID][]process{}, unattributed: len(w.stray)}
	for _, l := range q.lives {
		ev.left[l.life] = slices.Clone(w.loose[l.life])
	}
	w.do(ev)
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.now.mono = w.now.mono.add(d)
	w.now.wall = w.now.wall.Add(d)
	w.do(ticked{})
}

// settle lets the world take its course until nothing happens by itself at
// this instant: orders are answered, the dying die, censuses are counted.
func (w *world) settle() {
	w.t.Helper()
	for i := 0; w.exit == nil; i++ {
		switch {
		case len(w.dying) > 0:
			w.die(w.dying[0], exitStatus{signal: sigKILL})
		case len(w.orders) > 0:
			w.answerOne()
		case w.census != nil:
			w.count()
		default:
			return
		}
		if i > 10000 {
			w.t.Fatal("it does not come to rest")
		}
	}
}

// to moves on to the next deadline and settles.
func (w *world) toDeadline() bool {
	at := w.m.deadline()
	if at == 0 || w.exit != nil {
		return false
	}
	if at > w.now.mono {
		w.pass(at.sub(w.now.mono))
	} else {
		w.do(ticked{})
	}
	w.settle()
	return true
}

// specOf parses a spec.
func specOf(t testing.TB, text string) *spec.Spec {
	t.Helper()
	sp, err := spec.Parse([]byte(text))
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return sp
}

func (w *world) see(name, text string) {
	w.t.Helper()
	w.excuse(name)
	w.do(seen{name: name, spec: specOf(w.t, text)})
}

// excuse allows an early start to a service somebody has changed the file of,
// and to those that may take its place as main.
func (w *world) excuse(name string) {
	w.asked[name] = true
	for n, s := range w.m.services {
		if s.second != nil || fileOf(s) == name {
			w.asked[n] = true
		}
	}
}

func (w *world) gone(name string) {
	w.excuse(name)
	w.do(seen{name: name, gone: true})
}

// send delivers a message and returns its file name.
func (w *world) send(text string) string {
	w.t.Helper()
	w.sent++
	file := fmt.Sprintf("m%03d", w.sent)
	w.sendAs(file, text)
	return file
}

// sendAs delivers a message in a file of that name, which may have been there
// before.
func (w *world) sendAs(file, text string) {
	w.t.Helper()
	msg, err := spec.ParseMessage([]byte(text))
	if err != nil {
		w.t.Fatalf("parse %s: %v", text, err)
	}
	for n := range w.m.services {
		w.asked[n] = true
	}
	delete(w.result, file)
	w.do(received{file: file, at: w.now.wall, message: msg, trusted: true})
}

// ready makes a service run and returns its pid.
func (w *world) ready(name, text string) int {
	w.t.Helper()
	w.see(name, text)
	w.settle()
	pid := w.m.services[name].life.pid
	if pid == 0 {
		w.t.Fatalf("%q does not run", name)
	}
	return pid
}

func check(m *model) error { return m.check() }

// needing is a spec with dependencies.
func needing(requires, after string) string {
	list := func(s string) string {
		if s == "" {
			return "[]"
		}
		return `["` + strings.ReplaceAll(s, " ", `","`) + `"]`
	}
	return fmt.Sprintf(`{"args":["x"],"requires":%s,"after":%s}`, list(requires), list(after))
}
