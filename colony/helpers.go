package colony

import (
	"fmt"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// helper is a program that is started while a spec needs it.
type helper struct {
	name  string
	needs func(*spec.Spec) bool
	// watch says in a status that it looks after a service with that spec
	watch func(*spec.Spec, *spec.Watched)
	// off is what nobody does where helpers are off, and who could
	off string
}

// Names of helpers.
const (
	heartcheck = "@heartcheck" // heartbeats, and files that say that a service is ready
	scheduler  = spec.Scheduler
	logger     = "@log"   // captured output
	prober     = "@probe" // health checks, and answers that say that a service is ready
)

// helpers are those that there are. Which program each is, the flags say.
var helpers = [...]helper{
	{
		name:  heartcheck,
		needs: heartchecked,
		watch: func(sp *spec.Spec, w *spec.Watched) { w.Heart = sp.Heart != nil },
		off:   "its heartbeat, or the file that says that it is ready, is watched only if you run `ncolony heartcheck`",
	},
	{
		name:  scheduler,
		needs: func(sp *spec.Spec) bool { return sp.Schedule != nil },
		watch: func(_ *spec.Spec, w *spec.Watched) { w.Schedule = true },
		off:   "its schedule starts it only if you run `ncolony schedule`",
	},
	{
		name:  logger,
		needs: func(sp *spec.Spec) bool { return sp.Log.Captured() },
		watch: func(_ *spec.Spec, w *spec.Watched) { w.Log = true },
		off:   "its output waits in a pipe, which it fills, until you run `ncolony log`",
	},
	{
		name:  prober,
		needs: (*spec.Spec).Probed,
		watch: func(_ *spec.Spec, w *spec.Watched) { w.Probe = true },
		off:   "its health checks are made, and it is seen to be ready, only if you run `ncolony probe`",
	},
}

// needed counts for each helper the specs in force that need it.
type needed [len(helpers)]int

// heartchecked reports whether a spec needs @heartcheck.
func heartchecked(sp *spec.Spec) bool {
	return sp.Runs() && (sp.Heart != nil || sp.Ready != nil && (sp.Ready.Beat || sp.Ready.File != ""))
}

// countNeeds takes in that a spec is in force, or not any more.
func (m *model) countNeeds(sp *spec.Spec, by int) {
	for i, h := range helpers {
		if h.needs(sp) {
			m.needed[i] += by
		}
	}
}

// needHelpers keeps each helper wanted exactly while a spec needs it. One that was
// taken on from another supervisor was begun with what that one thought of it, or
// nobody knows with what.
func (m *model) needHelpers() {
	for i, h := range helpers {
		sp := m.policy.helpers[h.name]
		if sp == nil {
			continue
		}
		s := m.services[h.name]
		switch {
		case m.needed[i] > 0 && (s == nil || s.gone || s.spec != sp) && !m.drain.on:
			s = m.service(h.name)
			s.helper = true
			m.adopt(s, sp)
			m.touch(s)
		case m.needed[i] == 0 && s != nil && !s.gone:
			m.withdraw(s)
			m.touch(s)
		}
	}
}

// helperChanged has the services published that a helper looks after, when it
// comes up, goes down, or cannot be started.
func (m *model) helperChanged(s *service) {
	now := s.phase == up
	m.degrade(degraded{s.name, m.helperDown(s)})
	if now == s.watching && !startless(s) {
		return
	}
	s.watching = now
	for _, h := range helpers {
		if h.name != s.name {
			continue
		}
		for _, o := range m.inOrder() {
			if o.spec != nil && h.needs(o.spec) {
				m.change(o)
			}
		}
	}
}

// helperDown says why a helper does not do its work now, and what keeps it from
// coming back at once; "" = nothing, or nobody needs it.
func (m *model) helperDown(s *service) string {
	switch why := s.lastExit; {
	case s.gone, m.drain.on:
		return ""
	case s.phase == stopping && s.life.signs != nil && s.life.signs.failed != "":
		return "it hangs, and does not do its work: " + s.life.signs.failed + "; it is being ended"
	case s.phase >= queued:
		return ""
	case s.stopped != nil:
		return "it is stopped, and nobody does its work"
	case why != nil:
		return "it does not run, and nobody does its work: " + why.String()
	}
	return ""
}

// startless reports whether the last start of a helper has failed.
func startless(s *service) bool {
	return s.phase != up && s.lastExit != nil && s.lastExit.SpawnError != ""
}

// statusOfHelpers adds who looks after s, and who does not.
func (m *model) statusOfHelpers(s *service, st *spec.Status) {
	for _, h := range helpers {
		if !h.needs(s.spec) {
			continue
		}
		runs := m.services[h.name]
		switch {
		case m.policy.helpers[h.name] == nil:
			st.Warnings = append(st.Warnings, "helpers are off: "+h.off)
		case runs == nil:
		case startless(runs):
			st.Warnings = append(st.Warnings, fmt.Sprintf("its helper %s does not start: %s", h.name, runs.lastExit.SpawnError))
		case runs.phase < queued || runs.phase == stopping:
			st.Warnings = append(st.Warnings, fmt.Sprintf("its helper %s does not work now", h.name))
		}
		if runs != nil && runs.phase == up {
			h.watch(s.spec, &st.Watched)
		}
	}
}
