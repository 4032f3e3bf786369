package colony

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const (
	hourly   = `{"args":["x"],"schedule":{"cron":"@hourly"}}`
	retrying = `{"args":["x"],"restart":"on-failure","schedule":{"cron":"@hourly"}}`
	startJob = `{"type":"START","name":"job"}`
)

// wantState checks what is published of a service, and for whom it says to wait.
func (w *world) wantState(name string, want spec.State, waitingFor ...string) {
	w.t.Helper()
	st := w.status[name]
	if st.State != want || !slices.Equal(st.WaitingFor, waitingFor) {
		w.t.Errorf("%s is %s and waits for %q, want %s and %q", name, st.State, st.WaitingFor, want, waitingFor)
	}
}

// run starts a service that is due, and ends it.
func (w *world) run(name string, code int) {
	w.t.Helper()
	w.send(`{"type":"START","name":"` + name + `"}`)
	w.settle()
	pid := w.m.services[name].life.pid
	if pid == 0 {
		w.t.Fatalf("%s does not run", name)
	}
	w.die(pid, exitStatus{code: code})
	w.settle()
}

// A service with a schedule waits for START, before its first run and after each;
// a run that has failed is seen.
func TestScheduled(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", hourly)
	w.settle()
	w.wantState("job", spec.Waiting, scheduler)
	if w.toDeadline() {
		t.Error("something is due of a service that waits for START")
	}
	file := w.send(startJob)
	w.settle()
	w.wantState("job", spec.Running)
	if r := w.result[file]; !r.OK || r.NewPID == 0 {
		t.Errorf("result %+v", r)
	}
	w.die(w.m.services["job"].life.pid, exitStatus{})
	w.settle()
	w.wantState("job", spec.Waiting, scheduler)
	if st := w.status["job"]; st.LastExit == nil || *st.LastExit.Code != 0 {
		t.Errorf("%+v", st)
	}
	w.run("job", 3)
	w.wantState("job", spec.Exited)
	w.run("job", 0)
	w.wantState("job", spec.Waiting, scheduler)
	if w.toDeadline() {
		t.Error("a run that has ended is due again by itself")
	}
}

// With on-failure a failed run is tried again; a START that is due meanwhile is
// one more try, at once.
func TestScheduledRetries(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", retrying)
	w.run("job", 1)
	w.wantState("job", spec.Backingoff)
	w.toDeadline()
	w.wantState("job", spec.Running)
	w.die(w.m.services["job"].life.pid, exitStatus{code: 1})
	w.wantState("job", spec.Backingoff)
	w.run("job", 0)
	w.wantState("job", spec.Waiting, scheduler)
}

// STOP holds it until START, also one that runs.
func TestScheduledStops(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", hourly)
	w.send(`{"type":"STOP","name":"job"}`)
	w.wantState("job", spec.Stopped)
	w.send(startJob)
	w.settle()
	w.wantState("job", spec.Running)
	w.send(`{"type":"STOP","name":"job"}`)
	w.settle()
	w.wantState("job", spec.Stopped)
	w.run("job", 0)
	w.wantState("job", spec.Waiting, scheduler)
}

// What is meant for many is not for what waits until it is due.
func TestScheduledIsNotOfMany(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", `{"args":["x"],"group":["g"],"schedule":{"every":60}}`)
	w.ready("web", `{"args":["x"],"group":["g"]}`)
	for _, text := range []string{`{"type":"RESTART-ALL"}`, `{"type":"RESTART-GROUP","group":"g"}`} {
		w.send(text)
		w.settle()
		w.wantState("job", spec.Waiting, scheduler)
	}
	w.send(`{"type":"RESTART","name":"job"}`)
	w.settle()
	w.wantState("job", spec.Running)
}

