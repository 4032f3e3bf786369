package colony

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// states is the state of each service.
func (w *world) states() map[string]spec.State {
	all := map[string]spec.State{}
	for name, st := range w.status {
		all[name] = st.State
	}
	return all
}

func (w *world) wantStates(want map[string]spec.State) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.states()); diff != "" {
		w.t.Errorf("states (-want +got):\n%s", diff)
	}
}

// ordered are the names of the services whose start is ordered and not answered.
func (w *world) ordered() (names []string) {
	for _, o := range w.orders {
		names = append(names, o.life.name)
	}
	return names
}

const notifies = `{"args":["x"],"ready":{"notify":true}}`

// notify is what the current life of a service tells.
func (w *world) notify(name, text string) {
	w.t.Helper()
	w.do(notified{w.m.services[name].lifeID(), parseNotification([]byte(text))})
}

// A service starts when all that it names is ready, and not before; all that can
// start do so at once.
func TestStartsInOrder(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("web", needing("db", "cache"))
	w.see("cache", web)
	w.see("db", notifies)
	w.see("log", web)
	w.do(scanned{})
	if diff := cmp.Diff([]string{"cache", "db", "log"}, w.ordered()); diff != "" {
		t.Error(diff)
	}
	w.settle()
	w.wantStates(map[string]spec.State{"web": spec.Waiting, "cache": spec.Running, "db": spec.Starting, "log": spec.Running})
	if diff := cmp.Diff([]string{"db"}, w.status["web"].WaitingFor); diff != "" || w.status["web"].Reason != "" {
		t.Error(diff, w.status["web"].Reason)
	}
	w.notify("db", "READY=1\nSTATUS=at your service")
	if diff := cmp.Diff([]string{"web"}, w.ordered()); diff != "" {
		t.Error(diff)
	}
	w.settle()
	w.wantStates(map[string]spec.State{"web": spec.Running, "cache": spec.Running, "db": spec.Running, "log": spec.Running})
	if st := w.status["db"]; !st.Ready || st.ReadyAt == nil || st.StatusText != "at your service" {
		t.Errorf("%+v", st)
	}
}

// A dependency that dies and comes back does not take its dependents with it; a
// dependent that dies meanwhile waits.
func TestDependencyRestarts(t *testing.T) {
	w := newWorld(t, testPolicy)
	db := w.ready("db", web)
	pid := w.ready("web", needing("db", ""))
	w.die(db, exitStatus{code: 1})
	w.wantStates(map[string]spec.State{"db": spec.Backingoff, "web": spec.Running})
	w.pass(500 * time.Millisecond)
	w.die(pid, exitStatus{code: 1})
	w.toDeadline()
	w.toDeadline()
	w.wantStates(map[string]spec.State{"db": spec.Running, "web": spec.Running})
	w.send(`{"type":"RESTART","name":"db"}`)
	w.settle()
	if got := w.m.services["web"].generation; got != 2 {
		t.Errorf("web has generation %d: it was restarted with its dependency", got)
	}
}

// One that is removed, stopped or failed stops those that require it, before it
// ends itself, and they come back with it. Those that only come after it go on.
func TestRequires(t *testing.T) {
	limited := `{"args":["x"],"backoff":{"min":0},"limit":{"restarts":0,"within":60}}`
	for name, c := range map[string]struct {
		away, back func(w *world)
		first      bool // the dependents stop before it does
		state      spec.State
		why        string
	}{
		"stopped": {func(w *world) { w.send(`{"type":"STOP","name":"db"}`) }, func(w *world) { w.send(`{"type":"START","name":"db"}`) },
			true, spec.Stopped, `"db" is stopped`},
		"removed": {func(w *world) { w.gone("db") }, func(w *world) { w.see("db", limited) }, true, "", `there is no service "db"`},
		"failed": {func(w *world) { w.die(w.m.services["db"].life.pid, exitStatus{code: 3}) }, func(w *world) { w.send(`{"type":"RESTART","name":"db"}`) },
			false, spec.Failed, `"db" has failed: more than 0 restarts within 1m0s; the last time: exit 3`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.do(scanned{})
			db := w.ready("db", limited)
			api := w.ready("api", needing("db", ""))
			ui := w.ready("ui", needing("api", ""))
			w.ready("cron", needing("", "db"))
			w.told = map[int][]spec.Signal{}
			c.away(w)
			if c.first {
				if len(w.told[db])+len(w.told[api]) > 0 || len(w.told[ui]) == 0 {
					t.Errorf("told %v: want only ui (%d), the last", w.told, ui)
				}
				if got := w.status["db"].State; got != spec.Stopping && name != "removed" {
					t.Errorf("db is %s", got)
				}
				w.die(ui, exitStatus{signal: sigTERM})
				if len(w.told[db]) > 0 || len(w.told[api]) == 0 {
					t.Errorf("told %v: want api (%d)", w.told, api)
				}
			}
			w.settle()
			want := map[string]spec.State{"db": c.state, "api": spec.Waiting, "ui": spec.Waiting, "cron": spec.Running}
			if c.state == "" {
				delete(want, "db")
			}
			w.wantStates(want)
			if got := w.status["api"].Reason; got != c.why {
				t.Errorf("api waits: %q, want %q", got, c.why)
			}
			c.back(w)
			w.settle()
			w.wantStates(map[string]spec.State{"db": spec.Running, "api": spec.Running, "ui": spec.Running, "cron": spec.Running})
		})
	}
}

