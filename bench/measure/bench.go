package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/proc"
	"github.com/ncolony/ncolony-go/bench/programs"
	"github.com/ncolony/ncolony-go/bench/result"
)

// bench is a run.
type bench struct {
	options
	scratch  string
	programs programs.Programs
	peers    []peer.Peer
	parent   *proc.Parent
	samples  result.Samples
	notes    result.Notes
	times    times
}

// times are how long things are looked at.
type times struct {
	settle time.Duration // after the start: longer than any supervisor's idea of a service that has just been started
	calm   time.Duration // until what a start has left to do is done
	idle   time.Duration
	tick   time.Duration // of idle, looked at by itself
	window time.Duration // of throughput
	step   time.Duration // for repeated samples; fewer of them if a peer is slow
	start  time.Duration // for all services to run
}

func newBench(o options, scratch string) (*bench, error) {
	parent, err := proc.Begin()
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(filepath.Join(o.out, "bin"))
	if err != nil {
		return nil, err
	}
	p := programs.In(bin)
	all := peer.All(peer.Built{Ncolony: p.Ncolony, BareC: p.BareC, BareGo: p.BareGo})
	if len(o.peers) > 0 {
		for _, name := range o.peers {
			if len(peer.Choose(all, []string{name})) == 0 {
				fmt.Fprintf(os.Stderr, "measure: %s: not here\n", name)
			}
		}
		all = peer.Choose(all, append([]string{"ncolony", "bare-c", "bare-go", "bare-go-goroutines"}, o.peers...))
	}
	t := times{settle: 2500 * time.Millisecond, calm: 3 * time.Second, idle: 20 * time.Second, tick: time.Second, window: 5 * time.Second, step: 10 * time.Second, start: 60 * time.Second}
	if o.quick {
		t = times{settle: 1200 * time.Millisecond, calm: 50 * time.Millisecond, idle: 400 * time.Millisecond, tick: 200 * time.Millisecond, window: 300 * time.Millisecond, step: 300 * time.Millisecond, start: 3 * time.Second}
	}
	return &bench{options: o, scratch: scratch, programs: p, peers: all, parent: parent, samples: result.Samples{}, notes: result.Notes{}, times: t}, nil
}

// all measures everything there is to measure.
func (b *bench) all(ctx context.Context) error {
	if b.wants("binary") {
		b.binaries()
	}
	if b.wants("log") {
		if err := b.outputs(ctx); err != nil {
			return fmt.Errorf("measure captured output: %w", err)
		}
	}
	for _, p := range b.parts() {
		if err := b.part(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// part measures the peers by turns, round by round. One that fails is not tried
// again, nor in a quick run one that is slow.
func (b *bench) part(ctx context.Context, p part) error {
	out := map[string]bool{}
	for round := range b.rounds {
		for _, who := range b.peers {
			ok, why := p.takes(who)
			if !ok && why != "" {
				b.note(p, p.steps, who, why)
			}
			if !ok || out[who.Name()] {
				continue
			}
			for range max(1, p.repeat) {
				began := time.Now()
				err := b.colony(ctx, p, who, round)
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				if err != nil || b.quick && time.Since(began) > time.Second {
					out[who.Name()] = true
					break
				}
			}
		}
	}
	return nil
}

// note says why a peer has no figures.
func (b *bench) note(p part, steps []step, who peer.Peer, why string) {
	for _, s := range steps {
		b.notes.Add(s.names(p.n)[0], who.Name(), why)
	}
}

// colony runs one colony of one peer, and measures it.
func (b *bench) colony(ctx context.Context, p part, who peer.Peer, round int) error {
	began := time.Now()
	s, err := b.open(ctx, p, who)
	if s != nil {
		defer s.close()
	}
	done := 0
	for ; err == nil && done < len(p.steps); done++ {
		now := p.steps[done]
		if !now.can(who) {
			b.note(p, []step{now}, who, "cannot")
		} else if err = now.run(s); err != nil {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		b.note(p, p.steps[done:], who, reason(err, b.times.start))
	}
	fmt.Fprintf(os.Stderr, "%s %d: round %d of %d, %s, %.1f s", p.title(), p.n, round+1, b.rounds, who.Name(), time.Since(began).Seconds())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, ": %v%s", err, s.log())
	}
	fmt.Fprintln(os.Stderr)
	return err
}

// reason is an error in the few words that a table has room for.
func reason(err error, patience time.Duration) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("not in %.0f s", patience.Seconds())
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		return "not allowed" // by the kernel, as a rule a namespace
	}
	return "failed"
}

func (p part) title() string {
	var names []string
	for _, s := range p.steps {
		names = append(names, s.kind)
	}
	return strings.Join(names, "+")
}

// binaries measures the sizes of the programs.
func (b *bench) binaries() {
	for _, who := range b.peers {
		size := int64(0)
		for _, program := range who.Programs() {
			if info, err := os.Stat(program); err == nil {
				size += info.Size()
			}
		}
		if size > 0 {
			b.samples.Add("binary", who.Name(), float64(size)/(1<<20))
		}
	}
}

// perChild has the memory for each child from that with them and that without,
// round by round.
func (b *bench) perChild() {
	n := 1000
	if b.quick {
		n = small
	}
	for who, with := range b.samples[name("memory", n)] {
		without := b.samples[name("memory", 0)][who]
		for i := range min(len(with), len(without)) {
			b.samples.Add("bytes-per-child", who, (with[i]-without[i])*(1<<20)/float64(n))
		}
	}
}
