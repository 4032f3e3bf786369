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

// What is on a file system that does not answer (a working directory, a program, a
// file of variables, a directory of PATH) holds up its own service, which says so,
// and nothing else: others start, requests are answered, and the colony ends when
// it is told to.
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
	for what, sp := range map[string]func(dead string) map[string]any{
		"cwd":     func(dead string) map[string]any { return map[string]any{"args": []string{"/bin/true"}, "cwd": dead} },
		"program": func(dead string) map[string]any { return map[string]any{"args": []string{dead + "/true"}} },
		"env_file": func(dead string) map[string]any {
			return map[string]any{"args": []string{"/bin/true"}, "env_file": []string{dead + "/env"}}
		},
		"PATH": func(dead string) map[string]any {
			return map[string]any{"args": []string{"true"}, "env": map[string]string{"PATH": dead + ":/bin"}}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dead := t.TempDir()
			s := newSuper(t, t.TempDir(), true).set(deadKey+"="+dead,
				"GOMAXPROCS=1").publishes() // one processor that must not be held while a start hangs
			names := []string{"dead", "dead2"} // as many as are forked for at once
			for _, name := range names {
				s.add(name, with(sp(dead)))
			}
			up := filepath.Join(t.TempDir(), "up")
			s.add("other", with(doing("wait", up)))
			st := s.until("other", spec.Running)
			for range 3 {
				if r := s.send(`{"type":"RESTART","name":"other"}`); !r.OK || r.NewPID == st.PID {
					t.Errorf("a restart beside it: %+v", r)
				}
			}
			for _, name := range names[:spawners] {
				s.until(name, spec.Starting, func(st spec.Status) bool { return len(st.Warnings) > 0 })
			}
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
