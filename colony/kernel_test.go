package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A spec that is dropped runs, an edit restarts it, a kill is answered by a new
// life, a removal ends it; status is right at each point.
func TestLifeOfAService(t *testing.T) {
	s := startSuper(t, t.TempDir(), true)
	up := filepath.Join(t.TempDir(), "up")
	s.add("a", with(doing("wait", up), "backoff", map[string]any{"min": 0}))
	first := s.until("a", spec.Running)
	inside := strings.TrimSpace(s.read(up))
	if strconv.Itoa(first.PID) != inside || first.Generation != 1 {
		t.Errorf("status says pid %d, generation %d; the child says %s", first.PID, first.Generation, inside)
	}
	s.add("a", with(doing("wait", up), "backoff", map[string]any{"min": 0}, "cwd", "/"))
	second := s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	if e := second.LastExit; e == nil || e.Signal != "TERM" {
		t.Errorf("last exit %+v, want TERM", e)
	}
	s.send(`{"type":"SIGNAL","name":"a","signal":"KILL"}`)
	third := s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 3 })
	if e := third.LastExit; e == nil || e.Signal != "KILL" || third.Restarts != 2 {
		t.Errorf("last exit %+v, restarts %d; want KILL and 2", e, third.Restarts)
	}
	s.remove("a")
	s.eventually("the status is gone", func() bool { _, ok := s.status("a"); return !ok })
	if left := s.below(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if c := s.colony(); !c.Clean {
		t.Error("colony.json does not say that the end was clean")
	}
}

// What a child sees of itself: three descriptors, the environment of its spec
// and nothing else, no signal ignored or blocked, a session of its own.
func TestWhatAChildSees(t *testing.T) {
	t.Setenv("INHERITED", "from us")
	t.Setenv("SECRET", "of ours")
	s := startSuper(t, t.TempDir(), true)
	out := filepath.Join(t.TempDir(), "look")
	sp := doing("look", out)
	sp["env"].(map[string]string)["A"] = "1"
	text := with(sp, "env_inherit", []string{"INHERITED", "UNSET"}, "cwd", "/usr")
	s.add("a", text)
	got := strings.Split(strings.TrimSpace(s.read(out)), "\n")
	id, err := os.ReadFile(s.places.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fd 0 /dev/null", "env A=1", "env " + modeKey + "=look", "env INHERITED=from us", "env UNSET=", "env NCOLONY_NAME=a",
		"env NCOLONY_CONFIG=" + text, "env NCOLONY_TOKEN=" + strings.TrimSpace(string(id)) + ":a:1", "cwd /usr", "leader true",
		"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000",
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("missing: %s", line)
		}
	}
	for _, line := range got {
		if strings.HasPrefix(line, "env ") && !slices.Contains(want, line) || strings.HasPrefix(line, "fd ") && line[3] > '2' {
			t.Errorf("it should not have: %s", line)
		}
	}
}

// Whom a child runs as.
func TestIdentityOfAChild(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a program as somebody else")
	}
	dir := t.TempDir()
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o777|os.ModeSticky) // the children must reach it
	}
	self := filepath.Join(dir, "self") // the binary itself is where only root can go
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, b, 0o755); err != nil {
		t.Fatal(err)
	}
	s := startSuper(t, t.TempDir(), true)
	for name, c := range map[string]struct {
		key  string
		id   any
		want string
	}{
		"uid":    {"uid", 12345, "id 12345 12345 []"},
		"gid":    {"gid", 54321, "id 0 54321 []"},
		"daemon": {"user", "daemon", "id 1 1 []"},
		"groups": {"groups", []string{"daemon", "77"}, "id 0 0 [1 77]"},
	} {
		out := filepath.Join(dir, name)
		s.add(name, with(doing("look", out), "args", []string{self, out}, c.key, c.id, "cwd", "/"))
		if got := s.read(out); !strings.Contains(got, c.want+"\n") {
			t.Errorf("%s: want %q in\n%s", name, c.want, got)
		}
	}
}

