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

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What is done when the program on our terminal is stopped, by where it is.
func TestSuspended(t *testing.T) {
	const pid = 100
	running := func(w *world) {
		w.m.command(commandSpec([]string{"sh"}))
		w.do(ticked{})
		w.settle()
	}
	for _, c := range []struct {
		what   string
		before func(w *world)
		signal spec.Signal
		want   []effect
	}{
		{"by a key", running, sigTSTP, []effect{suspend{pid, sigTSTP}}},
		{"for input", running, 21, []effect{suspend{pid, 21}}},
		{"by somebody", running, sigSTOP, nil},
		{"while it ends", func(w *world) { running(w); w.do(signalled{sigTERM}) }, sigTSTP, []effect{signal{pid: pid, group: true, signal: sigCONT}}},
		{"there is none", func(w *world) {}, sigTSTP, nil},
		{"it has ended", func(w *world) { running(w); w.die(w.m.services[commandName].life.pid, exitStatus{}) }, sigTSTP, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, policy{})
			c.before(w)
			var got []effect
			for _, e := range w.m.step(w.now, suspended{c.signal}) {
				switch e := e.(type) {
				case signal:
					e.pid = pid
					got = append(got, e)
				case suspend:
					e.pid = pid
					got = append(got, e)
				case resume:
					got = append(got, e)
				}
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(signal{}, suspend{})); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

// fatalSignals are the signals that end a process that does not expect them.
func fatalSignals() (all []int) {
	for n := 1; n <= 64; n++ {
		switch syscall.Signal(n) {
		case unix.SIGCHLD, unix.SIGCONT, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG, unix.SIGWINCH:
		case 32, 33: // the C library's own
		default:
			all = append(all, n)
		}
	}
	return all
}

// Whatever code `-- CMD` ends with is ours, and 128+n for signal n.
func TestEveryExitCode(t *testing.T) {
	codes, signals := []int{0, 1, 2, 126, 127, 128, 255}, []int{1, 6, 9, 13, 15, 64}
	if !testing.Short() {
		signals = fatalSignals()
		for n := range 256 {
			codes = append(codes, n)
		}
	}
	want := map[string]int{}
	for _, n := range codes {
		want[fmt.Sprintf("exit %d", n)] = n
	}
	for _, n := range signals {
		want[fmt.Sprintf("ulimit -c 0; kill -%d $$", n)] = 128 + n
	}
	for script, want := range want {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			s := newSuper(t, t.TempDir(), false, "/bin/sh", "-c", script)
			s.cmd.Env = append(s.cmd.Env, "GORACE=atexit_sleep_ms=0")
			s.begin()
			if code := s.wait(); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

// Every signal that can be caught reaches `-- CMD` as it came, but for
// some: CHLD and URG are about ourselves, PIPE may be, and the runtime leaves us
// neither PROF nor those of the C libraries.
func TestEverySignalIsPassedOn(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sig")
	s := newSuper(t, t.TempDir(), false, "/bin/sh", "-c", fmt.Sprintf("%s=signals exec %s %s", modeKey, os.Args[0], out))
	s.begin()
	s.read(out)
	for n := 1; n <= 64; n++ {
		sig := syscall.Signal(n)
		if slices.Contains([]syscall.Signal{unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE, unix.SIGPROF, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, 32, 33, 34}, sig) {
			continue
		}
		s.cmd.Process.Signal(sig)
		s.read(out + "." + strconv.Itoa(n))
	}
	if code := s.term(); code != 9 {
		t.Errorf("exit code %d, want the 9 of its TERM handler", code)
	}
}

// Two colonies on one machine do not touch each other: the end of one is not
// noticed by the other.
func TestTwoColonies(t *testing.T) {
	one, two := startSuper(t, t.TempDir(), false), startSuper(t, t.TempDir(), false)
	for _, s := range []*super{one, two} {
		s.add("a", `{"args":["/bin/sleep","600"]}`)
	}
	one.until("a", spec.Running)
	before := two.until("a", spec.Running)
	if code := one.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if r := two.send(`{"type":"RESCAN"}`); !r.OK {
		t.Errorf("rescan: %+v", r)
	}
	if after := two.until("a", spec.Running); after.PID != before.PID || after.Restarts != 0 {
		t.Errorf("it was pid %d, and is pid %d after %d restarts", before.PID, after.PID, after.Restarts)
	}
}

// A colony in a colony ends in order: each has the time to end what it runs,
// and nothing of either is left.
func TestNestedColonies(t *testing.T) {
	inner, dir := t.TempDir(), t.TempDir()
	outer := startSuper(t, t.TempDir(), true)
	up := filepath.Join(dir, "up")
	in := &super{t: t, root: inner, places: placesIn(inner)}
	if err := os.MkdirAll(in.places.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	in.add("deep", with(doing("escape", up)))
	in.add("stubborn", with(doing("stubborn", filepath.Join(dir, "stubborn")), "stop", map[string]any{"grace": "100ms"}))
	sp := doing("supervise")
	sp["env"].(map[string]string)[rootKey] = inner
	outer.add("colony", with(sp, "stop", map[string]any{"grace": "60s"}))
	outer.read(up)
	outer.read(filepath.Join(dir, "stubborn"))
	outer.send(`{"type":"STOP","name":"colony"}`)
	st := outer.until("colony", spec.Stopped)
	if e := st.LastExit; e == nil || e.Code == nil || *e.Code != 0 {
		t.Errorf("the inner colony's end: %+v, want code 0", e)
	}
	if c := in.colony(); !c.Clean {
		t.Error("the inner colony has not ended in order")
	}
	if left := outer.below(); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, ", "))
	}
}

// A signal that comes while `-- CMD` is about to be waits for it, but not for a
// start that hangs.
func TestSignalsWaitForTheCommand(t *testing.T) {
	w := newWorld(t, testPolicy)
	if d := w.loop.holdSignals(); d != 0 {
		t.Errorf("without a command they wait for %v", d)
	}
	w.m.command(commandSpec([]string{"x"}))
	w.do(ticked{})
	if d := w.loop.holdSignals(); d != commandFirst {
		t.Errorf("they wait for %v", d)
	}
	w.pass(2 * commandFirst)
	if d := w.loop.holdSignals(); d != 0 {
		t.Errorf("they wait for a start that hangs: %v", d)
	}
	w.answerOne()
	if d := w.loop.holdSignals(); d != 0 {
		t.Errorf("they wait though it runs: %v", d)
	}
}
