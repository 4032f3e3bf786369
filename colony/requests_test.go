package colony

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Each request, against a service in each condition: is it well, and what does
// its result say?
func TestRequests(t *testing.T) {
	never := `{"args":["x"],"restart":"never"}`
	run := func(w *world) { w.ready("a", web) }
	stopped := func(w *world) { run(w); w.send(`{"type":"STOP","name":"a"}`); w.settle() }
	exited := func(w *world) { w.die(w.ready("a", never), exitStatus{}) }
	waiting := func(w *world) { w.die(w.ready("a", web), exitStatus{code: 1}) }
	invalid := func(w *world) { w.do(seen{name: "a", problem: &spec.Problem{Message: "no"}}) }
	for _, c := range []struct {
		name   string
		given  func(*world)
		text   string
		ok     bool
		error  string
		olds   bool // there is an old pid
		news   bool // there is a new one, another
		finish spec.State
	}{
		{"restart", run, `{"type":"RESTART","name":"a"}`, true, "", true, true, spec.Running},
		{"restart a stopped one", stopped, `{"type":"RESTART","name":"a"}`, true, "", false, true, spec.Running},
		{"restart an exited one", exited, `{"type":"RESTART","name":"a"}`, true, "", false, true, spec.Running},
		{"restart one in backoff", waiting, `{"type":"RESTART","name":"a"}`, true, "", false, true, spec.Running},
		{"restart an invalid one", invalid, `{"type":"RESTART","name":"a"}`, false, "no good spec: no", false, false, spec.Invalid},
		{"restart nobody", run, `{"type":"RESTART","name":"b"}`, false, `no such service: "b"`, false, false, ""},
		{"restart this life", run, `{"type":"RESTART","name":"a","generation":1}`, true, "", true, true, spec.Running},
		{"restart another life", run, `{"type":"RESTART","name":"a","generation":2}`, false, "another life", false, false, spec.Running},
		{"restart another pid", run, `{"type":"RESTART","name":"a","pid":5}`, false, "another life", false, false, spec.Running},
		{"restart a life that is over", waiting, `{"type":"RESTART","name":"a","generation":1}`, false, "another life", false, false, spec.Backingoff},
		{"stop", run, `{"type":"STOP","name":"a"}`, true, "", true, false, spec.Stopped},
		{"stop a stopped one", stopped, `{"type":"STOP","name":"a"}`, true, "", false, false, spec.Stopped},
		{"stop one in backoff", waiting, `{"type":"STOP","name":"a"}`, true, "", false, false, spec.Stopped},
		{"start a stopped one", stopped, `{"type":"START","name":"a"}`, true, "", false, true, spec.Running},
		{"start a running one", run, `{"type":"START","name":"a"}`, true, "", false, false, spec.Running},
		{"start one in backoff", waiting, `{"type":"START","name":"a"}`, true, "", false, true, spec.Running},
		{"signal", run, `{"type":"SIGNAL","name":"a","signal":"USR1"}`, true, "", true, false, spec.Running},
		{"signal a stopped one", stopped, `{"type":"SIGNAL","name":"a","signal":"USR1"}`, false, "not running", false, false, spec.Stopped},
		{"rescan", run, `{"type":"RESCAN"}`, true, "", false, false, ""},
		{"ready", run, `{"type":"READY","name":"a"}`, true, "", true, false, spec.Running},
		{"ready, and stopped", stopped, `{"type":"READY","name":"a"}`, false, "not running", false, false, spec.Stopped},
		{"no such group", run, `{"type":"RESTART-GROUP","group":"g"}`, false, `no such group: "g"`, false, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			c.given(w)
			w.tame = func(int) bool { return true }
			before := 0
			if s := w.m.services["a"]; s != nil {
				before = s.life.pid
			}
			file := w.send(c.text)
			w.settle()
			r, done := w.result[file]
			if !done {
				t.Fatal("no result")
			}
			if r.OK != c.ok || r.Error != c.error || r.Finished == nil {
				t.Errorf("result %+v, want ok %v, error %q", r, c.ok, c.error)
			}
			if (r.OldPID != 0) != c.olds {
				t.Errorf("old pid %d, had %d", r.OldPID, before)
			}
			if c.news && (r.NewPID == 0 || r.NewPID == before) {
				t.Errorf("new pid %d, had %d", r.NewPID, before)
			}
			if c.finish != "" && w.status["a"].State != c.finish {
				t.Errorf("state %s, want %s", w.status["a"].State, c.finish)
			}
		})
	}
}

