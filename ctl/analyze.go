package ctl

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Analysis is what took how long in the start of a colony. Times are those of the
// status files, by the wall clock.
type Analysis struct {
	Started  time.Time  `json:"started"`  // of the supervisor
	ReadyAt  *time.Time `json:"ready_at"` // of the last service of the start that is ready; null = none is
	Services []Timing   `json:"services"` // in the order in which they started
	Critical []string   `json:"critical"` // from the one that waited for nobody to the one that was ready last
}

// Timing is how a service came up: it was wanted, then it started, then it was
// ready. A job (restart never) is ready when it has ended well.
type Timing struct {
	Name     string     `json:"name"`
	State    spec.State `json:"state"`
	Wanted   time.Time  `json:"wanted"`   // when it could have started, but for what it waits for
	Started  *time.Time `json:"started"`  // null = not yet
	ReadyAt  *time.Time `json:"ready_at"` // null = not yet
	Waited   float64    `json:"waited"`   // seconds from wanted to started, or until now
	Starting float64    `json:"starting"` // seconds from started to ready, or until now
	Restarts int        `json:"restarts"` // more than 0: these are the times of the current life
	Life     string     `json:"life,omitempty"`
	Critical bool       `json:"critical"`

	WaitingFor []string `json:"waiting_for,omitempty"` // what keeps it from starting
	Reason     string   `json:"reason,omitempty"`      // why that does not come by itself

	needs []string
	guess bool // whether it was wanted earlier is not known
}

// Values of Timing.Life, for a life that did not begin in the start of the
// colony; "" = it did.
const (
	LifeRestarted = "restarted" // since then
	LifeLater     = "later"     // the service came when all others had long been up
	LifeEarlier   = "earlier"   // under an earlier supervisor
)

// lull is how long after everything was ready a service may still come and be
// part of the start.
const lull = 10 * time.Second

// Analyze reads the status files and the specs, and works out what took how
// long. Helpers are left out. Where no supervisor has ever been the error is
// ErrNoSupervisor.
func Analyze(p Places, now time.Time) (*Analysis, error) {
	c, err := Colony(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoSupervisor
	}
	if err != nil {
		return nil, err
	}
	statuses, err := Status(p)
	if err != nil {
		return nil, err
	}
	g, err := ReadGraph(p.Config)
	if err != nil {
		return nil, err
	}
	a := &Analysis{Started: c.Started, Services: []Timing{}, Critical: []string{}}
	for i := range statuses {
		if st := &statuses[i]; st.Name[0] != '@' {
			a.Services = append(a.Services, timingOf(st, g.NodeOf(st.Name), now))
		}
	}
	slices.SortStableFunc(a.Services, func(x, y Timing) int { return inOrder(x.Started, y.Started) })
	a.guessWanted()
	a.sortOut()
	a.findCritical()
	return a, nil
}

// inOrder compares moments; what has not come yet comes last.
func inOrder(x, y *time.Time) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	return x.Compare(*y)
}

// timingOf is what the status of a service says of its life.
func timingOf(st *spec.Status, n *Node, now time.Time) Timing {
	t := Timing{Name: st.Name, State: st.State, Restarts: st.Restarts, WaitingFor: st.WaitingFor, Reason: st.Reason, needs: n.Needs()}
	job := n != nil && n.Spec != nil && IsJob(n.Spec)
	began := func(at time.Time) {
		if st.Started != nil {
			at = *st.Started
		}
		t.Started = &at
	}
	switch {
	case st.State == spec.Exited && st.LastExit != nil && st.LastExit.SpawnError == "":
		end := st.LastExit.At
		began(end.Add(-time.Duration(st.LastExit.Ran * float64(time.Second))))
		switch {
		case !job:
			t.ReadyAt = st.ReadyAt
		case WellEnded(n.Spec, st.LastExit):
			t.ReadyAt = &end
		}
	case st.State == spec.Running:
		began(st.Since)
		switch {
		case job:
		case st.ReadyAt != nil:
			t.ReadyAt = st.ReadyAt
		default:
			t.ReadyAt = t.Started
		}
	case st.State == spec.Starting && st.PID != 0:
		began(st.Since)
	}
	t.guess = st.State == spec.Exited && st.Wanted == nil && t.Started != nil
	t.Wanted = st.Since
	if t.Started != nil {
		t.Wanted = *t.Started
	}
	if st.Wanted != nil {
		t.Wanted = *st.Wanted
	}
	started := orNow(t.Started, now)
	if t.Started == nil && st.State != spec.Waiting {
		started = t.Wanted // it waits for nobody
	}
	t.Waited = max(started.Sub(t.Wanted), 0).Seconds()
	if t.Started != nil && (t.ReadyAt != nil || st.State == spec.Starting || st.State == spec.Running) {
		t.Starting = max(orNow(t.ReadyAt, now).Sub(started), 0).Seconds()
	}
	return t
}