// Each way in which a start can fail is told apart, and the service is tried
// again.
func TestFailedSpawns(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	busy := write("busy", "", 0o755)
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(busy, b, 0o755); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(busy, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	s := startSuper(t, t.TempDir(), true)
	for name, c := range map[string]struct{ spec, want string }{
		"missing":     {`{"args":["/no/such/program"]}`, "no such file"},
		"nowhere":     {`{"args":["no-such-program"]}`, `no such program: "no-such-program" in PATH`},
		"denied":      {with(map[string]any{"args": []string{write("plain", "x", 0o644)}}), "permission denied (it is not executable)"},
		"directory":   {`{"args":["/usr"]}`, "is a directory"},
		"format":      {with(map[string]any{"args": []string{write("garbage", "\x01\x02garbage", 0o755)}}), "not a program for this machine"},
		"interpreter": {with(map[string]any{"args": []string{write("script", "#!/no/such/shell\n", 0o755)}}), "its interpreter does not exist"},
		"cwd":         {`{"args":["/bin/true"],"cwd":"/no/such/dir"}`, "cwd: stat /no/such/dir: no such file"},
		"user":        {`{"args":["/bin/true"],"user":"nobody-of-that-name"}`, `no such user: "nobody-of-that-name"`},
		"group":       {`{"args":["/bin/true"],"groups":["nobody-of-that-name"]}`, `no such group: "nobody-of-that-name"`},
		"env_file":    {`{"args":["/bin/true"],"env_file":["/no/such/file"]}`, "env_file /no/such/file"},
		"busy":        {with(map[string]any{"args": []string{busy}}), "text file busy"},
	} {
		s.add(name, c.spec)
		st := s.until(name, spec.Backingoff)
		if !strings.Contains(st.LastExit.SpawnError, c.want) {
			t.Errorf("%s: %q, want %q in it", name, st.LastExit.SpawnError, c.want)
		}
		if st.NextStart == nil {
			t.Errorf("%s: no next start", name)
		}
	}
	writer.Close()
	s.eventually("the program that was being written runs", func() bool {
		st, _ := s.status("busy")
		return st.LastExit != nil && st.LastExit.Code != nil
	})
}

// Three hundred children cost neither threads nor descriptors.
func TestFlatCost(t *testing.T) {
	s := startSuper(t, t.TempDir(), false)
	fds := func() int {
		list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		return len(list)
	}
	s.add("first", `{"args":["/bin/sleep","600"]}`)
	s.until("first", spec.Running)
	before := fds()
	const n = 300
	for i := range n {
		s.add(fmt.Sprintf("s%d", i), `{"args":["/bin/sleep","600"]}`)
	}
	s.eventually("all run", func() bool { return s.colony().Counts[spec.Running] == n+1 })
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) > 20 {
		t.Errorf("%d threads with %d children, want at most 20", len(tasks), n)
	}
	s.eventually(fmt.Sprintf("no more descriptors with %d children than with one, %d", n+1, before), func() bool {
		return fds() <= before+2 // while something is written there are more
	})
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A child that ignores TERM is killed when its grace is over, and its worker
// that has escaped to a session of its own goes with it.
func TestStubbornAndEscaped(t *testing.T) {
	s := startSuper(t, t.TempDir(), true)
	up := filepath.Join(t.TempDir(), "up")
	s.add("stubborn", with(doing("stubborn", up), "stop", map[string]any{"grace": "100ms"}))
	s.read(up)
	r := s.send(`{"type":"STOP","name":"stubborn"}`)
	st := s.until("stubborn", spec.Stopped)
	if !r.OK || st.LastExit == nil || st.LastExit.Signal != "KILL" {
		t.Errorf("result %+v, last exit %+v; want KILL", r, st.LastExit)
	}
	gone := filepath.Join(t.TempDir(), "escaped")
	s.add("daemon", with(doing("escape", gone), "restart", "never", "stop", map[string]any{"grace": "5s"}))
	st = s.until("daemon", spec.Exited)
	if *st.LastExit.Code != 3 {
		t.Errorf("exit %+v, want 3", st.LastExit)
	}
	if left := s.below(); len(left) > 0 {
		t.Errorf("the service is said to have exited, and there are %v", left)
	}
}

// Ten thousand orphans that die at once are all reaped by PID 1, which answers
// meanwhile.
func TestOrphanStorm(t *testing.T) {
	n := 10000
	if testing.Short() {
		n = 1000
	}
	s := startSuper(t, t.TempDir(), true)
	s.add("other", `{"args":["/bin/sleep","600"],"backoff":{"min":0}}`)
	s.until("other", spec.Running)
	done := filepath.Join(t.TempDir(), "done")
	s.add("storm", with(doing("zombies", done, strconv.Itoa(n)), "restart", "never"))
	s.read(done)
	if r := s.send(`{"type":"RESTART","name":"other"}`); !r.OK {
		t.Errorf("a restart in the storm: %+v", r)
	}
	s.until("storm", spec.Exited)
	s.eventually("all are counted", func() bool { return s.colony().Orphans >= uint64(n) })
	for _, p := range descendantsOf(s.cmd.Process.Pid) {
		if st, err := readStat(p.pid); err == nil && st.state == 'Z' {
			t.Errorf("zombie left: %s (%d)", st.command, p.pid)
		}
	}
}

// `-- CMD` gives its exit code to us, exactly, also when it dies by a signal or
// cannot be executed.
func TestCommandExitCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		mode string
		arg  string
		want int
	}{
		{"zero", "exit", "0", 0}, {"seven", "exit", "7", 7}, {"last", "exit", "255", 255},
		{"killed", "suicide", "9", 137}, {"terminated", "suicide", "15", 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSuper(t, t.TempDir(), true, "/bin/sh", "-c", fmt.Sprintf("%s=%s exec %s %s", modeKey, c.mode, os.Args[0], c.arg))
			s.begin()
			if code := s.wait(); code != c.want {
				t.Errorf("exit code %d, want %d", code, c.want)
			}
		})
	}
	for command, want := range map[string]int{"/no/such/program": 127, "no-such-program": 127, "/usr": 126} {
		s := newSuper(t, t.TempDir(), true, command)
		s.begin()
		if code := s.wait(); code != want {
			t.Errorf("%s: exit code %d, want %d", command, code, want)
		}
	}
}

