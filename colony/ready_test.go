package colony

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// One that does not become ready in time has failed: it is stopped, and started
// again after a delay, though it has run for long.
func TestNotReadyInTime(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", notifies)
	w.settle()
	pid := w.m.services["a"].life.pid
	file := w.send(`{"type":"START","name":"a"}`)
	w.pass(time.Minute)
	if !slices.Contains(w.told[pid], sigTERM) {
		t.Errorf("told %v", w.told[pid])
	}
	w.die(pid, exitStatus{})
	st := w.status["a"]
	if st.State != spec.Backingoff || st.LastExit.String() != "exit 0, not ready after 1m0s" {
		t.Errorf("%s, %s", st.State, st.LastExit)
	}
	if r := w.result[file]; r.OK || r.Finished == nil {
		t.Errorf("START was answered with %+v", r)
	}
}

// A policy that restarts only failures takes it for one.
func TestUnreadyIsAFailure(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", `{"args":["x"],"restart":"on-failure","ready":{"fd":3,"timeout":5}}`)
	w.settle()
	w.pass(5 * time.Second)
	w.die(w.m.services["a"].life.pid, exitStatus{})
	w.wantStates(map[string]spec.State{"a": spec.Backingoff})
}

// The deadline of one life is not that of the next, and what an old life says
// does not count.
func TestReadinessIsOfALife(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", notifies)
	w.settle()
	old := w.m.services["a"].lifeID()
	w.pass(59 * time.Second)
	w.die(w.m.services["a"].life.pid, exitStatus{code: 1})
	w.toDeadline()
	w.wantStates(map[string]spec.State{"a": spec.Starting})
	w.pass(30 * time.Second)
	w.wantStates(map[string]spec.State{"a": spec.Starting})
	w.do(notified{old, notification{ready: true}})
	w.wantStates(map[string]spec.State{"a": spec.Starting})
	file := w.send(`{"type":"READY","name":"a","generation":1}`)
	if r := w.result[file]; r.OK || r.Error != "another life" {
		t.Errorf("%+v", r)
	}
	file = w.send(`{"type":"READY","name":"a","generation":2}`)
	if r := w.result[file]; !r.OK {
		t.Errorf("%+v", r)
	}
	w.wantStates(map[string]spec.State{"a": spec.Running})
	w.pass(time.Hour)
	w.wantStates(map[string]spec.State{"a": spec.Running})
}

// READY may come before the news of the start, and before a death that comes
// first.
func TestReadyBeforeStarted(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", notifies)
	w.notify("a", "READY=1")
	w.answerOne()
	w.wantStates(map[string]spec.State{"a": spec.Running})
}

// A restart is done when the new life is ready.
func TestRestartWaitsForReady(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", notifies)
	w.settle()
	w.notify("a", "READY=1")
	file := w.send(`{"type":"RESTART","name":"a"}`)
	w.settle()
	if r := w.result[file]; r.Finished != nil {
		t.Fatalf("answered before it is ready: %+v", r)
	}
	w.notify("a", "READY=1")
	if r := w.result[file]; !r.OK || r.NewPID == 0 {
		t.Errorf("%+v", r)
	}
	file = w.send(`{"type":"RESTART","name":"a"}`)
	w.settle()
	w.die(w.m.services["a"].life.pid, exitStatus{code: 7})
	if r := w.result[file]; r.OK || r.Error != "ended before it was ready: exit 7" {
		t.Errorf("%+v", r)
	}
}

// EXTEND_TIMEOUT_USEC, RELOADING, STOPPING, MAINPID.
func TestNotifications(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", notifies)
	w.settle()
	pid := w.m.services["a"].life.pid
	w.pass(59 * time.Second)
	w.notify("a", "EXTEND_TIMEOUT_USEC=120000000")
	w.pass(119 * time.Second)
	w.wantStates(map[string]spec.State{"a": spec.Starting})
	w.notify("a", "READY=1\nMAINPID=7")
	if st := w.status["a"]; len(st.Warnings) != 1 || st.PID != pid {
		t.Errorf("%+v", st)
	}
	w.notify("a", "RELOADING=1")
	if st := w.status["a"]; !st.Reloading || !st.Ready {
		t.Errorf("%+v", st)
	}
	w.notify("a", "READY=1")
	if st := w.status["a"]; st.Reloading {
		t.Errorf("%+v", st)
	}
	w.notify("a", "STOPPING=1")
	w.wantStates(map[string]spec.State{"a": spec.Stopping})
	w.pass(4 * time.Second)
	w.notify("a", "EXTEND_TIMEOUT_USEC=10000000")
	w.pass(9 * time.Second)
	if len(w.told[pid]) > 0 {
		t.Errorf("told %v", w.told[pid])
	}
	w.pass(time.Second)
	if !slices.Contains(w.told[pid], sigTERM) {
		t.Errorf("told %v", w.told[pid])
	}
}

