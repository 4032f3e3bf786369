package colony

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// situations are all the places a service can be in: each phase, with what
// matters of what is wanted.
var situations = map[string]func(w *world){
	"absent":   func(w *world) {},
	"invalid":  func(w *world) { w.do(seen{name: "a", problem: &spec.Problem{Message: "no"}}) },
	"spawning": func(w *world) { w.see("a", web) },
	"up":       func(w *world) { w.ready("a", web); w.pass(time.Minute) },
	"stopping, asked": func(w *world) {
		w.ready("a", web)
		w.pass(time.Minute)
		w.see("a", `{"args":["other"]}`)
	},
	"stopping, something left": func(w *world) {
		pid := w.ready("a", web)
		w.pass(time.Minute)
		w.loose[lifeID{"a", 1}] = []process{{processID: processID{500, 1}}}
		w.tame = func(int) bool { return false }
		w.die(pid, exitStatus{code: 1})
	},
	"backoff": func(w *world) { w.die(w.ready("a", web), exitStatus{code: 1}) },
	"exited":  func(w *world) { w.die(w.ready("a", `{"args":["web"],"restart":"never"}`), exitStatus{}) },
	"stopped": func(w *world) { w.ready("a", web); w.send(`{"type":"STOP","name":"a"}`); w.settle() },
	"queued": func(w *world) {
		for i := range spawnWindow {
			w.see(fmt.Sprintf("z%d", i), web)
		}
		w.see("a", web)
	},
}

// happenings are all the kinds of events, aimed at service a.
var happenings = map[string]func(w *world){
	"same spec":    func(w *world) { w.see("a", web) },
	"other spec":   func(w *world) { w.see("a", `{"args":["new"]}`) },
	"bad file":     func(w *world) { w.do(seen{name: "a", problem: &spec.Problem{Message: "bad"}}) },
	"removed":      func(w *world) { w.gone("a") },
	"scanned":      func(w *world) { w.do(scanned{bad: map[string]string{"?": "bad"}}) },
	"started":      func(w *world) { w.startIf("a") },
	"spawn failed": func(w *world) { w.failIf("a") },
	"exited":       func(w *world) { w.exitIf("a") },
	"counted":      func(w *world) { w.loose = map[lifeID][]process{}; w.count() },
	"orphan died":  func(w *world) { w.do(exited{pid: 99999}) },
	"RESTART":      func(w *world) { w.send(`{"type":"RESTART","name":"a"}`) },
	"START":        func(w *world) { w.send(`{"type":"START","name":"a"}`) },
	"STOP":         func(w *world) { w.send(`{"type":"STOP","name":"a"}`) },
	"TERM to us":   func(w *world) { w.do(signalled{sigTERM}) },
	"HUP to us":    func(w *world) { w.do(signalled{sigHUP}) },
	"suspended":    func(w *world) { w.do(suspended{sigTSTP}) },
	"UPGRADE": func(w *world) {
		w.send(`{"type":"UPGRADE"}`)
		w.do(examined{})
		w.census = nil // whoever counted is gone
		w.do(replaced{from: "1", to: "2", since: w.now.mono})
	},
	"an hour":   func(w *world) { w.pass(time.Hour) },
	"degraded":  func(w *world) { w.do(degraded{"disk", "full"}) },
	"recovered": func(w *world) { w.do(recovered{"panic", "", nil}) },
}

// startIf, failIf and exitIf deliver an event about a if there can be one.
func (w *world) startIf(name string) {
	if i := w.orderOf(name); i >= 0 {
		o := w.orders[i]
		w.orders = slices.Delete(w.orders, i, i+1)
		w.startOrder(o)
	}
}

func (w *world) failIf(name string) {
	if i := w.orderOf(name); i >= 0 {
		w.orders[0], w.orders[i] = w.orders[i], w.orders[0]
		w.failOne(fault{"no", faultMissing})
	}
}

func (w *world) exitIf(name string) {
	if s := w.m.services[name]; s != nil && s.life.pid != 0 {
		w.die(s.life.pid, exitStatus{code: 1})
	}
}

func (w *world) orderOf(name string) int {
	return slices.IndexFunc(w.orders, func(o spawn) bool { return o.life.name == name })
}

// whereIs says where a service is now.
func (w *world) whereIs(name string) string {
	s := w.m.services[name]
	switch {
	case w.exit != nil:
		return "(ended)"
	case s == nil:
		return "absent"
	case s.phase == down:
		return string(s.state)
	default:
		return s.phase.String()
	}
}

