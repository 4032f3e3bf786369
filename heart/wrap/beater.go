package wrap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/heart"
)

// beater beats for a child that lives.
type beater struct {
	heart   *heart.Heart // nil: nobody expects beats
	check   string       // "" = every beat is deserved
	timeout time.Duration
	pid     int // of the child
	log     *quietPipe

	problem string // why the last beat did not happen; "" = it did
}

// run tries to beat at once and then every third of a period until ctx is done.
// Checks run here, so never two at once.
func (b *beater) run(ctx context.Context) {
	if b.heart == nil {
		return
	}
	if b.timeout <= 0 {
		b.timeout = b.heart.Period()
	}
	ticker := time.NewTicker(b.heart.Interval())
	defer ticker.Stop()
	for ctx.Err() == nil {
		output, err := b.examine(ctx)
		if ctx.Err() != nil {
			return // a check that was cut off says nothing
		}
		if err == nil {
			err = b.heart.Beat()
		}
		b.report(err, output)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// report logs err unless it is the one that was logged last. What the check has
// printed may differ each time and is no reason to log.
func (b *beater) report(err error, output string) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem == b.problem {
		return
	}
	b.problem = problem
	if err != nil {
		b.log.warn("no heartbeat", "err", err, "output", output)
	} else {
		b.log.info("heartbeat again")
	}
}

// lingering is how long to wait for the output of processes that outlive the
// check because they have left its group.
const lingering = 100 * time.Millisecond

// examine runs the check, if there is one, and returns the end of its output. No
// process of the check's group is left when it returns.
func (b *beater) examine(ctx context.Context) (output string, err error) {
	if b.check == "" {
		return "", nil
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	var out tail
	cmd := exec.CommandContext(limited, "/bin/sh", "-c", b.check)
	cmd.Env = append(os.Environ(), "NCOLONY_PID="+strconv.Itoa(b.pid))
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = lingering

	if err = cmd.Start(); err == nil {
		// At the timeout the shell is killed, and then, as always, the rest.
		awaitExit(cmd.Process.Pid)
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		err = cmd.Wait()
	}
	switch {
	case limited.Err() != nil:
		err = fmt.Errorf("check %q: no answer within %v", b.check, b.timeout)
	case errors.Is(err, exec.ErrWaitDelay): // it exited with 0, but its output is still open
		err = nil
	case err != nil:
		err = fmt.Errorf("check %q: %w", b.check, err)
	}
	return strings.TrimSpace(string(out)), err
}

// awaitExit returns when our child pid has ended and leaves it to be reaped: as
// long as it is not, its number, which is also its group's, belongs to nobody
// else.
func awaitExit(pid int) {
	const idIsPid = 1 // P_PID
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, idIsPid, uintptr(pid), 0,
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

// tail is a writer that keeps the end of what it is given.
type tail []byte

// tailSize is enough for the last words of a check.
const tailSize = 512

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	*t = append(*t, p...)
	if over := len(*t) - tailSize; over > 0 {
		*t = append((*t)[:0], (*t)[over:]...)
	}
	return n, nil
}
