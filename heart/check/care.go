package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// dumpTime is how long a program that hangs has to write down what it is
	// doing, before it is restarted.
	dumpTime = 2 * time.Second

	// share is the part of a group that is restarted at once, at most: one in so
	// many, and one in any case. What stops the hearts of many at once is rarely
	// mended by the end of all of them.
	share = 3

	// mending is for how long a service that was restarted counts as one of those,
	// unless it beats before: as long as its grace and two periods, at least this.
	mending = time.Minute

	// retell is when the time of the last beat is told again while nothing else
	// has changed; of all hearts together, not more often than each retellPause.
	retell      = time.Minute
	retellPause = time.Second / 10
)

// care is what is done about one service that is overdue, and what is told.
type care struct {
	dumped    life // that was asked what it is doing
	dumpUntil time.Duration
	asked     life // whose restart was requested
	mendUntil time.Duration

	told   spec.Heartbeat
	toldAt time.Duration // 0 = nothing was told yet
}

// dump asks a program that hangs what it is doing, if it can say, and returns how
// long to wait for that.
func (w *ward) dump(now time.Duration, p *patient, s seen) time.Duration {
	sig := p.file.Spec.dump
	if sig == 0 || s.life.Generation == 0 {
		return 0
	}
	if p.care.dumped != s.life {
		generation := s.life.Generation
		err := w.send(spec.Message{Type: spec.SendSignal, Name: p.name, Signal: sig, Generation: &generation, Reason: "it hangs"})
		if w.news.Is("send", p.name, err) {
			w.log.Warn("not asked what it is doing", "service", p.name, "err", err)
		}
		p.care.dumped, p.care.dumpUntil = s.life, now+dumpTime
	}
	return p.care.dumpUntil - now
}

// held names the group of which as many as may be are being restarted; "" = the
// service may be.
func (w *ward) held(now time.Duration, name string) (group string) {
	for _, g := range w.patients[name].file.Spec.group {
		members, busy := 0, 0
		for other, p := range w.patients {
			if !slices.Contains(p.file.Spec.group, g) {
				continue
			}
			if members++; other != name && p.mending(now) {
				busy++
			}
		}
		if busy >= max(1, members/share) {
			return g
		}
	}
	return ""
}

// mending reports whether a service was restarted and has not beaten since.
func (p *patient) mending(now time.Duration) bool {
	return now < p.care.mendUntil && (p.pulse.life == p.care.asked || !p.pulse.heard)
}

// restarted notes that the restart of a life was requested.
func (p *patient) restarted(now time.Duration, s seen) {
	p.care.asked, p.care.mendUntil = s.life, now+max(mending, s.grace+2*s.period)
}

// tell writes down what is known of a heart, if that has changed.
func (w *ward) tell(now time.Duration, p *patient, s seen, state string) {
	pulse := &p.pulse
	h := spec.Heartbeat{Name: p.name, State: state, Generation: s.life.Generation, File: s.path, Period: s.period.Seconds()}
	if pulse.misses >= minMisses { // fewer are between two beats
		h.Misses = pulse.misses
	}
	old := p.care.told
	if h.Generation == old.Generation {
		h.LastBeat = old.LastBeat
	}
	old.Misses = h.Misses // these alone, like the time of the last beat, are told now and then
	if p.care.toldAt != 0 && old == h && (old.LastBeat != nil || !pulse.heard) {
		if now < p.care.toldAt+retell || now < w.retellAt {
			return
		}
		w.retellAt = max(w.retellAt, now-maxLook) + retellPause
	}
	if pulse.heard {
		at := time.Now().Add(pulse.beat - now).Round(time.Millisecond).UTC()
		h.LastBeat = &at
	}
	data, err := json.Marshal(h)
	if err == nil {
		data = append(data, '\n')
		if err = atomicfile.Write(w.places.Heart(p.name), data, 0o640, false); helper.Missing(err) {
			os.Mkdir(w.places.HeartDir(), 0o750)
			err = atomicfile.Write(w.places.Heart(p.name), data, 0o640, false)
		}
	}
	if w.news.Is("tell", p.name, err) {
		w.log.Warn("not told how a heart is", "service", p.name, "err", err)
	}
	p.care.told, p.care.toldAt = h, max(now, 1)
}

// forgetTold removes, once, what an earlier checker has told of hearts that nobody
// watches any more.
func (w *ward) forgetTold() {
	if w.swept {
		return
	}
	w.swept = true
	list, _ := os.ReadDir(w.places.HeartDir())
	for _, e := range list {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && w.patients[name] == nil {
			os.Remove(filepath.Join(w.places.HeartDir(), e.Name()))
		}
	}
}
