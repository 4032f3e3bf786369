package colony

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// trapBegin is what a new program does instead of taking over.
var trapBegin func()

// version is what the supervisor under test says of itself.
var version = "test"

// misbehave is what a new program does that is a copy of this binary under a
// name of the kind "bad-...".
func misbehave() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	checking := os.Getenv(checkKey) != ""
	switch name := filepath.Base(self); {
	case strings.HasPrefix(name, "v"):
		version = name
	case name == "bad-refuses":
		fmt.Fprintln(os.Stderr, "ncolony: no such flag")
		os.Exit(2)
	case name == "bad-silent" && checking:
		hang()
	case name == "bad-nonexec" && checking:
		os.Chmod(self, 0o644) // examined, and then not to be executed
	case name == "bad-panics" && !checking:
		trapBegin = func() { panic("at the wrong moment") }
	case name == "bad-hangs" && !checking:
		trapBegin = func() { hang() }
	case name == "bad-exits" && !checking:
		GiveBack("it ended with code 3")
		os.Exit(3)
	}
}

// copyOfUs is this binary under another name.
func copyOfUs(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.Link("/proc/self/exe", path); err == nil {
		return path
	}
	b, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	putProgram(t, path, b)
	return path
}

// putProgram writes a program that can be executed at once: a child that is forked
// meanwhile by another test would have it open for writing for a moment.
func putProgram(t *testing.T, path string, b []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	must(t, os.WriteFile(path, b, 0o755))
}

func (s *super) upgrade(path string) spec.Result {
	s.t.Helper()
	text, _ := json.Marshal(spec.Message{Type: spec.Upgrade, Path: path})
	return s.send(string(text))
}

// A supervisor that is replaced keeps its pid, its children, and what it was
// about to do.
func TestUpgrade(t *testing.T) {
	for _, pid1 := range []bool{true, false} {
		t.Run(fmt.Sprintf("as PID 1 %v", pid1), func(t *testing.T) {
			t.Parallel()
			s := startSuper(t, t.TempDir(), pid1)
			dir := t.TempDir()
			up := filepath.Join(dir, "up")
			s.add("a", with(doing("wait", up)))
			s.add("failing", `{"args":["/bin/false"],"backoff":{"min":"1h"}}`)
			s.add("job", `{"args":["/bin/true"],"restart":"never"}`)
			s.add("stopped", `{"args":["/bin/sleep","600"]}`)
			stubborn := filepath.Join(dir, "stubborn")
			s.add("stubborn", with(doing("stubborn", stubborn), "stop", map[string]any{"grace": "3s"}))
			s.add("removed", `{"args":["/bin/sleep","600"]}`)
			before := s.until("a", spec.Running)
			s.until("removed", spec.Running)
			s.read(up)
			s.read(stubborn)
			s.until("failing", spec.Backingoff)
			s.until("job", spec.Exited)
			if r := s.send(`{"type":"STOP","name":"stopped"}`); !r.OK {
				t.Fatalf("stop: %+v", r)
			}
			backoff := s.until("failing", spec.Backingoff)
			// A request under way over the upgrade: it is answered by the new program.
			slow, asked := filepath.Join(s.places.Messages, "slow"), time.Now()
			if err := os.WriteFile(slow, []byte(`{"type":"RESTART","name":"stubborn"}`), 0o644); err != nil {
				t.Fatal(err)
			}
			s.until("stubborn", spec.Stopping)
			r := s.upgrade(copyOfUs(t, "v2"))
			if !r.OK || r.From != "test" || r.To != "v2" || r.Gap <= 0 || r.Gap > 10 {
				t.Fatalf("upgrade: %+v", r)
			}
			if c := s.colony(); c.Version != "v2" || c.Clean || pid1 && c.PID != 1 {
				t.Errorf("colony.json: %+v", c)
			}
			if st, _ := s.status("stubborn"); (st.State != spec.Stopping || st.Generation != 1) && time.Since(asked) < 3*time.Second {
				t.Errorf("the stop under way: %+v", st)
			}
			var answer spec.Result
			s.eventually("the slow request is answered", func() bool {
				return readJSON(osDisk{}, s.places.Result("slow"), &answer) == nil && answer.Finished != nil
			})
			if st := s.until("stubborn", spec.Running); !answer.OK || st.LastExit.Signal != "KILL" || answer.NewPID != st.PID {
				t.Errorf("the restart under way: %+v, status %+v", answer, st)
			}
			after, _ := s.status("a")
			if after.PID != before.PID || after.Generation != 1 || after.Restarts != 0 {
				t.Errorf("was %+v, is %+v", before, after)
			}
			if st, _ := s.status("failing"); st.NextStart == nil || !st.NextStart.Equal(*backoff.NextStart) {
				t.Errorf("the delay: %+v, was %+v", st, backoff)
			}
			if st := s.until("job", spec.Exited); st.Generation != 1 {
				t.Errorf("a finished job has run again: %+v", st)
			}
			s.until("stopped", spec.Stopped)
			s.remove("removed")
			s.eventually("a removal is seen", func() bool { _, ok := s.status("removed"); return !ok })
			s.send(`{"type":"SIGNAL","name":"a","signal":"KILL"}`)
			if st := s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 2 }); st.LastExit.Signal != "KILL" {
				t.Errorf("a child of before died: %+v", st.LastExit)
			}
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			seqs(t, s)
		})
	}
}

