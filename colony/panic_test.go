package colony

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// One spec among a hundred makes the core panic: it is set aside, and nobody
// else notices. Three such within a minute end the colony in order.
func TestPoisonSpec(t *testing.T) {
	t.Setenv("COLONY_TEST_POISON", "1")
	s := startSuper(t, t.TempDir(), true)
	const n = 99
	for i := range n {
		s.add(fmt.Sprintf("s%02d", i), `{"args":["/bin/sleep","600"]}`)
	}
	s.eventually("all run", func() bool { return s.colony().Counts[spec.Running] == n })
	pids := map[string]int{}
	for i := range n {
		name := fmt.Sprintf("s%02d", i)
		st, _ := s.status(name)
		pids[name] = st.PID
	}
	s.add("bad", `{"args":["poison"]}`)
	st := s.until("bad", spec.Invalid)
	if st.SpecError == nil || st.SpecError.Message != poisonText+"poison while handling colony.seen" {
		t.Errorf("spec error %v", st.SpecError)
	}
	s.send(`{"type":"RESCAN"}`) // it is not read again and again
	if c := s.colony(); c.Panics != 1 || c.Counts[spec.Running] != n {
		t.Errorf("colony.json: %d panics, %v", c.Panics, c.Counts)
	}
	for name, pid := range pids {
		if st, _ := s.status(name); st.PID != pid || st.Restarts != 0 {
			t.Errorf("%s was pid %d, and is %d after %d restarts", name, pid, st.PID, st.Restarts)
		}
	}
	s.add("bad", `{"args":["/bin/sleep","600"]}`)
	s.until("bad", spec.Running)
	for i := range 2 {
		s.add(fmt.Sprintf("worse%d", i), `{"args":["poison"]}`)
	}
	if code := s.wait(); code != exitPanicked {
		t.Errorf("exit code %d, want %d", code, exitPanicked)
	}
	if c := s.colony(); !c.Clean || c.Panics != 3 {
		t.Errorf("in the end: clean %v, %d panics", c.Clean, c.Panics)
	}
}

// A spec that made the supervisor panic while its service runs leaves that as
// it is.
func TestPoisonOfARunningService(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.m.trap = func(what any) {
		if s, ok := what.(seen); ok && s.spec != nil && s.spec.Args[0] == "poison" {
			panic("poison")
		}
	}
	w.see("a", `{"args":["poison"]}`)
	w.settle()
	st := w.status["a"]
	if st.PID != pid || st.State != spec.Running || st.SpecError == nil {
		t.Errorf("status %+v", st)
	}
	w.see("a", `{"args":["mended"]}`)
	w.settle()
	if st := w.status["a"]; st.PID == pid || st.SpecError != nil || len(w.m.poison) != 0 {
		t.Errorf("mended: status %+v", st)
	}
}

// What happens when an event is dropped that cannot come again: nothing is lost
// that it was about.
func TestDroppedEvents(t *testing.T) {
	for _, c := range []struct {
		what  string
		event func(ev event) bool // the one to panic at
		do    func(w *world)
		want  string // state of service a in the end
	}{
		{"started", func(ev event) bool { _, ok := ev.(started); return ok }, func(w *world) { w.see("a", web) }, "running, generation 2, start 1"},
		{"spawn failed", func(ev event) bool { _, ok := ev.(spawnFailed); return ok },
			func(w *world) { w.see("a", web); w.failOne(fault{"no", faultOther}) }, "running, generation 2, start 1"},
		{"exited", func(ev event) bool { _, ok := ev.(exited); return ok },
			func(w *world) { w.die(w.ready("a", web), exitStatus{code: 3}) }, "running, generation 2, start 2"},
		{"received", func(ev event) bool { _, ok := ev.(received); return ok },
			func(w *world) { w.ready("a", web); w.send(`{"type":"STOP","name":"a"}`) }, "running, generation 1, start 1"},
		{"a tick", func(ev event) bool { _, ok := ev.(ticked); return ok },
			func(w *world) { w.ready("a", web); w.pass(time.Hour) }, "running, generation 1, start 1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			once := true
			w.m.trap = func(what any) {
				if ev, ok := what.(event); ok && once && c.event(ev) {
					once = false
					panic("trap")
				}
			}
			c.do(w)
			w.settle()
			if once {
				t.Fatal("nothing has panicked")
			}
			s := w.m.services["a"]
			if got := fmt.Sprintf("%s, generation %d, start %d", s.state, s.generation, s.starts); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for file, r := range w.result {
				if r.Finished == nil {
					t.Errorf("%s has no answer", file)
				}
			}
		})
	}
}

// A core that panics at everything ends, rather than spin.
func TestPanicAtEverything(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", web)
	w.m.trap = func(what any) {
		if _, ok := what.(recovered); !ok {
			if _, ok := what.(event); ok {
				panic("trap")
			}
		}
	}
	for range 20 {
		if w.exit == nil {
			w.do(ticked{})
		}
	}
	if w.exit == nil || *w.exit != exitPanicked {
		t.Errorf("exit %v, want %d", w.exit, exitPanicked)
	}
}

// A model is the same after its history has happened to it again, also when
// that was long.
func TestHistory(t *testing.T) {
	w := newWorld(t, testPolicy)
	for i := range 3000 {
		w.see(fmt.Sprintf("s%d", i%7), fmt.Sprintf(`{"args":["x%d"]}`, i%5))
		w.settle()
	}
	if n := len(w.loop.history.since); n >= 1000 {
		t.Errorf("a history of %d events for %d services", n, len(w.m.services))
	}
	m, err := w.loop.history.again(w.m)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(w.m.snapshot())
	after, _ := json.Marshal(m.snapshot())
	if diff := cmp.Diff(strings.Split(string(before), "{"), strings.Split(string(after), "{")); diff != "" {
		t.Errorf("it is another (-before +after):\n%s", diff)
	}
}

// A start is dropped whose pid was an orphan's before: that the orphan is dead
// says nothing of the child, which nobody would ever end.
func TestDroppedStartOfAReusedPID(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", web)                     // an order is out
	w.do(exited{pid: 500, alone: true}) // held: it may be its process
	w.see("b", web)
	w.answerOne() // a is another; b's order is out still
	once := true
	w.m.trap = func(what any) {
		if _, ok := what.(started); ok && once {
			once = false
			panic("trap")
		}
	}
	w.pids = 499
	w.answerOne() // b has the orphan's number
	if got := w.told[500]; len(got) != 1 || got[0] != sigKILL {
		t.Errorf("the child whose start was dropped was told %v, want KILL", got)
	}
	w.settle()
	if s := w.m.services["b"]; s.phase != up || s.life.pid == 500 {
		t.Errorf("b is %s with pid %d, want it begun again", s.phase, s.life.pid)
	}
}