// walk is the table: from each situation, where each event leads. Where an
// event is not named it changes nothing.
var walk = map[string]map[string]string{
	"absent":   {"same spec": "spawning", "other spec": "spawning", "bad file": "invalid"},
	"invalid":  {"same spec": "spawning", "other spec": "spawning", "removed": "absent", "STOP": "stopped"},
	"queued":   {"removed": "absent", "STOP": "stopped", "TERM to us": "stopped", "an hour": "spawning"},
	"spawning": {"started": "up", "spawn failed": "backoff"},
	"up": {"other spec": "stopping", "removed": "stopping", "exited": "spawning", "RESTART": "stopping", "STOP": "stopping",
		"TERM to us": "stopping"},
	"stopping":                 {},
	"stopping, asked":          {"exited": "spawning"},
	"stopping, something left": {"counted": "spawning"},
	"backoff": {"other spec": "spawning", "removed": "absent", "RESTART": "spawning", "START": "spawning", "STOP": "stopped",
		"TERM to us": "stopped", "an hour": "spawning"},
	"exited": {"same spec": "spawning", "other spec": "spawning", "removed": "absent", "RESTART": "spawning", "START": "spawning",
		"STOP": "stopped"},
	"stopped": {"removed": "absent", "RESTART": "spawning", "START": "spawning"},
}

// TestWalk takes every event from every situation, and checks where it leads
// and that from there the colony finds its way: what is wanted comes to run,
// and what is not comes to an end.
func TestWalk(t *testing.T) {
	for _, from := range slices.Sorted(maps.Keys(situations)) {
		for _, with := range slices.Sorted(maps.Keys(happenings)) {
			t.Run(from+"/"+with, func(t *testing.T) {
				w := newWorld(t, testPolicy)
				situations[from](w)
				want, ok := walk[from][with]
				if !ok {
					want = w.whereIs("a")
				}
				happenings[with](w)
				if got := w.whereIs("a"); got != want {
					t.Errorf("leads to %q, want %q", got, want)
				}
				w.rest()
			})
		}
	}
}

// A drain stops services first, then helpers, then what nobody owns, and ends
// with the code of main.
func TestDrainOrder(t *testing.T) {
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: specOf(t, `{"args":["h"]}`)}
	w := newWorld(t, p)
	a := w.ready("a", `{"args":["x"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}}`)
	helper := w.m.services[heartcheck].life.pid
	w.stray = []process{{processID: processID{600, 1}, command: "stray"}}
	w.do(signalled{sigTERM})
	if len(w.told[a]) == 0 || len(w.told[helper]) > 0 {
		t.Fatalf("told: service %v, helper %v; want only the service", w.told[a], w.told[helper])
	}
	w.die(a, exitStatus{})
	w.count()
	if len(w.told[helper]) == 0 {
		t.Fatal("the helper was not told after the services")
	}
	if len(w.stray) == 0 {
		t.Fatal("the stray was swept before the helper has ended")
	}
	w.die(helper, exitStatus{})
	w.settle()
	if len(w.stray) > 0 {
		t.Error("the stray was not swept")
	}
	w.toDeadline()
	if w.exit == nil || *w.exit != 0 {
		t.Errorf("exit %v, want 0", w.exit)
	}
}

// A helper that dies, or was dead, while services stop comes back for them, and not
// when they have stopped.
func TestHelperComesBackInADrain(t *testing.T) {
	p := testPolicy
	p.helpers = map[string]*spec.Spec{logger: helperSpec([]string{"log"})}
	w := newWorld(t, p)
	w.tame = func(pid int) bool { return w.alive[pid].life.name == logger } // the service cannot end
	a := w.ready("a", `{"args":["x"],"log":{},"stop":{"grace":60}}`)
	helper := func() int { return w.m.services[logger].life.pid }
	w.pass(time.Second)
	w.die(helper(), exitStatus{signal: sigKILL})
	w.count()
	w.do(signalled{sigTERM})
	for range 3 {
		w.pass(6 * time.Second) // longer than any delay of a helper's
		w.settle()
		if helper() == 0 {
			t.Fatal("the logger does not come back, and the service cannot write")
		}
		w.die(helper(), exitStatus{signal: sigKILL})
		w.count()
	}
	w.die(a, exitStatus{})
	w.settle()
	w.toDeadline()
	if w.exit == nil || *w.exit != 0 {
		t.Errorf("exit %v, want 0", w.exit)
	}
}

