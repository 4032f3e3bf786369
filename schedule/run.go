// Package schedule is the program behind `ncolony schedule`, which runs as the
// service @schedule and has the supervisor start services when they are due.
//
//	config/NAME ─────────── "schedule" ──> plan ──┐
//	state/status/NAME.json ── what it does now ──>│ judge ──> START {name}
//	state/schedule/NAME.json ── what was done ───>┘ (pure)
//
// It goes by the clock on the wall, and looks at it every second at least, so that
// it soon sees a clock that was set and a machine that was asleep.
package schedule

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cron"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Options are what schedules are kept with.
type Options struct {
	Places spec.Places

	// Frequency is the time between two scans of the config directory, for files
	// that are edited in place; 0 means 10 s.
	Frequency time.Duration

	// Send puts a message of that name where the supervisor finds it.
	Send func(file string, m spec.Message) error

	Log *slog.Logger // nil: slog.Default

	clock func() time.Time // a test's; nil: time.Now
	epoch string           // likewise; "": that of this process
}

const (
	defaultFrequency = 10 * time.Second

	// longestTurn is how long we sleep at most: a spec that is new, and a clock
	// that was set, are noticed within it.
	longestTurn  = time.Second
	shortestTurn = 2 * time.Millisecond
)

// Run starts services when they are due until ctx is done. The only error is
// about o; what goes wrong later is logged when it begins and when it changes, and
// does not end it.
func Run(ctx context.Context, o Options) error {
	k, err := newKeeper(o)
	if err != nil {
		return err
	}
	helper.Run(ctx, k.log, shortestTurn, k.turn)
	// The last spec with a schedule may be gone, and that is why we end.
	k.scan()
	for name, e := range k.entries {
		if e.gone {
			k.drop(name)
		}
	}
	return nil
}

// keeper keeps the schedules of a colony.
type keeper struct {
	places    spec.Places
	frequency time.Duration
	send      func(file string, m spec.Message) error
	log       *slog.Logger
	clock     func() time.Time
	epoch     string
	specs     helper.Specs[*spec.Schedule]
	scanAt    time.Duration
	entries   map[string]*entry
	swept     bool // what was left of services that are none any more
	news      helper.News
}

// entry is a service with a schedule.
type entry struct {
	name   string
	file   *helper.File[*spec.Schedule]
	plan   plan
	table  table
	status statusFile
	kept   spec.Timetable // as it is on the disk
	fresh  bool           // it was read from there, and nothing was done by it yet
	told   string         // why it was not started, as was logged since its last start
	gone   bool           // its file is not there any more
}

