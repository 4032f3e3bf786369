package colony

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// snapshotVersion is the form of a snapshot. Earlier ones are read for ever; see
// testdata/state.
const snapshotVersion = 1

// snapshot is all that a model knows, as data: what a program hands to its
// successor, and what a model is made anew from after a panic. The same model
// gives the same bytes. What can be derived is left out.
type snapshot struct {
	Version  int             `json:"version"`
	Now      savedMoment     `json:"now"` // of the last step
	Seed     uint64          `json:"seed"`
	Ordered  uint64          `json:"ordered"`
	Main     string          `json:"main,omitempty"`
	Services []*savedService `json:"services"`

	Queue    []string                 `json:"queue,omitempty"`
	Orders   []savedOrder             `json:"orders,omitempty"`
	Held     []savedHeld              `json:"held,omitempty"`
	Past     []spec.Status            `json:"past,omitempty"`
	Notes    map[string]spec.StopNote `json:"notes,omitempty"`
	Requests map[string]*savedRequest `json:"requests,omitempty"`
	Upgrade  *savedUpgrade            `json:"upgrade,omitempty"`
	Drain    savedDrain               `json:"drain"`
	Census   savedCensus              `json:"census"`

	// Files with instances that somebody has stopped as a whole.
	Families map[string]spec.StopNote `json:"families,omitempty"`

	Tangled instant `json:"tangled,omitempty"`
	Looked  bool    `json:"looked,omitempty"`

	Generations uint64                 `json:"generations"`
	Orphans     uint64                 `json:"orphans"`
	Panics      int                    `json:"panics"`
	Panicked    []instant              `json:"panicked,omitempty"`
	Poison      map[string]savedPoison `json:"poison,omitempty"`
	Stray       int                    `json:"stray"`
	Bad         map[string]string      `json:"bad,omitempty"`
	Degraded    map[string]string      `json:"degraded,omitempty"`
	Colony      spec.ColonyStatus      `json:"colony"`
}

type savedMoment struct {
	Mono instant   `json:"mono"`
	Wall time.Time `json:"wall"`
}

type savedService struct {
	Name   string `json:"name"`
	Helper bool   `json:"helper,omitempty"`
	Cmd    bool   `json:"cmd,omitempty"`

	Spec    *string        `json:"spec,omitempty"` // its bytes
	Second  *string        `json:"second,omitempty"`
	Problem *spec.Problem  `json:"problem,omitempty"`
	Gone    bool           `json:"gone,omitempty"`
	Stopped *spec.StopNote `json:"stopped,omitempty"`
	Restart bool           `json:"restart,omitempty"`
	Over    over           `json:"over,omitempty"`

	Phase      string     `json:"phase"`
	Life       *savedLife `json:"life,omitempty"`
	Generation uint64     `json:"generation"`
	Due        instant    `json:"due,omitempty"`

	Needs     *savedNeeds   `json:"needs,omitempty"`
	Delay     time.Duration `json:"delay,omitempty"`
	Failures  []savedMoment `json:"failures,omitempty"`
	LimitText string        `json:"limit_text,omitempty"`
	Standing  standing      `json:"standing,omitempty"`
	Excuse    string        `json:"excuse,omitempty"`
	Retrying  bool          `json:"retrying,omitempty"`
	Busy      int           `json:"busy,omitempty"`
	Starts    int           `json:"starts,omitempty"`
	RanSpec   string        `json:"ran_spec,omitempty"`
	Rest      time.Duration `json:"rest,omitempty"`
	Called    bool          `json:"called,omitempty"`
	Missing   bool          `json:"missing,omitempty"`
	Watching  bool          `json:"watching,omitempty"`
	LastExit  *spec.Exit    `json:"last_exit,omitempty"`
	Sockets   []string      `json:"sockets,omitempty"`
	NextStart time.Time     `json:"next_start,omitzero"`
	Since     time.Time     `json:"since,omitzero"`
	State     spec.State    `json:"state,omitempty"`
	Warnings  []string      `json:"warnings,omitempty"`
	Asks      []savedAsk    `json:"asks,omitempty"`
}

type savedLife struct {
	Spec     *string        `json:"spec,omitempty"` // nil = the service's
	PID      int            `json:"pid,omitempty"`
	Leader   int            `json:"leader,omitempty"`
	Start    uint64         `json:"start,omitempty"`
	Started  savedMoment    `json:"started"`
	Died     instant        `json:"died,omitempty"`
	Asked    bool           `json:"asked,omitempty"`
	Exit     *spec.Exit     `json:"exit,omitempty"`
	Stage    stage          `json:"stage,omitempty"`
	Deadline instant        `json:"deadline,omitempty"`
	Ordered  bool           `json:"ordered,omitempty"`
	Command  int            `json:"command,omitempty"`
	Grouped  bool           `json:"grouped,omitempty"`
	Left     []savedProcess `json:"left,omitempty"`
	Told     []savedTold    `json:"told,omitempty"`
	Doubts   int            `json:"doubts,omitempty"`
	Unclear  bool           `json:"unclear,omitempty"`
	Unready  bool           `json:"unready,omitempty"` // lives of programs that knew of no readiness were ready
	Signs    *savedSigns    `json:"signs,omitempty"`
}

