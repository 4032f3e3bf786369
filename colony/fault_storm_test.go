package colony

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Hundreds of services that die in the same instant, beside the dead orphans of
// another: each death is taken in once, and each service starts again. The
// supervisor stands still while they die, so that it finds all of them at once.
func TestManyDeathsAtOnce(t *testing.T) {
	t.Parallel()
	services, zombies := 300, 10000
	if testing.Short() {
		services, zombies = 100, 1000
	}
	s := startSuper(t, t.TempDir(), false)
	done := filepath.Join(t.TempDir(), "done")
	s.add("calm", `{"args":["/bin/sleep","600"]}`)
	for i := range services {
		s.add(fmt.Sprint("s", i), `{"args":["/bin/sleep","600"],"backoff":{"min":0}}`)
	}
	s.eventually("all run", func() bool { return s.colony().Counts[spec.Running] == services+1 })
	calm := s.until("calm", spec.Running)
	var pids []int
	for i := range services {
		st := s.until(fmt.Sprint("s", i), spec.Running)
		pids = append(pids, st.PID)
	}
	s.add("storm", with(doing("zombies", done, strconv.Itoa(zombies)), "restart", "never"))
	s.read(done)
	s.cmd.Process.Signal(unix.SIGSTOP)
	for _, pid := range pids {
		unix.Kill(pid, unix.SIGKILL)
	}
	for _, pid := range pids {
		s.eventually("it is dead", func() bool { return !alive(pid) })
	}
	s.cmd.Process.Signal(unix.SIGCONT)
	if r := s.send(`{"type":"RESTART","name":"calm"}`); !r.OK || r.OldPID != calm.PID {
		t.Errorf("a restart in the storm: %+v", r)
	}
	s.until("storm", spec.Exited)
	for i := range services { // one of which is not known yet that it is dead runs, too
		s.until(fmt.Sprint("s", i), spec.Running, func(st spec.Status) bool { return st.Restarts > 0 })
	}
	s.eventually("all orphans are counted", func() bool { return s.colony().Orphans >= uint64(zombies) })
	if r := s.send(`{"type":"RESCAN"}`); !r.OK { // its result comes after all events
		t.Errorf("%+v", r)
	}
	b, err := os.ReadFile(filepath.Join(s.places.EventsDir(), currentEvents))
	must(t, err)
	exits := map[string]int{}
	for line := range strings.Lines(string(b)) {
		var e spec.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Type == spec.EventExited {
			exits[e.Name]++
		}
	}
	for i := range services {
		name := fmt.Sprint("s", i)
		st := s.until(name, spec.Running)
		if e := st.LastExit; exits[name] != 1 || st.Restarts != 1 || e == nil || e.Signal != "KILL" {
			t.Errorf("%s: %d exits, %d restarts, the last %+v", name, exits[name], st.Restarts, e)
		}
	}
	for _, p := range descendantsOf(s.cmd.Process.Pid) {
		if st, err := readStat(p.pid); err == nil && st.state == 'Z' {
			t.Errorf("zombie left: %s (%d)", st.command, p.pid)
		}
	}
}
