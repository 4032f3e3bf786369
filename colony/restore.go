package colony

import (
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// readSnapshot reads what a program has handed over. It accepts its own form and
// every earlier one.
func readSnapshot(b []byte) (*snapshot, error) {
	s := &snapshot{}
	err := json.Unmarshal(b, s)
	version := s.Version
	if err != nil { // it may be of a form of which we know no more than this
		var head struct{ Version int }
		if err := json.Unmarshal(b, &head); err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		version = head.Version
	}
	switch {
	case version < 1 || version > snapshotVersion:
		return nil, fmt.Errorf("read state: it has version %d, and this program knows versions 1 to %d", version, snapshotVersion)
	case err != nil:
		return nil, fmt.Errorf("read state: %w", err)
	}
	return s, nil
}

// takeOver makes the model that another program has handed over. What it cannot
// be sure of it refuses: that program goes on then.
func takeOver(p policy, state []byte) (*model, error) {
	s, err := readSnapshot(state)
	if err != nil {
		return nil, err
	}
	m, err := restore(p, s)
	if err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("read state: it contradicts itself: %w", err)
	}
	return m, nil
}

// restore makes the model that gave s: the one way back, after an upgrade and
// after a panic. Policy comes from the flags, as at any start. What is derived
// is derived anew, so that it agrees.
func restore(p policy, s *snapshot) (*model, error) {
	m := newModel(p, s.Seed, s.Colony)
	m.now = moment{s.Now.Mono, s.Now.Wall}
	m.ordered, m.main = s.Ordered, s.Main
	d, c := s.Drain, s.Census
	m.drain = drain{d.On, d.Stage, d.Rude, d.Signal, d.Signals, d.Code, d.Deadline, d.Due, d.Termed, d.Swept, d.Sweeping, d.Broken, d.Done}
	m.census = censusState{c.Out, c.Want, c.Number, c.Since, c.Lost}
	m.generations, m.orphans, m.panics, m.stray = s.Generations, s.Orphans, s.Panics, s.Stray
	m.notes, m.past = s.Notes, map[string]spec.Status{}
	if s.Bad != nil {
		m.bad = s.Bad
	}
	if s.Degraded != nil {
		m.degraded = s.Degraded
	}
	if u := s.Upgrade; u != nil {
		m.upgrade = &upgrade{u.File, u.Path, u.Fit, u.Handed, u.Due}
	}
	m.panicked = s.Panicked
	for name, p := range s.Poison {
		sum, err := hex.DecodeString(p.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("restore poison of %q: no SHA-256: %q", name, p.SHA256)
		}
		m.poison[name] = poison{[sha256.Size]byte(sum), p.Why}
	}
	for _, st := range s.Past {
		m.past[st.Name] = st
	}
	for file, r := range s.Requests {
		if r == nil {
			return nil, fmt.Errorf("restore request %q: nothing is known of it", file)
		}
		m.requests[file] = &request{file: file, result: r.Result, open: r.Open, many: r.Many}
	}
	m.tangled, m.looked = s.Tangled, s.Looked
	known := specs{}
	knots := map[int]*knot{}
	for _, v := range s.Services {
		if v == nil || m.services[v.Name] != nil {
			return nil, errors.New("restore services: one is empty, or there twice")
		}
		if err := m.restoreService(v, known); err != nil {
			return nil, fmt.Errorf("restore %q: %w", v.Name, err)
		}
		m.services[v.Name].needs = v.Needs.restore(knots)
	}
	for _, sv := range m.services {
		if sv.spec != nil {
			m.depend(sv)
		}
	}
	m.tangled = s.Tangled
	for name, note := range s.Families {
		m.family(name).stopped = &note
	}
	for _, f := range m.families {
		m.sum(f)
	}
	m.rememberInstances()
	for _, sv := range m.services {
		if sv.standing == absent { // it is gone, or of a program that knew of no dependencies
			sv.standing = m.standingOf(sv)
			sv.excuse = m.whyNot(sv)
		}
	}
	for _, f := range m.families {
		m.sum(f)
	}
	for _, name := range s.Queue {
		if sv := m.services[name]; sv != nil && sv.phase == queued {
			m.queue = append(m.queue, sv)
		}
	}
	for _, o := range s.Orders {
		sv := m.services[o.Name]
		if sv == nil {
			sv = &service{name: o.Name, timer: -1} // forgotten meanwhile; the order is still to be answered
		}
		m.orders = append(m.orders, &order{number: o.Number, service: sv, kind: o.Kind, life: lifeID{o.Name, o.Generation}, since: o.Since, overdue: o.Overdue})
	}
	for _, h := range s.Held {
		m.held[h.PID] = heldExit{exited{pid: h.PID, status: exitStatus{code: h.Code, signal: h.Signal, core: h.Core, unknown: h.Unknown}, reaped: true}, h.Seq}
	}
	return m, nil
}