// savedNeeds is a dependence. Which services are in one knot is told by its text
// and, since two may have the same, by its number.
type savedNeeds struct {
	Wanted time.Time `json:"wanted,omitzero"`
	Knot   int       `json:"knot,omitempty"`
	Text   string    `json:"text,omitempty"`
}

type savedSigns struct {
	ReadyBy   instant       `json:"ready_by,omitempty"`
	ReadyAt   time.Time     `json:"ready_at,omitzero"`
	Watchdog  time.Duration `json:"watchdog,omitempty"`
	Beat      instant       `json:"beat,omitempty"`
	DumpUntil instant       `json:"dump_until,omitempty"`
	Text      string        `json:"text,omitempty"`
	Reloading bool          `json:"reloading,omitempty"`
	Stopping  bool          `json:"stopping,omitempty"`
	Refused   string        `json:"refused,omitempty"`
	Failed    string        `json:"failed,omitempty"`
}

type savedProcess struct {
	PID     int    `json:"pid"`
	Start   uint64 `json:"start"`
	Command string `json:"command"`
	InGroup bool   `json:"in_group,omitempty"`
}

type savedTold struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
	Stage stage  `json:"stage"`
}

type savedAsk struct {
	Request string `json:"request"`
	Part    int    `json:"part,omitempty"`
	Stop    bool   `json:"stop,omitempty"`
	After   uint64 `json:"after"`
}

type savedRequest struct {
	Result spec.Result `json:"result"`
	Open   int         `json:"open"`
	Many   bool        `json:"many,omitempty"`
}

type savedOrder struct {
	Number     uint64    `json:"number"`
	Name       string    `json:"name"`
	Generation uint64    `json:"generation"`
	Kind       childKind `json:"kind"`
	Since      instant   `json:"since"`
	Overdue    bool      `json:"overdue,omitempty"`
}

type savedPoison struct {
	SHA256 string `json:"sha256"`
	Why    string `json:"why"`
}

type savedHeld struct {
	PID     int         `json:"pid"`
	Code    int         `json:"code,omitempty"`
	Signal  spec.Signal `json:"signal,omitempty"`
	Core    bool        `json:"core,omitempty"`
	Unknown bool        `json:"unknown,omitempty"`
	Seq     uint64      `json:"seq"`
}

type savedDrain struct {
	On       bool        `json:"on,omitempty"`
	Stage    drainStage  `json:"stage,omitempty"`
	Rude     bool        `json:"rude,omitempty"`
	Signal   spec.Signal `json:"signal,omitempty"`
	Signals  int         `json:"signals,omitempty"`
	Code     int         `json:"code,omitempty"`
	Deadline instant     `json:"deadline,omitempty"`
	Due      instant     `json:"due,omitempty"`
	Termed   bool        `json:"termed,omitempty"`
	Swept    bool        `json:"swept,omitempty"`
	Sweeping bool        `json:"sweeping,omitempty"`
	Broken   bool        `json:"broken,omitempty"`
	Done     bool        `json:"done,omitempty"`
}

type savedUpgrade struct {
	File   string  `json:"file,omitempty"`
	Path   string  `json:"path,omitempty"`
	Fit    bool    `json:"fit,omitempty"`
	Handed bool    `json:"handed,omitempty"`
	Due    instant `json:"due"`
}

type savedCensus struct {
	Out    bool    `json:"out,omitempty"`
	Want   bool    `json:"want,omitempty"`
	Number uint64  `json:"number,omitempty"`
	Since  instant `json:"since,omitempty"`
	Lost   int     `json:"lost,omitempty"`
}

