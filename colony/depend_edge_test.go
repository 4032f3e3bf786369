package colony

import (
	"slices"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A restart that was asked for, or a changed spec, does not end a service before
// those that have to stop before it do.
func TestRestartKeepsOrder(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	db := w.ready("db", web)
	pid := w.ready("api", needing("db", ""))
	w.do(signalled{sigTERM})
	w.see("db", `{"args":["another"]}`)
	if len(w.told[db]) > 0 {
		t.Errorf("told %v while api runs", w.told[db])
	}
	w.die(pid, exitStatus{})
	if !slices.Contains(w.told[db], sigTERM) {
		t.Errorf("told %v", w.told[db])
	}
}

// START takes back a STOP that waits for others to stop first, and does not pass
// for done before.
func TestStartTakesBackAWaitingStop(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	db := w.ready("db", web)
	api := w.ready("api", needing("db", ""))
	stop := w.send(`{"type":"STOP","name":"db"}`)
	start := w.send(`{"type":"START","name":"db"}`)
	if w.m.services["db"].stopped != nil || !w.result[start].OK || w.result[stop].OK {
		t.Errorf("stopped %v; %+v, %+v", w.m.services["db"].stopped, w.result[start], w.result[stop])
	}
	w.die(api, exitStatus{})
	w.settle()
	w.wantStates(map[string]spec.State{"db": spec.Running, "api": spec.Running})
	if len(w.told[db]) > 0 {
		t.Errorf("told %v", w.told[db])
	}
}

// So does a file that is removed and comes back; and the STOP is answered.
func TestFileTakesBackAWaitingStop(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("db", web)
	w.see("api", needing("db", ""))
	stop := w.send(`{"type":"STOP","name":"db"}`)
	w.gone("db")
	w.see("db", web)
	w.settle()
	w.wantStates(map[string]spec.State{"db": spec.Running, "api": spec.Running})
	if r := w.result[stop]; r.Finished == nil || r.OK {
		t.Errorf("%+v", r)
	}
}

// A RESTART of one that has to wait leaves nothing behind.
func TestRestartOfOneThatWaits(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(scanned{})
	w.see("api", needing("db", ""))
	file := w.send(`{"type":"RESTART","name":"api"}`)
	if r := w.result[file]; r.Error != `waits: there is no service "db"` || w.m.services["api"].restart {
		t.Errorf("%+v", r)
	}
}

// A start that hangs keeps nobody from stopping.
func TestHungStartLetsOthersStop(t *testing.T) {
	w := newWorld(t, testPolicy)
	db := w.ready("db", web)
	w.see("api", needing("db", ""))
	w.send(`{"type":"STOP","name":"db"}`)
	if len(w.told[db]) > 0 {
		t.Errorf("told %v while api is being started", w.told[db])
	}
	w.pass(spawnPatience)
	if !slices.Contains(w.told[db], sigTERM) {
		t.Errorf("told %v", w.told[db])
	}
}

// What a status says of others changes with them.
func TestReasonsAreNew(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("app", needing("", "migrate"))
	w.die(w.ready("migrate", `{"args":["x"],"restart":"never"}`), exitStatus{code: 3})
	w.wantStates(map[string]spec.State{"migrate": spec.Exited, "app": spec.Failed})
	w.send(`{"type":"STOP","name":"migrate"}`)
	w.wantStates(map[string]spec.State{"migrate": spec.Stopped, "app": spec.Waiting})
	if got := w.status["app"].Reason; got != `"migrate" is stopped` {
		t.Errorf("reason %q", got)
	}
	w.do(seen{name: "db", problem: &spec.Problem{Message: "bad"}})
	w.see("api", needing("db", ""))
	if got := w.status["api"].Reason; got != `"db" has no good spec` {
		t.Errorf("reason %q", got)
	}
	w.see("db", notifies)
	if got := w.status["api"].Reason; got != "" {
		t.Errorf("reason %q", got)
	}
}

// Members of a cycle that are removed do not wait for each other to stop.
func TestRemovedCycle(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", `{"args":["x"]}`)
	w.ready("b", needing("a", ""))
	w.see("a", needing("b", ""))
	w.do(scanned{})
	w.wantStates(map[string]spec.State{"a": spec.Running, "b": spec.Running})
	w.gone("a")
	w.gone("b")
	w.do(scanned{})
	w.pass(tangleDelay)
	w.settle()
	w.wantStates(map[string]spec.State{})
	w.ready("a", `{"args":["x"]}`)
	w.see("a", needing("a", ""))
	w.gone("a")
	w.pass(tangleDelay)
	w.settle()
	w.wantStates(map[string]spec.State{})
}

// One that is removed before the whole directory was looked at is known to be
// gone: those that require it stop, and it does.
func TestRemovedBeforeTheScan(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("db", web)
	w.ready("api", needing("db", ""))
	w.gone("db")
	w.settle()
	w.wantStates(map[string]spec.State{"api": spec.Waiting})
}

// A service that has never run is no member of a cycle that goes on, though a
// status of it has been left.
func TestNeverRunIsRemembered(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(nil, []spec.Status{{Name: "a", State: spec.Waiting}, {Name: "b", State: spec.Stopped, Generation: 3, LastExit: &spec.Exit{}}}, 3, true)
	w.see("a", needing("a", ""))
	w.see("b", needing("b", ""))
	w.do(scanned{})
	w.settle()
	w.wantStates(map[string]spec.State{"a": spec.Invalid, "b": spec.Running})
	if got := w.status["a"].Restarts; got != 0 {
		t.Errorf("%d restarts", got)
	}
}

// A request for one that waits for what waits in vain is answered.
func TestWaitsInVain(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(scanned{})
	w.see("api", needing("", "db"))
	w.see("web", needing("", "api"))
	file := w.send(`{"type":"START","name":"web"}`)
	if got := w.result[file].Error; got != `waits: "api" waits for what does not come by itself` {
		t.Errorf("%q", got)
	}
}

// What runs goes on though it is to come after a job that has failed, by an edit
// that changes no process; and so does what requires it, until it ends.
func TestComesAfterAFailedJobNow(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(scanned{})
	w.die(w.ready("job", `{"args":["x"],"restart":"never"}`), exitStatus{code: 3})
	db := w.ready("db", `{"args":["x"]}`)
	w.see("api", needing("db", ""))
	w.settle()
	w.see("db", needing("", "job"))
	w.settle()
	w.wantStates(map[string]spec.State{"job": spec.Exited, "db": spec.Running, "api": spec.Running})
	if got := w.status["api"].Generation; got != 1 {
		t.Errorf("api is at generation %d: it was restarted", got)
	}
	w.die(db, exitStatus{code: 1})
	w.settle()
	w.pass(time.Minute)
	w.settle()
	w.wantStates(map[string]spec.State{"job": spec.Exited, "db": spec.Failed, "api": spec.Waiting})
}

// A request is answered though the life that it has brought about was not to go
// on, and has ended by itself.
func TestEndsBeforeItIsAnswered(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(scanned{})
	w.die(w.ready("a", `{"args":["x"],"restart":"on-failure"}`), exitStatus{})
	file := w.send(`{"type":"RESTART","name":"a"}`)
	w.see("a", `{"args":["x"],"restart":"on-failure","requires":["db"]}`)
	o := w.orders[0]
	w.orders = nil
	w.do(exited{pid: 999, alone: true})
	w.do(started{order: o.order, pid: 999})
	w.settle()
	if r := w.result[file]; r.OK || r.Error != "it has ended: exit 0" {
		t.Errorf("%+v", r)
	}
}
