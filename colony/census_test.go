package colony

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The real line: ourselves.
func TestReadStat(t *testing.T) {
	st, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if st.parent != os.Getppid() || st.start == 0 || st.state == 0 {
		t.Errorf("%+v, want our parent %d", st, os.Getppid())
	}
}

// A census finds what belongs to a life by session, by group, by token and by
// descent, and leaves alone what belongs to another colony or to nobody. A pid
// that says nothing any more finds nothing.
func TestCensus(t *testing.T) {
	colony := fmt.Sprint("c", os.Getpid()) // for all processes are looked at
	c := &censor{procs: procFS{}, colony: colony}
	start := func(env ...string) int {
		t.Helper()
		// Two processes: the shell, and a child of it with an empty environment.
		cmd := exec.Command("/bin/sh", "-c", "env -i /bin/sleep 600 & echo; wait")
		cmd.Env = env
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = sessionOfItsOwn()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			killSession(cmd.Process.Pid)
			cmd.Wait()
		})
		out.Read(make([]byte, 1))
		return cmd.Process.Pid
	}
	bySession := start()
	byToken := start(tokenKey + colony + ":b:3")
	other := start(tokenKey + "another:b:3")
	q := census{lives: []lifeQuery{{life: lifeID{"a", 1}, main: bySession}, {life: lifeID{"b", 3}}, {life: lifeID{"c", 1}}}}
	names := map[string]int{}
	var ev counted
	for end := time.Now().Add(waitMost); time.Now().Before(end) && len(ev.left[lifeID{"b", 3}]) < 2; {
		ev, _ = c.count(q)
	}
	for id, left := range ev.left {
		names[id.name] = len(left)
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2, "c": 0}, names); diff != "" {
		t.Errorf("processes by life (-want +got):\n%s", diff)
	}
	if ev.unattributed < 2 {
		t.Errorf("unattributed %d, want the two of another colony", ev.unattributed)
	}
	for _, p := range ev.left[lifeID{"a", 1}] {
		if !p.inGroup {
			t.Errorf("%+v is not said to be in its group", p)
		}
	}
	q.known = []int{bySession, byToken, other}
	if ev, _ := c.count(q); len(ev.left[lifeID{"a", 1}]) != 0 || ev.unattributed != 0 {
		t.Errorf("what is known was counted, or walked into: %+v", ev)
	}
	c.blind = true
	if ev, _ := c.count(q); len(ev.left[lifeID{"b", 3}]) != 0 || ev.unattributed != 0 {
		t.Errorf("it cannot see, and says %+v", ev)
	}
}
