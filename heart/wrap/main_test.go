package wrap

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the programs that the tests need: its first argument
// says which.
func TestMain(m *testing.M) {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case "play-wrapper": // OPTIONS
		playWrapper(os.Args[2])
	case "play-exit": // CODE
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "play-wait": // until stdin ends
		fmt.Println("up", os.Getpid())
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case "play-signals": // tell which arrive
		playSignals()
	case "play-cat":
		io.Copy(os.Stdout, os.Stdin)
		fmt.Fprint(os.Stderr, "to stderr")
		os.Exit(0)
	}
	// The race detector makes each process sleep for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// playWrapper is `ncolony heart`.
func playWrapper(options string) {
	var o Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		panic(err)
	}
	code, err := Run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func playSignals() {
	c := make(chan os.Signal, 100)
	signal.Notify(c)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("up", os.Getpid())
	for s := range c {
		switch s {
		case syscall.SIGURG, syscall.SIGCHLD:
		default:
			fmt.Println(int(s.(syscall.Signal)))
		}
	}
}

// play returns the argv of one of the programs above.
func play(t *testing.T, args ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{self}, args...)
}

// wrapper is a running `ncolony heart`.
type wrapper struct {
	*exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner // what it and its child print
}

// start runs a wrapper in a process group of its own, which is killed at the end
// of the test. With a session of its own, nobody looks after its job control.
func start(t *testing.T, session bool, o Options) *wrapper {
	t.Helper()
	return startTo(t, os.Stderr, session, o)
}

// startTo is start with a stderr of the caller's choice.
func startTo(t *testing.T, stderr *os.File, session bool, o Options) *wrapper {
	t.Helper()
	options, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	argv := play(t, "play-wrapper", string(options))
	w := &wrapper{Cmd: exec.Command(argv[0], argv[1:]...)}
	w.SysProcAttr = &syscall.SysProcAttr{Setpgid: !session, Setsid: session}
	w.Stderr = stderr
	if w.stdin, err = w.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := w.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.lines = bufio.NewScanner(stdout)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	pid := w.Process.Pid
	t.Cleanup(func() {
		syscall.Kill(-pid, syscall.SIGKILL)
		w.Wait()
	})
	return w
}

// line returns the next line that the child prints.
func (w *wrapper) line(t *testing.T) string {
	t.Helper()
	watchdog := time.AfterFunc(time.Minute, func() { w.Process.Kill(); w.stdin.Close() })
	defer watchdog.Stop()
	if !w.lines.Scan() {
		t.Fatalf("no line from the child: %v, last %q", w.lines.Err(), w.lines.Text())
	}
	return w.lines.Text()
}

// child waits until the child is up and returns its pid.
func (w *wrapper) child(t *testing.T) int {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(w.line(t), "up %d", &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// end lets the child end and returns the wrapper's exit code.
func (w *wrapper) end() int {
	w.stdin.Close()
	w.Wait()
	return w.ProcessState.ExitCode()
}

// supervise makes the environment that of a service and returns its heartbeat
// file, which is not there yet.
func supervise(t *testing.T, period time.Duration) string {
	t.Helper()
	beat := filepath.Join(t.TempDir(), "beat")
	t.Setenv("NCOLONY_NAME", "web")
	t.Setenv("NCOLONY_CONFIG", fmt.Sprintf(`{"ncolony.beatcheck": {"period": %q, "status": %q}}`, period, beat))
	return beat
}
