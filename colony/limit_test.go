package colony

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const limited3 = `{"args":["x"],"backoff":{"min":0},"limit":{"restarts":3,"within":60`

// crash has the current life of a service end by itself.
func (w *world) crash(name string) {
	w.t.Helper()
	w.die(w.m.services[name].life.pid, exitStatus{code: 3})
	w.settle()
}

// So many restarts are well, one more is too many; what is long ago is forgotten.
func TestLimit(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", limited3+`}}`)
	for range 3 {
		w.crash("a")
		w.pass(10 * time.Second)
	}
	if got := len(w.status["a"].Failures); got != 3 {
		t.Errorf("%d failures in status", got)
	}
	w.pass(31 * time.Second) // the first is 61 s ago
	w.crash("a")
	w.wantStates(map[string]spec.State{"a": spec.Running})
	w.crash("a")
	w.wantStates(map[string]spec.State{"a": spec.Failed})
	if got, want := w.status["a"].Reason, "more than 3 restarts within 1m0s; the last time: exit 3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	w.pass(time.Hour)
	w.wantStates(map[string]spec.State{"a": spec.Failed})
	file := w.send(`{"type":"RESTART","name":"a"}`)
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Running})
	if r := w.result[file]; !r.OK || len(w.status["a"].Failures) != 0 {
		t.Errorf("%+v, %v", r, w.status["a"].Failures)
	}
}

// Restarts that somebody asked for are no failures.
func TestLimitCountsFailuresOnly(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", limited3+`}}`)
	for range 10 {
		w.send(`{"type":"RESTART","name":"a"}`)
		w.settle()
	}
	w.wantStates(map[string]spec.State{"a": spec.Running})
}

func TestLimitThenRetry(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", limited3+`,"then":{"retry":"10m"}}}`)
	for range 4 {
		w.crash("a")
	}
	st := w.status["a"]
	if st.State != spec.Failed || st.NextStart == nil || !st.NextStart.Equal(w.now.wall.Add(10*time.Minute)) {
		t.Errorf("%+v", st)
	}
	w.pass(10 * time.Minute)
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Running})
	for range 3 { // it begins anew
		w.crash("a")
	}
	w.wantStates(map[string]spec.State{"a": spec.Running})
}

func TestLimitThenShutdown(t *testing.T) {
	for code, want := range map[int]int{3: 3, 0: 1} {
		w := newWorld(t, testPolicy)
		w.ready("b", web)
		w.ready("a", limited3+`,"then":"shutdown"}}`)
		for range 4 {
			w.die(w.m.services["a"].life.pid, exitStatus{code: code})
			w.settle()
		}
		for w.exit == nil && w.toDeadline() {
		}
		if w.exit == nil || *w.exit != want {
			t.Errorf("after exits with %d: exit %v, want %d", code, w.exit, want)
		}
	}
}

// A main that fails ends the colony.
func TestLimitOfMain(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", `{"args":["x"],"main":true,"restart":"always","backoff":{"min":0},"limit":{"restarts":1,"within":60}}`)
	w.crash("a")
	w.crash("a")
	for w.exit == nil && w.toDeadline() {
	}
	if w.exit == nil || *w.exit != 3 {
		t.Errorf("exit %v", w.exit)
	}
}

// A limit goes on across a resumption, and an edit begins anew.
func TestLimitIsKept(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", limited3+`}}`)
	for range 3 {
		w.crash("a")
		w.pass(time.Second)
	}
	again := newWorld(t, testPolicy)
	again.now = w.now
	again.m.now = w.now
	again.m.resume(nil, []spec.Status{w.status["a"]}, 0, true)
	again.ready("a", limited3+`}}`)
	again.crash("a")
	again.wantStates(map[string]spec.State{"a": spec.Failed})
	third := newWorld(t, testPolicy)
	third.now = again.now
	third.m.now = again.now
	third.m.resume(nil, []spec.Status{again.status["a"]}, 0, true)
	third.see("a", limited3+`}}`)
	third.settle()
	third.wantStates(map[string]spec.State{"a": spec.Failed})
	if diff := cmp.Diff(again.status["a"].Reason, third.status["a"].Reason); diff != "" {
		t.Error(diff)
	}
	third.see("a", limited3+`,"then":"fail"}}`)
	third.settle()
	third.wantStates(map[string]spec.State{"a": spec.Running})
}
