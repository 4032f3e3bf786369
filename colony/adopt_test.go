package colony

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// murder kills a supervisor, and has what it leaves behind killed at the end of
// the test.
func (s *super) murder() {
	s.t.Helper()
	below := descendantsOf(s.cmd.Process.Pid)
	s.t.Cleanup(func() {
		for _, p := range below {
			if st, err := readStat(p.pid); err == nil && st.start == p.start {
				unix.Kill(p.pid, unix.SIGKILL)
			}
		}
	})
	s.cmd.Process.Kill()
	s.wait()
}

// happened lists the events of a type about a service.
func (s *super) happened(name, kind string) (all []spec.Event) {
	b, _ := os.ReadFile(filepath.Join(s.places.EventsDir(), currentEvents))
	for line := range strings.Lines(string(b)) {
		var e spec.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Name == name && e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// buried waits until dead processes are reaped by whoever inherited them, after
// which nobody can say how they ended; false if nobody reaps orphans here.
func buried(pids ...int) bool {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(pids, func(pid int) bool { _, err := readStat(pid); return err == nil }) {
			return true
		}
	}
	return false
}

func alive(pid int) bool {
	st, err := readStat(pid)
	return err == nil && st.state != 'Z'
}

// tellsStatus says whether the kernel tells how a process ended that is not our
// child.
func tellsStatus() bool {
	var u unix.Utsname
	unix.Uname(&u)
	var major, minor int
	fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor >= 15
}

// A supervisor that was killed is followed by one that takes on what it has left:
// nothing is run twice, nothing is restarted that need not be, and the directory
// holds.
func TestAdoption(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	began := time.Now().Add(-time.Second) // in ticks
	s := startSuper(t, root, false)
	up := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"same", "changed", "broken", "removed", "dies", "dead", "stopped"} {
		s.add(name, with(doing("signals", up(name))))
		s.read(up(name))
	}
	s.add("job", with(doing("signals", up("job")), "restart", "never"))
	s.read(up("job"))
	s.add("done", `{"args":["/bin/true"],"restart":"never"}`)
	s.add("failing", `{"args":["/bin/false"],"backoff":{"min":"1h"}}`)
	s.add("daemon", with(doing("escape", up("daemon")), "restart", "never", "stop", map[string]any{"scope": "main"}))
	worker, _ := strconv.Atoi(strings.TrimSpace(s.read(up("daemon"))))
	before := map[string]spec.Status{}
	for _, name := range []string{"same", "changed", "broken", "removed", "dies", "dead", "job"} {
		before[name] = s.until(name, spec.Running)
	}
	s.until("done", spec.Exited)
	s.until("daemon", spec.Exited)
	next := s.until("failing", spec.Backingoff).NextStart
	s.send(`{"type":"STOP","name":"stopped"}`)
	s.murder()
	t.Cleanup(func() { unix.Kill(worker, unix.SIGKILL) })
	// Meanwhile nobody supervises.
	unix.Kill(before["dead"].PID, unix.SIGKILL)
	unix.Kill(before["job"].PID, unix.SIGKILL)
	unseen := buried(before["dead"].PID, before["job"].PID)
	s.remove("removed")
	s.add("changed", with(doing("signals", up("changed")), "cwd", "/"))
	s.add("broken", `{"args": [`)

	s = startSuper(t, root, false)
	for _, name := range []string{"same", "broken", "dies"} {
		st := s.until(name, spec.Running)
		late := st.Since.Sub(before[name].Since) // that it was started may be heard late, too
		if st.PID != before[name].PID || st.Generation != 1 || st.Restarts != 0 || late > time.Second || st.Since.Before(began) {
			t.Errorf("%s was %+v, is %+v", name, before[name], st)
		}
		if n := len(s.happened(name, spec.EventAdopted)); n != 1 {
			t.Errorf("%s was adopted %d times", name, n)
		}
	}
	s.eventually("the broken spec is seen", func() bool { st, _ := s.status("broken"); return st.SpecError != nil && st.State == spec.Running })
	if st := s.until("changed", spec.Running, func(st spec.Status) bool { return st.Generation == 2 }); alive(before["changed"].PID) || *st.LastExit.Code != 9 && tellsStatus() {
		t.Errorf("the changed one: %+v", st)
	}
	s.eventually("the removed one is gone", func() bool { _, ok := s.status("removed"); return !ok && !alive(before["removed"].PID) })
	if st := s.until("dead", spec.Running, func(st spec.Status) bool { return st.Generation == 2 }); st.LastExit.Unknown != unseen {
		t.Errorf("the dead one: %+v", st)
	}
	if st := s.until("job", spec.Exited); st.Generation != 1 || st.LastExit.Unknown != unseen {
		t.Errorf("the job: %+v", st)
	}
	for _, name := range []string{"dead", "job"} {
		e := s.happened(name, spec.EventExited)
		if len(e) != 1 || e[0].Exit.Unknown != unseen || e[0].PID != before[name].PID {
			t.Errorf("%s: its end is told as %+v", name, e)
		}
	}
	if st := s.until("failing", spec.Backingoff); st.NextStart.Sub(*next).Abs() > time.Second {
		t.Errorf("its next start was to be at %v, is at %v", next, st.NextStart)
	}
	s.until("stopped", spec.Stopped)
	if st := s.until("done", spec.Exited); st.Generation != 1 {
		t.Errorf("the job that was done: %+v", st)
	}
	if !alive(worker) {
		t.Error("a worker that policy leaves alone was ended")
	}
	// An adopted one dies: that is seen, and how.
	unix.Kill(before["dies"].PID, unix.SIGTERM)
	st := s.until("dies", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	if e := st.LastExit; tellsStatus() && (e.Code == nil || *e.Code != 9) || !tellsStatus() && !e.Unknown {
		t.Errorf("it died with %+v, want code 9", e)
	}
	if r := s.send(`{"type":"SIGNAL","name":"same","signal":"USR1"}`); !r.OK {
		t.Errorf("a signal to an adopted one: %+v", r)
	}
	s.read(up("same") + "." + strconv.Itoa(int(unix.SIGUSR1)))
	// Killed once more, and once more, before it has published; then upgraded.
	s.murder()
	hasty := newSuper(t, root, false)
	hasty.begin()
	hasty.murder()
	s = startSuper(t, root, false)
	if st := s.until("done", spec.Exited); st.Generation != 1 {
		t.Errorf("the job that was done, after two kills: %+v", st)
	}
	if st := s.until("same", spec.Running); st.PID != before["same"].PID || st.Generation != 1 {
		t.Errorf("adopted twice, it is %+v", st)
	}
	s.send(`{"type":"RESCAN"}`) // whatever comes now is not left from before
	if r := s.upgrade(""); !r.OK {
		t.Fatalf("upgrade: %+v", r)
	}
	unix.Kill(before["same"].PID, unix.SIGKILL)
	st = s.until("same", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	if tellsStatus() && st.LastExit.Signal != "KILL" {
		t.Errorf("after the upgrade it died with %+v, want KILL", st.LastExit)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	seqs(t, s)
}

// What the ledger does not say, the processes do: a supervisor may be killed
// between a fork and its line.
func TestAdoptionByToken(t *testing.T) {
	t.Parallel()
	root, up := t.TempDir(), filepath.Join(t.TempDir(), "up")
	s := startSuper(t, root, false)
	s.add("a", with(doing("wait", up)))
	s.add("group", with(doing("escape", up+"2"), "restart", "never", "stop", map[string]any{"grace": "1s"}))
	before := s.until("a", spec.Running)
	s.read(up)
	s.murder()
	if err := os.WriteFile(s.places.Children(), []byte(`{"v":1,"name":"a","gen`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range visible(osDisk{}, s.places.LivesDir()) {
		os.Remove(path)
	}
	s = startSuper(t, root, false)
	if st := s.until("a", spec.Running); st.PID != before.PID || st.Generation != 1 {
		t.Errorf("was %+v, is %+v", before, st)
	}
	if r := s.send(`{"type":"STOP","name":"a"}`); !r.OK || alive(before.PID) {
		t.Errorf("a stop of an adopted one: %+v", r)
	}
}

// What an adopted life leaves behind ends before the next one begins.
func TestAdoptedLifeIsEmptied(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	s := startSuper(t, root, false)
	out := filepath.Join(dir, "worker")
	script := fmt.Sprintf(`setsid sh -c 'echo $$ >%s.part; mv %s.part %s; sleep 600' & sh -c 'sleep 600' & wait`, out, out, out)
	text, _ := json.Marshal(map[string]any{"args": []string{"/bin/sh", "-c", script}, "env_inherit": []string{"PATH"}, "stop": map[string]any{"grace": "2s"}})
	s.add("a", string(text))
	worker, _ := strconv.Atoi(strings.TrimSpace(s.read(out)))
	st := s.until("a", spec.Running)
	s.murder()
	os.Remove(out)
	s = startSuper(t, root, false)
	s.until("a", spec.Running)
	unix.Kill(st.PID, unix.SIGKILL)
	s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	if alive(worker) {
		t.Error("a worker in a session of its own has outlived its life")
	}
	s.murder()
	// This time the main process dies while nobody supervises.
	worker, _ = strconv.Atoi(strings.TrimSpace(s.read(out)))
	second, _ := s.status("a")
	unix.Kill(second.PID, unix.SIGKILL)
	s = startSuper(t, root, false)
	s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 3 })
	if alive(worker) {
		t.Error("a worker of a life that nobody has seen the end of has outlived it")
	}
}

// A number that a stranger has by now means nothing; nor does anything of
// another epoch.
func TestStrangersAreLeftAlone(t *testing.T) {
	stranger := exec.Command("/bin/sleep", "600")
	stranger.SysProcAttr = sessionOfItsOwn()
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { stranger.Wait(); close(gone) }()
	t.Cleanup(func() { stranger.Process.Kill(); <-gone })
	st, err := readStat(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for what, line := range map[string]ledgerLine{
		"another start":  {PID: stranger.Process.Pid, Start: st.start - 100, Epoch: epoch()},
		"another epoch":  {PID: stranger.Process.Pid, Start: st.start, Epoch: "another boot/1"},
		"another number": {PID: 1 << 22, Start: st.start, Epoch: epoch()},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSuper(t, t.TempDir(), false)
			for _, dir := range append(stateDirs(s.places), s.places.Config) {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			s.add("a", `{"args":["/bin/sleep","600"]}`)
			line.Version, line.Name, line.Generation = ledgerVersion, "a", 7
			if err := os.WriteFile(s.places.Children(), encode([]ledgerLine{line}), 0o600); err != nil {
				t.Fatal(err)
			}
			c, _ := json.Marshal(spec.ColonyStatus{Epoch: line.Epoch})
			if err := os.WriteFile(s.places.Colony(), c, 0o644); err != nil {
				t.Fatal(err)
			}
			s.begin()
			st := s.until("a", spec.Running)
			if n := len(s.happened("a", spec.EventAdopted)); n != 0 || st.PID == stranger.Process.Pid {
				t.Errorf("adopted %d times; %+v", n, st)
			}
			s.send(`{"type":"STOP","name":"a"}`)
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if !alive(stranger.Process.Pid) {
				t.Fatal("the stranger was signalled")
			}
		})
	}
}

// An empty config directory at the start may be one that is not mounted yet:
// what was adopted goes on, until somebody says that it is meant.
func TestAdoptionBesideAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	root, up := t.TempDir(), filepath.Join(t.TempDir(), "up")
	s := startSuper(t, root, false)
	s.add("a", with(doing("wait", up)))
	s.read(up)
	before := s.until("a", spec.Running)
	s.murder()
	s.remove("a")
	s = startSuper(t, root, false)
	s.eventually("the empty directory is doubted", func() bool { return s.colony().Degraded["config"] != "" })
	if st := s.until("a", spec.Running); st.PID != before.PID {
		t.Errorf("was %+v, is %+v", before, st)
	}
	s.send(`{"type":"RESCAN"}`)
	s.eventually("it is gone", func() bool { _, ok := s.status("a"); return !ok && !alive(before.PID) })
}

// oneLeft is a machine with one process, a minute old, on which it takes a while to
// look at all processes.
type oneLeft struct {
	nobody
	began time.Time
}

func (oneLeft) all() ([]int, error)        { time.Sleep(3 * time.Second); return nil, nil }
func (oneLeft) stat(int) (stat, error)     { return stat{state: 'S', start: 7}, nil }
func (oneLeft) pin(pid int) (int, error)   { return pid, nil }
func (o oneLeft) age(uint64) time.Duration { return time.Minute + time.Since(o.began) }
func (o oneLeft) now() moment              { return moment{instant(time.Hour + time.Since(o.began)), time.Now()} }

// Since when an adopted life runs does not depend on how long it took to find it.
func TestSinceOfAnAdoptedLife(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsIn(root)
		must(t, makeState(osDisk{}, o.Places), writeJSON(osDisk{}, o.Places.Colony(), spec.ColonyStatus{Epoch: "now"}, 0o644))
		put(t, o.Places.Children(), string(encode([]ledgerLine{{Version: ledgerVersion, Name: "a", Generation: 1, PID: 500, Start: 7, Epoch: "now"}})))
		machine := oneLeft{began: time.Now()}
		want := machine.began.Add(-time.Minute)
		h := &house{outside: outside{disk: osDisk{}, procs: machine, now: machine.now, clock: time.Now}, places: o.Places, epoch: "now", trouble: map[string]error{}}
		m, _, err := newOrRestored(o, h, nil)
		must(t, err)
		if s := m.services["a"]; s == nil || !s.since.Equal(want) || time.Since(machine.began) < time.Second {
			t.Errorf("%+v, want it to run since %v; it is %v", s, want, time.Now())
		}
	})
}

// A life that the ledger does not call over, of a service whose status tells of a
// later one that did not come to be: no number is given out twice.
func TestNumberOfAStartThatFailed(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.resume(nil, []spec.Status{{Name: "a", State: spec.Backingoff, Generation: 2, LastExit: &spec.Exit{SpawnError: "no"}}}, 2, true)
	w.m.inheritAll(w.now, estate{lives: []heir{{line: ledgerLine{Name: "a", Generation: 1, PID: 500, Start: 1}, dead: true, spec: []byte(web)}}}, slog.New(slog.DiscardHandler))
	w.see("a", web)
	w.settle()
	w.toDeadline()
	if got := w.m.services["a"].generation; got != 3 {
		t.Errorf("generation %d, want 3", got)
	}
}
