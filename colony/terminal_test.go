package colony

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// screen is a pseudo terminal with somebody in front of it.
type screen struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	done chan struct{} // the program has ended

	mu   sync.Mutex
	text bytes.Buffer
	seen int // how far expect has read
}

// openScreen starts a program as the leader of a session on a new terminal. It
// is killed at the end of the test, with all that is below it.
func openScreen(t *testing.T, cmd *exec.Cmd) *screen {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	sc := &screen{t: t, tty: tty, cmd: cmd, done: make(chan struct{})}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			sc.mu.Lock()
			sc.text.Write(buf[:n])
			sc.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { cmd.Wait(); close(sc.done) }()
	t.Cleanup(func() {
		all := append(descendantsOf(cmd.Process.Pid), process{processID: processID{pid: cmd.Process.Pid}})
		for _, p := range all {
			unix.Kill(p.pid, unix.SIGKILL)
		}
		<-sc.done
		tty.Close()
		if t.Failed() {
			t.Logf("the screen:\n%s", sc.all())
		}
	})
	return sc
}

func (sc *screen) all() string {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.text.String()
}

// keys presses keys.
func (sc *screen) keys(s string) {
	sc.t.Helper()
	if _, err := sc.tty.WriteString(s); err != nil {
		sc.t.Fatal(err)
	}
}

// expect waits until text comes, behind what was expected before.
func (sc *screen) expect(text string) {
	sc.t.Helper()
	sc.eventually("the screen shows "+strconv.Quote(text), func() bool {
		sc.mu.Lock()
		defer sc.mu.Unlock()
		i := bytes.Index(sc.text.Bytes()[sc.seen:], []byte(text))
		if i >= 0 {
			sc.seen += i + len(text)
		}
		return i >= 0
	})
}

func (sc *screen) eventually(what string, ok func() bool) {
	sc.t.Helper()
	for end := time.Now().Add(waitMost); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			sc.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// wantsTheTerminal has a shell tell of its jobs until one is stopped for input. What is
// typed faster than the shell reads is lost, when there is no place for more.
func (sc *screen) wantsTheTerminal() {
	sc.t.Helper()
	sc.eventually("the job wants the terminal", func() bool {
		sc.keys("jobs\r")
		time.Sleep(50 * time.Millisecond)
		return strings.Contains(sc.all(), "tty input")
	})
}

// foreground is the process group the keys go to.
func (sc *screen) foreground() int {
	group, err := unix.IoctlGetInt(int(sc.tty.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlZ = "\x1a"
)

// onTerminal starts a supervisor of `-- command` on a terminal of its own.
func onTerminal(t *testing.T, command ...string) (*super, *screen) {
	t.Helper()
	s := newSuper(t, t.TempDir(), false, command...)
	s.cmd.Env = append(s.cmd.Env, "GORACE=atexit_sleep_ms=0", "PS1=$ ", "ENV=")
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stderr = log
	sc := openScreen(t, s.cmd)
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(s.log)
			t.Logf("log of the supervisor:\n%s", b)
		}
	})
	return s, sc
}

// code waits for the end and returns the exit code.
func (sc *screen) code() int {
	sc.t.Helper()
	select {
	case <-sc.done:
	case <-time.After(waitMost):
		sc.t.Fatal("it does not end")
	}
	return sc.cmd.ProcessState.ExitCode()
}

// dialogue is a program for a terminal: it says hello, then back what it is told.
const dialogue = `echo ready; while read -r line; do echo "<$line>"; done; exit 5`

