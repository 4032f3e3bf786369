package main

import (
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/proc"
)

// start has the time from the supervisor's exec to the last child's first
// instruction.
func (s *session) start() error {
	s.figure("start", proc.Milliseconds(s.launched, s.up))
	return nil
}

// startup is the same of one child.
func (s *session) startup() error {
	s.figure("startup", proc.Milliseconds(s.launched, s.up))
	return nil
}

const (
	kills     = 100 // at most, in each colony
	additions = 20
	apart     = 10 * time.Millisecond // between two of them
)

// restart kills one child after the other, each after it has run for some time,
// and has the times until the replacements' first instructions.
func (s *session) restart() error {
	if err := s.settle(); err != nil {
		return err
	}
	victims := s.living()
	return s.series(min(kills, len(victims)), func(i int) (from int64, err error) {
		from = proc.Now()
		return from, syscall.Kill(victims[i], syscall.SIGKILL)
	}, func(figure float64) { s.figure("restart", figure) })
}

// add adds one service after the other, and has the times until their first
// instructions.
func (s *session) add() error {
	adder := s.who.(peer.Adder)
	for i := range additions {
		if err := adder.Prepare(s.colony, s.colony.N+i); err != nil {
			return err
		}
	}
	if err := s.wait(s.times.calm); err != nil {
		return err
	}
	return s.series(additions, func(i int) (from int64, err error) {
		ctx, cancel := s.within(s.times.start)
		defer cancel()
		from = proc.Now()
		return from, adder.Add(ctx, s.colony, s.colony.N+i, s.pid, s.parent.Run)
	}, func(figure float64) { s.figure("add", figure) })
}

// series does something n times of which each makes a child begin, as long as
// there is time.
func (s *session) series(n int, do func(i int) (from int64, err error), keep func(milliseconds float64)) error {
	for i, end := 0, time.Now().Add(s.times.step); i < n && time.Now().Before(end); i++ {
		before := len(s.records.Of(proc.KindChild))
		from, err := do(i)
		if err != nil {
			return err
		}
		ctx, cancel := s.within(s.times.start)
		list, err := s.records.Until(ctx, proc.KindChild, before+1)
		cancel()
		if err != nil {
			return err
		}
		keep(proc.Milliseconds(from, list[before].At))
		if err := s.wait(apart); err != nil {
			return err
		}
	}
	return nil
}

// throughput counts the lives that begin in some seconds.
func (s *session) throughput() error {
	if err := s.wait(s.times.window / 5); err != nil {
		return err
	}
	from := proc.Now()
	if err := s.wait(s.times.window); err != nil {
		return err
	}
	to, n := proc.Now(), 0
	for _, r := range s.records.Of(proc.KindChild) {
		if r.At >= from && r.At < to {
			n++
		}
	}
	s.figure("throughput", float64(n)*1000/proc.Milliseconds(from, to))
	return nil
}

// stop has the time from TERM until the last process has been reaped.
func (s *session) stop() error {
	if err := s.wait(s.times.calm); err != nil {
		return err
	}
	from := proc.Now()
	if err := syscall.Kill(s.pid, peer.StopSignal(s.who)); err != nil {
		return err
	}
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	at, err := s.parent.Emptied(ctx)
	if err != nil {
		return err
	}
	s.figure("stop", proc.Milliseconds(from, at))
	return nil
}
