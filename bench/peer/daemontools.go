package peer

import (
	"context"
	"path/filepath"
	"syscall"
)

// daemontools is svscan, with a supervise for each service. It looks at its
// directory every five seconds.
type daemontools struct{ svscan, supervise string }

func findDaemontools() Peer {
	p := &daemontools{find("svscan"), find("supervise")}
	if p.svscan == "" || p.supervise == "" {
		return nil
	}
	return p
}

func (d *daemontools) Name() string         { return "daemontools" }
func (d *daemontools) Programs() []string   { return []string{d.svscan, d.supervise} }
func (d *daemontools) Setup(c Colony) error { return writeRuns(c) }
func (d *daemontools) Command(c Colony) []string {
	return []string{d.svscan, filepath.Join(c.Dir, "scan")}
}
func (d *daemontools) Most() int                     { return 1000 }
func (d *daemontools) Prepare(c Colony, i int) error { return prepareRun(c, i) }

// StopSignal is none: every supervise has to be told by itself.
func (d *daemontools) StopSignal() syscall.Signal { return 0 }

func (d *daemontools) Add(_ context.Context, c Colony, i, _ int, _ Run) error { return linkRun(c, i) }
