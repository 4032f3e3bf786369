package colony

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// The tests of this layer run the supervisor as a process of its own: the test
// binary, started again with modeKey in its environment. Where the kernel lets
// us it is PID 1 of a pid namespace, and nothing it has started outlives it.
const (
	modeKey = "COLONY_TEST_MODE" // "supervise", "pid1", or a mode of child
	rootKey = "COLONY_TEST_ROOT"
)

func TestMain(m *testing.M) {
	Shim(os.Args)
	if d, err := time.ParseDuration(os.Getenv("COLONY_TEST_PATIENCE")); err == nil {
		waitMost = d
	}
	if os.Getenv(checkKey) != "" || os.Getenv(batonKey) != "" {
		os.Setenv(modeKey, "supervise") // again
		misbehave()
	}
	switch mode := os.Getenv(modeKey); mode {
	case "":
		os.Exit(m.Run())
	case "reuse":
		err := ownProc()
		if err == nil {
			err = reusePID()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "pid1":
		if err := ownProc(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(70)
		}
		if err := arrangeFaults(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(71)
		}
		fallthrough
	case "supervise":
		os.Unsetenv(modeKey)
		supervise(os.Getenv(rootKey), os.Args[1:])
	default:
		childMode(mode, os.Args[1:])
	}
}

// ownProc mounts the /proc of our own pid namespace.
func ownProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return unix.Mount("proc", "/proc", "proc", 0, "")
}

func supervise(root string, command []string) {
	if v := os.Getenv("COLONY_TEST_VERSION"); v != "" {
		version = v
	}
	o := Options{Places: placesIn(root), Command: command, Frequency: 10 * time.Second, Threshold: time.Second, KillTime: 5 * time.Second,
		MinDelay: time.Second, MaxDelay: time.Hour, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Version: version}
	if d, err := time.ParseDuration(os.Getenv("COLONY_TEST_BUDGET")); err == nil {
		o.ShutdownTimeout = d
	}
	if os.Getenv("COLONY_TEST_POISON") != "" {
		o.trap = func(what any) {
			if s, ok := what.(seen); ok && s.spec != nil && s.spec.Args[0] == "poison" {
				panic("poison")
			}
		}
	}
	if path := os.Getenv(heardKey); path != "" {
		o.trap = writeDown(path)
	}
	if d, err := time.ParseDuration(os.Getenv(frequencyKey)); err == nil {
		o.Frequency = d
	}
	if os.Getenv(heartsKey) != "" {
		o.Helpers = heartHelpers()
	}
	o.taken = trapBegin
	code, err := Run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ncolony:", err)
	}
	os.Exit(code)
}

func placesIn(root string) spec.Places {
	return spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
}

// super is a supervisor under test.
type super struct {
	t      *testing.T
	root   string
	places spec.Places
	cmd    *exec.Cmd
	pid1   bool
	ended  bool
	log    string // a file
}

// startSuper starts a supervisor over root and waits until it publishes. It is
// ended with the test, and everything below it.
func startSuper(t *testing.T, root string, pid1 bool, command ...string) *super {
	t.Helper()
	s := newSuper(t, root, pid1, command...)
	s.begin()
	s.eventually("the supervisor publishes", func() bool {
		var c spec.ColonyStatus
		return readJSON(osDisk{}, s.places.Colony(), &c) == nil && !c.Clean && (pid1 || c.PID == s.cmd.Process.Pid)
	})
	return s
}

func newSuper(t *testing.T, root string, pid1 bool, command ...string) *super {
	t.Helper()
	s := &super{t: t, root: root, places: placesIn(root), pid1: pid1, log: filepath.Join(t.TempDir(), "log")}
	s.cmd = exec.Command(os.Args[0], command...)
	mode := "supervise"
	if pid1 {
		mode = "pid1"
		s.cmd.SysProcAttr = newPIDNamespace(t)
	}
	s.cmd.Env = append(os.Environ(), modeKey+"="+mode, rootKey+"="+root)
	return s
}

// newPIDNamespace is what makes a child PID 1; the test is skipped where that
// is refused.
func newPIDNamespace(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = attr
	if err := probe.Run(); err != nil {
		t.Skipf("no pid namespace to be had here: %v", err)
	}
	return attr
}

