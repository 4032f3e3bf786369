package colony

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// batch is what the loop has for the publisher: of each service only the last
// word counts, of everything else each.
type batch struct {
	statuses map[string]*spec.Status // nil: retracted
	colony   *spec.ColonyStatus
	events   []spec.Event
	lives    map[string]*spec.Spec // started with; nil: dropped
	ends     []ended
	stops    map[string]*spec.StopNote // nil: forgotten
	answers  []answer
	vacated  []lifeID     // over: their credentials go
	done     chan<- batch // told what could not be written; nil = nobody asks
	since    instant      // the loop's own: when it was first kept back
}

func (b *batch) empty() bool {
	return len(b.statuses) == 0 && b.colony == nil && len(b.events) == 0 && len(b.lives) == 0 && len(b.ends) == 0 && len(b.stops) == 0 && len(b.answers) == 0 && len(b.vacated) == 0 && b.done == nil
}

// add takes in one effect.
func (b *batch) add(e effect) {
	switch e := e.(type) {
	case publish:
		b.status(e.status.Name, e.status)
	case retract:
		b.status(e.name, nil)
	case publishColony:
		b.colony = &e.status
	case record:
		b.events = append(b.events, e.event)
	case keepSpec:
		b.life(e.name, e.spec)
	case ended:
		b.ends = append(b.ends, e)
	case keepStop:
		b.stop(e.name, &e.note)
	case forgetStop:
		b.stop(e.name, nil)
	case release:
		if e.spec.Credentials != nil {
			b.vacated = append(b.vacated, e.life)
		}
	case answer:
		b.answers = append(b.answers, e)
	}
}

func (b *batch) status(name string, st *spec.Status) {
	if b.statuses == nil {
		b.statuses = map[string]*spec.Status{}
	}
	b.statuses[name] = st
}

func (b *batch) life(name string, sp *spec.Spec) {
	if b.lives == nil {
		b.lives = map[string]*spec.Spec{}
	}
	b.lives[name] = sp
}

func (b *batch) stop(name string, note *spec.StopNote) {
	if b.stops == nil {
		b.stops = map[string]*spec.StopNote{}
	}
	b.stops[name] = note
}

// forget drops what a later batch has a later word on.
func (b *batch) forget(later *batch) {
	for name, st := range later.statuses {
		delete(b.statuses, name)
		if st == nil {
			delete(b.lives, name)
		}
	}
	for name := range later.lives {
		delete(b.lives, name)
	}
	for name := range later.stops {
		delete(b.stops, name)
	}
	if later.colony != nil {
		b.colony = nil
	}
}

// publisher writes below state/. Everything it does is best effort: what cannot
// be written is reported as degraded and, but for events, tried again until it
// can or is not true any more.
type publisher struct {
	disk    disk
	places  spec.Places
	id      string // of the colony
	pids    string // a directory for a file per pid; "" = none
	journal *journal
	ledger  *ledger
	results *results
	trouble *troubles
	above   *notifier
	present func() // after the first word on the colony; nil = it has been
	vault   vault
	stdins  fifos
	rest    func(took time.Duration) time.Duration
	thrift  func()          // gives back what a burst has left behind; nil = nothing does
	urgent  <-chan struct{} // somebody waits for an answer
	wrote   chan<- struct{} // told of each status, whoever waits for the end
	shown   map[string]int  // what the pid files say, 0 = there is none
	left    batch           // what could not be written
	mute    bool            // nor could the last events
}

// restAfter is how long the publisher rests after a batch that took so long to
// write: one change is written at once, a storm of them in few batches and with
// a small part of a processor. Somebody who waits for a result ends the rest.
func restAfter(took time.Duration) time.Duration { return min(9*took, 50*time.Millisecond) }

// What could not be written is tried again after retryFirst, then after twice
// that, and so on up to retryMost: where there is no state directory to be had
// at all, that costs nothing to speak of.
const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// run writes batches until there are no more.
func (p *publisher) run(batches <-chan *batch) {
	var due time.Time // of the next retry
	wait := retryFirst
	calm := thriftTimer{}
	for {
		var retry <-chan time.Time
		if !p.behind() {
			due, wait = time.Time{}, retryFirst
		} else {
			if due.IsZero() {
				due = time.Now().Add(wait)
			}
			retry = time.After(time.Until(due))
		}
		var began time.Time
		select {
		case b, ok := <-batches:
			began = time.Now()
			if !ok {
				p.writeLeft()
				return
			}
			p.write(b)
			if p.thrift != nil {
				calm.stirred(began)
			}
			if b.done != nil {
				b.done <- batch{stops: maps.Clone(p.left.stops), answers: slices.Clone(p.left.answers)}
			}
		case <-retry:
			began = time.Now()
			p.writeLeft()
			due, wait = time.Time{}, min(2*wait, retryMost)
		case <-calm.due:
			began = time.Now()
			p.thrift()
			calm.fired(began)
			continue
		}
		t := time.NewTimer(p.rest(time.Since(began)))
		select {
		case <-t.C:
		case <-p.urgent:
			t.Stop()
		case <-p.trouble.out.quit:
			t.Stop()
		}
	}
}