// seqs checks that the numbers of the events grow and do not repeat.
func seqs(t *testing.T, s *super) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.places.EventsDir(), currentEvents))
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for line := range strings.Lines(string(b)) {
		var e spec.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Seq <= last {
			t.Errorf("event %s after number %d (%v)", line, last, err)
		}
		last = e.Seq
	}
}

// Those that die while nobody supervises are reaped by the new program with
// their status.
func TestDeathsDuringAnUpgrade(t *testing.T) {
	t.Parallel()
	s := startSuper(t, t.TempDir(), true)
	dir := t.TempDir()
	const n = 30
	for i := range n {
		name := fmt.Sprintf("s%02d", i)
		s.add(name, with(doing("signals", filepath.Join(dir, name)), "restart", "never"))
	}
	var pids []int
	for i := range n {
		name := fmt.Sprintf("s%02d", i)
		s.read(filepath.Join(dir, name))
		pids = append(pids, s.until(name, spec.Running).PID)
	}
	inside := namespacePIDs(t, s)
	for _, pid := range pids {
		if inside[pid] <= 0 { // which would be all of us
			t.Fatalf("process %d is not among %v", pid, inside)
		}
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // all over the upgrade
		defer close(done)
		for i, pid := range pids {
			unix.Kill(inside[pid], []unix.Signal{unix.SIGTERM, unix.SIGKILL}[i%2])
			select {
			case <-stop:
			case <-time.After(time.Millisecond):
			}
		}
	}()
	r := s.upgrade("")
	close(stop)
	<-done
	if !r.OK {
		t.Fatalf("upgrade: %+v", r)
	}
	for i := range n {
		st := s.until(fmt.Sprintf("s%02d", i), spec.Exited)
		e := st.LastExit
		if i%2 == 0 && (e.Code == nil || *e.Code != 9) || i%2 == 1 && e.Signal != "KILL" || st.Generation != 1 {
			t.Errorf("s%02d: %+v", i, st.LastExit)
		}
	}
}

// namespacePIDs maps the pids inside of the supervisor's namespace to ours.
func namespacePIDs(t *testing.T, s *super) map[int]int {
	t.Helper()
	m := map[int]int{}
	for _, p := range descendantsOf(s.cmd.Process.Pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == "NSpid:" {
				inner, _ := strconv.Atoi(f[len(f)-1])
				m[inner] = p.pid
			}
		}
	}
	return m
}