// restoreService adds one service, and what is derived from it.
func (m *model) restoreService(v *savedService, known specs) error {
	s := &service{
		name: v.Name, helper: v.Helper, cmd: v.Cmd, timer: -1,
		problem: v.Problem, gone: v.Gone, stopped: v.Stopped, restart: v.Restart, over: v.Over,
		generation: v.Generation, delay: v.Delay, busy: v.Busy, starts: v.Starts, ranSpec: v.RanSpec, rest: v.Rest, called: v.Called,
		missing: v.Missing, watching: v.Watching, lastExit: v.LastExit, nextStart: v.NextStart, since: v.Since, state: v.State, warnings: v.Warnings,
	}
	for _, f := range v.Failures {
		s.failures = append(s.failures, moment{f.Mono, f.Wall})
	}
	s.limitText, s.retrying, s.standing, s.excuse, s.sockets = v.LimitText, v.Retrying, v.Standing, v.Excuse, v.Sockets
	var err1, err2 error
	s.spec, err1 = m.restoreSpec(v, v.Spec, known)
	s.second, err2 = m.restoreSpec(v, v.Second, known)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	i := slices.Index(phaseNames[:], v.Phase)
	if i < 0 {
		return fmt.Errorf("unknown phase %q", v.Phase)
	}
	s.phase = phase(i)
	if v.Life != nil {
		if err := m.restoreLife(s, v, known); err != nil {
			return err
		}
	}
	for _, a := range v.Asks {
		if r := m.requests[a.Request]; r != nil {
			s.asks = append(s.asks, ask{r, a.Part, a.Stop, a.After})
		}
	}
	m.services[s.name] = s
	m.join(s)
	if s.spec != nil && !s.gone {
		m.enlist(s)
	}
	if s.alive() {
		m.alive[kindOf(s.helper)]++
	}
	if s.state != "" {
		m.counts[s.state]++
	}
	if v.Due != 0 {
		s.due = v.Due
		heap.Push(&m.timers, s)
	}
	return nil
}

func (m *model) restoreLife(s *service, v *savedService, known specs) error {
	l := v.Life
	sp := s.spec
	if l.Spec != nil {
		var err error
		if sp, err = m.restoreSpec(v, l.Spec, known); err != nil {
			return err
		}
	}
	if s.helper && l.Signs == nil && sp != nil && sp.Watchdog != nil {
		silent := *sp // it was started by a program that did not watch helpers
		silent.Watchdog = nil
		sp = &silent
	}
	s.life = life{
		spec: sp, pid: l.PID, leader: l.Leader, start: l.Start, started: moment{l.Started.Mono, l.Started.Wall}, died: l.Died, asked: l.Asked, exit: l.Exit,
		stage: l.Stage, deadline: l.Deadline, ordered: l.Ordered, command: l.Command, grouped: l.Grouped, doubts: l.Doubts, unclear: l.Unclear,
	}
	s.life.ready = !l.Unready
	if g := l.Signs; g != nil {
		s.life.signs = &signs{g.ReadyBy, g.ReadyAt, g.Watchdog, g.Beat, g.DumpUntil, g.Text, g.Reloading, g.Stopping, g.Refused, g.Failed}
	}
	for _, p := range l.Left {
		s.life.left = append(s.life.left, process{processID{p.PID, p.Start}, p.Command, p.InGroup})
	}
	if l.Told != nil {
		s.life.told = map[processID]stage{}
	}
	for _, t := range l.Told {
		s.life.told[processID{t.PID, t.Start}] = t.Stage
	}
	kind := kindService
	if s.cmd {
		kind = kindCommand
	}
	if l.PID != 0 {
		m.pids[l.PID] = child{s, kind}
	}
	if l.Command != 0 {
		m.pids[l.Command] = child{s, kindStopCommand}
	}
	if l.Unclear || len(l.Left) > 0 {
		m.leaving[s] = true
	}
	return nil
}

// restoreSpec reads a spec again. Those of `-- CMD` and of helpers are not the
// content of a file: their bytes hold only what to run.
func (m *model) restoreSpec(v *savedService, text *string, known specs) (*spec.Spec, error) {
	switch {
	case text == nil:
		return nil, nil
	case *text == "":
		return &spec.Spec{}, nil // of a life with a spec that nobody knows, see inheritAll
	case !v.Cmd && !v.Helper:
		return known.parse(*text)
	}
	var only struct{ Args []string }
	if err := json.Unmarshal([]byte(*text), &only); err != nil {
		return nil, err
	}
	if len(only.Args) == 0 {
		return nil, errors.New("args: missing")
	}
	if v.Cmd {
		return commandSpec(only.Args), nil
	}
	if sp := m.policy.helpers[v.Name]; sp != nil && string(sp.Raw) == *text {
		return sp, nil
	}
	return helperSpec(only.Args), nil
}

// specs are those that were parsed already, by their bytes: services that do
// the same often differ in their names only.
type specs map[string]*spec.Spec

func (known specs) parse(text string) (*spec.Spec, error) {
	sp := known[text]
	if sp == nil {
		var err error
		if sp, err = spec.Parse([]byte(text)); err != nil {
			return nil, err
		}
		known[text] = sp
	}
	return sp, nil
}
