package colony

import (
	"context"
	"fmt"
	"os"
	ossignal "os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/heart"
)

// childMode is what this test binary does as a child of a supervisor.
func childMode(mode string, args []string) {
	switch mode {
	case "wait": // tell that we are up, then wait to be ended
		tell(args[0], strconv.Itoa(os.Getpid()))
		hang()
	case "stubborn": // ignore TERM
		ossignal.Ignore(syscall.SIGTERM)
		tell(args[0], strconv.Itoa(os.Getpid()))
		hang()
	case "exit":
		n, _ := strconv.Atoi(args[0])
		os.Exit(n)
	case "suicide":
		n, _ := strconv.Atoi(args[0])
		ossignal.Reset()
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		hang()
	case "look": // tell all that a child can see of itself
		tell(args[0], look())
		hang()
	case "zombies": // die with many dead children that nobody has waited for
		n, _ := strconv.Atoi(args[1])
		for range n {
			if _, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		tell(args[0], "done")
		os.Exit(0)
	case "escape": // leave a process behind that has left session and group
		pid := fork("wait", args[0], &syscall.SysProcAttr{Setsid: true})
		await(args[0])
		_ = pid
		os.Exit(3)
	case "harbour": // have a child that has left session and group, and wait to be ended
		fork("wait", args[0], &syscall.SysProcAttr{Setsid: true})
		await(args[0])
		tell(args[1], strconv.Itoa(os.Getpid()))
		hang()
	case "heartcheck":
		fmt.Fprintln(os.Stderr, checkHearts(args[0]))
	case "beat":
		heart.Start(context.Background())
		hang()
	case "talk":
		talk(args)
	case "serve":
		serve(args[0])
	case "signals": // tell each signal that comes
		c := make(chan os.Signal, 100)
		ossignal.Notify(c)
		tell(args[0], strconv.Itoa(os.Getpid()))
		for s := range c {
			n := int(s.(syscall.Signal))
			if n == int(syscall.SIGURG) {
				continue
			}
			tell(args[0]+"."+strconv.Itoa(n), "got it")
			if n == int(syscall.SIGTERM) {
				os.Exit(9)
			}
		}
	default:
		fmt.Fprintf(os.Stderr, "unknown mode %q\n", mode)
		os.Exit(2)
	}
}

// hang waits for a signal that ends us, and not for ever.
func hang() { time.Sleep(10 * time.Minute) }

// tell writes a file that the test waits for.
func tell(path, text string) {
	if err := os.WriteFile(path+".part", []byte(text+"\n"), 0o666); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		panic(err)
	}
}

// fork starts this binary in another mode.
func fork(mode, arg string, sys *syscall.SysProcAttr) int {
	env := append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, modeKey) }), modeKey+"="+mode)
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"child", arg}, &syscall.ProcAttr{Env: env, Sys: sys, Files: []uintptr{0, 1, 2}})
	if err != nil {
		panic(err)
	}
	return pid
}

func await(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// look is what a child sees: descriptors, environment, ids, session, signals.
func look() string {
	var b strings.Builder
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		// What the Go runtime of this child opens for itself does not count.
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			fmt.Fprintf(&b, "fd %s %s\n", e.Name(), to)
		}
	}
	for _, kv := range os.Environ() {
		fmt.Fprintf(&b, "env %s\n", strings.ReplaceAll(kv, "\n", " "))
	}
	groups, _ := os.Getgroups()
	fmt.Fprintf(&b, "id %d %d %v\n", os.Getuid(), os.Getgid(), groups)
	dir, _ := os.Getwd()
	fmt.Fprintf(&b, "cwd %s\n", dir)
	st, _ := readStat(os.Getpid())
	fmt.Fprintf(&b, "leader %v\n", st.session == os.Getpid() && st.group == os.Getpid())
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "SigBlk") || strings.HasPrefix(line, "SigIgn") {
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String())
}
