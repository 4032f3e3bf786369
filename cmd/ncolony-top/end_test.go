package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func (w *window) modes() unix.Termios {
	w.t.Helper()
	m, err := unix.IoctlGetTermios(int(w.tty.Fd()), unix.TCGETS)
	if err != nil {
		w.t.Fatal(err)
	}
	return *m
}

// restored checks that the terminal is as it was: modes, page, cursor.
func (w *window) restored(before unix.Termios) {
	w.t.Helper()
	if after := w.modes(); after != before {
		w.t.Errorf("the terminal is left with %+v, was %+v", after, before)
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.screen.IsAltScreen() {
		w.t.Error("the terminal is left on its other page")
	}
	if w.screen.CursorHidden() {
		w.t.Error("the cursor is left hidden")
	}
}

// However it ends, the terminal is given back, and the exit code is 0.
func TestEnds(t *testing.T) {
	s := supervise(t, map[string]string{"web": `{"args": ["sleep", "1000"], "env_inherit": ["PATH"], "log": {}}`})
	s.is("web", spec.Running)
	fresh := pristine(t)
	signal := func(sig os.Signal) func(*window) { return func(w *window) { w.cmd.Process.Signal(sig) } }
	types := func(keys string) func(*window) { return func(w *window) { w.types(keys) } }
	for what, end := range map[string]func(*window){
		"q": types("q"), "q in details": types("\rq"), "q in output": types("lq"), "q in help": types("?q"), "Ctrl-C": types("\x03"),
		"Ctrl-C while typing": types("/q\x03"), "Ctrl-C at a question": types("r\x03"),
		"TERM": signal(syscall.SIGTERM), "INT": signal(syscall.SIGINT), "HUP": signal(syscall.SIGHUP), "QUIT": signal(syscall.SIGQUIT),
	} {
		t.Run(what, func(t *testing.T) {
			w := open(t, s.root, 80, 24)
			w.shows("web", "Enter details")
			if w.modes() == fresh {
				t.Error("what is typed is shown")
			}
			end(w)
			if err := w.ends(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			w.restored(fresh)
		})
	}
}

// When the terminal goes away, so does what was drawn on it.
func TestHangup(t *testing.T) {
	s := supervise(t, map[string]string{"web": `{"args": ["sleep", "1000"], "env_inherit": ["PATH"]}`})
	s.is("web", spec.Running)
	w := open(t, s.root, 80, 24)
	w.shows("web", "Enter details")
	w.tty.Close()
	if err := w.ends(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// pristine are the modes of a new terminal.
func pristine(t *testing.T) unix.Termios {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer ours.Close()
	defer theirs.Close()
	m, err := unix.IoctlGetTermios(int(ours.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// Ctrl-Z, and TSTP from elsewhere, give the terminal back to a shell, and fg takes it
// again.
func TestSuspended(t *testing.T) {
	s := supervise(t, map[string]string{"web": `{"args": ["sleep", "1000"], "env_inherit": ["PATH"]}`})
	s.is("web", spec.Running)
	fresh := pristine(t)
	w := openAs(t, 80, 24, []string{"sh", "-c", `set -m; ncolony top --root "$0"; echo "job $?"; read go; fg >/dev/null`, s.root})
	w.shows("web", "Enter details")
	w.types("\x1a")
	w.shows("job 1") // 128 and a signal
	w.restored(fresh)
	w.types("go\n")
	w.shows("web", "Enter details")
	w.types("q")
	w.until("back in the shell", func(string) bool { return w.modes() == fresh })
}

// Where no shell could continue it, as in a container, Ctrl-Z stops nothing.
func TestWithoutShell(t *testing.T) {
	s := supervise(t, map[string]string{"web": `{"args": ["sleep", "1000"], "env_inherit": ["PATH"]}`})
	s.is("web", spec.Running)
	w := open(t, s.root, 80, 24)
	w.shows("web", "Enter details")
	w.types("\x1a")
	w.until("the terminal was given back, and taken again", func(string) bool { return strings.Count(w.sent(), "\x1b[?1049h") == 2 })
	w.shows("web", "Enter details")
	w.types("?")
	w.shows("Everywhere")
	w.types("q")
	if err := w.ends(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Who may not look is told so as ctl status tells it, before the terminal is
// touched.
func TestUnreadable(t *testing.T) {
	root := filepath.Join(t.TempDir(), "colony")
	state := filepath.Join(root, "state")
	if err := os.MkdirAll(filepath.Join(state, "status"), 0o755); err != nil {
		t.Fatal(err)
	}
	var attr *syscall.SysProcAttr
	if os.Geteuid() == 0 { // whom nothing is unreadable to
		const nobody = 65534
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, dir := range []string{programs, filepath.Dir(filepath.Dir(root)), filepath.Dir(root)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, dir := range []string{state, filepath.Join(state, "status")} {
		if err := os.Chmod(dir, 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o755)
		code, said := onTerminalAs(t, attr, "top", "--root", root)
		wantCode, want := onTerminalAs(t, attr, "ctl", "--root", root, "status")
		// status tells what it knows first, and that nobody supervises.
		errorLine := func(s string) string {
			for line := range strings.Lines(s) {
				if strings.Contains(line, "permission denied") {
					return strings.TrimSpace(line[strings.Index(line, "open "):])
				}
			}
			return "no error"
		}
		if errorLine(said) != errorLine(want) || strings.Count(said, "ncolony: ") != 1 || strings.Contains(said, "\x1b") {
			t.Errorf("%s: top says %q, status says %q", dir, said, want)
		}
		if attr != nil && !strings.Contains(said, "hint: ") {
			t.Errorf("%s: top gives no way out: %q", dir, said)
		}
		if dir == state && code != wantCode || code != 1 {
			t.Errorf("%s: exit code %d, that of status is %d", dir, code, wantCode)
		}
		os.Chmod(dir, 0o755)
	}
}

// onTerminalAs runs ncolony on a terminal to its end.
func onTerminalAs(t *testing.T, attr *syscall.SysProcAttr, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, "ncolony"), args...)
	cmd.SysProcAttr = attr
	cmd.Dir = "/"
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer tty.Close()
	var out bytes.Buffer
	out.ReadFrom(tty) // until nobody has the other end
	err = cmd.Wait()
	if ee, ok := errors.AsType[*exec.ExitError](err); ok {
		return ee.ExitCode(), out.String()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, out.String()
}

// Without a terminal there is nothing to draw upon.
func TestNoTerminal(t *testing.T) {
	var out, said bytes.Buffer
	cmd := exec.Command(filepath.Join(programs, "ncolony"), "top", "--root", t.TempDir())
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ee, ok := errors.AsType[*exec.ExitError](err); !ok || ee.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit code 1", err)
	}
	want := "ncolony: top: standard input and output have to be a terminal\nhint: 'ncolony ctl status --watch' tells what changes, line by line\n"
	if said.String() != want || out.Len() > 0 {
		t.Errorf("it wrote %q and said %q, want %q", out.String(), said.String(), want)
	}
}
