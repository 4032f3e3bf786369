package colony

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// model is all that the supervisor knows. Only step changes it.
type model struct {
	policy policy // what the flags say
	now    moment // of the step under way

	// wanted and actual, by name
	services map[string]*service
	families map[string]*family // files with instances, by their names
	groups   map[string]map[string]*service
	// who names a file in after or requires, by that name and sorted by theirs
	dependents map[string][]*service
	tangled    instant // when cycles are looked for; 0 = nothing has changed
	looked     bool    // the whole directory was looked at: a name that is not there is of no service
	main       string  // the service the colony lives and dies with; "" = none

	// actual, by pid: a pid is here from started to exited
	pids map[int]child
	// exits of pids that may be the answer to an order that is still out
	held map[int]heldExit

	queue   []*service // wanted, waiting for the spawner
	orders  []*order   // handed to the spawner, oldest first
	ordered uint64     // number of the last order, and the order of exits among them
	timers  timers

	past  map[string]spec.Status   // what an earlier start has published, until the spec is seen
	notes map[string]spec.StopNote // services that somebody stopped before this start

	requests map[string]*request // messages whose result is not finished
	drain    drain
	upgrade  *upgrade // nil = none is under way
	census   censusState

	alive       [2]int            // services with a process: ordinary ones, helpers
	leaving     map[*service]bool // lives of which something may be left
	seed        uint64            // of the jitter
	generations uint64            // no service that is new begins with a lower one
	orphans     uint64
	panics      int
	panicked    []instant // the last of them, if within panicSpan
	stray       int       // unattributed processes at the last census
	needed      needed    // specs that need a helper
	counts      map[spec.State]int
	bad         map[string]string
	degraded    map[string]string
	colony      spec.ColonyStatus // what never changes of it
	colonyDirty bool

	poison map[string]poison // specs that made a step panic, by name
	trap   func(any)         // a test's: called with every event and effect

	touched []*service // by this step, not reconciled yet
	changed []*service // by this step, not published yet
	out     []effect   // of this step
}

// service is one name: what is wanted of it, and what there is.
type service struct {
	name   string
	family *family // nil: it is the only one of its file
	number int     // in its family, from 1; 0 = it has none
	helper bool    // started by the supervisor itself
	cmd    bool    // `-- CMD`: no file, signals are passed on

	// wanted
	spec    *spec.Spec     // the last good one; nil = none yet
	second  *spec.Spec     // good, but refused because there is a main already
	problem *spec.Problem  // what is wrong with the file as it is now
	stopped *spec.StopNote // somebody asked
	gone    bool           // spec was withdrawn: forget it when nothing is left
	restart bool           // end this life if there is one, and start at once
	over    over           // it has run, and need not again
	needs   *dependence    // nil: it has never named another

	// actual
	phase      phase
	life       life   // valid in spawning, up, stopping
	generation uint64 // of the current life or the last one
	due        instant
	timer      int // place in the heap of timers, -1 = none

	delay     time.Duration // the last backoff delay; 0 = the last life was long enough
	failures  []moment      // restarts that count for limit, oldest first
	limitText string        // how it was reached
	busy      int           // starts in a row that found the program being written
	starts    int           // since the service is known, in earlier starts of ours too
	ranSpec   string        // resumed: the digest of the spec that what follows is about
	rest      time.Duration // resumed: what was left of its delay
	called    bool          // resumed: it was about to run
	lastExit  *spec.Exit
	sockets   []string  // addresses of those that are open for it, or may be; see listens
	nextStart time.Time // wall, in backoff
	since     time.Time // wall, when state was entered
	state     spec.State
	warnings  []string // of the supervisor's own, beside the spec's

	excuse   string   // what those that wait for it say, if it does not come by itself
	asks     []ask    // requests that wait for it
	standing standing // what those that depend on it know
	retrying bool     // in backoff because its limit was reached
	missing  bool     // the last start found no program
	watching bool     // a helper: it was up when last published
	touched  bool
	changed  bool
}

// phase is what there is of a service.
type phase uint8

const (
	down     phase = iota // nothing
	backoff               // nothing until due
	queued                // nothing; it waits for the spawner
	spawning              // an order is out
	up                    // a main process lives
	stopping              // the life is being ended: asked for, or its main process is gone
)

var phaseNames = [...]string{"down", "backoff", "queued", "spawning", "up", "stopping"}

func (p phase) String() string { return phaseNames[p] }

// over says why a service that nobody stopped is not to run.
type over uint8

const (
	notOver   over = iota
	hasExited      // or has a schedule, and waits until it is due
	hasFailed      // its limit is reached
)

// life is one child of a service, from its order until nothing of it is left.
type life struct {
	spec     *spec.Spec // it was started with
	pid      int        // of the main process; 0 = not yet, or reaped
	leader   int        // the pid it has or had: number of session and group
	start    uint64     // of a main process that is not our child: when it was started; else 0
	started  moment
	died     instant // the main process
	exit     *spec.Exit
	deadline instant // end of grace
	command  int     // pid of the stop command; 0 = none
	left     []process
	told     map[processID]stage // what was signalled last, of those in left
	doubts   int                 // censuses in a row that were out of date when they came
	stage    stage
	asked    bool // its end was asked for, so it is no failure
	ordered  bool // the stop command was ordered and has not started
	grouped  bool // the group was signalled in this stage
	unclear  bool // main is gone and a census must say what is left
	ready    bool // it does its work
	signs    *signs
}

// stage is how far a stop has come.
type stage uint8

const (
	none        stage = iota
	commanding        // stop.command runs
	terminating       // the stop signal was sent, or the main process ended by itself
	killing           // grace is over
)

