package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// mountDead mounts a FUSE file system that nobody serves: whatever touches it
// waits until we are gone.
func mountDead(dir string) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/fuse: %w", err)
	}
	return unix.Mount("dead", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
}

// A working directory on a file system that does not answer holds up its own
// service, which says so, and nothing else: others start, requests are answered,
// and the colony ends when it is told to.
func TestDeadFileSystem(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the ten seconds after which a start is said to hang")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system that does not answer")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	dead := t.TempDir()
	t.Setenv(deadKey, dead)
	t.Setenv("GOMAXPROCS", "1") // one processor that must not be held while a start hangs
	s := startSuper(t, t.TempDir(), true)
	s.add("dead", with(map[string]any{"args": []string{"/bin/true"}}, "cwd", dead))
	up := filepath.Join(t.TempDir(), "up")
	s.add("other", with(doing("wait", up)))
	st := s.until("other", spec.Running)
	for range 3 {
		if r := s.send(`{"type":"RESTART","name":"other"}`); !r.OK || r.NewPID == st.PID {
			t.Errorf("a restart beside it: %+v", r)
		}
	}
	if st, _ := s.status("dead"); st.State != spec.Starting || len(st.Warnings) == 0 {
		t.Errorf("status %+v, want it starting with a warning", st)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
