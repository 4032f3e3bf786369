// Package wrap beats for a program that cannot do so itself: it is what `ncolony
// heart -- CMD` does.
//
//	wrapper ──runs──> CMD        same session and process group, same stdin,
//	   │                         stdout and stderr; every signal passed on
//	   ├──runs──> CHECK          every third of a period, in its own group
//	   └──beats─> heartbeat file while CMD lives and CHECK succeeds
//
// Without a check the beats say only that CMD exists, which the supervisor knows
// anyway; the check is what makes them mean something.
package wrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/heart"
)

// Options are a program and how to tell that it works.
type Options struct {
	// Argv is the program; Argv[0] without a slash is looked up in PATH.
	Argv []string

	// Check, if not empty, is a command for /bin/sh -c. A beat then needs it to
	// exit with 0. Its environment is ours and NCOLONY_PID, the pid of the
	// program; its stdin is /dev/null and its output is shown only when it fails.
	Check string

	// Timeout is how long Check may take before it is killed with its process
	// group, which counts as a failure; 0 means the period.
	Timeout time.Duration

	// The program's files; nil means our own.
	Stdin, Stdout, Stderr *os.File

	Log *slog.Logger // nil: slog.Default
}

// Exit codes as shells give them.
const (
	codeRefused   = 1
	codeNotRun    = 126 // found, but cannot be executed
	codeNotFound  = 127
	codeSignalled = 128 // plus the signal's number
)

// Run runs the program as a child until it ends, and beats meanwhile if the
// environment asks for it (see package heart). It returns the code to exit with:
// the program's own, 128+n if signal n ended it, 127 or 126 with an error if it
// cannot be executed, 1 with an error if NCOLONY_CONFIG cannot be understood.
//
// While it runs, Run takes every signal that this process receives and passes it
// on, except SIGCHLD and what the Go runtime keeps for itself (SIGURG, SIGPROF, 32
// to 34). When ctx ends before the program does, Run
// sends it SIGTERM, once, and goes on waiting; a caller for whom signals are the
// only end passes context.Background.
//
// The child stays in our session and process group. So the supervisor finds it
// even if we are killed, and a terminal's job control treats both as one job;
// the price is that a signal which the terminal sends to the whole group, as
// SIGINT for ^C, reaches the child twice.
func Run(ctx context.Context, o Options) (code int, err error) {
	if len(o.Argv) == 0 {
		return codeRefused, errors.New("run: no command")
	}
	h, err := heart.FromEnv()
	if err != nil {
		return codeRefused, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	log := &quietPipe{log: o.Log}

	cmd := command(o.Argv)
	// An *os.File is handed over as it is: no pipe, no goroutine, and nothing
	// that could keep Wait from returning.
	cmd.Stdin = orElse(o.Stdin, os.Stdin)
	cmd.Stdout = orElse(o.Stdout, os.Stdout)
	cmd.Stderr = orElse(o.Stderr, os.Stderr)

	// Signals are caught before the child exists, so that none is lost between
	// its start and ours to listen.
	signals := catch()
	defer release(signals)
	if err := cmd.Start(); err != nil {
		return startCode(err), fmt.Errorf("run %q: %w", o.Argv[0], err)
	}

	beating, stop := context.WithCancel(ctx)
	beatingDone := make(chan struct{})
	go func() {
		defer close(beatingDone)
		b := beater{heart: h, log: log, check: o.Check, timeout: o.Timeout, pid: cmd.Process.Pid}
		b.run(beating)
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	defer func() {
		stop()
		<-beatingDone
	}()
	over := ctx.Done()
	for {
		select {
		case err := <-ended:
			return exitCode(cmd.ProcessState, err)
		case s := <-signals:
			if s == syscall.SIGPIPE && log.brokeJustNow() {
				continue
			}
			forward(cmd.Process, s.(syscall.Signal))
		case <-over:
			over = nil
			forward(cmd.Process, syscall.SIGTERM)
		}
	}
}

// usualPath is where to look for the program when there is no PATH, as for a
// service whose spec gives it none.
var usualPath = []string{"/usr/local/bin", "/usr/bin", "/bin"}

// command returns the program, not yet started.
func command(argv []string) *exec.Cmd {
	path := argv[0]
	if _, ok := os.LookupEnv("PATH"); !ok && !strings.Contains(path, "/") {
		for _, dir := range usualPath {
			if found, err := exec.LookPath(filepath.Join(dir, argv[0])); err == nil {
				path = found
				break
			}
		}
	}
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	return cmd
}

// startCode is the exit code for a program that did not start.
func startCode(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return codeNotFound
	}
	return codeNotRun
}

// exitCode is the exit code for how the program ended.
func exitCode(state *os.ProcessState, err error) (int, error) {
	if state == nil {
		return codeRefused, fmt.Errorf("wait for the command: %w", err)
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return codeSignalled + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

func orElse(f, other *os.File) *os.File {
	if f != nil {
		return f
	}
	return other
}
