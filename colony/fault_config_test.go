package colony

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// unseen runs f while the supervisor stands still: what takes several steps is one to
// it, for a file that is missing too long between two of them is gone.
func (s *super) unseen(f func()) {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	must(s.t, unix.Kill(pid, unix.SIGSTOP))
	s.eventually("it stands still", func() bool { st, err := readStat(pid); return err == nil && st.state == 'T' })
	f()
	must(s.t, unix.Kill(pid, unix.SIGCONT))
}

// Whatever becomes of the config directory, what runs goes on until a directory
// with specs has its path again.
func TestConfigDirectoryIsLost(t *testing.T) {
	const sleeps = `{"args":["/bin/sleep","600"]}`
	cannot := "cannot be read; what runs goes on: "
	for what, c := range map[string]struct {
		root  bool
		lose  func(s *super, config string)
		why   string // as colony.json says it
		again func(s *super, config string)
	}{
		"removed and made again": {
			lose: func(s *super, config string) {
				s.unseen(func() { must(s.t, os.RemoveAll(config)) })
			},
			why: cannot + "stat",
			again: func(s *super, config string) {
				s.unseen(func() {
					must(s.t, os.Mkdir(config, 0o755))
					s.add("a", sleeps)
					s.add("b", sleeps)
				})
			},
		},
		"moved away and back": {
			lose:  func(s *super, config string) { must(s.t, os.Rename(config, config+".away")) },
			why:   cannot + "stat",
			again: func(s *super, config string) { must(s.t, os.Rename(config+".away", config)) },
		},
		"another, empty": {
			lose: func(s *super, config string) {
				s.unseen(func() { must(s.t, os.Rename(config, config+".away"), os.Mkdir(config, 0o755)) })
			},
			why:   errVanished.Error(),
			again: func(s *super, config string) { must(s.t, os.Remove(config), os.Rename(config+".away", config)) },
		},
		"another, with specs": {
			lose: func(s *super, config string) { must(s.t, os.Rename(config, config+".away")) },
			why:  cannot + "stat",
			again: func(s *super, config string) {
				must(s.t, os.Mkdir(config+".new", 0o755))
				put(s.t, filepath.Join(config+".new", "a"), sleeps)
				put(s.t, filepath.Join(config+".new", "b.json"), sleeps)
				must(s.t, os.Rename(config+".new", config))
			},
		},
		"unmounted": {
			root: true,
			lose: func(s *super, config string) {
				s.mounted(func() error { return unix.Unmount(placesIn(s.root).Config, unix.MNT_DETACH) })
			},
			why: errVanished.Error(),
			again: func(s *super, config string) {
				s.unseen(func() {
					s.mounted(func() error { return unix.Mount("tmpfs", placesIn(s.root).Config, "tmpfs", 0, "mode=755") })
					s.add("a", sleeps)
					s.add("b", sleeps)
				})
			},
		},
		"not to be entered": {
			root:  true,
			lose:  func(s *super, config string) { must(s.t, os.Chmod(config, 0)) },
			why:   cannot + "open",
			again: func(s *super, config string) { must(s.t, os.Chmod(config, 0o755)) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			if c.root {
				needRoot(t)
			}
			t.Parallel()
			var s *super
			switch root := t.TempDir(); what {
			case "unmounted":
				config := placesIn(root).Config
				must(t, os.MkdirAll(config, 0o755))
				s = newSuper(t, root, true).set(diskKey+"="+config, frequencyKey+"=200ms").publishes()
			case "not to be entered":
				s = startOrdinary(t, true, frequencyKey+"=200ms")
			default:
				s = newSuper(t, root, true).set(frequencyKey + "=200ms").publishes()
			}
			s.add("a", sleeps)
			s.add("b", sleeps)
			a, b := s.until("a", spec.Running), s.until("b", spec.Running)
			c.lose(s, s.places.Config)
			if why := s.degraded("config", true); !strings.HasPrefix(why, c.why) {
				t.Errorf("it says %q, want %q", why, c.why)
			}
			// A look that finds the same, and a service that dies meanwhile.
			s.send(`{"type":"SIGNAL","name":"b","signal":"KILL"}`)
			b = s.until("b", spec.Running, func(st spec.Status) bool { return st.Generation == b.Generation+1 })
			s.untouched(a, b)
			c.again(s, s.places.Config)
			s.sound()
			s.add("c", sleeps)
			s.until("c", spec.Running)
			s.untouched(a, b)
			s.remove("a")
			s.eventually("the removed one is gone", func() bool { _, ok := s.status("a"); return !ok })
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
