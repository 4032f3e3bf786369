package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// The Python program writes specs and messages with FilePath.setContent of
// Twisted: a sibling is written, not synced, and renamed. What differs between
// the versions of Twisted is the sibling.
type pen struct {
	what    string
	sibling func(name string) string
	flags   int
	mode    os.FileMode // before the umask
}

var pens = []pen{
	{"of today", func(name string) string { return sixteen() + name + ".new" }, os.O_RDWR | os.O_CREATE | os.O_EXCL, 0o777},
	{"of old", func(name string) string { return name + ".new" }, os.O_WRONLY | os.O_CREATE | os.O_TRUNC, 0o666},
}

// sixteen is what a name of a sibling begins with: base64 as in URLs. Random
// ones would rarely begin with the characters that no name may begin with.
func sixteen() string {
	siblings++
	return string("-_Aq9"[siblings%5]) + fmt.Sprintf("%015d", siblings)
}

var siblings int

// begin writes the sibling of path, as a program that is killed then leaves it.
func (p pen) begin(t *testing.T, path, content string) (sibling string) {
	t.Helper()
	sibling = filepath.Join(filepath.Dir(path), p.sibling(filepath.Base(path)))
	f, err := os.OpenFile(sibling, p.flags, p.mode)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return sibling
}

func (p pen) setContent(t *testing.T, path, content string) {
	t.Helper()
	if err := os.Rename(p.begin(t, path, content), path); err != nil {
		t.Fatal(err)
	}
}

// TestPythonWrites does to a real supervisor what the Python program's ctllib
// does, file by file and byte by byte: with notifications, and where none are to
// be had.
func TestPythonWrites(t *testing.T) {
	for _, p := range pens {
		t.Run(p.what, func(t *testing.T) { pythonWrites(t, superviseFor(t, false), p) })
	}
	t.Run("polled", func(t *testing.T) {
		s := superviseFor(t, true)
		s.until("it says that it has no inotify", func() bool {
			c, err := ctl.Colony(s.places)
			return err == nil && c.Degraded["inotify"] != ""
		})
		pythonWrites(t, s, pens[0])
	})
}

func pythonWrites(t *testing.T, s *supervisor, p pen) {
	config := func(name string) string { return filepath.Join(s.places.Config, name) }

	// What json.dumps makes of the flags of add: keys as Python 3 orders them, and
	// as Python 2 happened to; ASCII only.
	const web = `{"args": ["/bin/sleep", "1000"], "env": {"A": "b=c", "\u00dc": "\ud83d\ude00"}, "env_inherit": ["NOT_SET"], "group": ["g"], "ncolony.beatcheck": null}`
	const api = `{"group": ["g"], "args": ["/bin/sleep", "1000"], "env": {}}`
	p.setContent(t, config("web"), web)
	p.setContent(t, config("api"), api)
	s.running("api", 0)
	pid := s.running("web", 0)
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NCOLONY_CONFIG=" + web, "NCOLONY_NAME=web", "A=b=c", "Ü=😀", "NOT_SET="} {
		if !slices.Contains(strings.Split(string(environ), "\x00"), want) {
			t.Errorf("no %q in %q", want, environ)
		}
	}

	// A message has the name NNNMessage.PID. A container gives a pid again, and so
	// a name comes again.
	for _, m := range []string{`{"type": "RESTART", "name": "web"}`, `{"name": "web", "type": "RESTART"}`} {
		p.setContent(t, filepath.Join(s.places.Messages, "000Message.4711"), m)
		pid = s.running("web", pid)
		s.answered("000Message.4711")
	}
	apiPID := s.running("api", 0)
	p.setContent(t, filepath.Join(s.places.Messages, "001Message.4711"), `{"type": "RESTART-ALL"}`)
	pid, apiPID = s.running("web", pid), s.running("api", apiPID)
	p.setContent(t, filepath.Join(s.places.Messages, "by hand"), `{"type": "RESTART-GROUP", "group": "g"}`)
	pid, apiPID = s.running("web", pid), s.running("api", apiPID)
	s.answered("by hand")

	// A change is taken before the message behind it, which then needs no other
	// start; the same once more is none.
	p.setContent(t, config("web"), strings.Replace(web, "1000", "1001", 1))
	pid = s.running("web", pid)
	p.setContent(t, config("web"), strings.Replace(web, "1000", "1001", 1))
	p.setContent(t, config("api"), `{"args": ["/bin/sleep", "1000"], "env": {}, "group": ["g"]}`)
	p.setContent(t, config("late"), `{"args": ["/bin/sleep", "1000"]}`)
	p.setContent(t, filepath.Join(s.places.Messages, "002Message.4711"), `{"type": "RESTART", "name": "late"}`)
	s.answered("002Message.4711")
	s.same("web", pid)
	s.same("api", apiPID)

	// A null that extras have brought in hurts its own service only, and not what
	// runs of it.
	p.setContent(t, config("api"), `{"args": ["/bin/sleep", "1000"], "uid": null}`)
	s.until("api has a spec error", func() bool {
		st, err := ctl.StatusOf(s.places, "api")
		return err == nil && st.SpecError != nil && strings.HasPrefix(st.SpecError.Message, "uid: null: leave the key out")
	})
	s.same("api", apiPID)

	// A writer that was killed leaves its sibling behind, which is nothing.
	left := []string{p.begin(t, config("ghost"), web), p.begin(t, config("web"), "{"),
		p.begin(t, filepath.Join(s.places.Messages, "003Message.4711"), `{"type": "RESTART", "name": "web"}`)}
	if err := os.Remove(config("late")); err != nil {
		t.Fatal(err)
	}
	s.until("late is gone", func() bool {
		_, err := ctl.StatusOf(s.places, "late")
		return errors.Is(err, ctl.ErrNoService)
	})
	s.same("web", pid)
	if st, err := ctl.StatusOf(s.places, "web"); err != nil || st.SpecError != nil || len(st.Warnings) > 0 {
		t.Errorf("status of web: %+v, %v", st, err)
	}
	if c, err := ctl.Colony(s.places); err != nil || len(c.BadFiles) > 0 {
		t.Errorf("bad files: %+v, %v", c, err)
	}
	for _, path := range left {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a file in the making was touched: %v", err)
		}
	}
}

