package colony

import (
	"fmt"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// These are holes that a reading of the core has found, each by the name of what
// must not come back.

// A message may have the file name of one that still waits for its answer.
func TestSameNameTwice(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("a", `{"args":["x"],"group":["g"]}`)
	w.ready("b", web)
	w.ready("c", web)
	w.sendAs("m", `{"type":"RESTART-ALL"}`)
	w.sendAs("m", `{"type":"RESTART-GROUP","group":"g"}`)
	w.die(w.m.services["b"].life.pid, exitStatus{})
	w.answerOne()
	for range 10 {
		w.settle()
		w.toDeadline()
	}
	w.settle()
	for name, s := range w.m.services {
		if s.phase != up {
			t.Errorf("%q is %s", name, s.phase)
		}
	}
	if r := w.result["m"]; r.Type != spec.RestartGroup || r.Finished == nil {
		t.Errorf("result %+v, want that of the later message", r)
	}
}

func TestSameNameTwiceIsAnsweredRight(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("a", web)
	w.ready("b", web)
	w.sendAs("m", `{"type":"RESTART","name":"a"}`)
	w.pass(time.Second)
	w.sendAs("m", `{"type":"RESTART","name":"b"}`)
	w.pass(4 * time.Second)
	w.settle()
	r := w.result["m"]
	if r.Finished != nil && w.m.services["b"].generation == 1 {
		t.Errorf("RESTART b answered ok with new pid %d while b's old life still runs", r.NewPID)
	}
}

// A main whose file is edited to be none makes place for the next.
func TestMainGivesUpItsPlace(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("boss", `{"args":["x"],"main":true}`)
	w.see("king", `{"args":["x"],"main":true}`)
	w.see("boss", `{"args":["x"]}`)
	w.settle()
	if st := w.status["king"]; st.State != spec.Running {
		t.Errorf("king %s %v; main is %q", st.State, st.SpecError, w.m.main)
	}
}

// A second main whose file is broken by then is not taken.
func TestBrokenSecondMain(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("boss", `{"args":["x"],"main":true}`)
	w.see("king", `{"args":["x"],"main":true}`)
	w.do(seen{name: "king", problem: &spec.Problem{Message: "broken now"}})
	w.gone("boss")
	w.settle()
	if st := w.status["king"]; st.State == spec.Running {
		t.Errorf("king runs from a file that is broken: %v", st.SpecError)
	}
}

// A colony that was killed when its main had ended does not go on without it.
func TestResumedMain(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("other", web)
	boss := `{"args":["x"],"main":true}`
	w.die(w.ready("boss", boss), exitStatus{code: 7})
	past := w.status["boss"]
	w2 := newWorld(t, testPolicy)
	w2.m.resume(nil, []spec.Status{past}, 0, true)
	w2.see("boss", boss)
	w2.settle()
	if !w2.m.drain.on && w2.status["boss"].State != spec.Running {
		t.Errorf("main is %s, and the colony goes on", w2.status["boss"].State)
	}
}

// A helper that asks for a restart of the life that somebody is stopping does
// not undo the stop.
func TestHelperDoesNotUndoStop(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("a", web)
	w.send(`{"type":"STOP","name":"a"}`)
	w.send(`{"type":"RESTART","name":"a","generation":1}`)
	w.pass(5 * time.Second)
	w.settle()
	w.toDeadline()
	if st := w.status["a"]; st.State != spec.Stopped {
		t.Errorf("stopped by somebody, and %s", st.State)
	}
}

// A stop command whose start hangs keeps no drain from ending.
func TestDrainWithHungStopCommand(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", `{"args":["x"],"stop":{"command":["bye"]}}`)
	w.do(signalled{sigTERM})
	for range 100 {
		for len(w.dying) > 0 {
			w.die(w.dying[0], exitStatus{signal: sigKILL})
		}
		w.count()
		if w.exit != nil || w.m.deadline() == 0 {
			break
		}
		w.pass(w.m.deadline().sub(w.now.mono))
	}
	w.do(signalled{sigTERM})
	for range 100 {
		w.count()
		if w.exit != nil {
			break
		}
		w.pass(time.Minute)
	}
	if w.exit == nil {
		s := w.m.services["a"]
		t.Errorf("drain never ends: a %s pid %d ordered %v stage %v alive %d", s.phase, s.life.pid, s.life.ordered, s.life.stage, len(w.alive))
	}
}

// Nor do more hung starts than there may be spawners.
func TestDrainWithManyHungStarts(t *testing.T) {
	w := newWorld(t, testPolicy)
	for i := range 14 {
		w.see(fmt.Sprintf("s%02d", i), web)
	}
	for range 12 {
		w.pass(10 * time.Second)
	}
	w.do(signalled{sigTERM})
	for range 20 {
		w.pass(10 * time.Second)
		w.count()
	}
	w.do(signalled{sigTERM})
	for range 20 {
		w.pass(10 * time.Second)
		w.count()
	}
	if w.exit == nil {
		t.Errorf("drain never ends: %d orders, living %d, deadline %v", len(w.m.orders), w.m.living(false), w.m.deadline())
	}
}

// A census that does not come back is given up, said to be missing, and asked
// for again; an answer that comes too late is not taken for the new one's.
func TestLostCensus(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.pass(time.Minute)
	w.stray = []process{{processID: processID{600, 1}}}
	w.die(pid, exitStatus{code: 1})
	first := *w.census
	w.pass(censusPatience)
	if w.census.number == first.number || w.m.degraded["census"] == "" {
		t.Fatalf("census %d, degraded %v: the first was not given up", w.census.number, w.m.degraded)
	}
	w.do(counted{number: first.number, left: map[lifeID][]process{{"a", 1}: nil}})
	if s := w.m.services["a"]; s.phase != stopping {
		t.Errorf("%s: a late answer was believed", s.phase)
	}
	w.count()
	if s := w.m.services["a"]; s.phase == stopping || len(w.m.degraded) > 0 {
		t.Errorf("%s, degraded %v: the second answer changes nothing", s.phase, w.m.degraded)
	}
}

// What a stop command leaves behind is part of the life.
func TestStopCommandLeavesRest(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", `{"args":["x"],"stop":{"command":["bye"]}}`)
	w.send(`{"type":"STOP","name":"a"}`)
	cmd := w.answerOne()
	w.die(pid, exitStatus{})
	// the command puts a process of the life in the background and ends
	w.loose[lifeID{"a", 1}] = []process{{processID: processID{700, 1}, command: "bg"}}
	w.die(cmd, exitStatus{})
	w.settle()
	if w.status["a"].State == spec.Stopped && len(w.loose) > 0 {
		t.Errorf("stopped, and %v is left", w.loose)
	}
}

// Removing the spec forgets that it was stopped, also while the stop is under way.
func TestStopNoteGoesWithTheSpec(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.ready("a", web)
	w.send(`{"type":"STOP","name":"a"}`)
	w.gone("a")
	w.see("a", web)
	w.pass(5 * time.Second)
	w.settle()
	if w.status["a"].State == spec.Stopped {
		t.Error("removing the spec did not forget the stop, as it does once the life is over")
	}
}

// A census that says "empty" is not believed if something has died since.
func TestStaleCensusIsDoubted(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.pass(time.Minute)
	w.loose[lifeID{"a", 1}] = []process{{processID: processID{500, 1}}}
	w.tame = func(int) bool { return false }
	w.die(pid, exitStatus{code: 1})
	q := *w.census
	w.census = nil
	// while it counts, an orphan in whose hands a process of the life was, dies
	w.do(exited{pid: 4711})
	ev := counted{number: q.number, left: map[lifeID][]process{}}
	for _, l := range q.lives {
		ev.left[l.life] = nil
	}
	w.do(ev)
	if s := w.m.services["a"]; s.phase != stopping {
		t.Errorf("%s: the census was out of date, and was believed", s.phase)
	}
}

// The same events make the same model.
func TestStepIsRepeatable(t *testing.T) {
	run := func() string {
		w := newWorld(t, testPolicy)
		var pids []int
		for i := range 8 {
			pids = append(pids, w.ready(fmt.Sprintf("s%d", i), web))
		}
		w.stray = []process{{processID: processID{600, 1}}}
		for _, p := range pids {
			w.die(p, exitStatus{code: 1})
		}
		w.count()
		w.count()
		s := ""
		for i := range 8 {
			s += fmt.Sprint(w.m.services[fmt.Sprintf("s%d", i)].due, " ")
		}
		return s
	}
	first := run()
	for range 20 {
		if run() != first {
			t.Fatal("the same events gave another model")
		}
	}
}

// A delay goes on where it was.
func TestResumedBackoff(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", web)
	for range 6 {
		w.die(w.m.services["a"].life.pid, exitStatus{code: 1})
		w.toDeadline()
	}
	w.die(w.m.services["a"].life.pid, exitStatus{code: 1})
	past := w.status["a"]
	w2 := newWorld(t, testPolicy)
	w2.m.resume(nil, []spec.Status{past}, 0, true)
	w2.see("a", web)
	if w2.m.services["a"].phase != backoff {
		t.Errorf("resumed in %s: limits and backoff do not go on", w2.m.services["a"].phase)
	}
}

// A request from before the start does not undo a stop.
func TestOldRestartDoesNotUndoStop(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(map[string]spec.StopNote{"a": {}}, nil, 0, false)
	w.see("a", web)
	msg, _ := spec.ParseMessage([]byte(`{"type":"RESTART","name":"a"}`))
	w.do(received{file: "f", at: w.now.wall, message: msg, old: true, trusted: true})
	w.settle()
	if st := w.status["a"]; st.State != spec.Stopped {
		t.Errorf("%s: a RESTART from before the start undid a STOP", st.State)
	}
}

// A request from before the start is done by the start itself where that begins a
// life, and not where a life was adopted that is older than the request.
func TestOldRestartOfAdopted(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.inherit(heir{line: ledgerLine{Name: "a", Generation: 4, PID: 500, Start: 1}}, specOf(t, web))
	w.alive[500] = spawn{life: lifeID{"a", 4}}
	w.see("a", web)
	w.see("b", web)
	for _, name := range []string{"a", "b"} {
		msg, _ := spec.ParseMessage([]byte(`{"type":"RESTART","name":"` + name + `"}`))
		w.do(received{file: name, at: w.now.wall, message: msg, old: true, trusted: true})
	}
	w.settle()
	if st := w.status["a"]; st.Generation != 5 || st.State != spec.Running || !w.result["a"].OK || w.result["a"].NewPID != st.PID {
		t.Errorf("adopted: %+v, with the result %+v", st, w.result["a"])
	}
	if st := w.status["b"]; st.Generation != 1 || !w.result["b"].OK {
		t.Errorf("begun by the start: %+v, with the result %+v", st, w.result["b"])
	}
}

// A spec that was removed while no supervisor ran takes its stop with it.
func TestStopNoteOfWhatIsGone(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(map[string]spec.StopNote{"a": {}}, nil, 0, false)
	w.do(scanned{bad: map[string]string{}, names: map[string]bool{}}) // a is not there
	w.see("a", web)
	w.settle()
	if st := w.status["a"]; st.State == spec.Stopped {
		t.Errorf("stopped by a note that the removal should have forgotten")
	}
}

// `-- CMD` may be suspended when the signal that ends it is passed on.
func TestSuspendedCommandIsContinued(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.tame = func(int) bool { return false }
	w.m.command(commandSpec([]string{"app"}))
	w.do(ticked{})
	w.settle()
	main := w.m.services[commandName].life.pid
	w.do(signalled{sigTERM})
	if len(w.told[main]) != 2 {
		t.Errorf("told %v, want TERM and CONT", w.told[main])
	}
}

// A program that is being written is not tried without a pause.
func TestBusyProgramIsNotSpunOn(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", `{"args":["x"],"backoff":{"min":0,"max":0}}`)
	w.failOne(fault{"busy", faultBusy})
	if s := w.m.services["a"]; s.phase != backoff {
		t.Errorf("%s at once", s.phase)
	}
}

// A RESTART whose life a STOP has taken away does not wait for another one, also
// when a START comes before the life has begun.
func TestRestartStoppedBeforeItsLifeBegins(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", web)
	restart := w.send(`{"type":"RESTART","name":"a"}`)
	w.send(`{"type":"STOP","name":"a"}`)
	start := w.send(`{"type":"START","name":"a"}`)
	w.rest()
	if r := w.result[restart]; r.Finished == nil || r.Error != "stopped meanwhile" {
		t.Errorf("RESTART: %+v, want it answered: stopped meanwhile", r)
	}
	if r := w.result[start]; !r.OK || r.NewPID != w.m.services["a"].life.pid {
		t.Errorf("START: %+v, want it done", r)
	}
}

// A stop command that was dead before its start was told is not killed when it
// is told: its number may be another's by then.
func TestDeadStopCommandIsNotKilled(t *testing.T) {
	for name, then := range map[string]func(w *world){
		"while the life is killed": func(w *world) { w.pass(5 * time.Second) },
		"after the life":           func(w *world) { w.pass(5 * time.Second); w.die(101, exitStatus{}); w.count() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.ready("a", `{"args":["x"],"stop":{"command":["c"]}}`)
			w.gone("a")
			o := w.orders[0]
			w.orders = nil
			w.do(exited{pid: 102})
			then(w)
			w.do(started{order: o.order, pid: 102}) // the world checks whom a signal goes to
			w.rest()
		})
	}
}

