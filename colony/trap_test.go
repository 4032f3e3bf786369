package colony

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

// A spec that was only written in another way starts nothing that has ended, and
// nothing before its time.
func TestReformatted(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.die(w.ready("job", `{"args":["job"],"restart":"never"}`), exitStatus{})
	w.die(w.ready("failing", `{"args":["failing"]}`), exitStatus{code: 1})
	w.settle()
	due := w.m.services["failing"].due
	w.do(seen{name: "job", spec: specOf(t, `{ "restart": "never", "args": ["job"] }`)})
	w.do(seen{name: "failing", spec: specOf(t, "{\n\t\"args\": [\"failing\"]\n}\n")})
	if s := w.m.services["job"]; s.phase != down || s.state != spec.Exited {
		t.Errorf("the job is in %s, %s", s.phase, s.state)
	}
	if s := w.m.services["failing"]; s.phase != backoff || s.due != due {
		t.Errorf("the failing one is in %s until %v, was until %v", s.phase, s.due, due)
	}
}

// A signal for a process that was counted reaches no other one that has its
// number by now.
func TestSignalKnowsItsProcess(t *testing.T) {
	child := exec.Command("/bin/sleep", "600")
	must(t, child.Start())
	gone := make(chan struct{})
	go func() { child.Wait(); close(gone) }()
	t.Cleanup(func() { child.Process.Kill(); <-gone })
	pid := child.Process.Pid
	st, err := readStat(pid)
	must(t, err)
	signalOne(processID{pid, st.start - 1}, sigKILL)
	signalOne(processID{pid, st.start}, sigTERM)
	<-gone
	if ws := child.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGTERM {
		t.Errorf("it was ended by %v, which was for another", ws.Signal())
	}
}

// A spec that has the size and the time of the one before, as copies with their
// times have, is another all the same.
func TestSameTime(t *testing.T) {
	s := newShelf(t, trust{})
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	put(t, s.file("web"), argsOf("1"))
	must(t, os.Chtimes(s.file("web"), long, long))
	s.want(s.full(), "web is 1")
	e := s.files["web"]
	e.young = false // two seconds later
	s.files["web"] = e
	put(t, s.file("web"), argsOf("2"))
	must(t, os.Chtimes(s.file("web"), long, long))
	s.want(s.full(), "web is 2")
}
