package peer

import (
	"context"
	"path/filepath"
)

// s6 is s6-svscan, with an s6-supervise for each service.
type s6 struct{ svscan, supervise, control string }

func findS6() Peer {
	p := &s6{find("s6-svscan"), find("s6-supervise"), find("s6-svscanctl")}
	if p.svscan == "" || p.supervise == "" || p.control == "" {
		return nil
	}
	return p
}

func (s *s6) Name() string                  { return "s6" }
func (s *s6) Programs() []string            { return []string{s.svscan, s.supervise} }
func (s *s6) Setup(c Colony) error          { return writeRuns(c) }
func (s *s6) Prepare(c Colony, i int) error { return prepareRun(c, i) }

func (s *s6) Command(c Colony) []string {
	return []string{s.svscan, "-c", "20000", filepath.Join(c.Dir, "scan")}
}

func (s *s6) Add(ctx context.Context, c Colony, i, _ int, run Run) error {
	if err := linkRun(c, i); err != nil {
		return err
	}
	return run(ctx, []string{s.control, "-a", filepath.Join(c.Dir, "scan")}, nil)
}