// snapshot returns what m knows.
func (m *model) snapshot() *snapshot {
	d, c := m.drain, m.census
	s := &snapshot{
		Version: snapshotVersion, Now: savedMoment{m.now.mono, m.now.wall}, Seed: m.seed, Ordered: m.ordered, Main: m.main,
		Notes: m.notes, Requests: map[string]*savedRequest{},
		Drain:   savedDrain{d.on, d.stage, d.rude, d.signal, d.signals, d.code, d.deadline, d.due, d.termed, d.swept, d.sweeping, d.broken, d.done},
		Census:  savedCensus{c.out, c.want, c.number, c.since, c.lost},
		Tangled: m.tangled, Looked: m.looked,

		Generations: m.generations, Orphans: m.orphans, Panics: m.panics, Panicked: m.panicked, Poison: map[string]savedPoison{}, Stray: m.stray, Bad: m.bad, Degraded: m.degraded, Colony: m.colony,
	}
	if u := m.upgrade; u != nil {
		s.Upgrade = &savedUpgrade{u.file, u.path, u.fit, u.handed, u.due}
	}
	for name, f := range m.families {
		if f.stopped != nil {
			if s.Families == nil {
				s.Families = map[string]spec.StopNote{}
			}
			s.Families[name] = *f.stopped
		}
	}
	knots := map[*knot]int{}
	for _, sv := range m.inOrder() {
		v := m.saveService(sv)
		if n := sv.needs; n != nil {
			v.Needs = &savedNeeds{Wanted: n.wanted}
			if n.knot != nil {
				if knots[n.knot] == 0 {
					knots[n.knot] = len(knots) + 1
				}
				v.Needs.Knot, v.Needs.Text = knots[n.knot], n.knot.text
			}
		}
		s.Services = append(s.Services, v)
	}
	for _, sv := range m.queue {
		s.Queue = append(s.Queue, sv.name)
	}
	for _, o := range m.orders {
		s.Orders = append(s.Orders, savedOrder{o.number, o.life.name, o.life.generation, o.kind, o.since, o.overdue})
	}
	for _, pid := range slices.Sorted(maps.Keys(m.held)) {
		h := m.held[pid]
		s.Held = append(s.Held, savedHeld{pid, h.exit.status.code, h.exit.status.signal, h.exit.status.core, h.exit.status.unknown, h.seq})
	}
	for _, name := range slices.Sorted(maps.Keys(m.past)) {
		s.Past = append(s.Past, m.past[name])
	}
	for name, p := range m.poison {
		s.Poison[name] = savedPoison{hex.EncodeToString(p.sum[:]), p.why}
	}
	for file, r := range m.requests {
		s.Requests[file] = &savedRequest{r.result, r.open, r.many}
	}
	return s
}

// encode is the snapshot's text.
func (m *model) encode() []byte {
	b, _ := json.Marshal(m.snapshot()) // strings, numbers and times: it cannot fail
	return b
}

func saveSpec(sp *spec.Spec) *string {
	if sp == nil {
		return nil
	}
	text := string(sp.Raw)
	return &text
}

func (m *model) saveService(s *service) *savedService {
	v := &savedService{
		Name: s.name, Helper: s.helper, Cmd: s.cmd,
		Spec: saveSpec(s.spec), Second: saveSpec(s.second), Problem: s.problem, Gone: s.gone, Stopped: s.stopped, Restart: s.restart, Over: s.over,
		Phase: s.phase.String(), Generation: s.generation, Due: s.due,
		Delay: s.delay, Busy: s.busy, Starts: s.starts, RanSpec: s.ranSpec, Rest: s.rest, Called: s.called, Missing: s.missing, Watching: s.watching,
		LastExit: s.lastExit, NextStart: s.nextStart, Since: s.since, State: s.state, Warnings: s.warnings,
	}
	if s.alive() {
		v.Life = saveLife(&s.life, s.spec)
	}
	for _, f := range s.failures {
		v.Failures = append(v.Failures, savedMoment{f.mono, f.wall})
	}
	v.LimitText, v.Retrying, v.Standing, v.Excuse, v.Sockets = s.limitText, s.retrying, s.standing, s.excuse, s.sockets
	for _, a := range s.asks {
		if m.requests[a.request.file] != a.request {
			continue // a later message of the same name has taken its result's place
		}
		v.Asks = append(v.Asks, savedAsk{a.request.file, a.part, a.stop, a.after})
	}
	return v
}

func saveLife(l *life, now *spec.Spec) *savedLife {
	v := &savedLife{
		PID: l.pid, Leader: l.leader, Start: l.start, Started: savedMoment{l.started.mono, l.started.wall}, Died: l.died, Asked: l.asked, Exit: l.exit,
		Stage: l.stage, Deadline: l.deadline, Ordered: l.ordered, Command: l.command, Grouped: l.grouped, Doubts: l.doubts, Unclear: l.unclear,
	}
	if l.spec != now && (l.spec == nil || now == nil || string(l.spec.Raw) != string(now.Raw)) {
		v.Spec = saveSpec(l.spec)
	}
	v.Unready = !l.ready
	if g := l.signs; g != nil {
		v.Signs = &savedSigns{g.readyBy, g.readyAt, g.watchdog, g.beat, g.dumpUntil, g.text, g.reloading, g.stopping, g.refused, g.failed}
	}
	for _, p := range l.left {
		v.Left = append(v.Left, savedProcess{p.pid, p.start, p.command, p.inGroup})
	}
	for id, st := range l.told {
		v.Told = append(v.Told, savedTold{id.pid, id.start, st})
	}
	slices.SortFunc(v.Told, func(a, b savedTold) int { return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Start, b.Start)) })
	return v
}