// poison is a spec that made a step panic.
type poison struct {
	sum [32]byte // SHA-256 of the spec
	why string   // for people
}

// child is the owner of a pid.
type child struct {
	service *service
	kind    childKind
}

// order is a spawn that has not been answered.
type order struct {
	number  uint64
	service *service
	kind    childKind
	life    lifeID
	since   instant // the spawner can have been at it since
	overdue bool
}

// heldExit is the end of a pid we do not know yet: it may be the fast death of
// a child whose started is on its way.
type heldExit struct {
	exit exited
	seq  uint64 // orders up to this number were out when it came
}

// newModel returns an empty colony. seed makes jitter repeatable; id is what
// colony.json says of this start.
func newModel(p policy, seed uint64, id spec.ColonyStatus) *model {
	return &model{
		policy:     p,
		services:   map[string]*service{},
		families:   map[string]*family{},
		groups:     map[string]map[string]*service{},
		dependents: map[string][]*service{},
		pids:       map[int]child{},
		held:       map[int]heldExit{},
		requests:   map[string]*request{},
		leaving:    map[*service]bool{},
		counts:     map[spec.State]int{},
		bad:        map[string]string{},
		degraded:   map[string]string{},
		poison:     map[string]poison{},
		seed:       seed,
		colony:     id,
	}
}

// service returns the service of that name, made if need be.
func (m *model) service(name string) *service {
	s := m.services[name]
	if s == nil {
		s = &service{name: name, timer: -1, generation: m.generations}
		if st, ok := m.past[name]; ok {
			s.generation = st.Generation
		}
		m.services[name] = s
		m.join(s)
		m.recall(s)
	}
	return s
}

// resume tells the model of an earlier start: its stop notes always, its
// statuses for the numbers of the lives, and if this start is a resumption for
// what need not run again.
func (m *model) resume(notes map[string]spec.StopNote, past []spec.Status, generations uint64, resumption bool) {
	m.notes = notes
	m.generations = generations
	m.past = map[string]spec.Status{}
	for _, st := range past {
		m.generations = max(m.generations, st.Generation) // whatever becomes of these files, no number comes again
		m.past[st.Name] = st
	}
	m.rememberInstances()
	if resumption {
		return
	}
	for name := range m.past {
		m.past[name] = spec.Status{Name: name, Generation: m.generations}
	}
}

// begin is the first thing that happens: what the edges could not have is
// noted, and that we are here is published.
func (m *model) begin(now moment, resumption bool, trouble map[string]error) {
	m.now = now
	for _, what := range slices.Sorted(maps.Keys(trouble)) {
		m.degrade(degraded{what, trouble[what].Error()})
	}
	kind := "cold start"
	if resumption {
		kind = "resumption"
	}
	m.record(spec.Event{Type: spec.EventColonyStarted, Reason: kind})
	m.report(slog.LevelInfo, "supervising", slog.Int("pid", m.colony.PID), slog.String("start", kind),
		slog.String("config", m.colony.Config), slog.String("messages", m.colony.Messages), slog.String("state", m.colony.State))
	m.colonyDirty = true
}

// recall applies what is known of s from an earlier start, once.
func (m *model) recall(s *service) {
	if note, ok := m.notes[s.name]; ok {
		s.stopped = &note
		delete(m.notes, s.name)
	}
	m.recallFamily(s)
	st, ok := m.past[s.name]
	if !ok {
		return
	}
	delete(m.past, s.name)
	if st.State == "" {
		return
	}
	s.lastExit = st.LastExit
	if st.LastExit != nil || st.PID != 0 || st.Restarts > 0 { // else it has never run
		s.starts = st.Restarts + 1
	}
	s.ranSpec = st.SpecSHA256
	s.called = st.State == spec.Backingoff || st.State == spec.Starting && st.PID == 0 || st.State == spec.Waiting && !waitsUntilDue(st)
	for _, at := range st.Failures {
		ago := max(0, m.now.wall.Sub(at))
		s.failures = append(s.failures, moment{m.now.mono.add(-ago), at})
	}
	switch {
	case st.State == spec.Exited:
		s.over = hasExited
	case st.State == spec.Failed && len(st.WaitingFor) == 0 && st.NextStart == nil:
		s.over, s.limitText = hasFailed, st.Reason
	case st.State == spec.Backingoff && st.NextStart != nil && st.LastExit != nil:
		s.delay = max(0, st.NextStart.Sub(st.LastExit.At))
		// The wall clock may have been set meanwhile.
		s.rest = min(max(0, st.NextStart.Sub(m.now.wall)), s.delay)
	}
}

// command adds the service of `-- CMD`.
func (m *model) command(sp *spec.Spec) {
	s := m.service(commandName)
	m.forgetStop(s)
	s.cmd, s.over = true, notOver
	if s.life.spec != nil && !slices.Equal(s.life.spec.Args, sp.Args) {
		s.restart = true // it is an earlier supervisor's, of another program
	}
	m.adopt(s, sp)
	m.touch(s)
}

func (m *model) emit(e effect) {
	if m.trap != nil {
		m.trap(e)
	}
	m.out = append(m.out, e)
}

// touch has s reconciled and published at the end of the step. A service that
// was forgotten stays so, though an order or a census may still speak of it.
func (m *model) touch(s *service) {
	if m.services[s.name] != s {
		return
	}
	if !s.touched {
		s.touched = true
		m.touched = append(m.touched, s)
	}
	m.change(s)
}

// change has s published at the end of the step.
func (m *model) change(s *service) {
	if !s.changed {
		s.changed = true
		m.changed = append(m.changed, s)
	}
}
