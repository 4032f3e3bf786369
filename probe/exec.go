package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/helper"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// program asks a program that runs as the service does.
type program struct{ args []string }

// maxOutput is how much of what a program writes is kept, to be told.
const maxOutput = 300

// drain is how long a program that is over may leave its output open.
const drain = 100 * time.Millisecond

func (p program) String() string {
	return fmt.Sprintf("%q ends with code 0", strings.Join(p.args, " "))
}

func (p program) ask(ctx context.Context, of about) error {
	cmd, report, err := p.command(of)
	if err != nil {
		return err
	}
	defer report.close()
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = drain
	mark := ours.begin()
	defer ours.end(mark)
	cmd.Env = append(cmd.Env, markKey+"="+mark)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("execute %s: %w", p.args[0], plainExec(err))
	}
	ours.started(mark, cmd.Process.Pid)
	of.progress.set(p.args[0] + " still runs")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	// With all that it has started, while it pins the number of its group, be it
	// as a zombie.
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	<-ended
	err = cmd.Wait()
	if failed := report.read(); failed != nil {
		return failed
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success() {
		return nil
	}
	if of, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%s ended with %s%s", p.args[0], of, out.told())
	}
	return err
}

// command is that of the service: as its user, in its directory, with its
// environment and its limits, in its control group. Report is where it says what
// it cannot have of them.
func (p program) command(of about) (*exec.Cmd, *report, error) {
	id, err := launch.System().Identify(of.spec)
	if err != nil {
		return nil, nil, err
	}
	env, err := launch.Variables(of.spec, id, func(path string, limit int) ([]byte, error) {
		b, _, err := helper.ReadRegular(path, int64(limit))
		return b, err
	})
	if err != nil {
		return nil, nil, err
	}
	env.Set("NCOLONY_NAME", of.name)
	env.Set("NCOLONY_CONFIG", string(of.spec.Raw))
	if of.life.PID != 0 {
		env.Set("NCOLONY_PID", strconv.Itoa(of.life.PID))
	}
	if dir := of.credentials(); dir != "" {
		env.Set("CREDENTIALS_DIRECTORY", dir)
	}
	// It is a part of our life, not of the service's: whatever becomes of us, the
	// supervisor ends it with us.
	if token := os.Getenv("NCOLONY_TOKEN"); token != "" {
		env.Set("NCOLONY_TOKEN", token)
	}
	path, err := launch.LookPath(p.args[0], env.Get("PATH"), of.spec.Cwd)
	if err != nil {
		return nil, nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: p.args, Env: env.List(), Dir: of.spec.Cwd, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if id.Set && (os.Getuid() == 0 || !id.Same()) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id.UID, Gid: id.GID, Groups: id.Groups}
	}
	r := &report{group: of.group()}
	shim := launch.ShimFor(of.spec)
	if shim == nil && r.group != nil {
		// If memory is out in that group the kernel kills all in it, and whoever is in the
		// same memory, which a child is in ours until it executes something.
		shim = &launch.Shim{}
	}
	if shim != nil {
		if err := r.through(shim, cmd); err != nil {
			r.close()
			return nil, nil, err
		}
	}
	return cmd, r, nil
}

// plainExec takes away what is said already: fork/exec and the path.
func plainExec(err error) error {
	if of, ok := errors.AsType[*os.PathError](err); ok {
		return of.Err
	}
	return err
}

// tail keeps the last of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-maxOutput):]...)
	t.kept = t.kept[max(0, len(t.kept)-maxOutput):]
	return len(p), nil
}

// told is what was written, for the end of an error.
func (t *tail) told() string {
	text := strings.ToValidUTF8(string(bytes.TrimSpace(t.kept)), "?")
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %q", text)
}