// A program that cannot take over does not: everything is as it was, and the
// request says why.
func TestUpgradeThatFails(t *testing.T) {
	t.Parallel()
	s := startSuper(t, t.TempDir(), true)
	s.add("a", `{"args":["/bin/sleep","600"]}`)
	before := s.until("a", spec.Running)
	text := filepath.Join(t.TempDir(), "text")
	putProgram(t, text, []byte("no program"))
	for _, c := range []struct{ path, want string }{
		{"/no/such/program", "no such file"},
		{"/usr", "not a regular file"},
		{"/etc/passwd", "not executable"},
		{text, "exec format error"},
		{"/bin/true", "is it ncolony?"},
		{copyOfUs(t, "bad-refuses"), "it says: no such flag"},
		{copyOfUs(t, "bad-silent"), "nothing of our state within"},
		{copyOfUs(t, "bad-nonexec"), "permission denied"},
		{copyOfUs(t, "bad-panics"), "the new program did not take over: panic: at the wrong moment"},
		{copyOfUs(t, "bad-exits"), "the new program did not take over: it ended with code 3"},
		{copyOfUs(t, "bad-hangs"), "the new program did not take over: it hung for"},
	} {
		if base := filepath.Base(c.path); testing.Short() && (base == "bad-silent" || base == "bad-hangs") {
			continue // they take the whole time there is
		}
		t.Run(filepath.Base(c.path), func(t *testing.T) {
			r := s.upgrade(c.path)
			if r.OK || !strings.Contains(r.Error, c.want) {
				t.Errorf("result %+v, want %q in it", r, c.want)
			}
			if c := s.colony(); c.Version != "test" {
				t.Errorf("version %s", c.Version)
			}
		})
	}
	if r := s.send(`{"type":"RESTART","name":"a"}`); !r.OK || r.OldPID != before.PID {
		t.Errorf("a restart afterwards: %+v, was pid %d", r, before.PID)
	}
	if r := s.upgrade(copyOfUs(t, "v3")); !r.OK || r.To != "v3" {
		t.Errorf("a good one afterwards: %+v", r)
	}
	out := filepath.Join(t.TempDir(), "look")
	s.add("look", with(doing("look", out)))
	seen := s.read(out)
	for _, bad := range []string{"fd 3", "fd 4", "fd 5", "fd 6", "NCOLONY_BATON", "NCOLONY_CHECK"} {
		if strings.Contains(seen, bad) {
			t.Errorf("a child started after all that sees %s:\n%s", bad, seen)
		}
	}
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"} {
		if !strings.Contains(seen, want) {
			t.Errorf("a child started after all that lacks %q:\n%s", want, seen)
		}
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A program that is too old for the state says so when it is examined.
func TestExaminationOfALaterState(t *testing.T) {
	later := strings.Replace(string(newWorld(t, testPolicy).m.encode()), `"version":1`, `"version":2`, 1)
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte(later), 0o600); err != nil {
		t.Fatal(err)
	}
	state, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	s := newSuper(t, t.TempDir(), false)
	s.cmd.Env = append(s.cmd.Env, checkKey+"=3")
	s.cmd.ExtraFiles = []*os.File{state}
	out, err := s.cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "it has version 2, and this program knows versions 1 to 1") {
		t.Errorf("it says %q (%v)", out, err)
	}
	if left, _ := os.ReadDir(s.root); len(left) > 0 {
		t.Errorf("it has left %v", left)
	}
}