// `-- CMD` gets the signals that we get, and its code ends the colony.
func TestCommandGetsSignals(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sig")
	s := newSuper(t, t.TempDir(), true, "/bin/sh", "-c", fmt.Sprintf("%s=signals exec %s %s", modeKey, os.Args[0], out))
	s.begin()
	s.read(out)
	for _, sig := range []syscall.Signal{unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGALRM} {
		s.cmd.Process.Signal(sig)
		s.read(out + "." + strconv.Itoa(int(sig)))
	}
	if code := s.term(); code != 9 {
		t.Errorf("exit code %d, want the 9 of its TERM handler", code)
	}
}

// A second supervisor over the same directories is refused, and names the first.
func TestSecondSupervisor(t *testing.T) {
	root := t.TempDir()
	s := startSuper(t, root, false)
	second := newSuper(t, root, false)
	second.begin()
	if code := second.wait(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	b, _ := os.ReadFile(second.log)
	if want := fmt.Sprintf("(pid %d)", s.cmd.Process.Pid); !strings.Contains(string(b), want) {
		t.Errorf("it says %q, want %q in it", b, want)
	}
}

// The drain's budget holds with a child that ignores TERM.
func TestBudgetOfADrain(t *testing.T) {
	t.Setenv("COLONY_TEST_BUDGET", "500ms")
	s := startSuper(t, t.TempDir(), true)
	up := filepath.Join(t.TempDir(), "up")
	s.add("stubborn", with(doing("stubborn", up), "stop", map[string]any{"grace": "1h"}))
	s.read(up)
	began := time.Now()
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("took %v", time.Since(began))
}