// What comes after a job with a schedule starts when that has ended well, and
// goes on while it runs again; it goes down with what it requires when a run has
// failed, and comes back.
func TestAfterScheduled(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(scanned{})
	w.see("job", retrying)
	w.see("web", needing("", "job"))
	w.see("strict", needing("job", ""))
	w.settle()
	w.wantState("web", spec.Waiting, "job")
	w.wantState("strict", spec.Waiting, "job")
	const why = `"job" has not run yet: it waits until it is due`
	if got := w.status["strict"].Reason; got != why {
		t.Errorf("it is down since %s, want %s", got, why)
	}
	asked := w.send(`{"type":"RESTART","name":"strict"}`) // who has asked need not wait for the hour
	w.settle()
	if r := w.result[asked]; r.Finished == nil || r.Error != "waits: "+why {
		t.Errorf("a restart meanwhile: %+v", r)
	}
	w.send(startJob)
	w.settle()
	w.wantState("web", spec.Waiting, "job")
	w.die(w.m.services["job"].life.pid, exitStatus{})
	w.settle()
	w.wantState("web", spec.Running)
	w.wantState("strict", spec.Running)
	w.send(startJob)
	w.settle()
	w.wantState("web", spec.Running)
	w.wantState("strict", spec.Running)
	w.see("job", hourly) // taken live: now it is not tried again
	w.wantState("job", spec.Running)
	w.die(w.m.services["job"].life.pid, exitStatus{code: 1})
	w.settle()
	w.wantState("job", spec.Exited)
	w.wantState("web", spec.Running)
	w.wantState("strict", spec.Failed, "job")
	w.run("job", 0)
	w.wantState("strict", spec.Running)
}

// A schedule comes and goes live.
func TestScheduleChanges(t *testing.T) {
	const after, changed = `{"args":["x"]}`, `{"args":["y"],"schedule":{"cron":"@hourly"}}`
	for name, c := range map[string]struct {
		before string
		first  func(w *world)
		after  string
		want   spec.State
		waits  []string
		lives  uint64
	}{
		"another one":                   {hourly, nil, `{"args":["x"],"schedule":{"every":60}}`, spec.Waiting, []string{scheduler}, 0},
		"one for a service that runs":   {after, nil, hourly, spec.Running, nil, 1},
		"none, before the first run":    {hourly, nil, after, spec.Running, nil, 1},
		"none for a job":                {hourly, nil, `{"args":["x"],"restart":"never"}`, spec.Running, nil, 1},
		"none for a job that has run":   {hourly, func(w *world) { w.run("job", 0) }, `{"args":["x"],"restart":"never"}`, spec.Exited, nil, 1},
		"none for one that has run":     {hourly, func(w *world) { w.run("job", 0) }, after, spec.Running, nil, 2},
		"always for one that has run":   {hourly, func(w *world) { w.run("job", 1) }, `{"args":["x"],"restart":"always","schedule":{"every":60}}`, spec.Exited, nil, 1},
		"another program, between runs": {hourly, func(w *world) { w.run("job", 0) }, changed, spec.Waiting, []string{scheduler}, 1},
		"another program, in a run":     {hourly, func(w *world) { w.send(startJob); w.settle() }, changed, spec.Running, nil, 2},
		"one for a service in backoff":  {after, func(w *world) { w.crash("job") }, hourly, spec.Exited, nil, 1},
		"one for a stopped service":     {after, func(w *world) { w.send(`{"type":"STOP","name":"job"}`); w.settle() }, hourly, spec.Stopped, nil, 1},
		"removed and come back":         {hourly, func(w *world) { w.run("job", 1); w.gone("job") }, hourly, spec.Waiting, []string{scheduler}, 1},
		"one that has reached its limit": {`{"args":["x"],"restart":"on-failure","limit":{"restarts":0,"within":60},"schedule":{"every":60}}`,
			func(w *world) { w.run("job", 1) }, hourly, spec.Exited, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.see("job", c.before)
			w.settle()
			if c.first != nil {
				c.first(w)
			}
			w.see("job", c.after)
			w.settle()
			w.wantState("job", c.want, c.waits...)
			if got := w.m.services["job"].generation; got != c.lives {
				t.Errorf("%d lives, want %d", got, c.lives)
			}
		})
	}
}

