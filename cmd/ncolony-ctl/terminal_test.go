package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// session is ncolony-ctl on a terminal of its own.
type session struct {
	t     *testing.T
	cmd   *exec.Cmd
	tty   *os.File // our end of the terminal
	ended chan error

	lock sync.Mutex
	out  strings.Builder
}

// start runs ncolony-ctl with args in a window of that size.
func start(t *testing.T, root string, rows, columns uint16, env []string, args ...string) *session {
	t.Helper()
	return startOnTerminal(t, root, rows, columns, env, "ncolony-ctl", args...) // where testscript has put it
}

func startOnTerminal(t *testing.T, root string, rows, columns uint16, env []string, program string, args ...string) *session {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(append(os.Environ(), "NCOLONY_ROOT="+root, "TERM=xterm", "NO_COLOR=1"), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows, Cols: columns})
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	s := &session{t: t, cmd: cmd, tty: tty, ended: make(chan error, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for buf := make([]byte, 4096); ; {
			n, err := tty.Read(buf)
			s.lock.Lock()
			s.out.Write(buf[:n])
			s.lock.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := cmd.Wait()
		<-read // all of it
		s.ended <- err
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
	})
	return s
}

func (s *session) text() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.out.String()
}

// shows waits for text behind what was there when mark was taken, and returns
// the mark of what there is now.
func (s *session) shows(mark int, text string) int {
	s.t.Helper()
	for end := time.Now().Add(fixture.Patience); ; time.Sleep(10 * time.Millisecond) {
		out := s.text()
		if strings.Contains(out[mark:], text) {
			return len(out)
		}
		if time.Now().After(end) {
			s.t.Fatalf("%q is not shown; the end of what is: %q", text, out[max(mark, len(out)-600):])
		}
	}
}

// ends waits for the end, which must be a good one.
func (s *session) ends() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("it ended with %v and wrote %q", err, s.text())
		}
	case <-time.After(fixture.Patience):
		s.t.Fatalf("it does not end, and wrote %q", s.text())
	}
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) echoes() bool {
	s.t.Helper()
	t, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return t.Lflag&unix.ECHO != 0
}

// say writes a status as a supervisor does.
func say(t *testing.T, root string, st spec.Status) {
	t.Helper()
	p := spec.Places{State: filepath.Join(root, "state")}
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.StatusDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(p.Status(st.Name), text, 0o644, false); err != nil {
		t.Fatal(err)
	}
}

// A watch on a terminal draws in place, follows the window, and gives the
// terminal back however it ends.
func TestWatchOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		how string
		end func(*session)
	}{
		{"Ctrl-C", func(s *session) { s.types("\x03") }},
		{"q", func(s *session) { s.types("xq") }},
		{"Ctrl-\\", func(s *session) { s.types("\x1c") }},
		{"TERM", func(s *session) { s.cmd.Process.Signal(syscall.SIGTERM) }},
		{"HUP", func(s *session) { s.cmd.Process.Signal(syscall.SIGHUP) }},
	} {
		t.Run(tc.how, func(t *testing.T) {
			if tc.how == "HUP" && signal.Ignored(syscall.SIGHUP) {
				t.Skip("HUP is ignored here, as under nohup, and so what we start ignores it")
			}
			root := t.TempDir()
			for _, name := range []string{"a", "b", "c", "web"} {
				say(t, root, spec.Status{Name: name, State: spec.Running, Since: time.Now(), PID: 7})
			}
			s := start(t, root, 7, 100, nil, "status", "--watch")
			s.shows(0, enterScreen)
			mark := s.shows(0, "and 2 more, for which the window is too small")
			if s.echoes() {
				t.Error("what is typed is shown")
			}
			say(t, root, spec.Status{Name: "web", State: spec.Failed, Since: time.Now()})
			mark = s.shows(mark, "failed")
			if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 20, Cols: 100}); err != nil {
				t.Fatal(err)
			}
			s.shows(mark, "c     running")
			tc.end(s)
			s.ends()
			if out := s.text(); !strings.HasSuffix(out, leaveScreen) {
				t.Errorf("the terminal is left with %q", out[max(0, len(out)-60):])
			}
		})
	}
}

// Ctrl-Z gives the terminal back, and the return takes it again.
func TestWatchSuspended(t *testing.T) {
	root := t.TempDir()
	say(t, root, spec.Status{Name: "web", State: spec.Running, Since: time.Now(), PID: 7})
	s := startOnTerminal(t, root, 20, 100, nil, "sh", "-c",
		`set -m; ncolony-ctl status --watch; echo "job $?"; read go; fg >/dev/null`)
	mark := s.shows(0, "web   running")
	s.types("\x1a")
	s.shows(mark, leaveScreen)
	mark = s.shows(mark, "job 1") // 128 and a signal
	if !s.echoes() {
		t.Error("what is typed then is not shown")
	}
	s.types("go\n")
	s.shows(mark, enterScreen+cursorHome)
	s.types("q")
	s.ends()
}

// Where no shell could continue it, as in a container, Ctrl-Z stops nothing.
func TestWatchWithoutShell(t *testing.T) {
	root := t.TempDir()
	say(t, root, spec.Status{Name: "web", State: spec.Running, Since: time.Now(), PID: 7})
	s := start(t, root, 20, 100, nil, "status", "--watch")
	mark := s.shows(0, "web   running")
	for range 2 {
		s.types("\x1a")
		mark = s.shows(mark, leaveScreen+enterScreen+cursorHome)
	}
	s.types("q")
	s.ends()
}

// On a terminal, a bad spec can be edited again.
func TestEditAgain(t *testing.T) {
	root := t.TempDir()
	config := filepath.Join(root, "config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	const before = `{"args": ["a"]}`
	if err := os.WriteFile(filepath.Join(config, "web"), []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	// The editor writes what stands in "next", first something bad.
	next := filepath.Join(root, "next")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("{")
	env := []string{"EDITOR=cp " + next, "VISUAL=", "TMPDIR=" + t.TempDir()}
	// As an editor it has to take the copy as its last argument, which cp does.
	s := start(t, root, 20, 200, env, "edit", "web")
	mark := s.shows(0, "edit again? [Y/n] ")
	if out := s.text(); !strings.Contains(out, ".json:1:2: ") {
		t.Errorf("the problem is not told: %q", out)
	}
	s.types("\n")
	s.shows(mark, "edit again? [Y/n] ")
	const good = `{"args": ["b"]}`
	write(good)
	s.types("y\n")
	s.ends()
	if now, _ := os.ReadFile(filepath.Join(config, "web")); string(now) != good {
		t.Errorf("the spec is %q, want %q", now, good)
	}

	write("{")
	s = start(t, root, 20, 200, env, "edit", "web")
	s.shows(0, "edit again? [Y/n] ")
	s.types("n\n")
	if err := <-s.ended; fixture.ExitCode(err) != exitFailed {
		t.Errorf("it ended with %v, want code %d", err, exitFailed)
	}
	s.shows(0, "hint: what you have written is in ")
}
