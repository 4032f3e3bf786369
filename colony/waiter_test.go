package colony

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// firstChildren is what the kernel says of the children of a process's first
// thread.
func firstChildren(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Skipf("this kernel does not tell: %v", err)
	}
	return string(bytes.TrimSpace(b))
}

// Deaths are seen at once, long before the safety tick, also when there was no
// child before: of one service after the other, and of a process that nobody
// tells the loop of.
func TestDeathsAreSeenAtOnce(t *testing.T) {
	s := startSuper(t, t.TempDir(), false)
	// A safety tick comes just before the next time, so that who relies on it waits for
	// all of one. Once of so many times may be slow on a busy machine.
	slow := 0
	soon := func(what string, ok func() bool) {
		t.Helper()
		began := time.Now()
		s.eventually(what, ok)
		if took := time.Since(began); took > safetyTick/2 {
			if slow++; slow > 1 {
				t.Errorf("%s: after %v", what, took)
			}
		}
	}
	for range 3 { // without a child the program that is asked is the only one
		if r := s.send(`{"type":"UPGRADE","path":"/bin/true"}`); r.OK {
			t.Errorf("/bin/true is taken for a supervisor")
		}
		soon("the program that was asked is reaped", func() bool {
			pids, err := childrenOf(s.cmd.Process.Pid)
			return err == nil && len(pids) == 0
		})
	}
	s.add("a", with(map[string]any{"args": []string{"/bin/sleep", "600"}, "backoff": map[string]any{"min": 0}}))
	for range 3 { // it is the only child
		st := s.until("a", spec.Running)
		unix.Kill(st.PID, unix.SIGKILL)
		soon("the next life", func() bool {
			now, ok := s.status("a")
			return ok && now.State == spec.Running && now.PID != st.PID
		})
	}
}

// The first thread has no children but those that the kernel gives it.
func TestFirstThreadForksNothing(t *testing.T) {
	s := startSuper(t, t.TempDir(), false)
	for i := range 20 {
		s.add(fmt.Sprintf("s%d", i), `{"args":["/bin/sleep","600"]}`)
	}
	for i := range 20 {
		s.until(fmt.Sprintf("s%d", i), spec.Running)
	}
	if pids := firstChildren(t, s.cmd.Process.Pid); pids != "" {
		t.Errorf("children of the first thread: %s", pids)
	}
}

// A look at the children waits for starts that are on their way, though not for long.
func TestLookWaitsForForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(testPolicy, time.Hour)
		v.loop.kernel = v.kernel
		told := func() bool {
			select {
			case <-v.waiter.again:
				return true
			default:
				return false
			}
		}
		m := v.loop.model
		look := func() time.Duration { v.told(1 << 20); return v.lookOn(v.signals) } // nobody's pid
		if wait := look(); wait != 0 || !told() {
			t.Errorf("without a start on its way it waits for %v", wait)
		}
		m.orders = []*order{{number: 1, service: &service{name: "a"}}}
		v.waiter.goOn() // that was said before
		if wait := look(); wait != forksFirst || told() {
			t.Errorf("with a start on its way it waits for %v, want %v", wait, forksFirst)
		}
		time.Sleep(forksFirst)
		if wait := v.lookOn(v.signals); wait > 0 || !told() {
			t.Errorf("after %v it waits for %v more", forksFirst, wait)
		}
		look()
		m.orders = nil
		if wait := v.lookOn(v.signals); wait != 0 || !told() {
			t.Errorf("after the start it waits for %v", wait)
		}
	})
}

// Whoever has the pid by now is not taken for the dead.
func TestWaiterIsBelievedByTheKernelOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(testPolicy, time.Hour)
		v.begin()
		v.news <- seen{name: "a", spec: specOf(t, web)}
		time.Sleep(time.Minute)
		v.waiter.dead <- 1 // the pid of a, which lives
		synctest.Wait()
		if st := v.last["a"]; st.State != spec.Running || st.PID != 1 {
			t.Errorf("status %+v, want it running", st)
		}
		if code := v.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		time.Sleep(time.Hour) // the fake's own end
	})
}