// One that misses its watchdog is asked what it does, and then stopped.
func TestWatchdog(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	pid := w.ready("a", `{"args":["x"],"watchdog":10,"stop":{"dump":"ABRT"}}`)
	for range 5 {
		w.pass(9 * time.Second)
		w.notify("a", "WATCHDOG=1")
	}
	if len(w.told[pid]) > 0 {
		t.Fatalf("told %v", w.told[pid])
	}
	w.pass(10 * time.Second)
	abrt, _ := spec.ParseSignal("ABRT")
	if !slices.Equal(w.told[pid], []spec.Signal{abrt, sigCONT}) {
		t.Errorf("told %v", w.told[pid])
	}
	w.pass(2 * time.Second)
	if !slices.Contains(w.told[pid], sigTERM) {
		t.Errorf("told %v after the dump", w.told[pid])
	}
	w.pass(3 * time.Second) // grace counts from the beginning
	if !slices.Contains(w.told[pid], sigKILL) {
		t.Errorf("told %v at the end of grace", w.told[pid])
	}
	w.settle()
	if got, want := w.status["a"].LastExit.String(), "signal KILL, no WATCHDOG=1 for 10s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// It may hurry that up, and change the time.
	w.toDeadline()
	w.notify("a", "WATCHDOG_USEC=1000000")
	w.pass(time.Second)
	w.wantStates(map[string]spec.State{"a": spec.Stopping})
	w.pass(time.Minute)
	w.settle()
	w.toDeadline()
	w.notify("a", "WATCHDOG=trigger")
	w.wantStates(map[string]spec.State{"a": spec.Stopping})
}

// A supervisor that did not run itself blames nobody.
func TestWatchdogAfterOurOwnPause(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", `{"args":["x"],"watchdog":1}`)
	w.pass(time.Hour)
	if len(w.told[pid]) > 0 {
		t.Errorf("told %v", w.told[pid])
	}
	w.toDeadline()
	if len(w.told[pid]) == 0 {
		t.Error("it hangs, and nothing is done")
	}
}

// A helper that hangs, whichever it is, is shown to do so as long as it cannot be
// ended, and is replaced.
func TestHelperHangs(t *testing.T) {
	for name, keys := range map[string]string{
		heartcheck: `"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}`,
		prober:     `"ncolony.httpcheck":{"url":"http://localhost/","period":1}`,
		scheduler:  `"schedule":{"every":60}`,
		logger:     `"log":{}`,
	} {
		p := testPolicy
		p.helpers = map[string]*spec.Spec{name: helperSpec([]string{"h"})}
		w := newWorld(t, p)
		w.see("a", `{"args":["x"],`+keys+`}`)
		w.settle()
		watched := func(want bool) {
			t.Helper()
			if got := w.status["a"].Watched != (spec.Watched{}); got != want {
				t.Errorf("%s: watched %v, want %v", name, w.status["a"].Watched, want)
			}
			if warns := slices.Contains(w.status["a"].Warnings, "its helper "+name+" does not work now"); warns == want {
				t.Errorf("%s: warnings %q", name, w.status["a"].Warnings)
			}
			if why := w.m.degraded[name]; (why == "") != want || !want && !strings.HasPrefix(why, "it hangs, and does not do its work: no WATCHDOG=1 for") {
				t.Errorf("%s: degraded %q", name, why)
			}
		}
		first := w.m.services[name].life.pid
		for range 5 {
			w.pass(10 * time.Second)
			w.notify(name, "WATCHDOG=1")
		}
		if len(w.told[first]) > 0 {
			t.Fatalf("%s: told %v", name, w.told[first])
		}
		watched(true)
		w.pass(helperWatchdog.D())
		watched(false)
		w.settle()
		w.toDeadline()
		if now := w.m.services[name].life.pid; now == first || now == 0 || len(w.told[first]) == 0 {
			t.Errorf("%s: it was pid %d, and is pid %d", name, first, now)
		}
		watched(true)
	}
}
