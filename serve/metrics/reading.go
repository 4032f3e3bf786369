package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// reading is what was seen at one moment.
type reading struct {
	at         time.Time
	took       time.Duration
	up         bool
	colony     *spec.ColonyStatus // nil: it cannot be read
	supervisor *usage             // nil: its process cannot be seen
	services   []service          // by name
	omitted    int
	specErrors int
	events     map[string]uint64 // by type
	errors     map[string]int    // by one of whats
}

// service is what was seen of a service.
type service struct {
	name    string
	status  *spec.Status
	usage   *usage   // of the current life; nil: it has no process, or none that can be seen
	spent   *float64 // processor time of all its lives; nil: no process was ever seen
	heart   *spec.Heartbeat
	beat    time.Time
	probes  map[string]spec.Probe
	outputs []output // by streams
}

// What a reading reads, for reading_errors.
const (
	ofSupervisor = "supervisor" // whether there is one
	ofColony     = "colony"
	ofStatus     = "status"
	ofHeart      = "heart"
	ofProbe      = "probe"
	ofLog        = "log"
	ofEvents     = "events"
	ofProcesses  = "processes"
)

var whats = []string{ofSupervisor, ofColony, ofStatus, ofHeart, ofProbe, ofLog, ofEvents, ofProcesses}

// otherEvent counts the events of types that are not known.
const otherEvent = "other"

// checks are those of state/probe.
var checks = []string{"http", "tcp", "exec", "ready"}

// reader makes readings, one at a time.
type reader struct {
	o Options

	mu       sync.Mutex // held while a reading is made: who comes meanwhile waits for it
	last     *reading
	news     helper.News
	colony   file[spec.ColonyStatus]
	statuses folder[spec.Status]
	hearts   folder[spec.Heartbeat]
	probes   folder[spec.Probes]
	beats    beats
	outputs  map[string]*outputs
	tail     *ctl.Tail
	events   map[string]uint64
	machine  machine
	meters   map[string]*meter
}

func newReader(o Options) *reader {
	p := o.Places
	return &reader{
		o:        o,
		statuses: folder[spec.Status]{dir: p.StatusDir()},
		hearts:   folder[spec.Heartbeat]{dir: p.HeartDir(), optional: true},
		probes:   folder[spec.Probes]{dir: p.ProbeDir(), optional: true},
		outputs:  map[string]*outputs{},
		tail:     ctl.NewTail(p),
		events:   map[string]uint64{},
		machine:  machine{root: o.Proc},
		meters:   map[string]*meter{},
	}
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail.Close()
}

// fresh returns a reading that is not older than a caller may be told of: one that
// was made while it waited is not, however long that took.
func (r *reader) fresh() *reading {
	asked := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil {
		if done := r.last.at.Add(r.last.took); done.After(asked) || time.Since(done) < r.o.Fresh {
			return r.last
		}
	}
	r.last = r.read()
	return r.last
}

// read looks at everything. The processes come before the statuses: a number in a
// status that is read later was not given to another process before.
func (r *reader) read() *reading {
	now := &reading{at: time.Now(), errors: map[string]int{}}
	failed := func(what string) func(error) {
		return func(err error) {
			now.errors[what]++
			// Once for each kind of thing: there may be ten thousand of them.
			if now.errors[what] == 1 && r.news.Is(what, "", err) {
				r.o.Log.Warn("metrics are not complete", slog.String("what", what), slog.Any("err", err))
			}
		}
	}
	pid, alive, err := ctl.Alive(r.o.Places)
	if err != nil {
		failed(ofSupervisor)(err)
	}
	now.up = alive
	if err := r.tail.Read(context.Background(), r.count); err != nil {
		failed(ofEvents)(err)
	}
	now.events = maps.Clone(r.events)
	if alive {
		seen := r.machine.look(failed(ofProcesses))
		if err := r.colony.read(r.o.Places.Colony(), always); err != nil {
			failed(ofColony)(err)
		}
		now.colony = r.colony.content
		r.statuses.read(goodStatus, failed(ofStatus))
		r.hearts.read(goodHeart, failed(ofHeart))
		r.probes.read(always, failed(ofProbe))
		r.list(now)
		r.addBeats(now)
		r.addOutput(now, failed(ofLog))
		r.addUsage(now, seen, pid)
	}
	for _, what := range whats {
		if now.errors[what] == 0 {
			r.news.Forget("", what)
		}
	}
	now.took = time.Since(now.at)
	return now
}

// list has the services of a reading be those with a status.
func (r *reader) list(now *reading) {
	names := slices.Sorted(maps.Keys(r.statuses.known))
	for _, name := range names {
		st := r.statuses.of(name)
		switch {
		case st == nil:
			continue
		case st.SpecError != nil:
			now.specErrors++
		}
		if len(now.services) >= r.o.Most {
			now.omitted++
			continue
		}
		s := service{name: name, status: st, heart: r.hearts.of(name)}
		if p := r.probes.of(name); p != nil {
			s.probes = p.Checks
		}
		now.services = append(now.services, s)
	}
}

// count takes in an event.
func (r *reader) count(e spec.Event) {
	if slices.Contains(spec.EventTypes, e.Type) {
		r.events[e.Type]++
	} else {
		r.events[otherEvent]++
	}
}

func always[T any](*T) error { return nil }

// goodStatus keeps out of the labels what is no state.
func goodStatus(st *spec.Status) error {
	if !slices.Contains(spec.States, st.State) {
		return fmt.Errorf("%q is no state", st.State)
	}
	return nil
}

func goodHeart(h *spec.Heartbeat) error {
	if !slices.Contains(spec.HeartStates, h.State) {
		return fmt.Errorf("%q is no state of a heart", h.State)
	}
	return nil
}

// colonyID is the first part of the tokens of the colony's processes; "" = it
// cannot be read.
func colonyID(p spec.Places) string {
	id, err := os.ReadFile(p.ID())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
