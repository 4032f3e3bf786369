package ctl

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Action is what is done to one spec of the colony.
type Action string

const (
	ActionCreate  Action = "create"  // there is no such service yet
	ActionRestart Action = "restart" // a key changes that no running process can take over
	ActionLive    Action = "live"    // all keys that change are taken over while it runs
	ActionFormat  Action = "format"  // the text changes, and not what it says
	ActionMend    Action = "mend"    // what stands there is no good spec
	ActionRemove  Action = "remove"  // there is to be no such service any more
)

// Effect is what the supervisor makes of an action.
type Effect string

const (
	Starts    Effect = "starts"    // as soon as what it depends on is ready
	Restarts  Effect = "restarts"  // the process is ended, and a new one started
	GoesOn    Effect = "goes-on"   // the process stays
	Stays     Effect = "stays"     // it has no process and gets none: it is stopped, or has ended
	Stops     Effect = "stops"     // the process is ended
	Forgotten Effect = "forgotten" // it is removed, and has no process
	Later     Effect = "later"     // no supervisor runs; the next one sees it
)

// Key is a top-level key of a spec whose value changes.
type Key struct {
	Key  string `json:"key"`
	Live bool   `json:"live"` // taken over while the service runs
}

// Change is what a plan has in mind for one service.
type Change struct {
	Name   string     `json:"name"`
	Action Action     `json:"action"`
	Effect Effect     `json:"effect"`
	Keys   []Key      `json:"keys"`          // that change; none with create, format and remove
	State  spec.State `json:"state"`         // what the service is doing now; "" = nothing, or nobody knows
	PID    int        `json:"pid"`           // of its main process; 0 = none
	Source string     `json:"source"`        // path of the new spec; "" with remove
	File   string     `json:"file"`          // path of the spec in the colony
	Before string     `json:"before_sha256"` // of the file; "" = there is none
	After  string     `json:"after_sha256"`  // likewise

	before, after []byte
	mode          fs.FileMode // of a file that is new
}

// Content is the new spec; nil = there is to be none.
func (c *Change) Content() []byte { return c.after }

// Plan is what it takes to make the services of a directory those of a colony.
type Plan struct {
	Dir        string    `json:"dir"`
	Config     string    `json:"config"`
	Supervisor bool      `json:"supervisor"` // one runs
	Changes    []Change  `json:"changes"`    // in the order in which they are made
	Unchanged  []string  `json:"unchanged"`
	Kept       []string  `json:"kept"`     // in the colony alone, and left there
	Findings   []Finding `json:"findings"` // what is wrong, or odd, with the new specs
}

// Errors and Warnings count the findings. A plan with errors has no changes.
func (p *Plan) Errors() int   { return len(p.Findings) - p.Warnings() }
func (p *Plan) Warnings() int { return count(p.Findings, func(f Finding) bool { return f.Warning }) }

// MarshalJSON writes a finding as one flat object.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path string `json:"path"`
		spec.Problem
		Warning bool `json:"warning"`
	}{f.Path, f.Problem, f.Warning})
}

// ErrEmpty says that a directory holds no spec, so that to prune by it would
// remove every service.
var ErrEmpty = errors.New("there is no spec in it, and to prune by it would remove every service")

// NewPlan compares the specs in dir with those of the colony, and with what a
// supervisor says if one runs. With prune, services that are in the colony alone
// are removed. Nothing is written.
//
// All files of dir are checked, each by itself and together with what is kept;
// what is wrong is in the Findings. The error says why one of the directories, or
// the state of the colony, cannot be read, or is ErrEmpty.
func NewPlan(p Places, dir string, prune bool) (*Plan, error) {
	b := builder{places: p, report: &Report{}, prune: prune,
		plan: &Plan{Dir: dir, Config: p.Config, Changes: []Change{}, Unchanged: []string{}, Kept: []string{}, Findings: []Finding{}}}
	if err := b.read(); err != nil {
		return nil, err
	}
	b.compare()
	b.check()
	b.plan.Findings = append(b.plan.Findings, b.report.Findings...)
	if b.plan.Errors() > 0 {
		b.plan.Changes = []Change{}
		return b.plan, nil
	}
	for i := range b.plan.Changes {
		if err := b.foresee(&b.plan.Changes[i]); err != nil {
			return nil, err
		}
	}
	b.order()
	return b.plan, nil
}

