package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// content is what waits in a pipe, which is taken out of it.
func content(t *testing.T, path string) string {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	return string(readAll(fd))
}

// captureOnce starts a service with captured output, and waits for its end.
func captureOnce(t *testing.T, l *listening, log, script string) event {
	t.Helper()
	ev := l.spawner.fork(spawn{order: 1, life: lifeID{"a", 1}, spec: specOf(t, fmt.Sprintf(`{"args": ["/bin/sh", "-c", %q], "log": %s}`, script, log))})
	if up, ok := ev.(started); ok {
		_, err := syscall.Wait4(up.pid, nil, 0, nil)
		must(t, err)
	}
	return ev
}

func newCapturing(t *testing.T) (*listening, spec.Places) {
	p := placesIn(t.TempDir())
	l := newListening(t, p)
	s := newStreams(p, outbox{make(chan event, 100), l.quit}, func(f func()) { go f() })
	l.spawner.preparer.streams = s
	go s.run()
	return l, p
}

// TestCapture: what a service writes waits in its pipes, in order, also when
// nobody is left who has written it; apart, each stream in its own.
func TestCapture(t *testing.T) {
	l, p := newCapturing(t)
	const script = "echo out; echo err >&2; echo again; echo more >/dev/stdout"
	if ev := captureOnce(t, l, `{}`, script); ev.(started).warning != "" {
		t.Errorf("%+v", ev)
	}
	if got := content(t, p.LogDir()+"/a/pipe"); got != "out\nerr\nagain\nmore\n" {
		t.Errorf("%q", got)
	}
	captureOnce(t, l, `{"stderr": "apart"}`, script)
	if got := content(t, p.LogDir()+"/a/pipe"); got != "out\nagain\nmore\n" {
		t.Errorf("%q", got)
	}
	if got := content(t, p.LogDir()+"/a/stderr/pipe"); got != "err\n" {
		t.Errorf("%q", got)
	}
	fi, err := os.Stat(p.LogDir() + "/a/pipe")
	if must(t, err); fi.Mode() != os.ModeNamedPipe|0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
	// Who writes never gets SIGPIPE, whatever becomes of the reader.
	captureOnce(t, l, `{}`, "sleep 0; echo x; exec cat /proc/self/stat")
	if got := content(t, p.LogDir()+"/a/pipe"); !strings.HasPrefix(got, "x\n") {
		t.Errorf("%q", got)
	}
}

// TestPipesAreLetGo: those that are not wanted any more are held until they are
// empty.
func TestPipesAreLetGo(t *testing.T) {
	l, p := newCapturing(t)
	s := l.spawner.preparer.streams
	captureOnce(t, l, `{"stderr": "apart"}`, "echo out; echo err >&2")
	must(t, s.hold("a", nil))
	if got := content(t, p.LogDir()+"/a/stderr/pipe"); got != "err\n" {
		t.Errorf("it is gone: %q", got)
	}
	// The descriptor whose pipe is empty is closed: nobody has it open then, and
	// to open it for writing alone fails.
	for end := time.Now().Add(waitMost); ; time.Sleep(10 * time.Millisecond) {
		fd, err := unix.Open(p.LogDir()+"/a/stderr/pipe", unix.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == unix.ENXIO {
			break
		}
		if unix.Close(fd); time.Now().After(end) {
			t.Fatal("an empty pipe is not let go of")
		}
	}
	if got := content(t, p.LogDir()+"/a/pipe"); got != "out\n" {
		t.Errorf("it is gone: %q", got)
	}
}

// TestHoldingIsPrivate: what is held is not in the table of descriptors that
// forks copy, and the thread that holds it is good for everything the runtime
// does on it.
func TestHoldingIsPrivate(t *testing.T) {
	l, p := newCapturing(t)
	s := l.spawner.preparer.streams
	must(t, os.MkdirAll(p.LogDir(), 0o755))
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(list)
	}
	must(t, makePipe(p.LogDir()+"/first/pipe", identity{}), s.hold("first", []string{p.LogDir() + "/first/pipe"}))
	before := count()
	for i := range 300 {
		path := fmt.Sprintf("%s/%d/pipe", p.LogDir(), i)
		must(t, makePipe(path, identity{}), s.hold(fmt.Sprint(i), []string{path}))
		if i%30 == 0 { // the collector looks at the poller on whatever thread it is
			runtime.GC()
			r, w, err := os.Pipe()
			must(t, err)
			go func() { w.Write([]byte("x")); w.Close() }()
			_, err = r.Read(make([]byte, 1))
			must(t, err, r.Close())
		}
	}
	if after := count(); after > before+5 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestNoPipe: who cannot be given a pipe starts without, and says so.
func TestNoPipe(t *testing.T) {
	l, p := newCapturing(t)
	for what, spoil := range map[string]func(){
		"there is something else than a pipe": func() { must(t, os.MkdirAll(p.LogDir()+"/a/pipe", 0o755)) },
		"not a directory":                     func() { must(t, os.RemoveAll(p.LogDir())); put(t, p.LogDir(), "") },
	} {
		spoil()
		ev, ok := captureOnce(t, l, `{}`, "true").(started)
		if !ok || !strings.HasPrefix(ev.warning, "log: output is not captured, it goes where the supervisor's goes: ") || !strings.Contains(ev.warning, what) {
			t.Errorf("%s: %+v", what, ev)
		}
		os.RemoveAll(p.LogDir())
	}
}

// holds tells whether a thread of the supervisor has the file open; the pipes are
// in the table of one thread alone.
func (s *super) holds(path string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/fd/*", s.cmd.Process.Pid))
	return slices.ContainsFunc(fds, func(fd string) bool {
		target, err := os.Readlink(fd)
		return err == nil && target == path
	})
}

// TestOutputOutlivesItsWriter: bytes wait for a logger through the death of who
// has written them and an upgrade of the supervisor; and through the death of the
// supervisor, as long as who has written them lives.
func TestOutputOutlivesItsWriter(t *testing.T) {
	root := t.TempDir()
	s := startSuper(t, root, false)
	pipe := filepath.Join(s.places.LogDir(), "a", spec.Pipe)
	say := func(restart string) string {
		return with(map[string]any{"log": map[string]any{}, "restart": restart, "args": []string{"/bin/sh", "-c", "echo one; echo two >&2"}})
	}
	s.add("a", say("never"))
	s.until("a", spec.Exited)
	if r := s.upgrade(""); !r.OK {
		t.Fatalf("%+v", r)
	}
	if got := content(t, pipe); got != "one\ntwo\n" {
		t.Errorf("after an upgrade: %q", got)
	}
	s.add("b", with(map[string]any{"log": map[string]any{}, "args": []string{"/bin/sh", "-c", "echo three; exec sleep 600"}}))
	written := func(want string) func() bool {
		return func() bool {
			n := 0
			if fd, err := unix.Open(filepath.Join(s.places.LogDir(), "b", spec.Pipe), unix.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
				n, _ = unix.IoctlGetInt(fd, unix.TIOCINQ)
				unix.Close(fd)
			}
			return n == len(want)
		}
	}
	s.eventually("the first life has written", written("three\n"))
	s.murder()
	s = startSuper(t, root, false)
	b := s.until("b", spec.Running)
	// It publishes beside the thread that takes hold of the pipes again.
	s.eventually("the new supervisor holds the pipe", func() bool {
		return s.holds(filepath.Join(s.places.LogDir(), "b", spec.Pipe))
	})
	unix.Kill(b.PID, unix.SIGKILL)
	s.until("b", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	s.eventually("the second life has written", written("three\nthree\n"))
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
