package colony

import (
	"log/slog"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// afterLife decides what follows a life of which nothing is left: a start at
// once, a start after a delay, or none. This is the only place where a service
// that has run is started again.
func (m *model) afterLife(s *service, l life) {
	// What it left behind may have lasted longer; that is no merit.
	long := l.ready && l.died.sub(l.started.mono) >= m.bounds(s).threshold
	if long {
		s.delay = 0 // forgiven, whatever ended it
	}
	m.waitsNoMore(s)
	if !l.ready {
		m.failAsks(s, func(a ask) bool { return !a.stop && s.generation > a.after }, "ended before it was ready: "+l.exit.String())
	}
	switch {
	case s.restart || l.asked || s.gone || s.stopped != nil || m.draining(s):
		// Somebody wanted its end, though one that was dead when its start became
		// known could not be asked; it says nothing about the service. Whether it
		// starts again is for reconcile: it does unless it was stopped, removed, or
		// the colony drains.
		m.setPhase(s, down)
	case !startsAgain(s.spec, l.exit):
		s.over = hasExited
		m.setPhase(s, down)
	default:
		m.again(s, m.nextDelay(s, long))
	}
	m.touch(s)
}

// afterNothing decides what follows a spawn that failed. It counts as a very
// short life, except for what the service cannot help.
func (m *model) afterNothing(s *service, f fault) {
	m.waitsNoMore(s)
	switch {
	case s.restart || s.gone || s.stopped != nil || m.draining(s):
		m.setPhase(s, down)
	case f.class == faultBusy:
		s.busy++
		m.delayStart(s, max(min(busyDelay<<min(s.busy-1, 10), m.bounds(s).max), spawnFloor))
	case f.class == faultTransient:
		m.delayStart(s, max(m.nextDelay(s, false), spawnFloor))
	case startsAgain(s.spec, s.lastExit):
		m.again(s, max(m.nextDelay(s, false), spawnFloor))
	default:
		s.over = hasExited
		m.setPhase(s, down)
		m.mainOver(s, true)
	}
	m.touch(s)
}

// startsAgain reports whether policy starts a service again after such an exit.
// A life whose end is not known counts as a failure.
func startsAgain(sp *spec.Spec, e *spec.Exit) bool {
	switch restartPolicy(sp) {
	case spec.RestartNever:
		return false
	case spec.RestartOnFailure:
		return e == nil || !well(sp, e)
	default:
		return true
	}
}

// well reports whether a life that ended so has done what it was there for.
func well(sp *spec.Spec, e *spec.Exit) bool {
	ok := sp.SuccessCodes
	if ok == nil {
		ok = []int{0}
	}
	return e.Code != nil && e.Reason == "" && slices.Contains(ok, *e.Code)
}

func restartPolicy(sp *spec.Spec) spec.Restart {
	if sp.Restart == "" && (sp.Main || sp.Schedule != nil) {
		return spec.RestartNever
	}
	return sp.Restart
}

// nextDelay is how long to wait after a life. A short one multiplies the delay;
// a long one is forgiven, and starts at once.
func (m *model) nextDelay(s *service, long bool) time.Duration {
	b := m.bounds(s)
	switch {
	case long:
		s.delay = 0
	case s.delay == 0:
		s.delay = b.min
	default:
		s.delay = time.Duration(min(float64(s.delay)*b.factor, float64(b.max)))
		s.delay = max(s.delay, b.min) // which may have been raised meanwhile
	}
	if b.min == 0 {
		s.delay = 0
	}
	// Jitter only lengthens: no start is closer to the last than policy allows.
	return s.delay + time.Duration(float64(s.delay)*b.jitter*m.random())
}

// delayStart has s wait, or start at once if d is 0.
func (m *model) delayStart(s *service, d time.Duration) {
	if d == 0 {
		m.setPhase(s, down)
		return
	}
	m.setPhase(s, backoff)
	m.setDue(s, m.now.mono.add(d))
	s.nextStart = m.now.wall.Add(d)
	m.reportFor(s, slog.LevelInfo, "waiting before the next start", slog.Duration("delay", d))
}

// bounds are the numbers of a service's backoff, the flags filled in.
type bounds struct {
	min, max, threshold time.Duration
	factor, jitter      float64
}

func (m *model) bounds(s *service) bounds {
	b := bounds{m.policy.minDelay, m.policy.maxDelay, m.policy.threshold, defaultFactor, defaultJitter}
	set := func(d *time.Duration, v *spec.Duration) {
		if v != nil {
			*d = v.D()
		}
	}
	if s.spec != nil {
		o := s.spec.Backoff
		set(&b.min, o.Min)
		set(&b.max, o.Max)
		set(&b.threshold, o.Threshold)
		if o.Factor != nil {
			b.factor = *o.Factor
		}
		if o.Jitter != nil {
			b.jitter = *o.Jitter
		}
	}
	b.max = max(b.max, b.min)
	return b
}

const (
	busyDelay  = 50 * time.Millisecond // first wait for a program that is being written
	spawnFloor = 50 * time.Millisecond // between failed spawns, even with backoff.min 0
)

// random returns a number in [0, 1) from the model's own sequence (splitmix64),
// so that a run can be repeated.
func (m *model) random() float64 {
	m.seed += 0x9e3779b97f4a7c15
	z := m.seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}
