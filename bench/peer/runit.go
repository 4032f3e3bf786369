package peer

import (
	"context"
	"path/filepath"
	"syscall"
	"time"
)

// runit is runsvdir, with a runsv for each service. It looks at its directory
// every five seconds at the latest.
type runit struct{ runsvdir, runsv string }

func findRunit() Peer {
	p := &runit{find("runsvdir"), find("runsv")}
	if p.runsvdir == "" || p.runsv == "" {
		return nil
	}
	return p
}

func (r *runit) Name() string         { return "runit" }
func (r *runit) Programs() []string   { return []string{r.runsvdir, r.runsv} }
func (r *runit) Setup(c Colony) error { return writeRuns(c) }
func (r *runit) Command(c Colony) []string {
	return []string{r.runsvdir, "-P", filepath.Join(c.Dir, "scan")}
}
func (r *runit) Most() int                     { return 1000 }
func (r *runit) Prepare(c Colony, i int) error { return prepareRun(c, i) }

// Before is more than the second in which it does not trust the directory's
// modification time.
func (r *runit) Before() time.Duration { return 1100 * time.Millisecond }

// StopSignal is HUP: TERM ends runsvdir alone.
func (r *runit) StopSignal() syscall.Signal { return syscall.SIGHUP }

func (r *runit) Add(_ context.Context, c Colony, i, _ int, _ Run) error { return linkRun(c, i) }
