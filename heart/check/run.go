// Package check is the other side of package heart: the program behind `ncolony
// heartcheck`, which runs as the service @heartcheck and asks the supervisor to
// restart every service whose heartbeat file has stopped changing.
//
//	config/NAME ───────── "ncolony.beatcheck" ──> what to watch
//	state/status/NAME.json ── life, running? ──> checker.observe ──> RESTART {name, generation}
//	heartbeat file ─── mtime, inode, size ─────>      (pure)
//
// It also says READY for services that become ready by a file or by their first
// beat.
//
// No file's time is ever compared with a clock. What counts is that it changes,
// and for how long, on our own monotonic clock, it has not. Heartbeat files are
// never written, and never read.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Options are what a checker works with.
type Options struct {
	Places spec.Places

	// Frequency is the longest time between two looks at a heart and between two
	// scans of the config directory; 0 means 10 s. A heart whose period is short
	// is looked at three times a period.
	Frequency time.Duration

	// Send puts a message where the supervisor finds it.
	Send func(spec.Message) error

	Log *slog.Logger // nil: slog.Default
}

// defaultFrequency is the Python checker's.
const defaultFrequency = 10 * time.Second

// longestTurn is how long the loop sleeps at most: a spec that is new is noticed
// within it.
const longestTurn = time.Second

// Run watches all hearts until ctx is done. The only error is about o; what goes
// wrong later is logged when it begins and when it changes, and does not end it.
func Run(ctx context.Context, o Options) error {
	w, err := newWard(o)
	if err != nil {
		return err
	}
	helper.Run(ctx, w.log, minLook, func(now time.Duration) time.Duration {
		began := time.Now()
		next := w.turn(now)
		w.checker.busy(time.Since(began))
		return next
	})
	return nil
}

// ward is all that is watched.
type ward struct {
	places   spec.Places
	send     func(spec.Message) error
	log      *slog.Logger
	checker  *checker
	specs    *specs
	scanAt   time.Duration
	patients map[string]*patient
	order    []*patient // by name: files are looked at in the order in which they lie together
	novices  map[string]*novice
	statuses helper.Statuses
	news     helper.News
	swept    bool          // what an earlier checker has told of others is gone
	retellAt time.Duration // when the time of a beat may be told again
}

// patient is one service that is expected to beat.
type patient struct {
	name   string
	due    time.Duration // when to look at it
	pulse  pulse
	file   *file
	period time.Duration // as the file says
	grace  time.Duration
	path   string // of its status
	status helper.Status
	read   time.Duration // when that was looked at last
	beat   beatFile
	care   care
}

