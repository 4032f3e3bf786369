package colony

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// effects returns those of one kind among the last step's.
func effects[E effect](w *world) (all []E) {
	for _, e := range w.last {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// Whom a stop and a kill reach, by scope: the main process or its whole group.
func TestScopes(t *testing.T) {
	for _, c := range []struct {
		scope      spec.Scope
		stop, kill bool // to the group
	}{
		{spec.ScopeAll, false, true}, {"", false, true}, {spec.ScopeGroup, true, true}, {spec.ScopeMain, false, false},
	} {
		t.Run(string(c.scope), func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.tame = func(int) bool { return false }
			keys := ""
			if c.scope != "" {
				keys = fmt.Sprintf(`,"stop":{"scope":%q}`, c.scope)
			}
			pid := w.ready("a", `{"args":["x"]`+keys+`}`)
			w.gone("a")
			want := []signal{{pid, c.stop, sigTERM}, {pid, c.stop, sigCONT}}
			if diff := cmp.Diff(want, effects[signal](w), cmp.AllowUnexported(signal{})); diff != "" {
				t.Errorf("stop (-want +got):\n%s", diff)
			}
			w.pass(5 * time.Second)
			if diff := cmp.Diff([]signal{{pid, c.kill, sigKILL}}, effects[signal](w), cmp.AllowUnexported(signal{})); diff != "" {
				t.Errorf("kill (-want +got):\n%s", diff)
			}
		})
	}
}

// What a main process leaves behind gets TERM once, KILL when grace is over, and
// KILL again for as long as it stays; those of its group got TERM with that.
func TestLeftoversAreTold(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.pass(time.Minute)
	in := process{processID{500, 1}, "in", true}
	out := process{processID{501, 1}, "out", false}
	id := lifeID{"a", 1}
	answer := func() {
		number := w.census.number
		w.census = nil
		w.do(counted{number: number, left: map[lifeID][]process{id: {in, out}}})
	}
	told := func(sig spec.Signal, want ...process) {
		t.Helper()
		var got []process
		for _, e := range effects[signalRest](w) {
			if e.signal != sig {
				t.Errorf("told %v, want %v", e.signal, sig)
			}
			got = append(got, e.processes...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %v: %v, want %v", sig, got, want)
		}
	}
	w.loose[id] = []process{in, out}
	w.tame = func(int) bool { return false }
	w.die(pid, exitStatus{code: 1})
	answer()
	told(sigTERM, out)
	w.pass(recount)
	answer()
	told(sigTERM)
	w.pass(5*time.Second - recount)
	told(sigKILL, in, out)
	answer()
	told(sigKILL)
	w.pass(rekill)
	told(sigKILL, in, out)
	delete(w.loose, id)
	w.pass(recount) // it goes by itself, and that is seen though nothing else is due
	w.settle()
	if s := w.m.services["a"]; s.phase == stopping {
		t.Error("empty, and still stopping")
	}
}

// A count of an earlier life says nothing about the one that is being stopped.
func TestLateCensusOfAnEarlierLife(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	w.pass(time.Minute)
	w.stray = []process{{processID: processID{600, 1}}}
	w.die(pid, exitStatus{})
	w.settle()
	second := w.m.services["a"].life.pid
	w.pass(time.Minute)
	w.loose[lifeID{"a", 2}] = []process{{processID: processID{700, 1}}}
	w.die(second, exitStatus{})
	w.do(counted{number: w.census.number, left: map[lifeID][]process{{"a", 1}: nil}})
	if s := w.m.services["a"]; s.phase != stopping || s.generation != 2 {
		t.Errorf("%s: the second life is over by word of the first", s.phase)
	}
}

// A zombie is reaped only after its death was dealt with: until then its group's
// number cannot be another's.
func TestReapComesLast(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	k := &orderedKernel{dead: pid}
	l := &loop{model: w.m, kernel: k, files: &sink{pending: &batch{}, logbook: newLogbook(discard()), urgent: make(chan struct{}, 1)},
		clock: func() moment { return w.now }}
	l.reap()
	if diff := cmp.Diff([]string{"peek", "orphans", "TERM to its group", "census", "reap", "peek"}, k.did); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// orderedKernel has one dead child, which has left something behind.
type orderedKernel struct {
	kernel
	dead int
	did  []string
}

func (k *orderedKernel) peek(int) (exited, bool) {
	k.did = append(k.did, "peek")
	return exited{pid: k.dead}, k.dead != 0
}
func (k *orderedKernel) reap(int)                    { k.did, k.dead = append(k.did, "reap"), 0 }
func (k *orderedKernel) orphans(func(int) bool) bool { k.did = append(k.did, "orphans"); return true }
func (k *orderedKernel) census(census)               { k.did = append(k.did, "census") }
func (k *orderedKernel) signal(s signal) error {
	if s.group && s.pid == k.dead {
		k.did = append(k.did, s.signal.String()+" to its group")
	}
	return nil
}

// Stopping main by request does not end the colony, nor does a changed spec.
func TestStoppedMainIsNotTheEnd(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("boss", `{"args":["x"],"main":true}`)
	w.see("boss", `{"args":["y"],"main":true}`)
	w.settle()
	w.send(`{"type":"STOP","name":"boss"}`)
	w.settle()
	if w.m.drain.on || w.status["boss"].State != spec.Stopped {
		t.Errorf("draining %v, %s; want it stopped and the colony up", w.m.drain.on, w.status["boss"].State)
	}
}

// HUP has everything looked at, and the end says that it was in order.
func TestHangUpAndCleanEnd(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.do(signalled{sigHUP})
	if len(effects[rescan](w)) != 1 {
		t.Error("HUP asks for no look")
	}
	w.do(signalled{sigTERM})
	if w.settle(); w.exit == nil {
		t.Fatal("it does not end")
	}
	if all := effects[publishColony](w); len(all) != 1 || !all[0].status.Clean {
		t.Errorf("the last word of the colony: %+v", all)
	}
}

// A signal to us that comes while `-- CMD` is being started reaches it then.
func TestCommandIsToldOnceItRuns(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.command(commandSpec([]string{"app"}))
	w.do(ticked{})
	w.do(signalled{sigTERM})
	pid := w.answerOne()
	if diff := cmp.Diff([]spec.Signal{sigTERM, sigCONT}, w.told[pid]); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// A name that is removed and comes back is not given a number again.
func TestGenerationsAreNotUsedTwice(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.ready("a", web)
	w.send(`{"type":"RESTART","name":"a"}`)
	w.settle()
	w.gone("a")
	w.settle()
	w.ready("a", web)
	w.ready("b", web)
	if a, b := w.m.services["a"].generation, w.m.services["b"].generation; a != 3 || b != 3 {
		t.Errorf("generations %d and %d, want both above the 2 that were", a, b)
	}
}
