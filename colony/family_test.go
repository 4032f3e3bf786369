package colony

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func instances(n int) string { return fmt.Sprintf(`{"args":["x"],"instances":%d}`, n) }

// lives is what runs, as NAME/GENERATION, by name.
func (w *world) lives() (all []string) {
	for _, s := range w.m.inOrder() {
		if s.phase == up {
			all = append(all, fmt.Sprintf("%s/%d", s.name, s.generation))
		}
	}
	return all
}

func (w *world) wantLives(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.lives()); diff != "" {
		w.t.Errorf("lives (-want +got):\n%s", diff)
	}
}

// wantPublished checks what is published: NAME STATE.
func (w *world) wantPublished(want ...string) {
	w.t.Helper()
	var got []string
	for _, name := range slices.Sorted(maps.Keys(w.status)) {
		got = append(got, name+" "+string(w.status[name].State))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestScaling(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.rebirth = true
	w.see("web", instances(3))
	w.settle()
	w.wantLives("web@1/1", "web@2/1", "web@3/1")
	before := w.m.services["web@1"].life.pid

	w.events = nil
	w.see("web", instances(5))
	w.settle()
	w.wantLives("web@1/1", "web@2/1", "web@3/1", "web@4/1", "web@5/1")
	if e := w.events[0]; e.Type != spec.EventSpecChanged || e.Name != "web" || e.Reason != "instances: 3 to 5" {
		t.Errorf("first event %+v", e)
	}
	for _, e := range w.events {
		if strings.HasPrefix(e.Name, "web@") && e.Name < "web@4" {
			t.Errorf("%+v: what stays is touched", e)
		}
	}

	w.see("web", `{"instances": 2.0, "args": ["x"]}`)
	w.wantPublished("web@1 running", "web@2 running", "web@3 stopping", "web@4 stopping", "web@5 stopping")
	w.settle()
	w.wantPublished("web@1 running", "web@2 running")
	if got := w.m.services["web@1"].life.pid; got != before {
		t.Errorf("pid %d, was %d", got, before)
	}
	if a, b := w.status["web@1"].SpecSHA256, specOf(t, `{"instances": 2.0, "args": ["x"]}`).Digest(); a != b {
		t.Errorf("its status names spec %s, want %s", a, b)
	}

	// One that comes back while it is still ending is not lost, and its number
	// does not come again.
	w.tame = func(int) bool { return false }
	w.see("web", instances(1))
	w.see("web", instances(2))
	w.pass(testPolicy.grace)
	w.settle()
	w.wantLives("web@1/1", "web@2/2")
	w.tame = func(int) bool { return true }

	// Another process is another for each.
	w.see("web", `{"args":["y"],"instances":2}`)
	w.settle()
	w.wantLives("web@1/2", "web@2/3")

	w.see("web", `{"args":["y"],"instances":0}`)
	w.settle()
	w.wantPublished("web stopped")
	if got := w.status["web"].Reason; got != noInstances {
		t.Errorf("reason %q", got)
	}
	w.see("web", `{"args":["y"],"instances":1}`)
	w.settle()
	w.wantPublished("web@1 running")
	w.see("web", `{"args":["y"]}`)
	w.settle()
	w.wantPublished("web running")
	w.see("web", `{"args":["y"],"instances":1}`)
	w.settle()
	w.wantPublished("web@1 running")
	w.gone("web")
	w.settle()
	w.wantPublished()
	if n := len(w.m.families); n != 0 {
		t.Errorf("%d families are left", n)
	}
}

// TestScalingForgivesNothing: what has failed has not been mended by a number.
func TestScalingForgivesNothing(t *testing.T) {
	w := newWorld(t, testPolicy)
	const text = `{"args":["x"],"limit":{"restarts":0,"within":60},"instances":%d}`
	w.see("web", fmt.Sprintf(text, 2))
	w.settle()
	w.die(w.m.services["web@2"].life.pid, exitStatus{code: 1})
	w.settle()
	w.see("web", fmt.Sprintf(text, 3))
	w.settle()
	w.wantPublished("web@1 running", "web@2 failed", "web@3 running")
	w.see("web", `{"args":["x"],"limit":{"restarts":1,"within":60},"instances":3}`)
	w.settle()
	w.wantPublished("web@1 running", "web@2 running", "web@3 running")
	w.wantLives("web@1/1", "web@2/2", "web@3/1")
}

func TestBrokenFileOfInstances(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.rebirth = true
	problem := &spec.Problem{Line: 1, Message: "bad"}
	w.do(seen{name: "web", problem: problem})
	w.wantPublished("web invalid")
	w.see("web", instances(2))
	w.settle()
	w.wantPublished("web@1 running", "web@2 running")
	w.events = nil
	w.do(seen{name: "web", problem: problem})
	w.settle()
	w.wantLives("web@1/1", "web@2/1")
	for _, name := range []string{"web@1", "web@2"} {
		if p := w.status[name].SpecError; p == nil || p.Message != "bad" {
			t.Errorf("%s: spec error %v", name, p)
		}
	}
	if len(w.events) != 1 || w.events[0].Name != "web" || w.events[0].Type != spec.EventSpecInvalid {
		t.Errorf("events %+v, want one", w.events)
	}
	w.do(seen{name: "web", problem: problem})
	if len(w.events) != 1 {
		t.Error("the same news is told twice")
	}
	w.see("web", instances(2))
	if p := w.status["web@1"].SpecError; p != nil {
		t.Errorf("mended, and still %v", p)
	}
	w.wantLives("web@1/1", "web@2/1")

	// With none, the file itself says so.
	w.see("web", instances(0))
	w.settle()
	w.do(seen{name: "web", problem: problem})
	w.wantPublished("web stopped")
	if w.status["web"].SpecError == nil {
		t.Error("nobody says that the file is bad")
	}
}

// stops is what is remembered below state/stopped.
func (w *world) stops(was map[string]bool) map[string]bool {
	for _, e := range w.last {
		switch e := e.(type) {
		case keepStop:
			was[e.name] = true
		case forgetStop:
			delete(was, e.name)
		}
	}
	return was
}

func TestRequestsForInstances(t *testing.T) {
	const three = `{"args":["x"],"instances":3,"group":["g"]}`
	stop := func(name string) string { return fmt.Sprintf(`{"type":"STOP","name":%q}`, name) }
	start := func(name string) string { return fmt.Sprintf(`{"type":"START","name":%q}`, name) }
	tests := []struct {
		name string
		do   []string // messages or, that begin with {"args", specs
		err  string   // of the last message
		want []string
		kept []string // notes of stops
		list []string // services in the last result
	}{
		{"restart all", []string{`{"type":"RESTART","name":"web"}`}, "", []string{"web@1/2", "web@2/2", "web@3/2"}, nil, []string{"web@1", "web@2", "web@3"}},
		{"restart one", []string{`{"type":"RESTART","name":"web@2"}`}, "", []string{"web@1/1", "web@2/2", "web@3/1"}, nil, nil},
		{"restart a group", []string{stop("web@2"), `{"type":"RESTART-GROUP","group":"g"}`}, "", []string{"web@1/2", "web@3/2"}, []string{"web@2"}, []string{"web@1", "web@3"}},
		{"restart another life", []string{`{"type":"RESTART","name":"web@2","generation":7}`}, "another life", []string{"web@1/1", "web@2/1", "web@3/1"}, nil, nil},
		{"restart this life", []string{`{"type":"RESTART","name":"web@2","generation":1}`}, "", []string{"web@1/1", "web@2/2", "web@3/1"}, nil, nil},
		{"restart a life of all", []string{`{"type":"RESTART","name":"web","generation":1}`}, `"web" has instances: name the one whose life is meant, as "web@3"`, []string{"web@1/1", "web@2/1", "web@3/1"}, nil, nil},
		{"stop all", []string{stop("web")}, "", nil, []string{"web"}, []string{"web@1", "web@2", "web@3"}},
		{"stop all, and add one", []string{stop("web"), `{"args":["x"],"instances":4,"group":["g"]}`}, "", nil, []string{"web"}, []string{"web@1", "web@2", "web@3"}},
		{"stop all, start one, and add one", []string{stop("web"), start("web@2"), `{"args":["x"],"instances":4,"group":["g"]}`}, "", []string{"web@2/2", "web@4/1"}, []string{"web@1", "web@3"}, nil},
		{"stop all, restart one", []string{stop("web"), `{"type":"RESTART","name":"web@1"}`}, "", []string{"web@1/2"}, []string{"web@2", "web@3"}, nil},
		{"stop one, start all", []string{stop("web@3"), start("web")}, "", []string{"web@1/1", "web@2/1", "web@3/2"}, nil, []string{"web@1", "web@2", "web@3"}},
		{"stop one and all, start all", []string{stop("web@3"), stop("web"), start("web")}, "", []string{"web@1/2", "web@2/2", "web@3/2"}, nil, []string{"web@1", "web@2", "web@3"}},
		{"stop one, take it away and bring it back", []string{stop("web@3"), `{"args":["x"],"instances":2,"group":["g"]}`, three}, "", []string{"web@1/1", "web@2/1", "web@3/2"}, nil, nil},
		{"stop all, and one in their place", []string{stop("web"), `{"args":["x"]}`}, "", nil, []string{"web"}, []string{"web@1", "web@2", "web@3"}},
		{"stop all, none, and some again", []string{stop("web"), `{"args":["x"],"instances":0}`, three}, "", nil, []string{"web"}, []string{"web@1", "web@2", "web@3"}},
		{"none, and start", []string{`{"args":["x"],"instances":0}`, start("web")}, noInstances, nil, nil, nil},
		{"none, and restart", []string{`{"args":["x"],"instances":0}`, `{"type":"RESTART","name":"web"}`}, noInstances, nil, nil, nil},
		{"none, stop, and some", []string{`{"args":["x"],"instances":0}`, stop("web"), three}, "", nil, []string{"web"}, nil},
		{"none, stop, start, and some", []string{`{"args":["x"],"instances":0}`, stop("web"), start("web"), three}, noInstances, []string{"web@1/2", "web@2/2", "web@3/2"}, nil, nil},
		{"signal all", []string{stop("web@2"), `{"type":"SIGNAL","name":"web","signal":"HUP"}`}, "", []string{"web@1/1", "web@3/1"}, []string{"web@2"}, []string{"web@1", "web@3"}},
		{"signal none", []string{stop("web"), `{"type":"SIGNAL","name":"web","signal":"HUP"}`}, "not running", nil, []string{"web"}, nil},
		{"ready all", []string{`{"type":"READY","name":"web"}`}, "", []string{"web@1/1", "web@2/1", "web@3/1"}, nil, []string{"web@1", "web@2", "web@3"}},
		{"nobody", []string{`{"type":"RESTART","name":"web@4"}`}, `no such service: "web@4"`, []string{"web@1/1", "web@2/1", "web@3/1"}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.rebirth = true
			w.see("web", three)
			w.settle()
			kept := map[string]bool{}
			file := ""
			for _, text := range tt.do {
				if strings.HasPrefix(text, `{"args"`) {
					w.see("web", text)
				} else {
					file = w.send(text)
				}
				kept = w.stops(kept)
				w.settle()
			}
			r := w.result[file]
			if r.Finished == nil || r.Error != tt.err || r.OK != (tt.err == "") {
				t.Errorf("result %+v, want error %q", r, tt.err)
			}
			var list []string
			for _, p := range r.Services {
				list = append(list, p.Name)
			}
			if diff := cmp.Diff(tt.list, list); diff != "" {
				t.Errorf("services in the result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.kept, slices.Sorted(maps.Keys(kept))); diff != "" {
				t.Errorf("notes of stops (-want +got):\n%s", diff)
			}
			w.wantLives(tt.want...)
		})
	}
}

// TestSignalOfAll: each of them gets it.
func TestSignalOfAll(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("web", instances(2))
	w.settle()
	w.send(`{"type":"SIGNAL","name":"web","signal":"HUP"}`)
	for _, name := range []string{"web@1", "web@2"} {
		if got := w.told[w.m.services[name].life.pid]; !slices.Equal(got, []spec.Signal{sigHUP}) {
			t.Errorf("%s was told %v", name, got)
		}
	}
}

func TestDependingOnInstances(t *testing.T) {
	ready := func(w *world, name string) { w.do(notified{w.m.services[name].lifeID(), notification{ready: true}}) }
	const notifying = `{"args":["x"],"instances":%d,"ready":{"notify":true}}`
	w := newWorld(t, testPolicy)
	w.rebirth = true
	w.do(scanned{names: map[string]bool{}})
	w.see("front", needing("web", ""))
	w.see("late", needing("", "web"))
	w.see("web", fmt.Sprintf(notifying, 2))
	w.settle()
	ready(w, "web@1")
	w.settle()
	w.wantPublished("front waiting", "late waiting", "web@1 running", "web@2 starting")
	if diff := cmp.Diff([]string{"web"}, w.status["front"].WaitingFor); diff != "" {
		t.Error(diff)
	}
	ready(w, "web@2")
	w.settle()
	w.wantLives("front/1", "late/1", "web@1/1", "web@2/1")

	// What runs needs nobody who only comes later, and goes on while one is left.
	w.see("web", fmt.Sprintf(notifying, 3))
	w.settle()
	ready(w, "web@3")
	w.send(`{"type":"STOP","name":"web@2"}`)
	w.settle()
	w.see("web", fmt.Sprintf(notifying, 2))
	w.settle()
	w.wantLives("front/1", "late/1", "web@1/1")

	// But it does not start with one that is stopped, and says why.
	w.send(`{"type":"RESTART","name":"late"}`)
	w.settle()
	w.wantPublished("front running", "late waiting", "web@1 running", "web@2 stopped")
	if got := w.status["late"].Reason; got != `"web@2" is stopped` {
		t.Errorf("reason %q", got)
	}

	// With the last of them goes what requires them, before it.
	w.events = nil
	w.send(`{"type":"STOP","name":"web"}`)
	w.wantPublished("front stopping", "late waiting", "web@1 stopping", "web@2 stopped")
	if n := len(w.told[w.m.services["web@1"].life.pid]); n != 0 {
		t.Error("web@1 is ended before front")
	}
	w.settle()
	w.wantPublished("front waiting", "late waiting", "web@1 stopped", "web@2 stopped")
	w.send(`{"type":"START","name":"web"}`)
	w.settle()
	ready(w, "web@1")
	w.settle()
	ready(w, "web@2")
	w.settle()
	w.wantPublished("front running", "late running", "web@1 running", "web@2 running")

	// None is none to wait for.
	w.see("web", fmt.Sprintf(notifying, 0))
	w.settle()
	w.send(`{"type":"RESTART","name":"late"}`)
	w.settle()
	w.wantPublished("front running", "late running", "web stopped")
	w.gone("web")
	w.settle()
	w.wantPublished("front waiting", "late running")
}

// TestInstancesInTheMiddle: those that depend on instances go first also when it
// is what the instances need themselves that is stopped.
func TestInstancesInTheMiddle(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("db", `{"args":["x"]}`)
	w.see("web", `{"args":["x"],"instances":3,"requires":["db"]}`)
	w.see("front", needing("web", ""))
	w.settle()
	w.wantLives("db/1", "front/1", "web@1/1", "web@2/1", "web@3/1")
	w.events = nil
	w.send(`{"type":"STOP","name":"db"}`)
	w.settle()
	var order []string
	for _, e := range w.events {
		if e.Type == spec.EventTerminating {
			order = append(order, e.Name)
		}
	}
	if len(order) != 5 || order[0] != "front" || order[4] != "db" {
		t.Errorf("stopped in the order %v", order)
	}
	w.wantPublished("db stopped", "front waiting", "web@1 waiting", "web@2 waiting", "web@3 waiting")
	w.send(`{"type":"START","name":"db"}`)
	w.settle()
	w.wantLives("db/2", "front/2", "web@1/2", "web@2/2", "web@3/2")

	// Likewise at the end of the colony.
	w.events = nil
	w.do(signalled{sigTERM})
	w.settle()
	order = nil
	for _, e := range w.events {
		if e.Type == spec.EventTerminating {
			order = append(order, e.Name)
		}
	}
	if len(order) != 5 || order[0] != "front" || order[4] != "db" {
		t.Errorf("drained in the order %v", order)
	}
}

// TestJobsWithInstances: all of them have to end well.
func TestJobsWithInstances(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", `{"args":["x"],"instances":2,"restart":"never"}`)
	w.see("next", needing("", "job"))
	w.settle()
	w.die(w.m.services["job@1"].life.pid, exitStatus{})
	w.settle()
	w.wantPublished("job@1 exited", "job@2 running", "next waiting")
	w.die(w.m.services["job@2"].life.pid, exitStatus{code: 3})
	w.settle()
	w.wantPublished("job@1 exited", "job@2 exited", "next failed")
	if got := w.status["next"].Reason; !strings.HasPrefix(got, `"job@2" has failed`) {
		t.Errorf("reason %q", got)
	}
	w.send(`{"type":"START","name":"job@2"}`)
	w.settle()
	w.die(w.m.services["job@2"].life.pid, exitStatus{})
	w.settle()
	w.wantLives("next/1")
}

func TestCycleOfInstances(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.rebirth = true
	w.see("a", `{"args":["x"],"instances":2,"after":["b"]}`)
	w.see("b", needing("", "a"))
	w.pass(tangleDelay)
	w.settle()
	w.wantPublished("a@1 invalid", "a@2 invalid", "b invalid")
	if p := w.status["a@2"].SpecError; p == nil || p.Message != "cycle: a -> b -> a" {
		t.Errorf("spec error %v", p)
	}
	w.see("b", `{"args":["x"]}`)
	w.pass(tangleDelay)
	w.settle()
	w.wantLives("a@1/1", "a@2/1", "b/1")
}

// TestPoisonOfInstances: a spec that makes a step panic is set aside for all of
// them.
func TestPoisonOfInstances(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("web", instances(2))
	w.settle()
	armed := true
	w.m.trap = func(what any) {
		if e, ok := what.(record); ok && armed && e.event.Reason == "instances: 2 to 3" {
			armed = false
			panic("poison")
		}
	}
	w.see("web", instances(3))
	w.settle()
	w.wantLives("web@1/1", "web@2/1")
	for _, name := range []string{"web@1", "web@2"} {
		if p := w.status[name].SpecError; p == nil || !strings.Contains(p.Message, "panicked") {
			t.Errorf("%s: spec error %v", name, p)
		}
	}
}
