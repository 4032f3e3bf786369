// Package repeat runs a command again and again: it is what `ncolony schedule
// --arg` does.
package repeat

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options are a command and how often to run it.
type Options struct {
	// Argv is the command; Argv[0] without a slash is looked up in PATH. Its
	// environment, output and errors are ours, its stdin is /dev/null, and it has
	// a process group of its own.
	Argv []string

	Frequency time.Duration // from one start to the next; more than 0
	Timeout   time.Duration // TERM goes to one that takes longer; more than 0
	Grace     time.Duration // from TERM to KILL

	Log *slog.Logger // nil: slog.Default
}

// Run runs the command at once and then every Frequency, until ctx is done. One
// that takes longer than that is waited for, and the times that have passed
// meanwhile are left out. How it ends is logged, and changes nothing.
//
// When ctx ends while the command runs, TERM is passed on to it and, if it does
// not end within Grace, KILL; then Run returns.
func Run(ctx context.Context, o Options) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if ctx.Err() != nil { // the select may have taken either
			return
		}
		o.once(ctx)
		timer.Reset(pause(time.Since(began), o.Frequency))
	}
}

// pause is the time from now until the next multiple of every.
func pause(now, every time.Duration) time.Duration { return every - now%every }

// once runs the command to its end.
func (o *Options) once(ctx context.Context) {
	cmd := exec.Command(o.Argv[0], o.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		o.Log.Error("command not run", "command", o.Argv[0], "err", err)
		return
	}
	began := time.Now()
	ended := make(chan struct{})
	go func() {
		// Without taking it: while it is a zombie the number of its group is no
		// other's, and may be signalled.
		for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
		close(ended)
	}()
	kill := func(s syscall.Signal) { syscall.Kill(-cmd.Process.Pid, s) }
	over, late := ctx.Done(), time.NewTimer(o.Timeout)
	defer late.Stop()
	var last <-chan time.Time
	why := ""
	for {
		select {
		case <-ended:
			cmd.Wait() // how it ended is in ProcessState
			o.Log.Info("command has ended", "command", o.Argv[0], "how", fmt.Sprint(cmd.ProcessState), "ran", time.Since(began).Round(time.Millisecond))
			return
		case <-over:
			why = "we are to end"
		case <-late.C:
			why = "it has run for " + o.Timeout.String()
		case <-last:
			o.Log.Warn("killing the command: grace is over", "command", o.Argv[0])
			kill(syscall.SIGKILL)
			continue
		}
		late.Stop()
		if last == nil {
			o.Log.Info("ending the command", "command", o.Argv[0], "reason", why)
			kill(syscall.SIGTERM)
			last = time.After(o.Grace)
		}
		over = nil
	}
}
