package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/proc"
)

// killEvery is the time between two kills during an upgrade: what it finds out
// is no better than this.
const killEvery = 2 * time.Millisecond

// upgrade kills a child every other millisecond while another program takes the
// supervisor's place, and has the longest time that one was not replaced. Which
// replacement is whose is not known: the first is taken for the first victim's,
// and so on, which makes the longest wait no longer than it was.
func (s *session) upgrade() error {
	if err := s.settle(); err != nil {
		return err
	}
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	victims := s.living()
	before := len(s.records.Of(proc.KindChild))
	done := make(chan error, 1)
	go func() { done <- s.who.(peer.Survivor).Upgrade(ctx, s.colony) }()
	var killed []int64
	tick := time.NewTicker(killEvery)
	defer tick.Stop()
	for over := false; !over && len(killed) < len(victims); {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			over = true
		case <-tick.C:
			killed = append(killed, proc.Now())
			if err := syscall.Kill(victims[len(killed)-1], syscall.SIGKILL); err != nil {
				return err
			}
		}
	}
	list, err := s.records.Until(ctx, proc.KindChild, before+len(killed))
	if err != nil {
		return err
	}
	s.figure("upgrade", longestWait(killed, list[before:]))
	s.began = time.Now() // the replacements are young
	return nil
}

// longestWait is the longest time between a death and the replacement that is
// the same in order, in milliseconds.
func longestWait(deaths []int64, replacements []proc.Record) (longest float64) {
	var begun []int64
	for _, r := range replacements {
		begun = append(begun, r.At)
	}
	slices.Sort(begun)
	for i := range min(len(deaths), len(begun)) {
		longest = max(longest, proc.Milliseconds(deaths[i], begun[i]))
	}
	return longest
}

// orphaned is how many children die while nobody supervises.
const orphaned = 10

// adopt kills the supervisor, starts another, and kills some children as soon as
// that is executed. It has the time from the exec until all of them are replaced,
// and until the supervisor says that everything runs.
func (s *session) adopt() error {
	if err := s.settle(); err != nil {
		return err
	}
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	victims := s.living()
	if err := syscall.Kill(s.pid, syscall.SIGKILL); err != nil {
		return err
	}
	select {
	case <-s.exit:
	case <-ctx.Done():
		return ctx.Err()
	}
	if len(victims) < orphaned {
		return fmt.Errorf("adopt %d services: too few", len(victims))
	}
	before := len(s.records.Of(proc.KindChild))
	told := make(chan error, 1)
	if err := s.launch(); err != nil {
		return err
	}
	for _, pid := range victims[:orphaned] {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	var saidAt int64
	go func() { told <- s.saidSo(ctx, &saidAt) }()
	list, err := s.records.Until(ctx, proc.KindChild, before+orphaned)
	if err != nil {
		return err
	}
	s.figure("adopt", proc.Milliseconds(s.launched, proc.Latest(list[before:])))
	if err := <-told; err != nil {
		return err
	}
	s.figure("adopt-told", proc.Milliseconds(s.launched, saidAt))
	return nil
}

// saidSo waits until the supervisor says that it has all services.
func (s *session) saidSo(ctx context.Context, at *int64) error {
	err := s.who.(peer.Survivor).Adopted(ctx, s.colony, s.pid, s.colony.N)
	*at = proc.Now()
	return err
}