func newWard(o Options) (*ward, error) {
	if o.Send == nil {
		return nil, errors.New("check hearts: no way to send")
	}
	if o.Places.Config == "" {
		return nil, errors.New("check hearts: no config directory")
	}
	if o.Frequency <= 0 {
		o.Frequency = defaultFrequency
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &ward{
		places:   o.Places,
		send:     o.Send,
		log:      o.Log,
		checker:  newChecker(o.Frequency),
		specs:    newSpecs(o.Places.Config),
		statuses: helper.Statuses{Dir: o.Places.StatusDir()},
		patients: make(map[string]*patient),
	}, nil
}

// turn does what is due now and returns when to come back.
func (w *ward) turn(now time.Duration) time.Duration {
	if now >= w.scanAt || w.specs.Changed() {
		w.scan(now)
	}
	next := min(now+longestTurn, w.scanAt)
	w.statuses.Look(now)
	for _, p := range w.order {
		if p.due <= now {
			p.due = w.look(now, p)
		}
		next = min(next, p.due)
	}
	return w.lookForReady(now, next)
}

// scan brings the patients in line with the config directory.
func (w *ward) scan(now time.Duration) {
	w.scanAt = now + w.checker.frequency
	if !w.specs.Look(&w.news, w.log) {
		return
	}
	w.findNovices(now)
	hearts := hearts(w.specs, w.patients)
	for name := range w.patients {
		if hearts[name] == nil {
			delete(w.patients, name)
			os.Remove(w.places.Heart(name))
			w.news.Forget(name, "heart", "status", "send", "held", "tell")
		}
	}
	for name, file := range hearts {
		p := w.patients[name]
		if p == nil {
			p = &patient{name: name, path: w.places.Status(name)}
			w.patients[name] = p
		}
		b := file.Spec.heart
		p.file, p.period = file, b.Period.D()
		p.grace = graceOf(p.period, b.Grace)
		p.due = min(p.due, now+w.checker.every(p.period))
		if p.beat.status != b.Status {
			p.beat = newBeatFile(b.Status, name)
		}
	}
	w.order = slices.SortedFunc(maps.Values(w.patients), func(a, b *patient) int { return cmp.Compare(a.name, b.name) })
	w.forgetTold()
}

// look looks at one service, asks for its restart if it is overdue, and returns
// when to look again.
func (w *ward) look(now time.Duration, p *patient) time.Duration {
	name := p.name
	s, err := w.see(now, p)
	if w.news.Is("heart", name, err) {
		w.log.Warn("heartbeat not seen", "service", name, "err", err)
	}
	if err != nil {
		// Nothing was seen, not even that nothing has changed.
		return now + w.checker.every(s.period)
	}
	pulse := &p.pulse
	v := w.checker.observe(now, pulse, s)
	if !v.restart {
		w.tell(now, p, s, pulse.state(s.up))
		return v.next
	}
	// Much may have happened since, and a status that was written within one tick
	// of the file system's clock may have looked unchanged.
	p.status.Anew()
	p.read = 0
	latest, err := w.see(now, p)
	latest.age = s.age
	if err != nil || latest != s {
		return v.next
	}
	if group := w.held(now, name); group != "" {
		if w.news.Is("held", name, fmt.Errorf("others of group %q are being restarted", group)) {
			w.log.Warn("restart held back", "service", name, "generation", s.life.Generation, "reason", v.reason, "group", group)
		}
		w.tell(now, p, s, spec.HeartHeld)
		return v.next
	}
	w.news.Forget(name, "held")
	w.tell(now, p, s, spec.HeartOverdue)
	if wait := w.dump(now, p, s); wait > 0 {
		return now + wait
	}
	m := spec.Message{Type: spec.RestartService, Name: name, Reason: v.reason}
	if generation := s.life.Generation; generation != 0 {
		m.Generation = &generation
	}
	err = w.send(m)
	if w.news.Is("send", name, err) {
		w.log.Warn("restart not requested", "service", name, "generation", s.life.Generation, "err", err)
	}
	if err == nil {
		pulse.sent(now)
		p.restarted(now, s)
		w.log.Warn("restart requested", "service", name, "generation", s.life.Generation, "reason", v.reason)
	}
	return v.next
}

// state is how a heart is that is not overdue, or whose restart was requested.
func (p *pulse) state(up bool) string {
	switch {
	case !up:
		return spec.HeartOff
	case p.asked > 0:
		return spec.HeartOverdue
	case !p.heard:
		return spec.HeartWaiting
	}
	return spec.HeartBeating
}

// see gathers what there is to see of one service. Without a status to go by,
// the service is taken to be up.
func (w *ward) see(now time.Duration, p *patient) (seen, error) {
	name := p.name
	s := seen{name: name, period: p.period, grace: p.grace, up: true}
	reported, err := p.status.Known(), error(nil)
	if !reported || w.statuses.Since(p.read) {
		if reported, err = p.status.Read(p.path, w.statuses.Have); err == nil {
			p.read = now
		}
	}
	if w.news.Is("status", name, err) {
		w.log.Warn("status not read", "service", name, "err", err)
	}
	if reported {
		s.up, s.life = p.status.Up, p.status.Life
		s.age = time.Since(p.status.Since)
	}
	if !s.up {
		return s, nil
	}
	s.path, s.mark, s.found, err = p.beat.look()
	w.noteShared(p.file, &p.beat, s.found)
	return s, err
}

// errShared is wrong with a file that several instances touch.
var errShared = errors.New("it is one file for all instances, so that one that hangs is not told from the others; make it a directory")

// noteShared warns of a file that several services share.
func (w *ward) noteShared(f *file, b *beatFile, found bool) {
	var err error
	if found && !b.isDir && len(f.Services) > 1 {
		err = errShared
	}
	if w.news.Is("shared", b.status, err) {
		w.log.Warn("file is shared", "service", f.Name, "file", b.status, "err", err)
	}
}
