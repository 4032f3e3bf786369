package proc

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Parent starts processes, and every orphan among their descendants becomes its
// child. Nobody else in this process may wait for children.
type Parent struct {
	mu      sync.Mutex
	exits   map[int]chan syscall.WaitStatus // of those started, by pid
	emptied int64                           // when the last child was reaped; 0 = there may be some
}

// Begin makes this process a parent of orphans. There can be one only.
func Begin() (*Parent, error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("become a parent of orphans: %w", err)
		}
	}
	p := &Parent{exits: map[int]chan syscall.WaitStatus{}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go func() {
		for range children {
			p.reap()
		}
	}()
	return p, nil
}

func (p *Parent) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			if p.emptied == 0 {
				p.emptied = Now()
			}
			return
		case err != nil || pid == 0:
			return
		}
		if c := p.exits[pid]; c != nil {
			c <- ws
			delete(p.exits, pid)
		}
	}
}

// Options say how a process is started.
type Options struct {
	Env   []string // beside ours
	Out   *os.File // stdout and stderr
	Space bool     // as PID 1 of a pid namespace
}

// Start starts a process as the leader of a session. Its exit comes on the channel.
func (p *Parent) Start(argv []string, o Options) (pid int, exit <-chan syscall.WaitStatus, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	out := o.Out
	if out == nil {
		if out, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
			return 0, nil, err
		}
		defer out.Close()
	}
	attr := &syscall.ProcAttr{Env: append(os.Environ(), o.Env...), Files: []uintptr{null.Fd(), out.Fd(), out.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true}}
	if o.Space {
		attr.Sys.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS // launch mounts a /proc
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err = syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, fmt.Errorf("execute %q: %w", argv[0], err)
	}
	c := make(chan syscall.WaitStatus, 1)
	p.exits[pid], p.emptied = c, 0
	return pid, c, nil
}

// Run runs a program to its end. What it writes is part of the error.
func (p *Parent) Run(ctx context.Context, argv []string, env []string) error {
	file, err := os.CreateTemp("", "ncolony-bench-out")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	pid, exit, err := p.Start(argv, Options{Env: env, Out: file})
	if err != nil {
		return err
	}
	select {
	case ws := <-exit:
		if ws.ExitStatus() != 0 {
			text, _ := os.ReadFile(file.Name())
			return fmt.Errorf("run %s: status %d: %s", filepath.Base(argv[0]), ws.ExitStatus(), strings.TrimSpace(string(text)))
		}
		return nil
	case <-ctx.Done():
		syscall.Kill(pid, syscall.SIGKILL)
		return fmt.Errorf("run %s: %w", filepath.Base(argv[0]), ctx.Err())
	}
}

// Emptied waits until there is no descendant left, and says when the last was
// reaped.
func (p *Parent) Emptied(ctx context.Context) (at int64, err error) {
	for {
		p.mu.Lock()
		at := p.emptied
		p.mu.Unlock()
		if at != 0 {
			return at, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the last process: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// End kills every descendant, by its pid, until there is none.
func (p *Parent) End() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		for _, pid := range Descendants() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		p.reap()
		short, done := context.WithTimeout(ctx, 20*time.Millisecond)
		_, err := p.Emptied(short)
		done()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}