// supervisor is one that runs for a test.
type supervisor struct {
	t      *testing.T
	places spec.Places
}

// superviseFor starts a supervisor over directories of its own, and ends it with
// the test. A blind one has no inotify: it lives in a user namespace that grants
// none.
func superviseFor(t *testing.T, blind bool) *supervisor {
	t.Helper()
	root := t.TempDir()
	s := &supervisor{t, spec.Places{
		Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state"),
	}}
	for _, dir := range []string{s.places.Config, s.places.Messages} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ncolony, err := exec.LookPath("ncolony") // where testscript has put it
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(ncolony, "--root", root, "--frequency", "0.5", "--no-helpers")
	cmd.Stderr = &log
	if blind {
		grantNoInotify(t, cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() {
			t.Errorf("supervisor %d does not end, it is killed", cmd.Process.Pid)
			cmd.Process.Kill()
		})
		err := cmd.Wait()
		kill.Stop()
		killStrays(t, s.places)
		if err != nil {
			t.Errorf("supervisor: %v", err)
		}
		if t.Failed() {
			t.Logf("supervisor:\n%s", &log)
		}
	})
	return s
}

// grantNoInotify wraps cmd, or skips the test.
func grantNoInotify(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	const refuse = "echo 0 >/proc/sys/user/max_inotify_instances"
	alone := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	try := exec.Command("/bin/sh", "-c", refuse)
	try.SysProcAttr = alone
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("needs a user namespace with limits of its own: %v %s", err, out)
	}
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", refuse + ` && exec "$0" "$@"`}, cmd.Args...)
	cmd.SysProcAttr = alone
}

func (s *supervisor) until(what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// running waits until a service runs with another pid than before, and returns
// that.
func (s *supervisor) running(name string, before int) (pid int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%s runs, and not as %d", name, before), func() bool {
		st, err := ctl.StatusOf(s.places, name)
		if err == nil && st.State == spec.Running && st.PID != before {
			pid = st.PID
		}
		return pid != 0
	})
	return pid
}

// same checks that a service runs on as pid.
func (s *supervisor) same(name string, pid int) {
	s.t.Helper()
	if st, err := ctl.StatusOf(s.places, name); err != nil || st.PID != pid {
		s.t.Errorf("%s: %+v, %v; it ran as %d", name, st, err, pid)
	}
}

// answered waits until a message was acted on and removed, and checks that its
// answer is good.
func (s *supervisor) answered(file string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	res, err := ctl.Wait(ctx, s.places, file)
	if err == nil {
		err = ctl.Answer(res)
	}
	if err != nil {
		s.t.Fatalf("%s: %v", file, err)
	}
	if _, err := os.Lstat(filepath.Join(s.places.Messages, file)); !errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("%s is still there: %v", file, err)
	}
}

// TestPythonItself lets Twisted do the same, where there is one.
func TestPythonItself(t *testing.T) {
	python := ""
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(path, "-c", "import twisted.python.filepath").Run() == nil {
			python = path
		}
	}
	if python == "" {
		t.Skip("needs a python3 with Twisted")
	}
	s := superviseFor(t, false)
	write := func(path, content string) {
		t.Helper()
		cmd := exec.Command(python, "-c", `
import json, sys
from twisted.python.filepath import FilePath
FilePath(sys.argv[1]).setContent(json.dumps(json.loads(sys.argv[2])).encode("utf-8"))
`, path, content)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	write(filepath.Join(s.places.Config, "web"), `{"args": ["/bin/sleep", "1000"], "env": {"Ü": "😀"}}`)
	pid := s.running("web", 0)
	write(filepath.Join(s.places.Messages, "000Message.1"), `{"type": "RESTART", "name": "web"}`)
	s.running("web", pid)
	s.answered("000Message.1")
}
