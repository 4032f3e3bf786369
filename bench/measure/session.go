package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/proc"
)

// session is one colony that runs.
type session struct {
	*bench
	ctx      context.Context
	who      peer.Peer
	part     part
	colony   peer.Colony
	records  *proc.Records
	out      *os.File
	pid      int // of the supervisor
	exit     <-chan syscall.WaitStatus
	launched int64     // when it was executed
	up       int64     // when its last child was
	began    time.Time // when the youngest that matters was
}

// orphanCount is how many orphans are made.
const orphanCount = 20000

// said is the file that has what the supervisor says.
func (s *session) said() string { return filepath.Join(s.scratch, "out") }

// open starts a supervisor with all its services. The session is to be closed,
// also if there is an error.
func (b *bench) open(ctx context.Context, p part, who peer.Peer) (s *session, err error) {
	s = &session{bench: b, ctx: ctx, who: who, part: p}
	dir, err := os.MkdirTemp(b.scratch, "colony")
	if err != nil {
		return nil, err
	}
	s.colony = peer.Colony{Dir: dir, N: p.n}
	if most := peer.Most(who); most > 0 && p.steps[0].kind == "add" {
		s.colony.N = min(p.n, most-additions)
	}
	s.records, err = proc.NewRecords(filepath.Join(b.scratch, "records"))
	if err != nil {
		return s, err
	}
	s.colony.Child = []string{b.programs.Child, s.records.Path}
	switch p.kind {
	case leaving:
		s.colony.Child[0], s.colony.Eager = b.programs.Leaver, true
	case orphans:
		n := orphanCount
		if b.quick {
			n = small
		}
		s.colony.Child[0], s.colony.Env = b.programs.Orphans, []string{"ORPHANS=" + strconv.Itoa(n)}
	}
	if err := who.Setup(s.colony); err != nil {
		return s, err
	}
	s.out, err = os.Create(s.said()) // not beside the directories that a supervisor watches
	if err != nil {
		return s, err
	}
	if err := s.wait(peer.Before(who)); err != nil {
		return s, err
	}
	if err := s.launch(); err != nil {
		return s, err
	}
	if p.kind != staying || s.colony.N == 0 {
		return s, nil
	}
	return s, s.ready()
}

// launch executes the supervisor. When that was, it says itself.
func (s *session) launch() (err error) {
	before := len(s.records.Of(proc.KindLaunch))
	argv := append([]string{s.programs.Launch, s.records.Path}, s.who.Command(s.colony)...)
	s.pid, s.exit, err = s.parent.Start(argv, proc.Options{Env: s.colony.Env, Out: s.out, Space: s.part.kind == orphans})
	if err != nil {
		return err
	}
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	list, err := s.records.Until(ctx, proc.KindLaunch, before+1)
	if err != nil {
		return err
	}
	s.launched, s.began = list[before].At, time.Now()
	return nil
}

// ready waits for the last child.
func (s *session) ready() error {
	ctx, cancel := s.within(s.times.start)
	defer cancel()
	list, err := s.records.Until(ctx, proc.KindChild, s.colony.N)
	if err != nil {
		return err
	}
	pids := map[int]bool{}
	for _, r := range list {
		pids[r.PID] = true
	}
	if len(list) != s.colony.N || len(pids) != s.colony.N {
		return fmt.Errorf("start %d services: %d children have reported, with %d pids", s.colony.N, len(list), len(pids))
	}
	s.up, s.began = proc.Latest(list), time.Now()
	return nil
}

// close ends everything, and removes what there was.
func (s *session) close() {
	if err := s.parent.End(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
	}
	if s.records != nil {
		s.records.Close()
	}
	if s.out != nil {
		s.out.Close()
	}
	os.RemoveAll(s.colony.Dir)
}

// log is the end of what the supervisor has said.
func (s *session) log() string {
	if s == nil {
		return ""
	}
	text, _ := os.ReadFile(s.said())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}

// figure keeps one.
func (s *session) figure(base string, figures ...float64) {
	s.samples.Add(name(base, s.part.n), s.who.Name(), figures...)
}

func (s *session) within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, d)
}

// wait lets time pass.
func (s *session) wait(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// settle waits until every service has run long enough not to be taken for one
// that fails at its start.
func (s *session) settle() error { return s.wait(s.times.settle - time.Since(s.began)) }

// living are the pids of children that are there, in random order.
func (s *session) living() (pids []int) {
	for _, r := range s.records.Of(proc.KindChild) {
		if f := proc.Stat(r.PID); len(f) > 0 && f[0] != "Z" {
			pids = append(pids, r.PID)
		}
	}
	rand.Shuffle(len(pids), func(i, j int) { pids[i], pids[j] = pids[j], pids[i] })
	return pids
}

// overhead are the processes that are no children: the supervisor and its helpers.
func (s *session) overhead() []int { return proc.Without(proc.Descendants(), s.living()) }