// writeLeft tries again what could not be written.
func (p *publisher) writeLeft() {
	if !p.behind() {
		return
	}
	p.makeDirs()
	if p.ledger.behind() {
		p.ledger.append()
	}
	if p.mute {
		p.writeEvents(nil)
	}
	b := p.left
	p.left = batch{}
	p.write(&b)
}

// behind reports whether something is left to be tried again.
func (p *publisher) behind() bool { return !p.left.empty() || p.mute || p.ledger.behind() }

// writeEvents appends events. Those that cannot be written are lost.
func (p *publisher) writeEvents(events []spec.Event) {
	var trouble failures
	p.mute = trouble.add(p.places.EventsDir(), p.journal.append(events))
	p.trouble.note("events", trouble.first)
}

// makeDirs makes our directories where they could not be had at the start, or
// somebody has removed them. If it cannot, what is then written says so.
func (p *publisher) makeDirs() {
	if p.pids != "" {
		p.disk.mkdir(p.pids, 0o755)
	}
	err := makeState(p.disk, p.places)
	if err == nil && p.trouble.known["state"] != "" {
		if err = keepID(p.disk, p.places.ID(), p.id); err == nil {
			p.trouble.note("state", nil)
		}
	}
}

// write writes one batch. It may be killed on the way: what the ledger says is
// over nobody looks for any more, so it comes after what is told of that life,
// and after its number is in a status or, for a service that is gone, in
// colony.json. Results are last, so that whoever waits for one finds the rest
// to be true.
func (p *publisher) write(b *batch) {
	p.left.forget(b)
	for _, life := range b.vacated {
		p.vault.empty(life)
	}
	var status, pids, lives, results failures
	if len(b.events) > 0 {
		p.writeEvents(b.events)
	}
	for _, name := range inOrderOfStops(b.stops) {
		if status.add(p.places.State, p.keepStop(name, b.stops[name])) {
			p.left.stop(name, b.stops[name])
		}
	}
	show := func(name string, st *spec.Status) {
		unwritten := status.add(p.places.State, p.writeStatus(name, st))
		unshown := pids.add(p.pids, p.showPID(name, st))
		if unwritten || unshown {
			p.left.status(name, st)
		}
		select {
		case p.wrote <- struct{}{}:
		default:
		}
	}
	names := slices.Sorted(maps.Keys(b.statuses))
	for _, name := range names {
		if st := b.statuses[name]; st != nil {
			show(name, st)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.lives)) {
		if lives.add(p.places.LivesDir(), p.keepLife(name, b.lives[name])) {
			p.left.life(name, b.lives[name])
		}
	}
	if b.colony != nil && status.add(p.places.State, writeJSON(p.disk, p.places.Colony(), b.colony, 0o644)) {
		p.left.colony = b.colony
	}
	if b.colony != nil {
		p.trouble.note("service manager", p.above.tell(b.colony))
		if p.present != nil {
			p.present()
			p.present = nil
		}
	}
	for _, name := range names {
		if b.statuses[name] == nil {
			show(name, nil)
			p.stdins.remove(name)
			delete(p.left.lives, name)
			if lives.add(p.places.LivesDir(), p.keepLife(name, nil)) {
				p.left.life(name, nil)
			}
		}
	}
	if len(b.ends) > 0 {
		p.ledger.end(b.ends)
	}
	for _, a := range b.answers {
		// A message can have a name so long that there is none left for its result.
		if err := p.results.write(a); results.add(p.places.ResultsDir(), err) && !errors.Is(err, syscall.ENAMETOOLONG) {
			p.left.answers = append(p.left.answers, a)
		}
	}
	p.left.answers = p.left.answers[max(0, len(p.left.answers)-keptResults):]
	mended := len(p.left.statuses) == 0 && len(p.left.stops) == 0 && p.left.colony == nil
	p.tell("status", status, mended)
	p.tell("pid files", pids, mended)
	p.tell("lives", lives, len(p.left.lives) == 0)
	p.tell("results", results, len(p.left.answers) == 0)
}

// tell notes what has failed, or that nothing is left of an earlier failure.
func (p *publisher) tell(what string, f failures, mended bool) {
	if f.first != nil || mended {
		p.trouble.note(what, f.first)
	}
}

// keepLife keeps what a life was started with; nil: nothing.
func (p *publisher) keepLife(name string, sp *spec.Spec) error {
	if sp == nil {
		return p.ledger.dropSpec(name)
	}
	return p.ledger.keepSpec(name, sp)
}

func (p *publisher) writeStatus(name string, st *spec.Status) error {
	if st == nil {
		return remove(p.disk, p.places.Status(name))
	}
	return writeJSON(p.disk, p.places.Status(name), st, 0o640)
}

// showPID keeps the file of --pid. What stands there when we first hear of a
// service is of an earlier start.
func (p *publisher) showPID(name string, st *spec.Status) error {
	if p.pids == "" {
		return nil
	}
	pid := 0
	if st != nil {
		pid = st.PID
	}
	path := filepath.Join(p.pids, name)
	var err error
	switch last, known := p.shown[name]; {
	case known && last == pid:
	case pid == 0:
		err = remove(p.disk, path)
	default:
		err = p.disk.write(path, []byte(strconv.Itoa(pid)), 0o644, false)
	}
	if err != nil || st == nil {
		delete(p.shown, name)
	} else {
		p.shown[name] = pid
	}
	return err
}
