package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/proc"
)

// upgrade kills one child after the other, each as soon as the last is replaced,
// while another program takes the supervisor's place, and has the longest time
// that one was not replaced.
func (s *session) upgrade() error {
	if err := s.settle(); err != nil {
		return err
	}
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.who.(peer.Survivor).Upgrade(ctx, s.colony) }()
	longest := 0.0
	for _, victim := range s.living() {
		over := false
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			over = true // one more: what is handed over is seen by whoever dies last, too
		default:
		}
		before := len(s.records.Of(proc.KindChild))
		from := proc.Now()
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			return err
		}
		list, err := s.records.Until(ctx, proc.KindChild, before+1)
		if err != nil {
			return err
		}
		longest = max(longest, proc.Milliseconds(from, list[before].At))
		if over {
			s.figure("upgrade", longest)
			s.began = time.Now() // the replacements are young
			return nil
		}
	}
	return errors.New("upgrade: it took longer than there were children to kill")
}

// adopt kills the supervisor twice. The first time it has the time from the exec
// of the next until that says that it has all services. The second time it kills
// a child every few milliseconds from the exec on, and has the time until the
// first of them is replaced.
func (s *session) adopt() error {
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	if err := s.succeed(ctx); err != nil {
		return err
	}
	if err := s.who.(peer.Survivor).Adopted(ctx, s.colony, s.pid, s.colony.N); err != nil {
		return err
	}
	s.figure("adopt-told", proc.Milliseconds(s.launched, proc.Now()))
	victims := s.living()
	if err := s.succeed(ctx); err != nil {
		return err
	}
	before := len(s.records.Of(proc.KindChild))
	apart := max(5*time.Millisecond, time.Duration(s.colony.N)*time.Millisecond/500) // few enough to be no burden
	for _, pid := range victims {
		if len(s.records.Of(proc.KindChild)) > before {
			break
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		if err := s.wait(apart); err != nil {
			return err
		}
	}
	list, err := s.records.Until(ctx, proc.KindChild, before+1)
	if err != nil {
		return err
	}
	s.figure("adopt", proc.Milliseconds(s.launched, list[before].At))
	return nil
}

// succeed kills the supervisor when all services have run for some time, and
// starts another.
func (s *session) succeed(ctx context.Context) error {
	if err := s.settle(); err != nil {
		return err
	}
	if err := syscall.Kill(s.pid, syscall.SIGKILL); err != nil {
		return err
	}
	select {
	case <-s.exit:
		return s.launch()
	case <-ctx.Done():
		return fmt.Errorf("kill the supervisor: %w", ctx.Err())
	}
}