// A START that waits for something else is answered when the service gets a
// schedule instead.
func TestScheduleWhileStartWaits(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("db", notifies)
	w.see("job", `{"args":["x"],"after":["db"]}`)
	file := w.send(startJob)
	w.settle()
	w.see("job", `{"args":["x"],"after":["db"],"schedule":{"every":60}}`)
	w.settle()
	w.wantState("job", spec.Waiting, scheduler)
	if r := w.result[file]; r.OK || r.Error != "it has a schedule now, and waits until it is due" {
		t.Errorf("result %+v", r)
	}
}

// A run that somebody has asked for waits for what the service comes after.
func TestScheduledComesAfter(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("db", notifies)
	w.see("job", `{"args":["x"],"after":["db"],"schedule":{"every":60}}`)
	w.settle()
	w.wantState("job", spec.Waiting, scheduler)
	file := w.send(startJob)
	w.settle()
	w.wantState("job", spec.Waiting, "db")
	w.notify("db", "READY=1")
	w.settle()
	w.wantState("job", spec.Running)
	if r := w.result[file]; !r.OK {
		t.Errorf("result %+v", r)
	}
}

// A supervisor that was killed is followed by one that runs nothing at once that
// was waiting, and loses no run that was asked for.
func TestScheduledIsResumed(t *testing.T) {
	ended := &spec.Exit{Code: new(int)}
	one := 1
	failed := &spec.Exit{Code: &one}
	digest := specOf(t, retrying).Digest()
	for name, c := range map[string]struct {
		past  spec.Status
		cold  bool
		want  spec.State
		waits []string
		runs  bool
	}{
		"never run":            {past: spec.Status{State: spec.Waiting, WaitingFor: []string{scheduler}}, want: spec.Waiting, waits: []string{scheduler}},
		"run well":             {past: spec.Status{State: spec.Waiting, WaitingFor: []string{scheduler}, LastExit: ended}, want: spec.Waiting, waits: []string{scheduler}},
		"run and failed":       {past: spec.Status{State: spec.Exited, LastExit: failed}, want: spec.Exited},
		"its limit reached":    {past: spec.Status{State: spec.Failed, LastExit: failed}, want: spec.Failed},
		"about to be forked":   {past: spec.Status{State: spec.Starting}, runs: true, want: spec.Running},
		"waited for another":   {past: spec.Status{State: spec.Waiting, WaitingFor: []string{"db"}}, runs: true, want: spec.Running},
		"about to be retried":  {past: spec.Status{State: spec.Backingoff, LastExit: failed}, runs: true, want: spec.Running},
		"ended unseen":         {past: spec.Status{State: spec.Running, PID: 7}, want: spec.Waiting, waits: []string{scheduler}},
		"going down":           {past: spec.Status{State: spec.Stopped}, want: spec.Waiting, waits: []string{scheduler}},
		"of an earlier boot":   {past: spec.Status{State: spec.Starting}, cold: true, want: spec.Waiting, waits: []string{scheduler}},
		"of another spec":      {past: spec.Status{State: spec.Starting, SpecSHA256: specOf(t, hourly).Digest()}, want: spec.Waiting, waits: []string{scheduler}},
		"with a broken spec":   {past: spec.Status{State: spec.Invalid, SpecSHA256: "-"}, want: spec.Waiting, waits: []string{scheduler}},
		"none of it was known": {past: spec.Status{Name: "other", State: spec.Exited}, want: spec.Waiting, waits: []string{scheduler}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			if c.past.Name == "" {
				c.past.Name = "job"
			}
			if c.past.SpecSHA256 == "" {
				c.past.SpecSHA256 = digest
			}
			w.m.resume(nil, []spec.Status{c.past}, 4, !c.cold)
			w.rebirth = true
			w.see("job", retrying)
			w.settle()
			w.wantState("job", c.want, c.waits...)
			if runs := w.m.services["job"].life.pid != 0; runs != c.runs {
				t.Errorf("runs: %v, want %v", runs, c.runs)
			}
		})
	}
}