// A program on our terminal gets what is typed, its size and Ctrl-C; its exit
// code is ours.
func TestTerminalOfACommand(t *testing.T) {
	_, sc := onTerminal(t, "/bin/sh", "-c", "stty size;"+dialogue)
	sc.expect("30 100")
	sc.expect("ready")
	sc.keys("one\r")
	sc.expect("<one>")
	sc.keys(ctrlD)
	if code := sc.code(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
	_, sc = onTerminal(t, "/bin/sh", "-c", dialogue)
	sc.expect("ready")
	sc.keys(ctrlC)
	if code := sc.code(); code != 130 {
		t.Errorf("Ctrl-C: exit code %d, want 130", code)
	}
}

// The window's size, and its changes, reach the program.
func TestWindowSize(t *testing.T) {
	_, sc := onTerminal(t, "/bin/sh", "-c", `trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done`)
	sc.expect("ready")
	if err := pty.Setsize(sc.tty, &pty.Winsize{Rows: 40, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	sc.expect("40 132")
}

// An interactive shell has job control, as if we were not there.
func TestShellAsCommand(t *testing.T) {
	_, sc := onTerminal(t, "/bin/sh", "-c", "exec /bin/sh -i 2>&1")
	sc.expect("$ ")
	sc.keys("cat; echo code=$?\r")
	sc.expect("code=$?")
	sc.keys("hello\r")
	sc.expect("hello\r\nhello")
	sc.keys(ctrlZ)
	sc.expect("Stopped")
	sc.keys("fg\r")
	sc.expect("fg\r\ncat\r\n")
	sc.keys("again\r")
	sc.expect("again\r\nagain")
	sc.keys(ctrlC)
	sc.expect("$ ")
	sc.keys("exit 3\r")
	if code := sc.code(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if strings.Contains(sc.all(), "job control turned off") {
		t.Error("the shell has no job control")
	}
}

// Where there is no shell to go back to, ^Z does not leave a program suspended
// for ever.
func TestSuspendWithoutAShell(t *testing.T) {
	s, sc := onTerminal(t, "/bin/sh", "-c", dialogue)
	sc.expect("ready")
	sc.keys(ctrlZ)
	s.eventually("the suspension is seen", func() bool {
		b, _ := os.ReadFile(s.log)
		return bytes.Contains(b, []byte("signal=TSTP"))
	})
	sc.keys("alive\r")
	sc.expect("<alive>")
}

// shell starts an interactive shell that has a function "colony", which runs a
// supervisor with a command.
func shell(t *testing.T) (root, log string, sc *screen) {
	t.Helper()
	root, log = t.TempDir(), filepath.Join(t.TempDir(), "log")
	script := filepath.Join(t.TempDir(), "colony")
	text := fmt.Sprintf("#!/bin/sh\nexport GORACE=atexit_sleep_ms=0 %s=supervise %s=%s\nexec %s \"$@\" 2>>%s\n", modeKey, rootKey, root, os.Args[0], log)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-i")
	cmd.Env = append(os.Environ(), "PS1=$ ", "ENV=", "PATH="+filepath.Dir(script)+":"+os.Getenv("PATH"), "D="+dialogue)
	sc = openScreen(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(log)
			t.Logf("log of the supervisor:\n%s", b)
		}
	})
	sc.expect("$ ")
	return root, log, sc
}

// ^Z brings the shell back, fg the program; bg lets it run until it wants the
// terminal.
func TestSuspendAndForeground(t *testing.T) {
	_, _, sc := shell(t)
	sc.keys("colony sh -c \"$D\"; echo code=$?\r")
	sc.expect("ready")
	sc.keys(ctrlZ)
	sc.expect("Stopped")
	sc.keys("echo shell=$((1+1))\r")
	sc.expect("shell=2")
	sc.keys("fg\r")
	sc.keys("one\r")
	sc.expect("<one>")
	sc.keys(ctrlZ)
	sc.expect("Stopped")
	sc.keys("bg\r")
	sc.keys("jobs\r")
	sc.wantsTheTerminal()
	sc.keys("fg\r")
	sc.keys("two\r")
	sc.expect("<two>")
	sc.keys(ctrlD)
	sc.keys("echo end=$((2+2))\r")
	sc.expect("end=4")
}

// Begun in the background, it takes the terminal only when it is given to it.
func TestBegunInTheBackground(t *testing.T) {
	_, _, sc := shell(t)
	sc.keys("colony sh -c \"$D\" &\r")
	sc.expect("ready")
	sc.wantsTheTerminal()
	sc.keys("fg\r")
	sc.keys("one\r")
	sc.expect("<one>")
	sc.keys(ctrlD)
	sc.keys("echo end=$((2+2))\r")
	sc.expect("end=4")
}

// A colony in a colony hands the terminal through, and is suspended with what
// it runs.
func TestNestedOnATerminal(t *testing.T) {
	inner := t.TempDir()
	_, _, sc := shell(t)
	sc.keys(fmt.Sprintf("colony env %s=supervise %s=%s %s sh -c \"$D\"; echo code=$?\r", modeKey, rootKey, inner, os.Args[0]))
	sc.expect("ready")
	sc.keys("one\r")
	sc.expect("<one>")
	sc.keys(ctrlZ)
	sc.expect("Stopped")
	sc.keys("echo shell=$((1+1))\r")
	sc.expect("shell=2")
	sc.keys("fg\r")
	sc.keys("two\r")
	sc.expect("<two>")
	sc.keys(ctrlD)
	sc.keys("echo end=$((2+2))\r")
	sc.expect("end=4")
}

// A new life of the program has the terminal too.
func TestRestartOnATerminal(t *testing.T) {
	s, sc := onTerminal(t, "/bin/sh", "-c", dialogue)
	sc.expect("ready")
	first := s.until("main", spec.Running)
	if r := s.send(`{"type":"RESTART","name":"main"}`); !r.OK {
		t.Fatalf("restart: %+v", r)
	}
	second := s.until("main", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	if first.PID == second.PID || sc.foreground() != second.PID {
		t.Errorf("foreground %d, want the new life's %d", sc.foreground(), second.PID)
	}
	sc.expect("ready")
	sc.keys("again\r")
	sc.expect("<again>")
}

// When the program has ended the terminal is ours again, so that Ctrl-C reaches
// us while the others end.
func TestTerminalIsTakenBack(t *testing.T) {
	s := newSuper(t, t.TempDir(), false)
	if err := os.MkdirAll(s.places.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	up := filepath.Join(t.TempDir(), "up")
	s.add("stubborn", with(doing("stubborn", up), "stop", map[string]any{"grace": "1h"}))
	s.cmd = exec.Command(os.Args[0], "/bin/sh", "-c", dialogue)
	s.cmd.Env = append(os.Environ(), modeKey+"=supervise", rootKey+"="+s.root, "GORACE=atexit_sleep_ms=0")
	sc := openScreen(t, s.cmd)
	s.read(up)
	sc.expect("ready")
	sc.keys(ctrlD)
	s.until("stubborn", spec.Stopping)
	sc.eventually("the foreground is ours", func() bool { return sc.foreground() == s.cmd.Process.Pid })
	sc.eventually("it ends", func() bool { // two signals may come as one
		sc.keys(ctrlC)
		select {
		case <-sc.done:
			return true
		default:
			return false
		}
	})
	if code := sc.code(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

// Where background output stops a job (stty tostop), our log does not stop us,
// nor keep us busy, while the program has the foreground.
func TestLogOnABusyTerminal(t *testing.T) {
	s := newSuper(t, t.TempDir(), false, "/bin/sh", "-c", "stty tostop;"+dialogue)
	s.cmd.Env = append(s.cmd.Env, "GORACE=atexit_sleep_ms=0")
	sc := openScreen(t, s.cmd)
	sc.expect("ready")
	s.add("other", `{"args":["/bin/sleep","600"]}`)
	st := s.until("other", spec.Running)
	sc.expect(fmt.Sprintf("msg=started service=other pid=%d", st.PID))
	sc.keys("one\r")
	sc.expect("<one>")
	sc.keys(ctrlD)
	if code := sc.code(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

// STOP itself is somebody's wish, and CONT to us is passed on.
func TestStopOnATerminal(t *testing.T) {
	s, sc := onTerminal(t, "/bin/sh", "-c", dialogue)
	sc.expect("ready")
	st := s.until("main", spec.Running)
	unix.Kill(st.PID, unix.SIGSTOP)
	state := func(want byte) {
		s.eventually(fmt.Sprintf("main is in state %c", want), func() bool { ps, _ := readStat(st.PID); return ps.state == want })
	}
	s.eventually("the stop is seen", func() bool {
		b, _ := os.ReadFile(s.log)
		return bytes.Contains(b, []byte("signal=STOP"))
	})
	state('T')
	s.cmd.Process.Signal(syscall.SIGCONT)
	state('S')
	sc.keys("one\r")
	sc.expect("<one>")
}
