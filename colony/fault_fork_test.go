package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// No process is to be had: a start fails, says so, and is tried again whatever
// the policy; what runs goes on, and requests are answered.
func TestNoProcessToBeHad(t *testing.T) {
	const sleeps = `{"args":["/bin/sleep","600"],"backoff":{"min":0}}`
	test := func(t *testing.T, s *super, full, room func()) {
		s.add("calm", sleeps)
		s.add("killed", sleeps)
		calm := s.until("calm", spec.Running)
		killed := s.until("killed", spec.Running)
		full()
		for i := range 30 { // enough to do that every thread is needed
			s.add(fmt.Sprint("more", i), sleeps)
		}
		s.add("never", `{"args":["/bin/true"],"restart":"never","backoff":{"min":0}}`)
		s.add("always", sleeps)
		s.send(`{"type":"SIGNAL","name":"killed","signal":"KILL"}`)
		for _, name := range []string{"never", "always", "killed"} {
			s.until(name, spec.Backingoff, func(st spec.Status) bool {
				return st.LastExit != nil && strings.HasPrefix(st.LastExit.SpawnError, "fork: resource temporarily unavailable")
			})
		}
		for i := range 5 {
			s.send(fmt.Sprintf(`{"type":"RESTART","name":"more%d"}`, i))
		}
		if r := s.send(`{"type":"RESTART","name":"always"}`); r.OK || !strings.HasPrefix(r.Error, "fork: ") {
			t.Errorf("the answer to a RESTART is %+v", r)
		}
		s.until("never", spec.Backingoff, func(st spec.Status) bool { return st.Generation > 3 })
		s.untouched(calm)
		room()
		s.until("always", spec.Running)
		s.until("never", spec.Exited, func(st spec.Status) bool { return st.LastExit.Code != nil && *st.LastExit.Code == 0 })
		s.until("killed", spec.Running, func(st spec.Status) bool { return st.PID != killed.PID })
		s.untouched(calm)
		if code := s.term(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	for what, pid1 := range map[string]bool{"RLIMIT_NPROC": false, "RLIMIT_NPROC of PID 1": true} {
		t.Run(what, func(t *testing.T) {
			if pid1 && testing.Short() {
				t.Skip("the others say the same")
			}
			t.Parallel()
			s := startOrdinary(t, pid1)
			var was uint64
			test(t, s, func() { was = s.limit(unix.RLIMIT_NPROC, 1) }, func() { s.limit(unix.RLIMIT_NPROC, was) })
		})
	}
	t.Run("pids.max", func(t *testing.T) {
		t.Parallel()
		dir := pidsGroup(t)
		s := startSuper(t, t.TempDir(), true)
		put(t, filepath.Join(dir, "cgroup.procs"), strconv.Itoa(s.cmd.Process.Pid))
		test(t, s, func() { put(t, filepath.Join(dir, "pids.max"), "1") }, func() { put(t, filepath.Join(dir, "pids.max"), "max") })
	})
}

// pidsGroup makes a cgroup with a pids controller.
func pidsGroup(t *testing.T) string {
	t.Helper()
	needRoot(t)
	why := []error{}
	for _, parent := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		dir := filepath.Join(parent, fmt.Sprintf("ncolony-test-%d", os.Getpid()))
		if _, err := os.Stat(filepath.Join(parent, "cgroup.procs")); err != nil {
			why = append(why, err)
			continue
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			why = append(why, err)
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if _, err := os.Stat(filepath.Join(dir, "pids.max")); err != nil {
			why = append(why, err)
			continue
		}
		return dir
	}
	t.Skipf("needs a cgroup with a limit of processes: %v", errors.Join(why...))
	return ""
}
