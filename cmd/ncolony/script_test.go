package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func TestMain(m *testing.M) {
	colony.Shim(os.Args)
	// Else each ncolony that is built with -race lingers for a second at its end.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	// Scripts wait most of the time, for what they have started.
	if filepath.Base(os.Args[0]) != "ncolony" {
		flag.Parse()
		if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
			flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0))))
		}
	}
	testscript.Main(m, map[string]func(){"ncolony": main, "answer": answer})
}

// TestScript runs testdata/script: shell-like scripts in which ncolony is a
// command. Each has a colony of its own in $WORK/root, and a supervisor that a
// script starts ends with it.
func TestScript(t *testing.T) {
	flag.Set("test.testlogfile", "") // children would write to it
	programs := buildPrograms(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(6 * time.Minute),
		Setup: func(e *testscript.Env) error {
			self, err := exec.LookPath("ncolony") // where testscript has put it
			if err != nil {
				return err
			}
			e.Setenv("PATH", e.Getenv("PATH")+string(filepath.ListSeparator)+programs)
			e.Vars = append(e.Vars, "NCOLONY_ROOT="+filepath.Join(e.WorkDir, "root"), "SELF="+self, "CTL="+filepath.Join(programs, "alone", "ncolony-ctl"))
			// A script ends its supervisors, and this is for those that fail:
			// at their end, or when they hang.
			watchdog := time.AfterFunc(3*patience, func() { endSupervisors(t, e.WorkDir) })
			e.Defer(func() {
				watchdog.Stop()
				endSupervisors(t, e.WorkDir)
			})
			// So that another user can get there too.
			for _, dir := range []string{filepath.Dir(e.WorkDir), e.WorkDir} {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      cmdExits,
			"eventually": cmdEventually,
			"getpid":     cmdGetpid,
			"process":    cmdProcess,
			"signal":     cmdSignal,
			"asnobody":   cmdAsNobody,
		},
	})
}

// buildPrograms builds the programs beside ncolony into a directory.
func buildPrograms(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} { // another user runs them, too
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-o", dir, "../ncolony-ctl", "../ncolony-forward", "../ncolony-heartcheck", "../ncolony-import", "../ncolony-log", "../ncolony-probe", "../ncolony-schedule", "../ncolony-serve", "../ncolony-top").CombinedOutput(); err != nil {
		t.Fatalf("build the programs beside ncolony: %v\n%s", err, out)
	}
	// One that stands alone, for what happens without the others.
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "alone"), 0o755), os.Link(filepath.Join(dir, "ncolony-ctl"), filepath.Join(dir, "alone", "ncolony-ctl"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// patience bounds every wait of a script. It is long for the sake of loaded
// machines, and only a failing test takes it.
const patience = time.Minute

// exits CODE CMD... runs a command, which must end with that code. Its output
// is there for stdout and stderr.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD [ARGS...]")
	}
	if code := fixture.ExitCode(ts.Exec(args[1], args[2:]...)); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// eventually PATTERN CMD... repeats a command until it succeeds with output
// that matches; ! eventually until it fails.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] eventually PATTERN CMD [ARGS...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out, err := quietly(ts, args[1], args[2:]...)
		if neg && err != nil || !neg && err == nil && pattern.Match(out) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within %v; the last time it ended with %v and wrote\n%s", patience, err, out)
		}
	}
}

// quietly runs a command without a word in the log of the script.
func quietly(ts *testscript.TestScript, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...) // this test's PATH is the script's
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"WORK", "PATH", "HOME", "NCOLONY_ROOT", "GORACE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd.CombinedOutput()
}

// getpid VARIABLE NAME sets a variable to the pid of a service, as soon as it has one.
func cmdGetpid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: getpid VARIABLE NAME")
	}
	root := ts.Getenv("NCOLONY_ROOT")
	places := spec.Places{State: filepath.Join(root, "state"), Config: filepath.Join(root, "config")}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		st, err := ctl.StatusOf(places, args[1])
		ts.Check(err)
		if st.PID != 0 {
			ts.Setenv(args[0], strconv.Itoa(st.PID))
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s is %s and has no pid", args[1], st.State)
		}
	}
}

// process PID says whether there is such a process; ! process waits until there
// is none, or only its zombie.
func cmdProcess(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] process PID")
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		switch exists := processExists(args[0]); {
		case exists != neg:
			return
		case !neg:
			ts.Fatalf("there is no process %s", args[0])
		case time.Now().After(end):
			ts.Fatalf("process %s is still there", args[0])
		}
	}
}

func processExists(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ") // no name here has a bracket
	return !strings.HasPrefix(state, "Z")
}

// signal NUMBER PID sends one, from outside of the colony.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal NUMBER PID")
	}
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	pid, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.Signal(number)))
}

// asnobody CODE PATTERN ARGS... runs ncolony as another user: it must end with
// that code, and write to stderr what matches.
func cmdAsNobody(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: asnobody CODE PATTERN [ARGS...]")
	}
	const nobody = 65534
	var stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe", // that user may not go where the test lies
		Args:        append([]string{"ncolony"}, args[2:]...),
		Env:         []string{"NCOLONY_ROOT=" + ts.Getenv("NCOLONY_ROOT"), "PATH=" + ts.Getenv("PATH")},
		Dir:         "/",
		Stderr:      &stderr,
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
	}
	err := cmd.Run()
	ts.Logf("[stderr]\n%s", &stderr)
	if code := fixture.ExitCode(err); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d (%v), want %s", code, err, args[0])
	}
	if !regexp.MustCompile("(?m)" + args[1]).Match(stderr.Bytes()) {
		ts.Fatalf("stderr does not match %q", args[1])
	}
}

// endSupervisors ends those that still live below dir, by their pids: in order
// if they can, else by force, with what they leave behind.
func endSupervisors(t *testing.T, dir string) {
	var states []string
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "lock" {
			states = append(states, filepath.Dir(path))
		}
		return nil
	})
	for _, state := range states {
		p := spec.Places{State: state}
		pid, alive, err := ctl.Alive(p)
		if err != nil {
			t.Error(err)
			continue
		}
		var asked time.Time
		for end := time.Now().Add(patience); alive && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if time.Since(asked) > 2*time.Second { // the second time there is no grace
				asked = time.Now()
				syscall.Kill(pid, syscall.SIGTERM)
			}
			_, alive, _ = ctl.Alive(p)
		}
		if alive {
			t.Errorf("supervisor %d does not end, it is killed", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
		killStrays(t, p)
	}
}

// killStrays kills the processes that bear the token of the colony. They have time
// to go by themselves: what a script has killed may have left a short sleep.
func killStrays(t *testing.T, p spec.Places) {
	id, err := os.ReadFile(p.ID())
	if err != nil || len(bytes.TrimSpace(id)) == 0 {
		return
	}
	token := fmt.Appendf(nil, "\x00NCOLONY_TOKEN=%s:", bytes.TrimSpace(id))
	pids := strays(token)
	for end := time.Now().Add(patience); len(pids) > 0 && time.Now().Before(end); pids = strays(token) {
		time.Sleep(20 * time.Millisecond)
	}
	for _, pid := range pids {
		t.Errorf("process %d is left behind, it is killed", pid)
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// strays lists the processes whose environment has token.
func strays(token []byte) (pids []int) {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), token) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
