package colony

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Supervisor, @heartcheck and a service stand still together, as with the whole
// machine: none of the hearts is taken for dead. One that then stands still alone
// is.
func TestHeartsStandStill(t *testing.T) {
	if testing.Short() {
		t.Skip("they stand still for five seconds")
	}
	t.Parallel()
	s := newSuper(t, t.TempDir(), false).set(heartsKey + "=1").publishes()
	hearts := t.TempDir()
	for _, name := range []string{"frozen", "beating"} {
		s.add(name, with(doing("beat"), "ncolony.beatcheck", map[string]any{"period": "4s", "grace": 1, "status": hearts}))
	}
	frozen, beating := s.until("frozen", spec.Running), s.until("beating", spec.Running)
	checker := s.until(heartcheck, spec.Running)
	for _, name := range []string{"frozen", "beating"} {
		s.eventually(name+" beats", func() bool { _, err := os.Stat(filepath.Join(hearts, name)); return err == nil })
	}
	all := []int{s.cmd.Process.Pid, checker.PID, frozen.PID}
	must(t, unix.Kill(frozen.PID, unix.SIGSTOP))
	time.Sleep(1500 * time.Millisecond) // a third of a period and more: the checker has seen the last beat, and time is left
	for _, pid := range all[:2] {
		must(t, unix.Kill(pid, unix.SIGSTOP))
	}
	time.Sleep(5 * time.Second)
	for _, pid := range all {
		must(t, unix.Kill(pid, unix.SIGCONT))
		time.Sleep(200 * time.Millisecond) // the service comes last, when the checker has looked
	}
	time.Sleep(5 * time.Second) // several looks, and a period
	s.untouched(frozen, beating, checker)
	must(t, unix.Kill(frozen.PID, unix.SIGSTOP))
	s.until("frozen", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	s.untouched(beating, checker)
}
