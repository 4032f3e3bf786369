package image

import (
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a person before a container that runs with -it.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	file interface {
		WriteString(string) (int, error)
	}
	resize func(pty.Winsize)

	mu   sync.Mutex
	seen strings.Builder
	at   int // up to where it was read
}

// open runs the command in a container of the base image.
func open(t *testing.T, size pty.Winsize, command ...string) *terminal {
	t.Helper()
	image := base(t)
	args := []string{"run", "-it", "--name", newName(t), "--network", "none", "-e", "PS1=ready> ", "-e", "TERM=dumb", image}
	cmd := exec.Command("docker", append(args, command...)...)
	f, err := pty.StartWithSize(cmd, &size)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, cmd: cmd, file: f, resize: func(size pty.Winsize) {
		if err := pty.Setsize(f, &size); err != nil {
			t.Fatal(err)
		}
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b)
			x.mu.Lock()
			x.seen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		f.Close()
		<-done
		cmd.Wait()
		if t.Failed() {
			t.Logf("on the terminal:\n%s", x.seen.String())
		}
	})
	return x
}

// types is what a person types.
func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := x.file.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// sees waits for what is not yet read of the output to match, and reads up to
// there.
func (x *terminal) sees(pattern string) {
	x.t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		x.mu.Lock()
		found := re.FindStringIndex(x.seen.String()[x.at:])
		if found != nil {
			x.at += found[1]
		}
		x.mu.Unlock()
		if found != nil {
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("not seen on the terminal: %s", pattern)
		}
	}
}

// all is the whole output so far.
func (x *terminal) all() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen.String()
}

const (
	ctrlC  = "\x03"
	ctrlZ  = "\x1a"
	prompt = "ready> "
)

// An interactive shell as the program has the terminal for itself, with job
// control. (What is typed is echoed, so no command has in it what it says.)
func TestInteractiveShell(t *testing.T) {
	t.Parallel()
	x := open(t, pty.Winsize{Rows: 33, Cols: 77}, "--", "sh", "-i")
	x.sees(prompt)

	// The engine tells the size shortly after the start.
	x.types(`until [ "$(stty size)" = "33 77" ]; do sleep 0.1; done; echo size-$((1+1))` + "\n")
	x.sees("size-2")
	x.sees(prompt)

	x.types(`sh -c 'echo run""ning; exec sleep 1000'` + "\n")
	x.sees("running")
	x.types(ctrlC)
	x.sees(prompt)
	x.types(`echo code-$?` + "\n")
	x.sees("code-130")
	x.sees(prompt)

	x.types(`sh -c 'trap "echo inter""rupted; exit 3" INT; echo go""ing; while :; do sleep 0.1; done'` + "\n")
	x.sees("going")
	x.types(ctrlZ)
	x.sees("Stopped")
	x.sees(prompt)
	x.types("fg\n")
	x.sees(`while :`) // the shell says what it brings back
	x.types(ctrlC)
	x.sees("interrupted")
	x.sees(prompt)

	x.types(`sh -c 'trap "stty size; exit" WINCH; echo watch""ing; while :; do sleep 0.1; done'` + "\n")
	x.sees("watching")
	x.resize(pty.Winsize{Rows: 44, Cols: 99})
	x.sees("44 99")
	x.sees(prompt)

	x.types("exit 5\n")
	x.ends(5)
	if strings.Contains(x.all(), "job control") {
		t.Error("the shell has no job control")
	}
}

// A program that is no shell gets Ctrl-C itself, and the window's changes.
func TestProgramOnATerminal(t *testing.T) {
	t.Parallel()
	x := open(t, pty.Winsize{Rows: 20, Cols: 60}, "--", "sh", "-c",
		`trap "echo inter""rupted; exit 3" INT; trap "stty size" WINCH; echo watch""ing; `+loop)
	x.sees("watching")
	x.resize(pty.Winsize{Rows: 21, Cols: 61})
	x.sees("21 61")
	x.types(ctrlC)
	x.sees("interrupted")
	x.ends(3)
}

// ends waits until the docker command ends with this code.
func (x *terminal) ends(code int) {
	x.t.Helper()
	done := make(chan struct{})
	go func() { x.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		x.t.Fatal("the container does not end")
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d", got, code)
	}
}
