package colony

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// Nothing can be written below state/: services are started, restarted and asked
// for as ever, and when it can be, what stands there is true and whole.
func TestStateCannotBeWritten(t *testing.T) {
	needRoot(t)
	for what, c := range map[string]struct {
		spoil func(s *super)
		mend  func(s *super)
		why   string
	}{
		"full": {
			func(s *super) { fill(s.t, s.places.State) },
			func(s *super) { must(s.t, os.Remove(filepath.Join(s.places.State, "ballast"))) },
			"no space left on device",
		},
		"read-only": {
			func(s *super) {
				state := placesIn(s.root).State
				s.mounted(func() error {
					if err := unix.Mount(state, state, "", unix.MS_BIND, ""); err != nil {
						return err
					}
					return unix.Mount("", state, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
				})
			},
			func(s *super) {
				s.mounted(func() error { return unix.Unmount(placesIn(s.root).State, unix.MNT_DETACH) })
			},
			"read-only file system",
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root, told := t.TempDir(), t.TempDir()
			state := placesIn(root).State
			must(t, os.MkdirAll(state, 0o755))
			s := newSuper(t, root, true).set(diskKey + "=" + state).publishes()
			file := func(name string) string { return filepath.Join(told, name) }
			add := func(name string) { s.add(name, with(doing("wait", file(name)), "backoff", map[string]any{"min": 0})) }
			ask := func(name, text string) {
				must(t, atomicfile.Write(filepath.Join(s.places.Messages, name), []byte(text), 0o644, false))
			}
			add("calm")
			add("killed")
			add("removed")
			calm, killed := s.until("calm", spec.Running), s.until("killed", spec.Running)
			s.until("removed", spec.Running)
			s.read(file("killed"))
			for _, name := range []string{"calm", "killed", "removed"} { // a write that the fault meets half-way leaves its half
				s.eventually("the spec of "+name+" is kept", func() bool {
					_, err := os.Stat(filepath.Join(s.places.LivesDir(), name+".json"))
					return err == nil
				})
			}

			halves := func() (all []string) {
				for _, dir := range stateDirs(s.places) {
					some, _ := filepath.Glob(filepath.Join(dir, atomicfile.Temp+"*"))
					all = append(all, some...)
				}
				return all
			}
			c.spoil(s)
			met := halves() // when the fault came; what cannot be removed then stays
			add("late")
			s.read(file("late"))
			must(t, os.Remove(file("killed")))
			ask("kill", `{"type":"SIGNAL","name":"killed","signal":"KILL"}`)
			s.read(file("killed"))
			must(t, os.Remove(file("killed")))
			ask("restart", `{"type":"RESTART","name":"killed"}`)
			s.read(file("killed"))
			s.remove("removed")
			ask("rescan", `{"type":"RESCAN"}`)
			s.eventually("the messages are taken", func() bool { return len(visible(osDisk{}, s.places.Messages)) == 0 })
			for _, path := range append(visible(osDisk{}, s.places.StatusDir()), s.places.Colony(), s.places.Result("restart")) {
				if b, err := os.ReadFile(path); err == nil && !json.Valid(b) {
					t.Errorf("%s is torn: %q", path, b)
				}
			}

			c.mend(s)
			s.until("late", spec.Running)
			s.until("killed", spec.Running, func(st spec.Status) bool { return st.Generation == killed.Generation+2 })
			s.eventually("the removed one is gone", func() bool { _, ok := s.status("removed"); return !ok })
			for _, name := range []string{"kill", "restart", "rescan"} {
				var r spec.Result
				s.eventually("the result of "+name, func() bool { return readJSON(osDisk{}, s.places.Result(name), &r) == nil && r.Finished != nil })
				if !r.OK {
					t.Errorf("result of %s: %+v", name, r)
				}
			}
			s.eventually("the spec of the new life is kept", func() bool {
				_, err := os.Stat(filepath.Join(s.places.LivesDir(), "late.json"))
				return err == nil
			})
			s.sound()
			s.untouched(calm)
			s.send(`{"type":"STOP","name":"late"}`)
			s.eventually("events go on", func() bool { return len(s.happened("late", spec.EventExited)) == 1 })
			if all := s.troubles(); what == "read-only" && !strings.Contains(all, c.why) {
				t.Errorf("the events say %q", all)
			}
			s.ordered()
			s.eventually("no temporary file is left", func() bool { // one may be on its way even now
				return !slices.ContainsFunc(halves(), func(path string) bool { return !slices.Contains(met, path) })
			})
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// ordered checks that the events that can be read have rising numbers, and that
// the last line is one.
func (s *super) ordered() {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.places.EventsDir(), currentEvents))
	must(s.t, err)
	last, good := uint64(0), false
	for line := range strings.Lines(string(b)) {
		var e spec.Event
		if good = json.Unmarshal([]byte(line), &e) == nil; !good {
			continue
		}
		if e.Seq <= last {
			s.t.Errorf("event %d comes after %d", e.Seq, last)
		}
		last = e.Seq
	}
	if !good {
		s.t.Errorf("the events end with %q", tail(b, 100))
	}
}