// builder makes a Plan.
type builder struct {
	places   Places
	prune    bool
	plan     *Plan
	report   *Report
	want     *Graph               // the new specs
	standing map[string]*standing // the specs of the colony
	command  bool                 // the service main is what the supervisor was told to run
	uid      int                  // whom the supervisor runs as; -1 = nobody knows
}

// standing is a spec of the colony.
type standing struct {
	path    string
	content []byte
	spec    *spec.Spec // nil: it is no good one
	err     error      // why it cannot be read, or not be told
}

// read reads both directories.
func (b *builder) read() (err error) {
	if b.want, err = b.report.files(b.plan.Dir); err != nil {
		return err
	}
	if b.standing, err = readStanding(b.places); err != nil {
		return err
	}
	if len(b.want.Names()) == 0 && b.prune && len(b.standing) > 0 {
		return ErrEmpty
	}
	if _, b.plan.Supervisor, err = Alive(b.places); err != nil {
		return err
	}
	b.uid = -1
	if b.plan.Supervisor {
		b.uid = ownerOf(b.places.Lock())
		st, err := StatusOf(b.places, mainName)
		b.command = err == nil && st.PID != 0 && b.standing[mainName] == nil && st.SpecSHA256 == ""
	}
	return nil
}

// mainName is the service that runs what stands behind -- on the command line of
// the supervisor.
const mainName = "main"

// readStanding reads the specs of the colony. A directory that is not there holds
// none.
func readStanding(p Places) (map[string]*standing, error) {
	all := map[string]*standing{}
	g, err := ReadGraph(p.Config)
	if err != nil {
		return nil, err
	}
	for _, name := range g.Names() {
		s := &standing{path: g.Node(name).Path}
		var path string
		if s.content, path, s.err = Spec(p, name); path != "" {
			s.path = path
		}
		if s.err == nil {
			s.spec, _ = spec.Parse(s.content)
		}
		all[name] = s
	}
	return all, nil
}

// compare finds out what changes.
func (b *builder) compare() {
	for _, name := range b.want.Names() {
		n, is := b.want.Node(name), b.standing[name]
		if n.Spec == nil {
			continue // which is said already
		}
		c := Change{Name: name, Action: ActionCreate, Keys: []Key{}, Source: n.Path, File: newFile(b.places, name), After: n.Spec.Digest(), after: n.Spec.Raw, mode: modeOf(n.Path)}
		switch {
		case is == nil && isDir(c.File) == nil:
			b.report.add(c.File, false, spec.Problem{Message: "is a directory, and a spec is to take its place"})
			continue
		case is == nil:
		case is.err != nil:
			b.report.add(is.path, false, spec.Problem{Message: bare(is.err).Error()})
			continue
		default:
			c.File, c.before, c.Before = is.path, is.content, digest(is.content)
			c.Action = ActionMend
			if is.spec != nil {
				c.Action, c.Keys = between(is.spec, n.Spec)
			}
		}
		if c.Before == c.After {
			b.plan.Unchanged = append(b.plan.Unchanged, name)
			continue
		}
		b.plan.Changes = append(b.plan.Changes, c)
	}
	for name, is := range b.standing {
		switch {
		case b.want.Node(name) != nil:
		case !b.prune:
			b.plan.Kept = append(b.plan.Kept, name)
		case is.err != nil:
			b.report.add(is.path, false, spec.Problem{Message: bare(is.err).Error()})
		default:
			b.plan.Changes = append(b.plan.Changes, Change{Name: name, Action: ActionRemove, Keys: []Key{}, File: is.path, Before: digest(is.content), before: is.content})
		}
	}
	slices.Sort(b.plan.Kept)
}

// between is what has to be done to make one spec of another, and the keys in
// which they differ.
func between(was, is *spec.Spec) (Action, []Key) {
	keys := []Key{}
	for _, key := range spec.Changes(was, is) {
		keys = append(keys, Key{key, spec.Live(key)})
	}
	switch {
	case !spec.SameProcess(was, is):
		return ActionRestart, keys
	case len(keys) > 0:
		return ActionLive, keys
	}
	return ActionFormat, keys
}

// modeOf is the mode for a copy of a file: nobody else gets to see what the
// source keeps from them, and nobody to write it.
func modeOf(path string) fs.FileMode {
	fi, err := os.Stat(path)
	if err != nil {
		return 0o600
	}
	return fi.Mode().Perm()&0o644 | 0o600
}
