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
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/heart"
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

// watchdogBeat is how often we say that we turn, to a supervisor that wants to
// know.
const watchdogBeat = 3 * time.Second

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
	own, err := heart.FromEnv()
	if err != nil {
		w.log.Error("own heartbeat is off", "err", err)
	}
	start := time.Now() // its monotonic reading is the checker's clock
	beatAt := time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		// We beat from here and not in the background, so that a hung stat of
		// ours is seen.
		if err := own.Beat(); w.isNews("own heartbeat", "", err) {
			w.log.Warn("own heartbeat failed", "err", err)
		}
		began := time.Since(start)
		if began >= beatAt {
			beatAt = began + watchdogBeat
			if err := heart.Notify("WATCHDOG=1"); w.isNews("watchdog", "", err) {
				w.log.Warn("watchdog not fed", "err", err)
			}
		}
		next := w.turn(began)
		ended := time.Since(start)
		w.checker.busy(ended - began)
		wait := max(next-ended, minLook)
		if own != nil {
			wait = min(wait, own.Interval())
		}
		timer.Reset(wait)
	}
}

// ward is all that is watched.
type ward struct {
	places   spec.Places
	send     func(spec.Message) error
	log      *slog.Logger
	checker  *checker
	specs    specs
	scanAt   time.Duration
	patients map[string]*patient
	novices  map[string]*novice
	said     map[topic]string // what is wrong, as logged
}

// topic is something that may go wrong, and goes wrong again and again.
type topic struct{ what, name string }

// patient is one service that is expected to beat.
type patient struct {
	file   *file
	status statusFile
	beat   beatFile
	due    time.Duration // when to look at it
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
		specs:    specs{dir: o.Places.Config},
		patients: make(map[string]*patient),
		said:     make(map[topic]string),
	}, nil
}

// turn does what is due now and returns when to come back.
func (w *ward) turn(now time.Duration) time.Duration {
	if now >= w.scanAt || w.specs.changed() {
		w.scan(now)
	}
	next := min(now+longestTurn, w.scanAt)
	_, _, err := stat(w.places.StatusDir())
	haveStatus := err == nil
	for name, p := range w.patients {
		if p.due <= now {
			p.due = w.look(now, name, p, haveStatus)
		}
		next = min(next, p.due)
	}
	return w.lookForReady(now, next)
}

// scan brings the patients in line with the config directory.
func (w *ward) scan(now time.Duration) {
	w.scanAt = now + w.checker.frequency
	err := w.specs.scan(func(file string, err error) {
		if w.isNews("spec", file, err) {
			w.log.Warn("spec not read", "service", file, "err", err)
		}
	})
	if w.isNews("config", "", err) {
		w.log.Warn("config directory not read", "err", err)
	}
	if err != nil {
		return
	}
	w.findNovices(now)
	hearts := w.specs.hearts(w.patients)
	for name := range w.patients {
		if hearts[name] == nil {
			delete(w.patients, name)
			w.checker.forget(name)
			for _, what := range []string{"heart", "status", "send"} {
				delete(w.said, topic{what, name})
			}
		}
	}
	for name, file := range hearts {
		p := w.patients[name]
		if p == nil {
			p = &patient{}
			w.patients[name] = p
		}
		p.file = file
		p.due = min(p.due, now+w.checker.every(file.heart.Period.D()))
		if p.beat.status != file.heart.Status {
			p.beat = newBeatFile(file.heart.Status, name)
		}
	}
}

// look looks at one service, asks for its restart if it is overdue, and returns
// when to look again.
func (w *ward) look(now time.Duration, name string, p *patient, haveStatus bool) time.Duration {
	s, err := w.see(name, p, haveStatus)
	if w.isNews("heart", name, err) {
		w.log.Warn("heartbeat not seen", "service", name, "err", err)
	}
	if err != nil {
		// Nothing was seen, not even that nothing has changed.
		return now + w.checker.every(s.period)
	}
	v := w.checker.observe(now, s)
	if !v.restart {
		return v.next
	}
	// Much may have happened since, and a status that was written within one tick
	// of the file system's clock may have looked unchanged.
	p.status.version = version{}
	latest, err := w.see(name, p, haveStatus)
	latest.age = s.age
	if err != nil || latest != s {
		return v.next
	}
	m := spec.Message{Type: spec.RestartService, Name: name, Reason: v.reason}
	if s.life.generation != 0 {
		m.Generation = &s.life.generation
	}
	err = w.send(m)
	if w.isNews("send", name, err) {
		w.log.Warn("restart not requested", "service", name, "generation", s.life.generation, "err", err)
	}
	if err == nil {
		w.checker.sent(now, name)
		w.log.Warn("restart requested", "service", name, "generation", s.life.generation, "reason", v.reason)
	}
	return v.next
}

// see gathers what there is to see of one service. Without a status to go by,
// the service is taken to be up.
func (w *ward) see(name string, p *patient, haveStatus bool) (seen, error) {
	b := p.file.heart
	s := seen{name: name, period: b.Period.D(), grace: graceOf(b.Period.D(), b.Grace), up: true}
	reported, err := p.status.read(w.places.Status(name), haveStatus)
	if w.isNews("status", name, err) {
		w.log.Warn("status not read", "service", name, "err", err)
	}
	if reported {
		s.up, s.life = p.status.up, p.status.life
		s.age = time.Since(p.status.since)
	}
	if !s.up {
		return s, nil
	}
	s.path, s.mark, s.found, err = p.beat.look()
	return s, err
}

// isNews reports whether err is to be logged: it is an error and not the one that
// the topic had last.
func (w *ward) isNews(what, name string, err error) bool {
	if err == nil {
		if len(w.said) > 0 {
			delete(w.said, topic{what, name})
		}
		return false
	}
	t, text := topic{what, name}, err.Error()
	if w.said[t] == text {
		return false
	}
	w.said[t] = text
	return true
}