// USR2 asks for an upgrade to what stands where our program was.
func TestUpgradeBySignal(t *testing.T) {
	t.Parallel()
	s := startSuper(t, t.TempDir(), false)
	s.add("a", `{"args":["/bin/sleep","600"]}`)
	before := s.until("a", spec.Running)
	s.cmd.Process.Signal(syscall.SIGUSR2)
	s.eventually("the upgrade is done", func() bool {
		b, _ := os.ReadFile(filepath.Join(s.places.EventsDir(), currentEvents))
		return strings.Contains(string(b), `"type":"upgraded"`)
	})
	if st, _ := s.status("a"); st.PID != before.PID {
		t.Errorf("pid %d, was %d", st.PID, before.PID)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// `-- CMD` goes over too, with its exit code.
func TestUpgradeUnderACommand(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "sig")
	s := startSuper(t, t.TempDir(), true, "/bin/sh", "-c", fmt.Sprintf("%s=signals exec %s %s", modeKey, os.Args[0], out))
	s.read(out)
	if r := s.upgrade(""); !r.OK {
		t.Fatalf("upgrade: %+v", r)
	}
	if code := s.term(); code != 9 {
		t.Errorf("exit code %d, want the 9 of its TERM handler", code)
	}
}

// What becomes of an upgrade in the core, by what happens meanwhile.
func TestUpgradeInTheCore(t *testing.T) {
	ask := func(w *world) { w.send(`{"type":"UPGRADE","path":"/new"}`) }
	fit := func(w *world) { ask(w); w.do(examined{}) }
	for _, c := range []struct {
		what  string
		do    func(w *world)
		error string // of the result
	}{
		{"not fit", func(w *world) { ask(w); w.do(examined{"too old"}) }, "too old"},
		{"no answer", func(w *world) { ask(w); w.pass(upgradePatience) }, "the new program does not answer"},
		{"an answer too late", func(w *world) { ask(w); w.pass(upgradePatience); w.do(examined{}) }, "the new program does not answer"},
		{"shutdown", func(w *world) { ask(w); w.do(signalled{sigTERM}) }, "the colony is shutting down"},
		{"done", func(w *world) { fit(w); w.do(replaced{from: "1", to: "2", since: w.now.mono}) }, ""},
		{"back", func(w *world) { fit(w); w.do(replaced{to: "1", why: "it hung"}) }, "the new program did not take over: it hung"},
		{"remained", func(w *world) { fit(w); w.do(remained{"no"}) }, "no"},
		{"a start hangs", func(w *world) {
			ask(w)
			w.see("b", web)
			w.do(examined{})
			if w.handing {
				w.t.Error("a handover during a start")
			}
			w.pass(upgradePatience)
		}, "a start under way does not come to its end"},
		{"a start comes to its end", func(w *world) {
			ask(w)
			w.see("b", web)
			w.do(examined{})
			w.see("c", web)
			w.answerOne()
			if !w.handing || len(w.orders) > 0 {
				w.t.Errorf("handing over %v, with %d starts under way", w.handing, len(w.orders))
			}
			w.do(replaced{from: "1", to: "2", since: w.now.mono})
			w.settle()
			if s := w.m.services["c"]; s.state != spec.Running {
				w.t.Errorf("what waited for the new program is %s", s.state)
			}
		}, ""},
		{"again", func(w *world) {
			fit(w)
			w.handing = false
			w.do(remained{})
			w.do(replaced{from: "1", to: "2", since: w.now.mono})
		}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.ready("a", web)
			c.do(w)
			r := w.result["m001"]
			if r.Finished == nil || r.Error != c.error {
				t.Errorf("result %+v, want error %q", r, c.error)
			}
			if w.m.upgrade != nil {
				t.Error("it is still under way")
			}
			if w.exit == nil && !w.m.drain.on {
				w.settle()
				if s := w.m.services["a"]; s.state != spec.Running || s.generation != 1 {
					t.Errorf("the service is %s, generation %d", s.state, s.generation)
				}
			}
		})
	}
	for what, ev := range map[string]received{
		"of a stranger":    {file: "m", message: &spec.Message{Type: spec.Upgrade}},
		"from before":      {file: "m", message: &spec.Message{Type: spec.Upgrade}, trusted: true, old: true},
		"while one is out": {file: "m", message: &spec.Message{Type: spec.Upgrade}, trusted: true},
	} {
		w := newWorld(t, testPolicy)
		if what == "while one is out" {
			ask(w)
		}
		w.asking = false
		w.do(ev)
		if r := w.result["m"]; r.OK || r.Error == "" || w.asking {
			t.Errorf("%s: %+v", what, r)
		}
	}
}
