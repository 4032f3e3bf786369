package colony

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const web = `{"args":["web"]}`

// The restart decision, as a table: a life of a certain length ends in a certain
// way under a certain policy. What follows?
func TestAfterLife(t *testing.T) {
	code := func(n int) exitStatus { return exitStatus{code: n} }
	for _, c := range []struct {
		name   string
		policy string
		ran    time.Duration
		exit   exitStatus
		phase  phase
		state  spec.State
	}{
		{"a short life is delayed", ``, 0, code(0), backoff, spec.Backingoff},
		{"a long one starts at once", ``, time.Second, code(1), spawning, spec.Starting},
		{"a signal is an end like another", ``, 0, exitStatus{signal: sigKILL}, backoff, spec.Backingoff},
		{"never", `,"restart":"never"`, time.Hour, code(1), down, spec.Exited},
		{"on-failure after success", `,"restart":"on-failure"`, time.Hour, code(0), down, spec.Exited},
		{"on-failure after failure", `,"restart":"on-failure"`, time.Hour, code(1), spawning, spec.Starting},
		{"on-failure after a signal", `,"restart":"on-failure"`, 0, exitStatus{signal: sigTERM}, backoff, spec.Backingoff},
		{"another code is success", `,"restart":"on-failure","success_codes":[3]`, time.Hour, code(3), down, spec.Exited},
		{"and then 0 is not", `,"restart":"on-failure","success_codes":[3]`, time.Hour, code(0), spawning, spec.Starting},
		{"no delay ever", `,"backoff":{"min":0}`, 0, code(1), spawning, spec.Starting},
		{"a threshold of its own", `,"backoff":{"threshold":10}`, 9 * time.Second, code(1), backoff, spec.Backingoff},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			pid := w.ready("a", `{"args":["x"]`+c.policy+`}`)
			w.pass(c.ran)
			w.die(pid, c.exit)
			s := w.m.services["a"]
			if s.phase != c.phase || w.status["a"].State != c.state {
				t.Errorf("phase %s, state %s; want %s, %s", s.phase, w.status["a"].State, c.phase, c.state)
			}
		})
	}
}

// The delay doubles with each short life, up to its most, and a long life
// forgives. Jitter only lengthens, by a tenth at most.
func TestBackoffGrows(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", `{"args":["x"],"backoff":{"min":1,"max":5}}`)
	s := w.m.services["a"]
	fail := func() time.Duration {
		t.Helper()
		w.die(s.life.pid, exitStatus{code: 1})
		if s.phase != backoff {
			return 0
		}
		return s.due.sub(w.now.mono)
	}
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		want *= time.Second
		got := fail()
		if got < want || got > want+want/10 {
			t.Errorf("delay %d: %v, want %v and at most a tenth more", i, got, want)
		}
		w.toDeadline()
	}
	w.pass(time.Minute)
	if got := fail(); got != 0 {
		t.Errorf("after a long life: delay %v, want none", got)
	}
	w.settle()
	if got := fail(); got < time.Second || got > 1100*time.Millisecond {
		t.Errorf("after a long life and a short one: delay %v, want the first", got)
	}
}

// What a failed spawn leads to depends on whether the service can help it.
func TestAfterNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy string
		class  faultClass
		phase  phase
		most   time.Duration // of the delay
	}{
		{"missing", ``, faultMissing, backoff, 1100 * time.Millisecond},
		{"missing, no delay ever", `,"backoff":{"min":0}`, faultMissing, backoff, spawnFloor},
		{"missing, never", `,"restart":"never"`, faultMissing, down, 0},
		{"missing, on failure", `,"restart":"on-failure"`, faultMissing, backoff, 1100 * time.Millisecond},
		{"out of processes, never", `,"restart":"never"`, faultTransient, backoff, 1100 * time.Millisecond},
		{"being written, never", `,"restart":"never"`, faultBusy, backoff, busyDelay},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.see("a", `{"args":["x"]`+c.policy+`}`)
			w.failOne(fault{"it will not", c.class})
			s := w.m.services["a"]
			if s.phase != c.phase {
				t.Fatalf("phase %s, want %s", s.phase, c.phase)
			}
			if e := w.status["a"].LastExit; e == nil || e.SpawnError != "it will not" {
				t.Errorf("last exit %v, want the spawn error", e)
			}
			if s.phase == backoff && s.due.sub(w.now.mono) > c.most {
				t.Errorf("delay %v, want at most %v", s.due.sub(w.now.mono), c.most)
			}
		})
	}
}

