package colony

import (
	"slices"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// After an adoption many may die, one after the other, while what the first ones
// have left is counted. That is looked for in all of /proc, whoever has it: the
// first census that finds nothing is believed. For a life of our own it is not:
// what that has left is looked for below us, and may come there behind its back.
func TestAdoptedIsNotDoubted(t *testing.T) {
	w := newWorld(t, testPolicy)
	for i, name := range []string{"a", "b"} {
		w.m.now = w.now
		w.m.inherit(heir{line: ledgerLine{Name: name, Generation: 3, PID: 50 + i, Start: 7}}, specOf(t, web))
		w.alive[50+i] = spawn{life: lifeID{name, 3}}
	}
	own := w.ready("own", web)
	w.pass(testPolicy.threshold)
	dies := func(pid int) { w.do(exited{pid: pid, status: exitStatus{code: 1}, reaped: true}) }
	dies(own)
	w.settle()
	own = w.m.services["own"].life.pid
	w.pass(testPolicy.threshold)
	dies(50)
	dies(own)
	w.count() // of the first
	if s := w.m.services["a"]; s.phase != spawning {
		t.Errorf("the adopted one is %s, want its replacement on its way", s.phase)
	}
	if w.census == nil {
		t.Fatal("no second census")
	}
	dies(51)
	w.count()
	if s := w.m.services["own"]; s.phase != stopping || s.life.doubts != 1 {
		t.Errorf("our own is %s after %d doubts, want it counted again", s.phase, s.life.doubts)
	}
	w.settle()
	for name, s := range w.m.services {
		if s.phase != up {
			t.Errorf("%s is %s", name, s.phase)
		}
	}
	if s := w.m.services["a"]; s.state != spec.Running || s.generation != 4 {
		t.Errorf("the first is %s in generation %d", s.state, s.generation)
	}
}

// A service was withdrawn, a broken file of its name has come back, and that went
// when nobody looked, as between two programs: in the end nothing is left of it.
func TestBrokenFileGoneUnseen(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", web)
	w.tame = func(int) bool { return false }
	w.gone("a")
	w.do(seen{name: "a", problem: &spec.Problem{Message: "broken"}})
	w.do(scanned{names: map[string]bool{}})
	w.toDeadline()
	w.settle()
	if st, ok := w.status["a"]; ok || w.m.services["a"] != nil {
		t.Errorf("it is still %+v", st)
	}
}

// A helper that an earlier supervisor has begun, with other arguments or with what
// nobody knows, is replaced by one with ours.
func TestInheritedHelperIsReplaced(t *testing.T) {
	for what, had := range map[string]*spec.Spec{"unknown": {}, "another program": helperSpec([]string{"/old", "beat"})} {
		p := testPolicy
		p.helpers = map[string]*spec.Spec{heartcheck: helperSpec([]string{"/new", "check"})}
		w := newWorld(t, p)
		w.m.now = w.now
		w.m.inherit(heir{line: ledgerLine{Name: heartcheck, Generation: 3, PID: 50, Start: 7}}, had)
		w.alive[50] = spawn{life: lifeID{heartcheck, 3}}
		w.see("web", `{"args":["x"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/s"}}`)
		for range 10 {
			w.settle()
			w.pass(time.Second)
		}
		s := w.m.services[heartcheck]
		if s == nil || s.phase != up || s.generation != 4 || !slices.Equal(s.life.spec.Args, p.helpers[heartcheck].Args) {
			t.Errorf("%s: %+v", what, s)
		}
	}
}
