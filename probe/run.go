// Package probe is the program ncolony-probe, which runs as the service @probe: it
// asks services whether they are well, over HTTP, TCP and by programs, and has the
// supervisor restart those that are not. It also says READY for those that become
// ready by an answer.
//
//	config/NAME ──── ncolony.httpcheck, ... ──> demands ──> tasks
//	state/status/NAME.json ── life, running? ──> check.observe ─┐
//	one timer ─────────────────────────────────> check.pass ────┤ (pure)
//	goroutines: question.ask ─── good or bad ──> check.end ─────┴──> RESTART, READY {name, generation}
//	                                                            └──> state/probe/NAME.json
//
// One goroutine, the loop, decides and writes; each check under way has one of its
// own, which ends before the next check of its kind begins.
package probe

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Options are what a prober works with.
type Options struct {
	Places spec.Places

	// Frequency is the time between two scans of the config directory; 0 means
	// 10 s. What is new in it is noticed sooner.
	Frequency time.Duration

	// Connections and Programs are how many checks may be under way at once, over
	// the network and by programs; 0 means 500 and 20.
	Connections, Programs int

	// Agent is what HTTP servers are told, as User-Agent.
	Agent string

	// Send puts a message where the supervisor finds it.
	Send func(spec.Message) error

	Log *slog.Logger // nil: slog.Default
}

const (
	defaultFrequency   = 10 * time.Second
	defaultConnections = 500
	defaultPrograms    = 20

	// longestTurn is how long the loop sleeps at most: a spec that is new, and a
	// life, is noticed within it.
	longestTurn = 200 * time.Millisecond

	// shortTurn is the same while checks are under way, so that it is noticed when
	// we were stopped meanwhile.
	shortTurn = 100 * time.Millisecond

	// shortestTurn keeps many checks from making a busy loop.
	shortestTurn = 10 * time.Millisecond

	// lookPause is the time between two looks whether a spec or a status has changed.
	lookPause = 50 * time.Millisecond

	// idle is how long who asks waits for something more to ask.
	idle = 10 * time.Second

	// farewell is how long we wait at the end for programs that were killed.
	farewell = 2 * time.Second
)

// Run checks all services until ctx is done. The only error is about o; what goes
// wrong later is logged when it begins and when it changes, and does not end it.
func Run(ctx context.Context, o Options) error {
	w, err := newWard(ctx, o)
	if err != nil {
		return err
	}
	pulse := helper.NewPulse(w.log)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var first *ending
		select {
		case <-ctx.Done():
			w.leave(w.clock.planned - w.clock.lost)
			return nil
		case <-timer.C:
		case e := <-w.endings:
			first = &e
		}
		real := time.Since(start)
		pulse.Beat(real)
		now, suspended := w.clock.at(real, asleep())
		if suspended {
			w.shake()
		}
		next := w.turn(now, first)
		wait := pulse.Within(max(next-now, shortestTurn))
		w.clock.plan(real + wait)
		timer.Reset(wait - (time.Since(start) - real))
	}
}

// asleep is how long the machine was suspended since it was started; a constant
// added to it does not matter.
func asleep() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - mono.Nano())
}

// ward is all that is checked.
type ward struct {
	Options
	log     *slog.Logger
	ctx     context.Context
	clock   clock
	specs   helper.Specs[*spec.Spec]
	lookAt  time.Duration // whether something has changed
	scanAt  time.Duration
	targets map[string]*target
	news    helper.News // what is wrong, as logged

	statuses     helper.Version // of their directory, when it was looked at last
	haveStatuses bool           // there is such a directory
	sweeps       int            // of them that are due
	sweepAt      time.Duration  // the next

	queue   queue
	waiting [2][]*task // for their turn: connections, programs
	running [2]int
	asks    chan func() // for who is done with another one
	endings chan ending

	unwritten map[*target]bool
	cleared   bool // what an earlier prober has left is away
}

// The two kinds of check that there may be only so many of at once.
const (
	connections = iota
	programs
)

// ending is a check that has ended.
type ending struct {
	task *task
	err  error // nil: a good one
	took time.Duration
}

func newWard(ctx context.Context, o Options) (*ward, error) {
	switch {
	case o.Send == nil:
		return nil, errors.New("check services: no way to send")
	case o.Places.Config == "":
		return nil, errors.New("check services: no config directory")
	}
	if o.Frequency <= 0 {
		o.Frequency = defaultFrequency
	}
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Programs <= 0 {
		o.Programs = defaultPrograms
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &ward{
		Options: o,
		log:     o.Log,
		ctx:     ctx,
		specs: helper.Specs[*spec.Spec]{Dir: o.Places.Config, Take: func(sp *spec.Spec) *spec.Spec {
			if !sp.Probed() {
				return nil
			}
			return sp
		}},
		targets:   map[string]*target{},
		asks:      make(chan func()),
		endings:   make(chan ending),
		unwritten: map[*target]bool{},
	}, nil
}

// turn does what is due now and returns when to come back. first is a check that
// has ended, if that is why we are here.
func (w *ward) turn(now time.Duration, first *ending) time.Duration {
	w.gather(now, first)
	if now >= w.lookAt {
		w.lookAt = now + lookPause
		w.noticeStatuses()
		if now >= w.scanAt || w.specs.Changed() {
			w.scan(now)
		}
	}
	w.sweep(now)
	for w.queue.soonest() <= now {
		w.due(now, w.queue[0])
	}
	w.beginWaiting(now)
	w.write(now)
	next := min(now+longestTurn, w.scanAt, w.queue.soonest())
	if w.running != [2]int{} {
		next = min(next, now+shortTurn)
	}
	if w.sweeps > 0 {
		next = min(next, w.sweepAt)
	}
	return next
}

// gather takes in the checks that have ended.
func (w *ward) gather(now time.Duration, first *ending) {
	if first != nil {
		w.ended(now, *first)
	}
	for {
		select {
		case e := <-w.endings:
			w.ended(now, e)
		default:
			return
		}
	}
}

// shake tells the checks under way that the machine was suspended.
func (w *ward) shake() {
	w.log.Info("the machine was suspended")
	for _, g := range w.targets {
		for _, t := range g.tasks {
			t.shake()
		}
	}
}

// leave ends what is under way: nothing of ours shall outlive us. If we are to go
// because the last service is gone, its results go too.
func (w *ward) leave(now time.Duration) {
	w.scan(now)
	for _, g := range w.targets {
		for _, t := range g.tasks {
			t.callOff()
		}
	}
	for timeout := time.After(farewell); w.running != [2]int{}; {
		select {
		case e := <-w.endings:
			w.running[e.task.kind()]--
		case <-timeout:
			return
		}
	}
}