func newKeeper(o Options) (*keeper, error) {
	switch {
	case o.Send == nil:
		return nil, errors.New("keep schedules: no way to send")
	case o.Places.Config == "":
		return nil, errors.New("keep schedules: no config directory")
	}
	if o.Frequency <= 0 {
		o.Frequency = defaultFrequency
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.clock == nil {
		o.clock = time.Now
	}
	if o.epoch == "" {
		o.epoch = epoch()
	}
	return &keeper{
		places:    o.Places,
		frequency: o.Frequency,
		send:      o.Send,
		log:       o.Log,
		clock:     o.clock,
		epoch:     o.epoch,
		specs:     helper.Specs[*spec.Schedule]{Dir: o.Places.Config, Take: func(s *spec.Spec) *spec.Schedule { return s.Schedule }},
		entries:   map[string]*entry{},
	}, nil
}

// turn does what is due now and returns when to come back.
func (k *keeper) turn(mono time.Duration) time.Duration {
	if mono >= k.scanAt || k.specs.Changed() {
		k.scanAt = mono + k.frequency
		k.scan()
	}
	now := k.clock()
	wait := longestTurn
	for _, e := range k.entries {
		k.look(e, now)
		if next := e.table.Next; next != nil && next.After(now) {
			wait = min(wait, next.Sub(now))
		}
	}
	return mono + wait
}

// scan brings the entries in line with the config directory. A service whose file
// is gone is kept until the supervisor has forgotten it too.
func (k *keeper) scan() {
	if !k.specs.Look(&k.news, k.log) {
		return
	}
	files := k.specs.ByService(func(name string) *helper.File[*spec.Schedule] {
		if e := k.entries[name]; e != nil {
			return e.file
		}
		return nil
	})
	for name, f := range files {
		if f.Spec != nil {
			k.take(name, f)
		}
	}
	for name, e := range k.entries {
		f := files[name]
		e.gone = f == nil
		if f != nil && f.Spec == nil {
			k.drop(name)
		}
	}
	if !k.swept {
		k.swept = true
		k.sweep()
	}
}

// take makes the schedule of a file that of its service.
func (k *keeper) take(name string, f *helper.File[*spec.Schedule]) {
	e := k.entries[name]
	if e != nil && e.plan.text == f.Spec.String() {
		e.file = f
		return
	}
	p, err := planOf(f.Spec)
	if k.news.Is("zone", name, err) {
		k.log.Warn("schedule not understood", "service", name, "err", err)
	}
	if err != nil {
		return // its spec is refused by the supervisor too; what was known goes on
	}
	if e == nil {
		e = &entry{name: name}
		k.entries[name] = e
		k.load(e)
	}
	e.file, e.plan = f, p
	if e.table.Schedule != p.text {
		e.table.begin(p, k.clock())
		e.fresh = false
	}
	e.table.setNext(p)
}

// planOf makes a schedule ready to be asked.
func planOf(s *spec.Schedule) (plan, error) {
	p := plan{text: s.String(), every: s.Every.D()}
	if p.every > 0 {
		return p, nil
	}
	var err error
	if p.times, err = cron.Parse(s.Cron); err != nil {
		return plan{}, err
	}
	p.zone, err = cron.Zone(s.Zone)
	return p, err
}

// drop forgets a service.
func (k *keeper) drop(name string) {
	delete(k.entries, name)
	k.remove(name)
	k.news.Forget(name, "zone", "status", "result", "send", "keep")
}

// look looks at one service, and has it started if it is due.
func (k *keeper) look(e *entry, now time.Time) {
	if err := e.status.read(k.places.Status(e.name)); k.news.Is("status", e.name, err) {
		k.log.Warn("status not read", "service", e.name, "err", err)
	}
	if e.gone {
		if !e.status.there {
			k.drop(e.name)
		}
		return
	}
	s := seen{now: now, another: e.table.Epoch != k.epoch}
	s.known, s.busy, s.began = e.status.tells()
	if e.table.Request != "" {
		k.hear(e, &s)
	}
	was := e.table
	v := e.table.judge(e.plan, s)
	if v.start && !k.start(e, v.due, now) {
		e.table = was // it is still due
		return
	}
	if n := e.table.Skipped - was.Skipped; n > 0 && s.busy != e.told { // one that is stopped may be skipped for years
		e.told = s.busy
		k.log.Info("due, and not started", "service", e.name, "reason", s.busy)
	}
	if n := e.table.Missed - was.Missed; n > 0 {
		k.log.Warn("was due while nobody was there", "service", e.name, "times", n)
	}
	e.table.Epoch = k.epoch
	k.keep(e)
}

// start sends START, once, and reports whether that could be done. If we were killed between that and writing it down, the
// message or its result are still there.
func (k *keeper) start(e *entry, due, now time.Time) bool {
	file := requestFile(e.name, due)
	sent := e.fresh && k.isSent(file)
	e.fresh, e.told = false, ""
	if !sent {
		err := k.send(file, spec.Message{Type: spec.StartService, Name: e.name, Reason: "due at " + due.Format(time.RFC3339)})
		if k.news.Is("send", e.name, err) {
			k.log.Warn("start not requested", "service", e.name, "err", err)
		}
		if err != nil {
			return false
		}
		k.log.Info("start requested", "service", e.name, "due", due)
	}
	e.table.Last = &now
	e.table.Request, e.table.Generation, e.table.Error = file, e.status.generation, ""
	return true
}

// hear asks what became of the last START. One that a supervisor took and did not
// live to act on is sent again, but not in another boot.
func (k *keeper) hear(e *entry, s *seen) {
	r, err := k.result(e.table.Request)
	if k.news.Is("result", e.name, err) {
		k.log.Warn("result not read", "service", e.name, "err", err)
	}
	switch {
	case err != nil, r == nil && k.isSent(e.table.Request), r != nil && r.Finished == nil:
		s.busy = "its last start was under way"
		return
	case r != nil && isLost(r) && !s.another && e.status.generation == e.table.Generation:
		s.lost = true
		return
	case r != nil && !r.OK:
		e.table.Error = r.Error
	}
	e.table.Request, e.table.Generation = "", 0
}

func isLost(r *spec.Result) bool {
	return !r.OK && (r.Error == spec.Interrupted || r.Error == spec.ShuttingDown || r.Error == spec.HasShutDown)
}
