// Package view holds what a colony looks like, for programs that ask often: the
// statuses and an outline of each spec, in memory. Notifications of the kernel say
// which files to look at again; the whole directories are looked at every few
// seconds, for notifications get lost. A question about one service looks at its
// own file first and is never behind.
package view

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// View is what is known of a colony. Its methods may be called by any goroutine.
type View struct {
	places spec.Places
	log    *slog.Logger
	every  time.Duration // between two looks at everything

	statuses  files[*spec.Status]
	outlines  files[*Outline]
	schedules files[*spec.Timetable]
	probes    files[*spec.Probes]
	hearts    files[*spec.Heartbeat]

	scanning sync.Mutex // by one at a time; it is never waited for by who has mu

	mu      sync.Mutex
	names   []Name // of all services, in their order; nil: to be made
	scanned time.Time
	hinted  bool // the kernel tells what changes
	news    helper.News
}

// Outline is what is kept of a spec.
type Outline struct {
	Name     string   // of the file, without ".json"
	Services []string // that it makes; those of a bad spec are unknown
	Groups   []string
	Needs    []string // names of what it depends on, who may be nobody
	Text     string   // its command line, in lower case
}

// Name is a service, and the outline of the spec that it is made of.
type Name struct {
	Service string
	Outline *Outline // nil: there is none, as for helpers
}

// maxStatusSize is far above what the supervisor and its helpers write.
const maxStatusSize = 4 << 20

// New returns the view of a colony as its directories are now. Run keeps it up to
// date.
func New(p spec.Places, log *slog.Logger) *View {
	isJSON := func(base string) bool {
		_, ok := statusName(base)
		return ok
	}
	v := &View{places: p, log: log, every: fullScan}
	v.statuses = files[*spec.Status]{dir: p.StatusDir(), wants: isJSON, parse: parseJSON[spec.Status], known: map[string]file[*spec.Status]{}}
	v.schedules = files[*spec.Timetable]{dir: p.ScheduleDir(), wants: isJSON, parse: parseJSON[spec.Timetable], known: map[string]file[*spec.Timetable]{}}
	v.probes = files[*spec.Probes]{dir: p.ProbeDir(), wants: isJSON, parse: parseJSON[spec.Probes], known: map[string]file[*spec.Probes]{}}
	v.hearts = files[*spec.Heartbeat]{dir: p.HeartDir(), wants: isJSON, parse: parseJSON[spec.Heartbeat], known: map[string]file[*spec.Heartbeat]{}}
	v.outlines = files[*Outline]{dir: p.Config, wants: isSpec, parse: parseOutline, known: map[string]file[*Outline]{}}
	v.scan()
	return v
}

// statusName is the service that a file is about; a name that begins with a dot
// is that of a file in the making.
func statusName(base string) (name string, ok bool) {
	name, ok = strings.CutSuffix(base, ".json")
	return name, ok && name != "" && name[0] != '.'
}

func isSpec(base string) bool {
	_, kind := spec.NameOf(base)
	return kind == spec.FileSpec
}

func parseJSON[T any](path string) (*T, helper.Version, error) {
	data, version, err := helper.ReadRegular(path, maxStatusSize)
	if err != nil {
		return nil, version, err
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, version, fmt.Errorf("read %s: %w", path, err)
	}
	return v, version, nil
}

func parseOutline(path string) (*Outline, helper.Version, error) {
	data, version, err := helper.ReadRegular(path, spec.MaxSpecSize)
	if err != nil {
		return nil, version, err
	}
	name, _ := spec.NameOf(path[strings.LastIndexByte(path, '/')+1:])
	o := &Outline{Name: name}
	if s, err := spec.Parse(data); err == nil {
		o.Groups, o.Needs = s.Group, s.Needs
		o.Text = strings.ToLower(strings.Join(s.Args, " "))
		if s.Runs() {
			o.Services = s.Services(name)
		}
	} else {
		o.Services = []string{name} // whose error is to be seen
	}
	return o, version, nil
}

// Status is what the supervisor says of a service now, with its timetable and
// what its health checks have found. nil: nothing. It is not to be changed.
func (v *View) Status(name string) (*spec.Status, error) {
	one, change := v.statuses.look(name + ".json")
	v.forgetNames(change == comeGone)
	if one.gone || !one.has {
		return nil, one.err
	}
	return v.complete(one.value), nil
}

// Seen is Status as it was known a moment ago.
func (v *View) Seen(name string) *spec.Status {
	st, ok := v.statuses.get(name + ".json")
	if !ok {
		return nil
	}
	return v.complete(st)
}

// State is the state of a service as it was known a moment ago; "" = none.
func (v *View) State(name string) spec.State {
	if st, ok := v.statuses.get(name + ".json"); ok {
		return st.State
	}
	return ""
}

// complete adds to a status what helpers know.
func (v *View) complete(st *spec.Status) *spec.Status {
	scheduled := st.Watched.Schedule || ctl.UntilDue(st)
	if !scheduled && !st.Watched.Probe {
		return st
	}
	whole := *st
	if scheduled {
		one, _ := v.schedules.look(st.Name + ".json")
		whole.Schedule = one.value
	}
	if st.Watched.Probe {
		if one, _ := v.probes.look(st.Name + ".json"); one.has {
			whole.Probes = one.value.Checks
		}
	}
	return &whole
}

// Heart is what is known of the heartbeats of a service now; nil: nothing.
func (v *View) Heart(name string) (*spec.Heartbeat, error) {
	one, _ := v.hearts.look(name + ".json")
	if !one.has {
		return nil, one.err
	}
	return one.value, nil
}

// Touch looks at the spec of a name again, for who has just written it.
func (v *View) Touch(name string) {
	for _, base := range []string{name, name + ".json"} {
		_, change := v.outlines.look(base)
		v.forgetNames(change != same)
	}
}

// Members are the services of a file, and its outline if there is one.
func (v *View) Members(file string) (members []string, o *Outline) {
	names := v.Names()
	at, _ := slices.BinarySearchFunc(names, file, func(n Name, name string) int { return ctl.ByService(n.Service, name) })
	for ; at < len(names); at++ {
		if of, _ := spec.Instance(names[at].Service); of != file {
			break
		}
		members = append(members, names[at].Service)
		o = names[at].Outline
	}
	return members, o
}

// Names lists all services that have a spec or a status, helpers last. The list
// is shared: it is not to be changed.
func (v *View) Names() []Name {
	v.mu.Lock()
	stale := !v.hinted && time.Since(v.scanned) > unhintedScan
	v.mu.Unlock()
	if stale && v.scanning.TryLock() { // else somebody does it
		v.scanAll()
		v.scanning.Unlock()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.names != nil {
		return v.names
	}
	of, files := map[string]*Outline{}, map[string]*Outline{}
	v.outlines.each(func(_ string, o *Outline) {
		files[o.Name] = o
		for _, service := range o.Services {
			of[service] = o
		}
	})
	v.statuses.each(func(base string, _ *spec.Status) {
		if name, _ := statusName(base); of[name] == nil {
			file, _ := spec.Instance(name)
			of[name] = files[file]
		}
	})
	names := make([]Name, 0, len(of))
	for service, o := range of {
		names = append(names, Name{service, o})
	}
	slices.SortFunc(names, func(a, b Name) int { return ctl.ByService(a.Service, b.Service) })
	v.names = names
	return names
}

// forgetNames has the list of names made anew, if names may have changed.
func (v *View) forgetNames(changed bool) {
	if !changed {
		return
	}
	v.mu.Lock()
	v.names = nil
	v.mu.Unlock()
}