// A long life is forgiven also when a request has ended it: the short one after
// it is the first in a row.
func TestLongLifeIsForgivenWhoeverEndsIt(t *testing.T) {
	for _, restart := range []string{"always", "on-failure"} {
		w := newWorld(t, testPolicy)
		pid := w.ready("a", `{"args":["x"],"restart":"`+restart+`","backoff":{"jitter":0}}`)
		for range 3 {
			w.die(pid, exitStatus{code: 1})
			w.toDeadline()
			pid = w.m.services["a"].life.pid
		}
		w.pass(time.Hour)
		if restart == "on-failure" {
			w.die(pid, exitStatus{})
		}
		w.send(`{"type":"RESTART","name":"a"}`)
		w.settle()
		w.die(w.m.services["a"].life.pid, exitStatus{code: 1})
		if d := w.m.deadline().sub(w.now.mono); d != testPolicy.minDelay {
			t.Errorf("%s: waits %v, want %v", restart, d, testPolicy.minDelay)
		}
	}
}

// A start that was told late, when grace is over for everybody, may have left
// something that the last census was too early to see.
func TestLateStartIsSwept(t *testing.T) {
	p := testPolicy
	p.budget = 3 * time.Second
	w := newWorld(t, p)
	w.see("a", web)
	w.do(signalled{sigTERM})
	w.pass(3 * time.Second) // a census is asked for
	o, early := w.orders[0], counted{number: w.census.number}
	w.orders, w.census = nil, nil
	w.loose[o.life] = []process{{processID: processID{500, 1}}}
	w.do(exited{pid: 101})
	w.do(started{order: o.order, pid: 101})
	w.do(early)
	w.rest()
	if len(w.loose) > 0 {
		t.Error("it has ended, and left something behind unharmed")
	}
}
