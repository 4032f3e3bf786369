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

// No descriptor is to be had: what runs goes on, a start fails and is tried
// again, and nothing is taken for gone because nobody can look. When there are
// some again, all that has happened meanwhile is seen.
func TestNoDescriptorToBeHad(t *testing.T) {
	t.Parallel()
	const sleeps = `{"args":["/bin/sleep","600"],"backoff":{"min":0}}`
	s := newSuper(t, t.TempDir(), false).set(frequencyKey + "=200ms").publishes()
	child, up := filepath.Join(t.TempDir(), "child"), filepath.Join(t.TempDir(), "up")
	for _, name := range []string{"calm", "edited", "plain", "removed"} {
		s.add(name, sleeps)
	}
	s.add("parent", with(doing("harbour", child, up), "backoff", map[string]any{"min": 0}))
	calm, edited, plain, _ := s.until("calm", spec.Running), s.until("edited", spec.Running), s.until("plain", spec.Running), s.until("removed", spec.Running)
	s.read(up)
	parent := s.until("parent", spec.Running)
	left, _ := strconv.Atoi(strings.TrimSpace(s.read(child)))

	was := s.limit(unix.RLIMIT_NOFILE, 3)
	s.add("late", sleeps)
	s.add("edited", `{"args":["/bin/sleep","601"]}`)
	s.remove("removed")
	s.eventually("it is said that the directory cannot be read", func() bool { // in a file that is open
		return strings.Contains(s.troubles(), "config: cannot be read; what runs goes on")
	})
	unix.Kill(plain.PID, unix.SIGKILL)
	s.eventually("a start has failed", func() bool {
		all := s.happened("plain", spec.EventSpawnFailed)
		return len(all) > 1 && strings.HasPrefix(all[0].Error, "fork: too many open files")
	})
	unix.Kill(parent.PID, unix.SIGKILL)
	s.eventually("the parent is dead", func() bool { return len(s.happened("parent", spec.EventExited)) == 1 })
	if !alive(calm.PID) || !alive(edited.PID) {
		t.Error("a service was ended because its file cannot be read")
	}

	s.limit(unix.RLIMIT_NOFILE, was)
	s.until("parent", spec.Running, func(st spec.Status) bool { return st.PID != parent.PID })
	if began := s.happened("parent", spec.EventStarted); alive(left) && len(began) > 1 {
		t.Error("the next life has begun, and something is left of the last")
	}
	s.until("late", spec.Running)
	s.until("edited", spec.Running, func(st spec.Status) bool { return st.Generation == edited.Generation+1 })
	s.until("plain", spec.Running, func(st spec.Status) bool { return st.PID != plain.PID })
	s.eventually("the removed one is gone", func() bool { _, ok := s.status("removed"); return !ok })
	s.sound()
	s.untouched(calm)
	began := time.Now()
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("ended in %v", time.Since(began))
}