func orNow(at *time.Time, now time.Time) time.Time {
	if at == nil {
		return now
	}
	return *at
}

// IsJob reports whether a service is there to end: what depends on it waits for
// its success.
func IsJob(s *spec.Spec) bool {
	switch s.Restart {
	case spec.RestartNever:
		return !s.Main
	case "", spec.RestartOnFailure:
		return s.Schedule != nil
	}
	return false
}

// WellEnded reports whether a life of a service has ended as its spec has it for
// a success.
func WellEnded(s *spec.Spec, e *spec.Exit) bool {
	success := s.SuccessCodes
	if success == nil {
		success = []int{0}
	}
	return e != nil && e.Code != nil && e.Reason == "" && slices.Contains(success, *e.Code)
}

// guessWanted mends what is not known of services that have ended: that they
// waited. One that started as soon as its last dependency was ready was wanted
// no later than that one.
func (a *Analysis) guessWanted() {
	const soon = time.Second
	timings := a.byFile()
	for i := range a.Services { // in this order dependencies come first
		t := &a.Services[i]
		if !t.guess {
			continue
		}
		last := t.lastReady(timings, time.Time{})
		if last != nil && t.Started.Sub(*last.ReadyAt) < soon && last.Wanted.Before(t.Wanted) {
			t.Wanted = last.Wanted
			t.Waited = t.Started.Sub(t.Wanted).Seconds()
		}
	}
}

// byFile is the services by the names by which others depend on them.
func (a *Analysis) byFile() map[string][]*Timing {
	timings := map[string][]*Timing{}
	for i := range a.Services {
		file, _ := spec.Instance(a.Services[i].Name)
		timings[file] = append(timings[file], &a.Services[i])
	}
	return timings
}

// sortOut marks the lives that did not begin in the start of the colony.
func (a *Analysis) sortOut() {
	end := a.Started
	var all []*Timing
	for i := range a.Services {
		all = append(all, &a.Services[i])
	}
	slices.SortStableFunc(all, func(x, y *Timing) int { return x.Wanted.Compare(y.Wanted) })
	for _, t := range all {
		switch {
		case t.Restarts > 0:
			t.Life = LifeRestarted
		case t.Started != nil && t.Started.Before(a.Started):
			t.Life = LifeEarlier
		case t.Wanted.Sub(end) > lull:
			t.Life = LifeLater
		case t.ReadyAt != nil && t.ReadyAt.After(end):
			end = *t.ReadyAt
			a.ReadyAt = t.ReadyAt
		}
	}
}

// findCritical follows the start back from the service that was ready last: to
// the one that it waited for last, and so on.
func (a *Analysis) findCritical() {
	timings := a.byFile()
	var last *Timing
	for i := range a.Services {
		t := &a.Services[i]
		if t.Life == "" && t.ReadyAt != nil && (last == nil || t.ReadyAt.After(*last.ReadyAt)) {
			last = t
		}
	}
	// What it waited for was not ready before it was wanted.
	for t := last; t != nil && !t.Critical; t = t.lastReady(timings, t.Wanted) {
		t.Critical = true
		a.Critical = append(a.Critical, t.Name)
	}
	slices.Reverse(a.Critical)
}

// lastReady is the dependency of t that was ready last, after a moment and before
// t started; nil = there is none, or it has been restarted since and nobody
// knows any more. One that was restarted before that has kept t waiting for longer.
func (t *Timing) lastReady(timings map[string][]*Timing, after time.Time) *Timing {
	var all []*Timing
	for _, name := range t.needs {
		for _, d := range timings[name] {
			if d.ReadyAt != nil && !d.ReadyAt.Before(after) && !d.ReadyAt.After(*t.Started) {
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slices.MaxFunc(all, func(x, y *Timing) int {
		return cmp.Or(x.ReadyAt.Compare(*y.ReadyAt), cmp.Compare(y.Name, x.Name))
	})
}
