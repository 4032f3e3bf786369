package main

import (
	"time"

	"github.com/ncolony/ncolony-go/bench/proc"
)

// memory has what the supervisor needs.
func (s *session) memory() error {
	if err := s.wait(s.times.calm); err != nil {
		return err
	}
	u := proc.Memory(s.overhead())
	s.figure("memory", u.PSS/(1<<20))
	s.figure("threads", float64(u.Threads))
	s.figure("fds", float64(u.FDs))
	return nil
}

// few is how many processes can be read every second and hardly disturb anything.
const few = 10

// idle has what the supervisor does when there is nothing to do: the average,
// and, where few processes are to be read for it, each second by itself.
func (s *session) idle() error {
	if err := s.wait(s.times.calm); err != nil {
		return err
	}
	pids := s.overhead()
	first, began := proc.Activity(pids), time.Now()
	if len(pids) <= few {
		last, at := first, began
		for range int(s.times.idle / s.times.tick) {
			if err := s.wait(s.times.tick); err != nil {
				return err
			}
			now := proc.Activity(pids)
			seconds := time.Since(at).Seconds()
			s.figure("quiet-cpu", (now.CPU-last.CPU)/seconds)
			s.figure("quiet-wakeups", float64(now.Wakeups-last.Wakeups)/seconds)
			last, at = now, time.Now()
		}
	} else if err := s.wait(s.times.idle); err != nil {
		return err
	}
	last, seconds := proc.Activity(pids), time.Since(began).Seconds()
	s.figure("idle-cpu", (last.CPU-first.CPU)/seconds)
	s.figure("idle-wakeups", float64(last.Wakeups-first.Wakeups)/seconds)
	return nil
}

// reap has the time from the first orphan until the last is reaped, and the most
// zombies seen meanwhile, of a supervisor that is PID 1.
func (s *session) reap() error {
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	begun, err := s.records.Until(ctx, proc.KindBegun, 1)
	if err != nil {
		return err
	}
	most, clean, at := 0, 0, int64(0)
	for clean < 2 { // twice: the first time an orphan may not have ended yet
		made := len(s.records.Of(proc.KindMade)) > 0
		now := proc.Now()
		_, zombies := proc.Zombies(s.pid)
		most = max(most, zombies)
		switch {
		case !made || zombies > 0:
			clean = 0
		case clean == 0:
			at = now
			fallthrough
		default:
			clean++
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	s.figure("reap", proc.Milliseconds(begun[0].At, at))
	s.figure("reap-zombies", float64(most))
	return nil
}