// A stop goes from the stop signal to KILL, and is not over before the life is
// empty.
func TestStop(t *testing.T) {
	stubborn := func(int) bool { return false }
	for _, c := range []struct {
		name string
		stop string
		want []spec.Signal
	}{
		{"usual", ``, []spec.Signal{sigTERM, sigCONT, sigKILL}},
		{"its own signal", `,"stop":{"signal":"INT"}`, []spec.Signal{sigINT, sigCONT, sigKILL}},
		{"no grace", `,"stop":{"grace":0}`, []spec.Signal{sigKILL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.tame = stubborn
			pid := w.ready("a", `{"args":["x"]`+c.stop+`}`)
			w.gone("a")
			w.settle()
			w.toDeadline()
			if diff := cmp.Diff(c.want, w.told[pid]); diff != "" {
				t.Errorf("signals (-want +got):\n%s", diff)
			}
			w.settle()
			if len(w.m.services) > 0 {
				t.Errorf("still there: %v", w.m.services["a"].phase)
			}
		})
	}
}

// What a main process leaves behind is ended before the service starts again.
func TestStoppedMeansEmpty(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.pass(time.Minute)
	id := lifeID{"a", 1}
	rest := process{processID: processID{500, 1}, command: "worker"}
	w.loose[id] = []process{rest}
	w.tame = func(int) bool { return false }
	w.die(pid, exitStatus{code: 1})
	if !slices.Contains(w.told[pid], sigTERM) {
		t.Error("the group was not signalled while the zombie held its number")
	}
	w.count()
	s := w.m.services["a"]
	if s.phase != stopping || w.status["a"].State != spec.Stopping {
		t.Fatalf("phase %s with a worker left, want stopping", s.phase)
	}
	for range 10 { // TERM does nothing; grace passes; KILL
		w.toDeadline()
	}
	if len(w.loose) > 0 {
		t.Fatal("the worker was never killed")
	}
	if s.phase != up || s.generation != 2 {
		t.Errorf("phase %s, generation %d, want the second life up", s.phase, s.generation)
	}
}

