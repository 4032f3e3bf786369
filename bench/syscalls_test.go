package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A restart costs a certain number of system calls, the child's own among them,
// and not one more for each file, service or thread there is.
func TestSyscallsPerRestart(t *testing.T) {
	const restarts = 200
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to count system calls with")
	}
	g := newGuarded(t)
	for i := range 20 { // some others
		g.service(fmt.Sprintf("s%02d", i))
	}
	g.start()
	g.births(20)
	g.running(20)
	g.service("victim")
	pid := g.births(21)
	counts := filepath.Join(g.root, "counts")
	tracer := exec.Command(strace, "-f", "-c", "-U", "calls,name", "-o", counts, "-p", strconv.Itoa(g.cmd.Process.Pid))
	var said strings.Builder
	tracer.Stderr = &said
	if err := tracer.Start(); err != nil {
		t.Skipf("strace: %v", err)
	}
	ended := make(chan struct{})
	go func() { tracer.Wait(); close(ended) }()
	t.Cleanup(func() { tracer.Process.Kill(); <-ended })
	g.until("the supervisor is traced", func() bool {
		select {
		case <-ended:
			t.Skipf("strace cannot trace here: %s", said.String())
		default:
		}
		return traced(g.cmd.Process.Pid)
	})
	for i := range restarts {
		syscall.Kill(pid, syscall.SIGKILL)
		pid = g.births(22 + i)
	}
	tracer.Process.Signal(syscall.SIGINT) // it writes its table, and lets go
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("strace does not end")
	}
	text, err := os.ReadFile(counts)
	if err != nil {
		t.Fatal(err)
	}
	// None of them has asked for what needs a shim, so none executes one.
	if n := callsOf(string(text), "execve"); n != restarts {
		t.Errorf("%d programs executed for %d restarts", n, restarts)
	}
	each := float64(workCalls(string(text))) / restarts
	t.Logf("%.0f system calls for each restart:\n%s", each, text)
	if each < 10 {
		t.Errorf("%.0f system calls for each restart: they were not counted", each)
	}
	if each > syscallsPerRestart {
		t.Errorf("%.0f system calls for each restart, want at most %d", each, syscallsPerRestart)
	}
}

// syscallsPerRestart is a third above what there was when it was measured: 109,
// of which 60 are Go's resetting of signals in the child.
const syscallsPerRestart = 145

// traced reports whether every thread of a process has a tracer.
func traced(pid int) bool {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, list := range lists {
		if text, err := os.ReadFile(list); err != nil || strings.Contains(string(text), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(lists) > 0
}

// waits are what threads do to wait for each other or for time. Their number
// depends on how busy the machine is.
var waits = []string{"futex", "nanosleep", "clock_nanosleep", "epoll_pwait", "sched_yield", "restart_syscall", "tgkill", "getpid", "rt_sigreturn"}

// callsOf is how often a table of strace's has seen a call.
func callsOf(table, name string) int {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == name {
			calls, _ := strconv.Atoi(f[0])
			return calls
		}
	}
	return 0
}

// workCalls sums a table of strace's with lines of CALLS NAME, without the waits.
func workCalls(table string) (n int) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) != 2 || f[1] == "total" || slices.Contains(waits, f[1]) {
			continue
		}
		calls, _ := strconv.Atoi(f[0]) // the head has no number
		n += calls
	}
	return n
}