func (s *super) begin() {
	s.t.Helper()
	out, err := os.Create(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	if s.cmd.Stdout == nil {
		s.cmd.Stdout, s.cmd.Stderr = out, out
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.kill()
		if s.t.Failed() {
			b, _ := os.ReadFile(s.log)
			s.t.Logf("log of the supervisor:\n%s", tail(b, 6000))
		}
	})
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// kill ends the supervisor and everything below it.
func (s *super) kill() {
	if s.ended {
		return
	}
	s.ended = true
	var below []process
	if !s.pid1 { // a namespace ends with its first process
		below = descendantsOf(s.cmd.Process.Pid)
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	for _, p := range below {
		if st, err := readStat(p.pid); err == nil && st.start == p.start {
			unix.Kill(p.pid, unix.SIGKILL)
		}
	}
}

func descendantsOf(pid int) (all []process) {
	children, _ := childrenOf(pid)
	for _, c := range children {
		if st, err := readStat(c); err == nil {
			all = append(all, process{processID: processID{c, st.start}})
		}
		all = append(all, descendantsOf(c)...)
	}
	return all
}

// wait returns the supervisor's exit code.
func (s *super) wait() int {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(waitMost):
		s.t.Fatal("the supervisor does not end")
	}
	s.ended = true
	return s.cmd.ProcessState.ExitCode()
}

// term asks the supervisor to end and returns its exit code.
func (s *super) term() int {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.wait()
}

// waitMost is how long a test waits for what has to come. It bounds a failure only:
// on a busy machine, everything may take long.
var waitMost = time.Minute

// eventually waits until ok is true.
func (s *super) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(waitMost); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// add writes a spec the way a program should.
func (s *super) add(name, text string) {
	s.t.Helper()
	if err := atomicfile.Write(filepath.Join(s.places.Config, name), []byte(text), 0o644, false); err != nil {
		s.t.Fatal(err)
	}
}

func (s *super) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.places.Config, name)); err != nil {
		s.t.Fatal(err)
	}
}

// doing is a spec of this test binary in a mode of childMode.
func doing(mode string, args ...string) map[string]any {
	return map[string]any{"args": append([]string{os.Args[0]}, args...), "env": map[string]string{modeKey: mode}}
}

// with adds keys to a spec and writes it as JSON.
func with(sp map[string]any, more ...any) string {
	for i := 0; i < len(more); i += 2 {
		sp[more[i].(string)] = more[i+1]
	}
	b, err := json.Marshal(sp)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// status reads what is published of a service.
func (s *super) status(name string) (st spec.Status, ok bool) {
	return st, readJSON(osDisk{}, s.places.Status(name), &st) == nil
}

// until waits for a state of a service and returns its status.
func (s *super) until(name string, state spec.State, more ...func(spec.Status) bool) (st spec.Status) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%q is %s", name, state), func() bool {
		var ok bool
		st, ok = s.status(name)
		if !ok || st.State != state {
			return false
		}
		for _, m := range more {
			if !m(st) {
				return false
			}
		}
		return true
	})
	return st
}

// send writes a message and waits for its result.
func (s *super) send(text string) (r spec.Result) {
	s.t.Helper()
	file := "t" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := atomicfile.Write(filepath.Join(s.places.Messages, file), []byte(text), 0o644, false); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the result of "+text, func() bool { return readJSON(osDisk{}, s.places.Result(file), &r) == nil && r.Finished != nil })
	return r
}

// colony reads colony.json.
func (s *super) colony() (c spec.ColonyStatus) {
	s.t.Helper()
	if err := readJSON(osDisk{}, s.places.Colony(), &c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// below lists the processes below the supervisor by command line.
func (s *super) below() (all []string) {
	for _, p := range descendantsOf(s.cmd.Process.Pid) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		all = append(all, strings.ReplaceAll(string(b), "\x00", " "))
	}
	return all
}

// read reads a file that a child has written, waiting until it is complete: a
// child ends what it writes with a newline.
func (s *super) read(path string) (text string) {
	s.t.Helper()
	s.eventually("a child writes "+filepath.Base(path), func() bool {
		b, err := os.ReadFile(path)
		text = string(b)
		return err == nil && strings.HasSuffix(text, "\n")
	})
	return text
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func sessionOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func killSession(leader int) { unix.Kill(-leader, unix.SIGKILL) }