// What comes after a job waits for its success, and fails with it.
func TestJobs(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("app", needing("", "migrate"))
	pid := w.ready("migrate", `{"args":["x"],"restart":"never"}`)
	w.wantStates(map[string]spec.State{"migrate": spec.Running, "app": spec.Waiting})
	w.die(pid, exitStatus{code: 3})
	w.wantStates(map[string]spec.State{"migrate": spec.Exited, "app": spec.Failed})
	if got, want := w.status["app"].Reason, `"migrate" has failed: exit 3`; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	file := w.send(`{"type":"START","name":"app"}`)
	w.settle()
	if r := w.result[file]; r.OK || r.Error != `waits: "migrate" has failed: exit 3` {
		t.Errorf("%+v", r)
	}
	w.send(`{"type":"RESTART","name":"migrate"}`)
	w.settle()
	w.wantStates(map[string]spec.State{"migrate": spec.Running, "app": spec.Waiting})
	w.die(w.m.services["migrate"].life.pid, exitStatus{})
	w.settle()
	w.wantStates(map[string]spec.State{"migrate": spec.Exited, "app": spec.Running})
	w.send(`{"type":"RESTART","name":"migrate"}`)
	w.settle()
	w.wantStates(map[string]spec.State{"migrate": spec.Running, "app": spec.Running})
}

// The colony stops in reverse: each when those that come after it are gone, all
// others at once.
func TestDrainsInReverse(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	db, api, ui, other := w.ready("db", web), w.ready("api", needing("db", "")), w.ready("ui", needing("", "api")), w.ready("other", web)
	w.do(signalled{sigTERM})
	told := func(want ...int) {
		t.Helper()
		var got []int
		for _, pid := range slices.Sorted(maps.Keys(w.told)) {
			if slices.Contains(w.told[pid], sigTERM) {
				got = append(got, pid)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("told TERM (-want +got):\n%s", diff)
		}
	}
	told(ui, other)
	w.die(ui, exitStatus{})
	told(ui, other, api)
	w.die(api, exitStatus{})
	told(ui, other, api, db)
	w.die(other, exitStatus{})
	w.die(db, exitStatus{})
	for w.exit == nil && w.toDeadline() {
	}
	if w.exit == nil || *w.exit != 0 {
		t.Errorf("exit %v", w.exit)
	}
}

// At the end of the whole time nobody waits for anybody.
func TestDrainBudgetBreaksOrder(t *testing.T) {
	p := testPolicy
	p.budget = 2 * time.Second
	w := newWorld(t, p)
	w.tame = func(int) bool { return false }
	db, api := w.ready("db", web), w.ready("api", needing("db", ""))
	w.do(signalled{sigTERM})
	w.pass(2 * time.Second)
	if !slices.Contains(w.told[db], sigKILL) || !slices.Contains(w.told[api], sigKILL) {
		t.Errorf("told %v", w.told)
	}
}

// Members of a cycle are invalid, with the way round; what of them has run goes
// on, and nobody waits for a cycle to end.
func TestCycles(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", needing("b", ""))
	w.see("b", needing("", "c"))
	w.see("c", needing("a", ""))
	w.see("self", needing("", "self"))
	w.see("d", needing("a", ""))
	w.do(scanned{})
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Invalid, "b": spec.Invalid, "c": spec.Invalid, "self": spec.Invalid, "d": spec.Waiting})
	for name, want := range map[string]string{"a": "cycle: a -> b -> c -> a", "c": "cycle: a -> b -> c -> a", "self": "cycle: self -> self"} {
		if p := w.status[name].SpecError; p == nil || p.Message != want {
			t.Errorf("%s: %v, want %q", name, p, want)
		}
	}
	w.see("c", web)
	w.do(scanned{})
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Running, "b": spec.Running, "c": spec.Running, "self": spec.Invalid, "d": spec.Running})
	// A slip closes the cycle again: nothing that runs is touched, and one that
	// dies comes back.
	w.see("c", needing("a", ""))
	w.toDeadline()
	if got := w.status["c"].SpecError; got == nil || w.status["c"].State != spec.Running {
		t.Errorf("%v, %s", got, w.status["c"].State)
	}
	w.pass(time.Minute)
	w.die(w.m.services["b"].life.pid, exitStatus{code: 1})
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Running, "b": spec.Running, "c": spec.Running, "self": spec.Invalid, "d": spec.Running})
	w.do(signalled{sigTERM})
	w.settle()
	for w.exit == nil && w.toDeadline() {
	}
	if w.exit == nil {
		t.Error("the colony does not end")
	}
}

