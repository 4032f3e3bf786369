package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// patience bounds every wait. It is long for the sake of loaded machines, and only
// a failing test takes it.
const patience = time.Minute

// programs are where the programs under test are.
var programs string

func TestMain(m *testing.M) {
	// The program under test is this one, by its name, so that it is looked at for
	// races too, and no result of another one is taken for its.
	if filepath.Base(os.Args[0]) == "ncolony-top" {
		main()
	}
	if os.Getenv("GORACE") == "" { // else each lingers for a second at its end
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ncolony-top")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		programs = dir
		if out, err := exec.Command("go", "build", "-o", dir, "../ncolony", "../ncolony-ctl", "../ncolony-log").CombinedOutput(); err != nil {
			panic(string(out))
		}
		// A copy, which others may run, too.
		self, err := os.ReadFile("/proc/self/exe")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "ncolony-top"), self, 0o755)
		}
		if err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// supervisor runs a colony of its own, with these specs.
type supervisor struct {
	t      *testing.T
	places spec.Places
	root   string
	cmd    *exec.Cmd
}

func supervise(t *testing.T, specs map[string]string) *supervisor {
	t.Helper()
	root := t.TempDir()
	s := &supervisor{t: t, root: root, places: spec.Places{Config: filepath.Join(root, "config"),
		Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}}
	if err := os.MkdirAll(s.places.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range specs {
		s.write(name, text)
	}
	s.start()
	t.Cleanup(func() { s.end() })
	return s
}

// write puts a spec in its place, good or not.
func (s *supervisor) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.places.Config, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *supervisor) start() {
	s.t.Helper()
	s.cmd = exec.Command(filepath.Join(programs, "ncolony"), "--root", s.root)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	// It may have the lock and not hear signals yet, of which one would kill it.
	s.eventually("a supervisor at work", func() bool {
		c, err := ctl.Colony(s.places)
		return err == nil && c.PID == s.cmd.Process.Pid
	})
}

// kill ends the supervisor alone; its services go on.
func (s *supervisor) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// end ends it in order, and with it all of its services, also those of one that was
// killed.
func (s *supervisor) end() {
	if s.cmd.ProcessState != nil {
		s.start()
	}
	s.cmd.Process.Signal(os.Interrupt)
	late := time.AfterFunc(patience, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.cmd.Wait()
}

// is waits for a state of a service, and returns its status.
func (s *supervisor) is(name string, state spec.State) (st *spec.Status) {
	s.t.Helper()
	s.eventually(name+" "+string(state), func() bool {
		var err error
		st, err = ctl.StatusOf(s.places, name)
		return err == nil && st.State == state
	})
	return st
}

func (s *supervisor) eventually(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// window is a terminal of its own with the program in it.
type window struct {
	t     *testing.T
	cmd   *exec.Cmd
	tty   *os.File // our end of the terminal
	raw   strings.Builder
	ended chan error

	lock   sync.Mutex
	screen *vt.Emulator
}

// open runs `ncolony top` on a colony in a window of that size.
func open(t *testing.T, root string, columns, rows int, env ...string) *window {
	t.Helper()
	return openAs(t, columns, rows, []string{filepath.Join(programs, "ncolony"), "top", "--root", root}, env...)
}

// openAs runs another program in a window.
func openAs(t *testing.T, columns, rows int, args []string, env ...string) *window {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), "PATH="+programs+string(filepath.ListSeparator)+os.Getenv("PATH"), "TERM=xterm-256color", "NO_COLOR=", "COLORTERM=", "LANG=C.UTF-8", "LC_ALL="), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	w := &window{t: t, cmd: cmd, tty: tty, ended: make(chan error, 1), screen: vt.NewEmulator(columns, rows)}
	go io.Copy(tty, w.screen) // what a terminal answers when it is asked
	read := make(chan struct{})
	go func() {
		defer close(read)
		for buf := make([]byte, 4096); ; {
			n, err := tty.Read(buf)
			w.lock.Lock()
			w.raw.Write(buf[:n])
			w.screen.Write(buf[:n])
			w.lock.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := cmd.Wait()
		<-read // all of it
		w.ended <- err
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
		w.screen.InputPipe().(io.Closer).Close() // then no answer is waited for
	})
	return w
}

// lines are what the window shows, without the blanks at their ends.
func (w *window) lines() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	lines := strings.Split(w.screen.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

func (w *window) text() string { return strings.Join(w.lines(), "\n") }

// reversed says whether the first character of a line is shown so.
func (w *window) reversed(y int) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	cell := w.screen.CellAt(0, y)
	return cell != nil && cell.Style.Attrs&uv.AttrReverse != 0
}

// sent is all that was written to the terminal.
func (w *window) sent() string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.raw.String()
}

// until waits for the window to be as is says, and returns what it shows then.
func (w *window) until(what string, is func(text string) bool) string {
	w.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		text := w.text()
		if is(text) {
			return text
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %v; the window shows\n%s", what, patience, text)
		}
	}
}

// shows waits for all of the texts.
func (w *window) shows(texts ...string) string {
	w.t.Helper()
	return w.until("shows "+strings.Join(texts, ", "), func(text string) bool {
		for _, each := range texts {
			if !strings.Contains(text, each) {
				return false
			}
		}
		return true
	})
}

// lacks waits for none of the texts to be there.
func (w *window) lacks(texts ...string) string {
	w.t.Helper()
	return w.until("lacks "+strings.Join(texts, ", "), func(text string) bool {
		for _, each := range texts {
			if strings.Contains(text, each) {
				return false
			}
		}
		return true
	})
}

func (w *window) types(keys string) {
	w.t.Helper()
	if _, err := w.tty.WriteString(keys); err != nil {
		w.t.Fatal(err)
	}
}

// escapes types Escape, and waits for what is shown then: with a key right behind it,
// it would be another key.
func (w *window) escapes(until string) {
	w.t.Helper()
	w.types("\x1b")
	w.shows(until)
}

func (w *window) resize(columns, rows int) {
	w.t.Helper()
	w.lock.Lock()
	w.screen.Resize(columns, rows)
	w.lock.Unlock()
	if err := pty.Setsize(w.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		w.t.Fatal(err)
	}
}

// ends waits for the end of the program.
func (w *window) ends() error {
	w.t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(patience):
		w.t.Fatalf("it does not end; the window shows\n%s", w.text())
		return nil
	}
}