// What is left of the delay of a run that is tried again goes on.
func TestScheduledRetryIsResumed(t *testing.T) {
	w := newWorld(t, testPolicy)
	one := 1
	at := w.now.wall.Add(3 * time.Second)
	w.m.resume(nil, []spec.Status{{Name: "job", State: spec.Backingoff, LastExit: &spec.Exit{Code: &one, At: w.now.wall.Add(-time.Second)}, NextStart: &at,
		SpecSHA256: specOf(t, retrying).Digest()}}, 4, true)
	w.see("job", retrying)
	w.settle()
	w.wantState("job", spec.Backingoff)
	w.toDeadline()
	w.wantState("job", spec.Running)
}

// What was about to run does so when its spec is good again, whatever happens to
// the supervisor until then.
func TestScheduledIsResumedLater(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(nil, []spec.Status{{Name: "job", State: spec.Starting, SpecSHA256: specOf(t, hourly).Digest()}}, 4, true)
	w.rebirth = true
	w.do(seen{name: "job", problem: &spec.Problem{Message: "cannot be read"}})
	w.see("job", hourly)
	w.settle()
	w.wantState("job", spec.Running)
}

// That a job it comes after has failed is told when it is to run, and not before.
func TestScheduledAfterFailedJob(t *testing.T) {
	w := newWorld(t, testPolicy)
	first := w.ready("first", `{"args":["x"],"restart":"never"}`)
	w.die(first, exitStatus{code: 1})
	w.see("job", `{"args":["x"],"after":["first"],"schedule":{"every":60}}`)
	w.settle()
	w.wantState("job", spec.Waiting, scheduler)
	w.send(startJob)
	w.settle()
	w.wantState("job", spec.Failed, "first")
}

// When the colony ends it is stopped like any other that waits.
func TestScheduledDrains(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("job", hourly)
	w.see("done", hourly)
	w.run("done", 0)
	pid := w.ready("web", web)
	w.tame = func(int) bool { return false }
	w.do(signalled{sigTERM})
	w.wantState("job", spec.Stopped)
	w.wantState("done", spec.Stopped)
	w.die(pid, exitStatus{})
	w.settle()
	for w.exit == nil && w.toDeadline() {
	}
	if w.exit == nil || *w.exit != 0 {
		t.Errorf("exit %v", w.exit)
	}
}

// @schedule runs while a spec has a schedule, says so in the status of those that
// it starts, and its failure to start is told there.
func TestSchedulerIsNeeded(t *testing.T) {
	p := testPolicy
	w := newWorld(t, p)
	w.see("job", hourly)
	want := []string{"helpers are off: its schedule starts it only if you run `ncolony schedule`"}
	if diff := cmp.Diff(want, w.status["job"].Warnings); diff != "" {
		t.Error(diff)
	}

	p.helpers = map[string]*spec.Spec{scheduler: helperSpec([]string{"s"}), heartcheck: helperSpec([]string{"h"})}
	w = newWorld(t, p)
	w.see("web", web)
	w.see("job", hourly)
	if diff := cmp.Diff([]string{"web", scheduler}, w.ordered()); diff != "" {
		t.Fatal(diff)
	}
	w.answerOne()
	w.failOne(fault{"no such program", faultMissing})
	want = []string{"its helper @schedule does not start: no such program"}
	if diff := cmp.Diff(want, w.status["job"].Warnings); diff != "" {
		t.Error(diff)
	}
	w.toDeadline()
	if st := w.status["job"]; len(st.Warnings) > 0 || !st.Watched.Schedule || w.status["web"].Watched.Schedule {
		t.Errorf("%+v", st)
	}
	w.see("job", web)
	w.settle()
	if w.m.services[scheduler] != nil {
		t.Error("@schedule goes on, and nobody needs it")
	}
}