// The colony lives and dies with main, and has its code.
func TestColonyDiesWithMain(t *testing.T) {
	for _, c := range []struct {
		name string
		spec string
		exit exitStatus
		want int
	}{
		{"its code", `{"args":["x"],"main":true}`, exitStatus{code: 7}, 7},
		{"its signal", `{"args":["x"],"main":true}`, exitStatus{signal: sigKILL}, 137},
		{"success", `{"args":["x"],"main":true,"restart":"on-failure"}`, exitStatus{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			other := w.ready("other", web)
			pid := w.ready("boss", c.spec)
			w.die(pid, c.exit)
			if len(w.told[other]) == 0 {
				t.Fatal("the others go on")
			}
			w.settle()
			if w.exit == nil || *w.exit != c.want {
				t.Errorf("exit %v, want %d", w.exit, c.want)
			}
		})
	}
	t.Run("restarted by policy", func(t *testing.T) {
		w := newWorld(t, testPolicy)
		w.die(w.ready("boss", `{"args":["x"],"main":true,"restart":"always"}`), exitStatus{code: 1})
		if w.m.drain.on {
			t.Error("it is not over, and the colony drains")
		}
	})
	t.Run("restarted by request", func(t *testing.T) {
		w := newWorld(t, testPolicy)
		w.ready("boss", `{"args":["x"],"main":true}`)
		w.send(`{"type":"RESTART","name":"boss"}`)
		w.settle()
		if w.m.drain.on || w.status["boss"].State != spec.Running {
			t.Errorf("draining %v, state %s", w.m.drain.on, w.status["boss"].State)
		}
	})
	t.Run("cannot be executed", func(t *testing.T) {
		for class, want := range map[faultClass]int{faultMissing: 127, faultOther: 126} {
			w := newWorld(t, testPolicy)
			w.see("boss", `{"args":["x"],"main":true}`)
			w.failOne(fault{"no", class})
			w.settle()
			if w.exit == nil || *w.exit != want {
				t.Errorf("class %d: exit %v, want %d", class, w.exit, want)
			}
		}
	})
	t.Run("a second one", func(t *testing.T) {
		w := newWorld(t, testPolicy)
		w.ready("boss", `{"args":["x"],"main":true}`)
		w.see("king", `{"args":["x"],"main":true}`)
		if st := w.status["king"]; st.State != spec.Invalid || st.SpecError == nil {
			t.Fatalf("status %+v, want invalid", st)
		}
		w.gone("boss")
		w.settle()
		if st := w.status["king"]; st.State != spec.Running || st.SpecError != nil {
			t.Errorf("status %+v, want it running once the first is gone", st)
		}
	})
}

// The budget of a drain ends every grace, and the colony ends though something
// does not die.
func TestDrainBudget(t *testing.T) {
	p := testPolicy
	p.budget = 3 * time.Second
	w := newWorld(t, p)
	w.tame = func(int) bool { return false }
	pid := w.ready("a", `{"args":["x"],"stop":{"grace":60}}`)
	began := w.now.mono
	if got := w.status["a"].Warnings; len(got) != 1 {
		t.Errorf("warnings %v, want one about its grace", got)
	}
	w.do(signalled{sigTERM})
	for w.exit == nil && w.m.deadline() != 0 {
		w.pass(w.m.deadline().sub(w.now.mono)) // nothing dies
		w.count()
	}
	if w.exit == nil {
		t.Fatal("it does not end")
	}
	if took := w.now.mono.sub(began); took > p.budget+time.Second {
		t.Errorf("took %v of a budget of %v", took, p.budget)
	}
	if diff := cmp.Diff([]spec.Signal{sigTERM, sigCONT, sigKILL}, w.told[pid][:3]); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
}

// A second signal ends every grace at once.
func TestSecondSignal(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	pid := w.ready("a", web)
	w.do(signalled{sigINT})
	w.do(signalled{sigINT})
	if !slices.Contains(w.told[pid], sigKILL) {
		t.Errorf("told %v, want KILL", w.told[pid])
	}
}

// `-- CMD` gets each signal as it came; others do not.
func TestSignalsArePassedOn(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.m.command(commandSpec([]string{"app"}))
	w.do(ticked{})
	w.settle()
	main := w.m.services[commandName].life.pid
	other := w.ready("a", web)
	w.do(signalled{28})
	w.do(signalled{sigHUP})
	w.do(signalled{sigQUIT})
	if diff := cmp.Diff([]spec.Signal{28, sigHUP, sigQUIT, sigCONT}, w.told[main]); diff != "" {
		t.Errorf("main was told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]spec.Signal{sigTERM, sigCONT}, w.told[other]); diff != "" {
		t.Errorf("the other was told (-want +got):\n%s", diff)
	}
	w.see(commandName, web)
	if w.status[commandName].SpecError == nil {
		t.Error("config/main is not refused")
	}
}
