// Package peer knows how to run each supervisor that is measured: what it reads,
// how it is started, and how it takes on one more service.
package peer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Colony is what a supervisor is to keep running: N services, all alike.
type Colony struct {
	Dir   string   // of its own, empty at first
	N     int      //
	Child []string // the program of each service, and at most one argument
	Env   []string // what the supervisor gets beside our environment, and each child needs
	Eager bool     // services that end are started again without any delay, if it can
}

// Name is the name of service i, from 0.
func Name(i int) string { return fmt.Sprintf("s%05d", i) }

// Peer is a supervisor.
type Peer interface {
	Name() string
	// Programs are those it consists of.
	Programs() []string
	// Setup writes what the supervisor reads at its start.
	Setup(Colony) error
	// Command is how it is executed.
	Command(Colony) []string
}

// An Adder can take on one more service.
type Adder interface {
	// Prepare does what whoever adds service i has done before: it is not timed.
	Prepare(c Colony, i int) error
	// Add adds it to the supervisor, whose pid is given.
	Add(ctx context.Context, c Colony, i, pid int, run Run) error
}

// Run runs a program of a peer's to its end.
type Run func(ctx context.Context, argv, env []string) error

// A Stopper ends with everything it has started at another signal than TERM; 0:
// at none.
type Stopper interface{ StopSignal() syscall.Signal }

// A Waiter reads its directory at once only if that has been left alone for some
// time before it is executed.
type Waiter interface{ Before() time.Duration }

// A Limited peer has a bound on its services.
type Limited interface{ Most() int }

// A Deaf peer waits for its own children only: no orphan is ever reaped.
type Deaf interface{ IgnoresOrphans() bool }

// An Init is made to be PID 1. (Others are tried as that too.)
type Init interface {
	// Only reports whether it can do nothing else.
	Only() bool
}

// A Survivor hands its services over to a successor, in place or after it was killed.
type Survivor interface {
	// Upgrade asks for another program in place of the running one, and waits until it is.
	Upgrade(context.Context, Colony) error
	// Adopted waits until the supervisor of that pid says that it has n services.
	Adopted(ctx context.Context, c Colony, pid, n int) error
}

// Most is how many services a peer can have; 0: there is no bound.
func Most(p Peer) int {
	if l, ok := p.(Limited); ok {
		return l.Most()
	}
	return 0
}

// Before is how long to wait between the setup of a peer and its start.
func Before(p Peer) time.Duration {
	if w, ok := p.(Waiter); ok {
		return w.Before()
	}
	return 0
}

// IgnoresOrphans reports whether a peer never reaps what is not its own.
func IgnoresOrphans(p Peer) bool {
	d, ok := p.(Deaf)
	return ok && d.IgnoresOrphans()
}

// Only reports whether a peer is an init and nothing else.
func Only(p Peer) bool {
	i, ok := p.(Init)
	return ok && i.Only()
}

// StopSignal is what ends a peer with all its services; 0: nothing does.
func StopSignal(p Peer) syscall.Signal {
	if s, ok := p.(Stopper); ok {
		return s.StopSignal()
	}
	return syscall.SIGTERM
}

// find looks for a program: where BENCH_NAME says (BENCH_S6_SVSCAN), or in PATH, or where
// administrators' programs are.
func find(name string) string {
	key := "BENCH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	if path := os.Getenv(key); path != "" {
		return path
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
