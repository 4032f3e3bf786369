package colony

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// again has s start again after d, unless that has been done too often: then
// limit says what follows.
func (m *model) again(s *service, d time.Duration) {
	limit := s.spec.Limit
	if limit == nil {
		s.failures = nil
		m.delayStart(s, d)
		return
	}
	m.forgetFailures(s)
	s.failures = append(s.failures, m.now)
	if len(s.failures) <= limit.Restarts {
		m.delayStart(s, d)
		return
	}
	s.limitText = fmt.Sprintf("more than %d restarts within %s", limit.Restarts, limit.Within)
	if s.lastExit != nil {
		s.limitText += "; the last time: " + s.lastExit.String()
	}
	m.recordFor(s, spec.Event{Type: spec.EventFailed, Reason: s.limitText, Delay: limit.Then.Retry.D().Seconds()})
	m.reportFor(s, slog.LevelError, "failed: "+s.limitText)
	if retry := limit.Then.Retry.D(); retry > 0 {
		m.setPhase(s, backoff)
		s.retrying = true
		m.setDue(s, m.now.mono.add(retry))
		s.nextStart = m.now.wall.Add(retry)
		return
	}
	s.over = hasFailed
	m.setPhase(s, down)
	m.mainOver(s, true)
	if limit.Then.Action == spec.ThenShutdown && !m.drain.on {
		m.drain.code, m.drain.broken = 1, true
		if e := s.lastExit; e != nil && exitCode(e, s.missing) != 0 {
			m.drain.code = exitCode(e, s.missing)
		}
		m.beginDrain(fmt.Sprintf("%q has failed: %s", s.name, s.limitText))
	}
}

// forgetFailures forgets the restarts that are too long ago to count.
func (m *model) forgetFailures(s *service) {
	within := s.spec.Limit.Within.D()
	i := 0
	for i < len(s.failures) && m.now.mono.sub(s.failures[i].mono) >= within {
		i++
	}
	s.failures = append([]moment(nil), s.failures[i:]...)
}

// forgive forgets all of them: somebody has started or mended s, or it has
// waited long enough.
func (s *service) forgive() {
	s.failures, s.limitText, s.retrying = nil, "", false
	if s.over == hasFailed {
		s.over = notOver
	}
}