// A name that is of no service is waited for, and said.
func TestUnknownName(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("web", needing("", "data-base"))
	w.do(scanned{})
	if st := w.status["web"]; st.State != spec.Waiting || st.Reason != `there is no service "data-base"` {
		t.Errorf("%+v", st)
	}
	w.ready("data-base", web)
	w.wantStates(map[string]spec.State{"data-base": spec.Running, "web": spec.Running})
}

// Before the directory was looked at nobody is taken for gone.
func TestAdoptedWaitForTheScan(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.inherit(heir{line: ledgerLine{Name: "web", Generation: 4, PID: 500, Start: 1}}, specOf(t, needing("db", "")))
	w.alive[500] = spawn{life: lifeID{"web", 4}}
	w.do(seen{name: "web", spec: specOf(t, needing("db", ""))})
	w.settle()
	w.wantStates(map[string]spec.State{"web": spec.Running})
	w.do(scanned{})
	w.settle()
	w.wantStates(map[string]spec.State{"web": spec.Waiting})
	if !slices.Contains(w.told[500], sigTERM) {
		t.Errorf("told %v", w.told[500])
	}
}

// chain and random are graphs of n services, each named after its number.
func chain(n int) []string {
	specs := make([]string, n)
	for i := range specs {
		specs[i] = needing("", "")
		if i > 0 {
			specs[i] = needing(serviceName(i-1), "")
		}
	}
	return specs
}

func randomGraph(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	specs := make([]string, n)
	for i := range specs {
		var after []string
		for range min(i, 3) {
			after = append(after, serviceName(r.IntN(i)))
		}
		specs[i] = needing("", strings.Join(after, " "))
	}
	return specs
}

func serviceName(i int) string { return fmt.Sprintf("s%05d", i) }

// resolve has all of a graph started, seen in a random order.
func resolve(t testing.TB, specs []string) {
	m := newModel(testPolicy, 1, spec.ColonyStatus{})
	now := moment{instant(time.Hour), time.Unix(0, 0)}
	m.begin(now, false, nil)
	pid, running := 100, 0
	var todo []event
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(len(specs)) {
		todo = append(todo, seen{name: serviceName(i), spec: specOf(t, specs[i])})
	}
	todo = append(todo, scanned{})
	for len(todo) > 0 {
		ev := todo[0]
		todo = todo[1:]
		for _, e := range m.step(now, ev) {
			if o, ok := e.(spawn); ok {
				pid++
				running++
				todo = append(todo, started{order: o.order, pid: pid})
			}
		}
	}
	if running != len(specs) {
		t.Fatalf("%d of %d have started", running, len(specs))
	}
}

// BenchmarkDependencies shows how the work grows with the number of services.
func BenchmarkDependencies(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		for kind, specs := range map[string][]string{"chain": chain(n), "random": randomGraph(n)} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				for b.Loop() {
					resolve(b, specs)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/service")
			})
		}
	}
}
