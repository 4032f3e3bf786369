// Package example runs an example of this directory somewhere else: its files are
// copied with other paths and addresses, and a supervisor is started over them.
package example

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// patience bounds every wait. Only a failing test takes it.
const patience = time.Minute

// Example is one that runs.
type Example struct {
	t    *testing.T
	Root string // of the colony
	Cmd  *exec.Cmd
	Log  bytes.Buffer // of the supervisor and the services; whole when it has ended
	dir  string       // of the programs
}

// Needs skips the test where a program is not installed; packages says where
// Debian has them.
func Needs(t *testing.T, packages string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: Debian has it in %s", err, packages)
		}
	}
}

// Copy copies files to another root, with some of their text replaced, as
// strings.NewReplacer does it.
func Copy(t *testing.T, files []string, edits ...string) *Example {
	t.Helper()
	e := &Example{t: t, Root: t.TempDir()}
	for dir := e.Root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755) // other users have to get there
	}
	edits = append(edits, "ROOT", e.Root)
	for i, text := range edits {
		edits[i] = strings.ReplaceAll(text, "ROOT", e.Root)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(edits...).Replace(string(b))
		os.MkdirAll(filepath.Join(e.Root, filepath.Dir(file)), 0o755)
		if err := os.WriteFile(filepath.Join(e.Root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

var built bool // or tried

// programs are built once for all tests of a package, in a directory of their own.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "ncolony-example"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir, "./cmd/...")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	return dir, os.Chmod(dir, 0o755) // other users have to get there
})

// Run runs the tests of a package whose tests call Start, and removes what was
// built for them.
func Run(m *testing.M) (code int) {
	code = m.Run()
	if built {
		dir, _ := programs()
		os.RemoveAll(dir)
	}
	return code
}

// Start builds the programs and supervises; what still runs at the end of the
// test is ended.
func (e *Example) Start() *Example {
	e.t.Helper()
	var err error
	built = true
	if e.dir, err = programs(); err != nil {
		e.t.Fatal(err)
	}
	e.Cmd = exec.Command(filepath.Join(e.dir, "ncolony"), "--root", e.Root)
	e.Cmd.Env = append(os.Environ(), "PATH="+e.dir+":"+os.Getenv("PATH"))
	e.Cmd.Stderr, e.Cmd.Stdout = &e.Log, &e.Log
	if err := e.Cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		e.Cmd.Process.Signal(syscall.SIGTERM)
		e.Cmd.Wait()
		if e.t.Failed() {
			e.t.Log(e.Log.String())
		}
	})
	return e
}

// Ctl runs ncolony ctl, and returns what it says.
func (e *Example) Ctl(args ...string) string {
	e.t.Helper()
	out, err := exec.Command(filepath.Join(e.dir, "ncolony"), append([]string{"ctl", "--root", e.Root}, args...)...).CombinedOutput()
	if err != nil {
		e.t.Errorf("ncolony ctl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// Status is the status of a service.
func (e *Example) Status(name string) (st spec.Status) {
	b, _ := os.ReadFile(filepath.Join(e.Root, "state/status", name+".json"))
	json.Unmarshal(b, &st)
	return st
}

// Until waits for something to be true.
func (e *Example) Until(what string, true func() bool) {
	e.t.Helper()
	for end := time.Now().Add(patience); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatalf("never: %s", what)
		}
	}
}

// UntilState waits for a service to be in a state.
func (e *Example) UntilState(name string, state spec.State) {
	e.t.Helper()
	e.Until(fmt.Sprintf("%s is %s", name, state), func() bool { return e.Status(name).State == state })
}

// End ends the colony in order.
func (e *Example) End() {
	e.t.Helper()
	e.Cmd.Process.Signal(syscall.SIGTERM)
	if err := e.Cmd.Wait(); err != nil {
		e.t.Error(err)
	}
}

// Happened waits until these, and no others, are the events of such types.
func (e *Example) Happened(what string, want []string, types ...string) {
	e.t.Helper()
	// They are written beside the statuses, and may come after them.
	for end := time.Now().Add(patience); !slices.Equal(e.Events(types...), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatalf("%s: %q, want %q", what, e.Events(types...), want)
		}
	}
}

// Events are what has happened to services that are no helpers: "redis started".
func (e *Example) Events(types ...string) (all []string) {
	f, err := os.Open(filepath.Join(e.Root, "state/events/current.jsonl"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var ev spec.Event
		json.Unmarshal(sc.Bytes(), &ev)
		if ev.Name != "" && ev.Name[0] != '@' && slices.Contains(types, ev.Type) {
			all = append(all, ev.Name+" "+ev.Type)
		}
	}
	return all
}