// What does not die though it was killed is named in status.
func TestUndyingIsNamed(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.tame = func(int) bool { return false }
	w.gone("a")
	w.pass(5 * time.Second)
	w.dying = nil // not even now
	w.pass(rekill)
	want := []string{fmt.Sprintf("killed and still there: main process %d", pid)}
	if diff := cmp.Diff(want, w.status["a"].Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// scope: main leaves the rest alone, and starts again without waiting for it.
func TestScopeMain(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", `{"args":["x"],"stop":{"scope":"main"}}`)
	w.pass(time.Minute)
	w.loose[lifeID{"a", 1}] = []process{{processID: processID{500, 1}}}
	w.die(pid, exitStatus{})
	w.settle()
	if s := w.m.services["a"]; s.phase != up || len(w.loose) != 1 {
		t.Errorf("phase %s, %d left; want up beside the rest", s.phase, len(w.loose))
	}
}

// stop.command runs first, with the signal after it; grace counts from the
// beginning.
func TestStopCommand(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	pid := w.ready("a", `{"args":["x"],"stop":{"command":["bye"]}}`)
	w.gone("a")
	if len(w.orders) != 1 || w.orders[0].kind != kindStopCommand || w.orders[0].main != pid {
		t.Fatalf("orders %+v, want the stop command", w.orders)
	}
	command := w.answerOne()
	if len(w.told[pid]) > 0 {
		t.Fatalf("signalled %v before the command has ended", w.told[pid])
	}
	w.pass(3 * time.Second)
	w.die(command, exitStatus{code: 1})
	if diff := cmp.Diff([]spec.Signal{sigTERM, sigCONT}, w.told[pid]); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
	w.pass(2 * time.Second)
	if !slices.Contains(w.told[pid], sigKILL) {
		t.Error("not killed at the end of grace")
	}
}

// Changing policy leaves the child alone; changing anything else restarts it.
func TestChange(t *testing.T) {
	for _, c := range []struct {
		name, to string
		restarts bool
	}{
		{"formatting", ` { "args" : [ "web" ] } `, false},
		{"policy", `{"args":["web"],"restart":"never","stop":{"grace":1},"group":["g"]}`, false},
		{"environment", `{"args":["web"],"env":{"A":"1"}}`, true},
		{"an extra", `{"args":["web"],"x.y":1}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			pid := w.ready("a", web)
			w.see("a", c.to)
			w.settle()
			s := w.m.services["a"]
			if got := s.life.pid != pid; got != c.restarts {
				t.Errorf("restarted: %v, want %v", got, c.restarts)
			}
			if s.phase != up {
				t.Errorf("phase %s, want up", s.phase)
			}
		})
	}
}

// A bad file changes nothing but what is said of its service, and is said once.
func TestBadFileHurtsOnlyItself(t *testing.T) {
	w := newWorld(t, testPolicy)
	a, b := w.ready("a", web), w.ready("b", web)
	before := w.status["b"]
	bad := seen{name: "a", problem: &spec.Problem{Line: 1, Column: 2, Message: "args: missing"}}
	w.do(bad)
	st := w.status["a"]
	if st.State != spec.Running || st.PID != a || st.SpecError == nil || st.SpecError.Column != 2 {
		t.Errorf("status %+v, want it running with the problem", st)
	}
	if diff := cmp.Diff(before, w.status["b"]); diff != "" || w.m.services["b"].life.pid != b {
		t.Errorf("the other changed:\n%s", diff)
	}
	n := len(w.events)
	w.do(bad)
	if len(w.events) != n {
		t.Error("told twice")
	}
	w.see("a", web)
	if w.status["a"].SpecError != nil || w.m.services["a"].life.pid != a {
		t.Error("mending it restarted it, or the problem stays")
	}
}

// The same news twice has no second effect.
func TestIdempotent(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", web)
	w.do(seen{name: "a", spec: specOf(t, web)})
	for _, e := range w.last {
		if _, ok := e.(publish); !ok {
			t.Errorf("effect %T %+v", e, e)
		}
	}
}

// A child may be dead before the loop hears that it was born.
func TestExitBeforeStarted(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", `{"args":["x"],"restart":"never"}`)
	w.do(exited{pid: 77}) // somebody's orphan, earlier
	w.do(exited{pid: 101, status: exitStatus{code: 3}})
	o := w.orders[0]
	w.orders = nil
	w.alive[101] = o
	w.do(started{order: o.order, pid: 101})
	w.settle()
	st := w.status["a"]
	if st.State != spec.Exited || st.LastExit == nil || *st.LastExit.Code != 3 {
		t.Errorf("state %s, exit %v; want exited with 3", st.State, st.LastExit)
	}
	if w.m.orphans != 1 {
		t.Errorf("orphans %d, want the other one", w.m.orphans)
	}
}

// An exit that was held before an order was given is not that order's: the pid
// was another process's then.
func TestHeldExitIsNotALaterChilds(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", web) // its order hangs
	w.do(exited{pid: 102})
	w.pass(spawnPatience)
	w.see("b", web)
	b := w.orders[1]
	w.alive[102] = b
	w.do(started{order: b.order, pid: 102})
	if s := w.m.services["b"]; s.phase != up || s.life.pid != 102 {
		t.Errorf("phase %s, want up: the exit was of a stranger with its pid", s.phase)
	}
}

// While a start hangs it is shown, and others start.
func TestHungSpawn(t *testing.T) {
	w := newWorld(t, testPolicy)
	for i := range spawnWindow + 2 {
		w.see(fmt.Sprintf("s%d", i), web)
	}
	if len(w.orders) != spawnWindow {
		t.Fatalf("%d orders, want a window of %d", len(w.orders), spawnWindow)
	}
	hung := w.orders[0]
	w.orders = w.orders[1:]
	w.pass(spawnPatience)
	if !slices.ContainsFunc(w.last, func(e effect) bool { _, ok := e.(relieve); return ok }) {
		t.Fatal("no fresh spawner")
	}
	if st := w.status["s0"]; st.State != spec.Starting || len(st.Warnings) == 0 {
		t.Errorf("status %+v, want a warning", st)
	}
	w.settle()
	for i := 1; i < spawnWindow+2; i++ {
		if s := w.m.services[fmt.Sprintf("s%d", i)]; s.phase != up {
			t.Errorf("%s: %s, want up", s.name, s.phase)
		}
	}
	w.startOrder(hung)
	if st := w.status["s0"]; st.State != spec.Running || len(st.Warnings) != 0 {
		t.Errorf("status %+v, want it running after all", st)
	}
}
