// Command bare is the least that keeps N children running in Go, as a limit to
// compare a supervisor with. What ends is started again at once; USR1 asks for
// one more; TERM ends all.
//
//	bare [-each] N PROGRAM ARGS...
//
// One loop waits for all of them; with -each, a goroutine waits for each, which
// is what os/exec makes of it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
)

// bare is the children that there are.
type bare struct {
	argv []string

	mu      sync.Mutex
	mine    map[int]bool // by pid
	leaving bool
}

func main() {
	each := flag.Bool("each", false, "a goroutine for each child")
	flag.Parse()
	n, err := strconv.Atoi(flag.Arg(0))
	if err != nil || flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: bare [-each] N PROGRAM ARGS...")
		os.Exit(2)
	}
	b := &bare{argv: flag.Args()[1:], mine: map[int]bool{}}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	var live sync.WaitGroup
	begin := func() { b.start() }
	if *each {
		begin = func() { live.Go(b.keep) }
	}
	for range n {
		begin()
	}
	if !*each {
		live.Go(b.reap)
	}
	for s := range signals {
		if s == syscall.SIGTERM {
			break
		}
		begin()
	}
	b.leave()
	live.Wait()
}

// start starts a child, unless all are to end; 0 = none.
func (b *bare) start() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leaving {
		return 0
	}
	pid, err := syscall.ForkExec(b.argv[0], b.argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 0
	}
	b.mine[pid] = true
	return pid
}

// reap waits for all there are, until they are to end and have.
func (b *bare) reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err == syscall.ECHILD:
			if b.ends() {
				return
			}
			wait := make(chan os.Signal, 1) // there is nothing to wait for yet
			signal.Notify(wait, syscall.SIGCHLD, syscall.SIGUSR1, syscall.SIGTERM)
			if !b.ends() {
				<-wait
			}
			signal.Stop(wait)
		case b.forget(pid):
			b.start()
		}
	}
}

// keep keeps one child running.
func (b *bare) keep() {
	for {
		pid := b.start()
		if pid == 0 {
			return
		}
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
		b.forget(pid)
	}
}

// forget reports whether a pid was a child's; it is no more.
func (b *bare) forget(pid int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.mine[pid]
	delete(b.mine, pid)
	return was
}

func (b *bare) ends() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leaving
}

func (b *bare) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaving = true
	for pid := range b.mine {
		syscall.Kill(pid, syscall.SIGTERM)
	}
}