// A request for many skips the stopped and the helpers, and lists the rest.
func TestRestartMany(t *testing.T) {
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: specOf(t, `{"args":["h"]}`)}
	w := newWorld(t, p)
	grouped := `{"args":["x"],"group":["g"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}}`
	w.ready("a", grouped)
	w.ready("b", grouped)
	w.ready("c", web)
	w.send(`{"type":"STOP","name":"b"}`)
	w.settle()
	helper := w.m.services[heartcheck].life.pid
	for _, c := range []struct {
		text string
		want []spec.ServiceResult
	}{
		{`{"type":"RESTART-GROUP","group":"g"}`, []spec.ServiceResult{{Name: "a", OK: true}}},
		{`{"type":"RESTART-ALL"}`, []spec.ServiceResult{{Name: "a", OK: true}, {Name: "c", OK: true}}},
	} {
		file := w.send(c.text)
		w.settle()
		r := w.result[file]
		if diff := cmp.Diff(c.want, r.Services, cmpopts.IgnoreFields(spec.ServiceResult{}, "OldPID", "NewPID")); diff != "" || !r.OK {
			t.Errorf("%s: %+v\n%s", c.text, r, diff)
		}
		for _, s := range r.Services {
			if s.OldPID == 0 || s.NewPID == 0 || s.OldPID == s.NewPID {
				t.Errorf("%s: pids %d -> %d", s.Name, s.OldPID, s.NewPID)
			}
		}
	}
	if w.m.services[heartcheck].life.pid != helper {
		t.Error("the helper was restarted")
	}
}

// A restart whose start fails says so; the service is tried again by policy.
func TestRestartFails(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	file := w.send(`{"type":"RESTART","name":"a"}`)
	w.die(pid, exitStatus{signal: sigTERM})
	w.failOne(fault{"no such file", faultMissing})
	if r := w.result[file]; r.OK || r.Error != "no such file" || r.OldPID != pid {
		t.Errorf("result %+v", r)
	}
	if st := w.status["a"].State; st != spec.Backingoff {
		t.Errorf("state %s, want backoff", st)
	}
}

// A stop is remembered, and forgotten with the spec or by a start.
func TestStopIsRemembered(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(map[string]spec.StopNote{"a": {Reason: "earlier"}}, nil, 0, false)
	w.see("a", web)
	w.settle()
	if st := w.status["a"].State; st != spec.Stopped {
		t.Fatalf("state %s, want stopped as before the start", st)
	}
	w.see("a", `{"args":["other"]}`)
	w.settle()
	if st := w.status["a"].State; st != spec.Stopped {
		t.Errorf("state %s after an edit, want stopped", st)
	}
	w.gone("a")
	forgot := false
	for _, e := range w.last {
		_, ok := e.(forgetStop)
		forgot = forgot || ok
	}
	if !forgot {
		t.Error("the note outlives the spec")
	}
	w.see("a", web)
	w.settle()
	if st := w.status["a"].State; st != spec.Running {
		t.Errorf("state %s, want running: the stop was forgotten", st)
	}
}

// Who may end the colony, and what was left from before the start.
func TestRefusals(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	for i, c := range []struct {
		text         string
		old, trusted bool
		ok           bool
	}{
		{`{"type":"SHUTDOWN"}`, false, false, false},
		{`{"type":"SHUTDOWN"}`, true, true, false},
		{`{"type":"SIGNAL","name":"a","signal":"HUP"}`, true, true, false},
		{`{"type":"RESTART","name":"a"}`, true, true, true},
		{`{"type":"RESTART-ALL"}`, true, true, true},
	} {
		msg, err := spec.ParseMessage([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		file := strconv.Itoa(i)
		w.do(received{file: file, at: w.now.wall, message: msg, old: c.old, trusted: c.trusted})
		if r := w.result[file]; r.OK != c.ok {
			t.Errorf("%s (old %v, trusted %v): %+v", c.text, c.old, c.trusted, r)
		}
	}
	if w.m.services["a"].life.pid != pid || len(w.told[pid]) > 0 {
		t.Error("something was done all the same")
	}
}

// A drain answers whoever waits.
func TestDrainAnswers(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("a", web)
	restart := w.send(`{"type":"RESTART","name":"a"}`)
	shutdown := w.send(`{"type":"SHUTDOWN"}`)
	late := w.send(`{"type":"STOP","name":"a"}`)
	for range 5 {
		w.toDeadline()
	}
	w.settle()
	if w.exit == nil || *w.exit != 0 {
		t.Fatalf("exit %v, want 0", w.exit)
	}
	for file, ok := range map[string]bool{restart: false, shutdown: true, late: false} {
		if r := w.result[file]; r.OK != ok || r.Finished == nil {
			t.Errorf("%s: %+v, want ok %v", file, r, ok)
		}
	}
}

// A finished service does not run again when the supervisor comes back in the
// same epoch, unless its spec is another; after a cold start it does.
func TestResumption(t *testing.T) {
	never := `{"args":["x"],"restart":"never"}`
	w := newWorld(t, testPolicy)
	w.die(w.ready("a", never), exitStatus{code: 3})
	past := w.status["a"]
	for _, c := range []struct {
		name       string
		resumption bool
		text       string
		want       spec.State
	}{
		{"resumption", true, never, spec.Exited},
		{"resumption with another spec", true, `{"args":["y"],"restart":"never"}`, spec.Running},
		{"cold start", false, never, spec.Running},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.pass(time.Second)
			w.m.resume(nil, []spec.Status{past}, 0, c.resumption)
			w.see("a", c.text)
			w.settle()
			st := w.status["a"]
			if st.State != c.want {
				t.Errorf("state %s, want %s", st.State, c.want)
			}
			if st.State == spec.Running && st.Generation != 2 {
				t.Errorf("generation %d: a number was used twice", st.Generation)
			}
		})
	}
}
