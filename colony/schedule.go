package colony

import (
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A service with a schedule is started by START, like any other that is not to
// run: when it is due is the business of @schedule. Between its runs it is down
// and over, with hasExited; before the first, too, and then without a last exit.

// waitsUntilDue reports whether a status is of a service that waits for its
// schedule.
func waitsUntilDue(st spec.Status) bool {
	return st.State == spec.Waiting && slices.Contains(st.WaitingFor, scheduler)
}

// untilDue reports whether s waits for its schedule. One whose last run has
// failed does so too, and is said to have exited.
func untilDue(s *service) bool { return s.spec != nil && s.spec.Schedule != nil && s.over == hasExited }

// awaitFirst has a service whose spec is new to us wait until it is due, unless
// it was about to run when an earlier supervisor was killed.
func (m *model) awaitFirst(s *service) {
	called := s.called && s.ranSpec == s.spec.Digest()
	s.called = false
	if s.spec.Schedule != nil && s.over == notOver && s.phase == down && !called {
		s.over = hasExited
	}
}

// reschedule takes in a changed spec, as far as schedules go; over is what it
// was before.
func (m *model) reschedule(s *service, old *spec.Spec, over over) {
	switch now := s.spec.Schedule; {
	case now == nil && old.Schedule != nil && s.over == hasExited && s.lastExit == nil:
		s.over = notOver // it has never run, and is a service like others now
	case now != nil && (over != notOver || old.Schedule == nil && !s.alive()):
		s.over = hasExited
		m.failAsks(s, func(a ask) bool { return !a.stop }, "it has a schedule now, and waits until it is due")
	}
}
