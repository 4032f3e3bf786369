package colony

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What others have got wrong, and no other test is about.

// A wall clock that is set, either way, moves no start and no KILL, and makes no
// life longer or shorter than it was.
func TestClockSteps(t *testing.T) {
	for _, years := range []int{-10, 10} {
		w := newWorld(t, testPolicy)
		step := func() { w.now.wall = w.now.wall.AddDate(years, 0, 0) }
		pid := w.ready("a", `{"args":["a"],"backoff":{"min":"10s","jitter":0}}`)
		w.pass(5 * time.Second)
		step()
		w.die(pid, exitStatus{code: 1})
		w.settle()
		s := w.m.services["a"]
		if s.phase != up || s.lastExit.Ran != 5 {
			t.Fatalf("%d years: after a long life it is in %s, and ran %v s", years, s.phase, s.lastExit.Ran)
		}
		w.die(s.life.pid, exitStatus{code: 1})
		step()
		w.pass(9900 * time.Millisecond)
		if s.phase != backoff {
			t.Fatalf("%d years: too early in %s", years, s.phase)
		}
		w.pass(200 * time.Millisecond)
		w.settle()
		if s.phase != up {
			t.Fatalf("%d years: when its delay is over it is in %s", years, s.phase)
		}
		w.tame = func(int) bool { return false }
		pid = s.life.pid
		w.send(`{"type":"STOP","name":"a"}`)
		step()
		w.pass(4900 * time.Millisecond)
		if len(w.dying) > 0 {
			t.Fatalf("%d years: killed within its grace", years)
		}
		w.pass(200 * time.Millisecond)
		if told := w.told[pid]; told[len(told)-1] != sigKILL {
			t.Fatalf("%d years: told %v when its grace is over", years, told)
		}
	}
}

// The end of a main process is seen though what it has left behind goes on and
// holds its output open.
func TestHeldOutput(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "worker")
	s := startSuper(t, t.TempDir(), false)
	script := "sleep 600 & echo $! >" + out + "; exit 3"
	s.add("a", `{"args":["/bin/sh","-c","`+script+`"],"env_inherit":["PATH"],"restart":"never","stop":{"scope":"main"}}`)
	st := s.until("a", spec.Exited)
	worker, _ := strconv.Atoi(strings.TrimSpace(s.read(out)))
	t.Cleanup(func() { unix.Kill(worker, unix.SIGKILL) })
	if st.LastExit.Code == nil || *st.LastExit.Code != 3 || !alive(worker) {
		t.Errorf("ended with %v, worker %d lives: %v", st.LastExit, worker, alive(worker))
	}
}
