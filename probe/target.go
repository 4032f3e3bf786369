package probe

import (
	"container/heap"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// target is one service that is checked.
type target struct {
	name   string
	file   *helper.File[*spec.Spec]
	spec   *spec.Spec // the file's, as it was when the tasks were made
	status helper.Status
	tasks  []*task

	results map[string]spec.Probe
	wrote   time.Duration // when that was written last; 0 = never
}

// task is one check of a target.
type task struct {
	check
	demand demand
	target *target

	cancel   context.CancelFunc // of the one under way; nil = none is
	progress *progress
	began    time.Time

	when  time.Duration // there is something to do; its place in the queue goes by that
	place int           // in the queue; -1 = it is not there
	waits bool          // for its turn to begin
}

func (t *task) kind() int {
	if _, ok := t.demand.question.(program); ok {
		return programs
	}
	return connections
}

// callOff ends what is under way, if there is anything.
func (t *task) callOff() {
	if t.cancel != nil {
		t.cancel()
	}
}

// scan brings the targets in line with the config directory.
func (w *ward) scan(now time.Duration) {
	w.scanAt = now + w.Frequency
	if !w.specs.Look(&w.news, w.log) {
		return
	}
	found := w.specs.ByService(func(name string) *helper.File[*spec.Spec] {
		if g := w.targets[name]; g != nil {
			return g.file
		}
		return nil
	})
	for name, g := range w.targets {
		if f := found[name]; f == nil || f.Spec == nil {
			w.drop(g)
		}
	}
	for name, f := range found {
		if f.Spec == nil {
			continue
		}
		g := w.targets[name]
		if g == nil {
			g = &target{name: name, results: map[string]spec.Probe{}}
			w.targets[name] = g
		}
		g.file = f
		if g.spec != f.Spec {
			w.demand(now, g, f.Spec)
		}
	}
	w.clear()
}

// demand gives a target the checks that its spec asks for now. One that is asked
// for as before goes on.
func (w *ward) demand(now time.Duration, g *target, sp *spec.Spec) {
	before := g.tasks
	g.tasks, g.spec = nil, sp
	for _, d := range demands(sp, w.Agent) {
		var same *task
		for i, t := range before {
			if t != nil && t.demand.what == d.what && reflect.DeepEqual(t.demand.key, d.key) {
				same, before[i] = t, nil
			}
		}
		if same == nil {
			same = &task{demand: d, target: g, place: -1, check: check{rule: d.rule, name: g.name + "/" + d.what}}
			if len(before) > 0 { // a new check of a life that was known already has its grace
				same.known, same.looked = true, now
			}
		}
		g.tasks = append(g.tasks, same)
	}
	for _, t := range before {
		if t != nil {
			w.end(t)
			delete(g.results, t.demand.what)
			w.unwritten[g] = true
		}
	}
	w.look(now, g)
}

// drop forgets a service that is not to be checked any more.
func (w *ward) drop(g *target) {
	for _, t := range g.tasks {
		w.end(t)
	}
	g.tasks = nil
	delete(w.targets, g.name)
	delete(w.unwritten, g)
	w.news.Forget(g.name, "status", "send", "http", "tcp", "exec", "ready")
	w.remove(g.name)
}

// end has a task never count any more.
func (w *ward) end(t *task) {
	t.callOff()
	t.seen, t.open, t.stuck = seen{}, false, false
	w.arrange(t)
}

// arrange puts a task where it belongs in the queue.
func (w *ward) arrange(t *task) {
	t.when = t.next()
	switch here := t.place >= 0; {
	case t.when == never || t.waits && !t.open:
		if here {
			heap.Remove(&w.queue, t.place)
		}
	case here:
		heap.Fix(&w.queue, t.place)
	default:
		heap.Push(&w.queue, t)
	}
}

// noticeStatuses looks whether a status has changed, which their directory shows.
func (w *ward) noticeStatuses() {
	v, _, err := helper.Stat(w.Places.StatusDir())
	w.haveStatuses = err == nil
	if v != w.statuses {
		// They are looked at twice: what is written within the same tick of the
		// file system's clock does not show.
		w.statuses, w.sweeps = v, 2
	}
}

// sweep looks at all statuses, if one has changed, and not too often.
func (w *ward) sweep(now time.Duration) {
	if w.sweeps == 0 || now < w.sweepAt {
		return
	}
	w.sweeps--
	w.sweepAt = now + shortTurn
	for _, g := range w.targets {
		w.look(now, g)
	}
}

// look looks at the status of one service. It reports whether there is one to go
// by.
func (w *ward) look(now time.Duration, g *target) bool {
	reported, err := g.status.Read(w.Places.Status(g.name), w.haveStatuses)
	if w.news.Is("status", g.name, err) {
		w.log.Warn("status not read", "service", g.name, "err", err)
	}
	if err != nil {
		return false
	}
	for _, t := range g.tasks {
		s := seen{on: !t.rule.ready} // without a status, a service is taken to be up
		if reported {
			want, since := spec.Running, g.status.Since
			if t.rule.ready {
				want, since = spec.Starting, g.status.Started
			}
			s = seen{g.status.Life, g.status.Up && g.status.State == want, time.Since(since)}
		}
		if t.observe(now, s) {
			t.callOff()
		}
		w.arrange(t)
	}
	return true
}

// due does what is due for a task.
func (w *ward) due(now time.Duration, t *task) {
	reached := ""
	if t.progress != nil {
		reached = t.progress.String()
	}
	v, bad, callOff := t.pass(now, reached)
	if callOff {
		t.callOff()
	}
	if bad != "" {
		w.record(now, t, bad, time.Since(t.began))
	}
	w.act(now, t, v)
	if t.mayBegin(now) {
		t.waits = true
		w.waiting[t.kind()] = append(w.waiting[t.kind()], t)
	}
	w.arrange(t)
}

// beginWaiting begins what waits, as far as there is room.
func (w *ward) beginWaiting(now time.Duration) {
	for kind, most := range [2]int{connections: w.Connections, programs: w.Programs} {
		for w.running[kind] < most && len(w.waiting[kind]) > 0 {
			t := w.waiting[kind][0]
			w.waiting[kind][0] = nil
			w.waiting[kind] = w.waiting[kind][1:]
			t.waits = false
			if w.look(now, t.target) && t.mayBegin(now) {
				w.begin(now, t)
			}
			w.arrange(t)
		}
	}
}

// begin asks, in a goroutine of its own.
func (w *ward) begin(now time.Duration, t *task) {
	t.check.begin(now)
	w.running[t.kind()]++
	ctx, cancel := context.WithCancel(w.ctx)
	t.cancel, t.progress, t.began = cancel, &progress{}, time.Now()
	whom := about{t.target.name, t.target.spec, t.seen.life, w.Places, t.progress}
	began, question := t.began, t.demand.question
	ask := func() {
		err := question.ask(ctx, whom)
		w.endings <- ending{t, err, time.Since(began)}
	}
	select {
	case w.asks <- ask:
	default:
		go w.askAll(ask)
	}
}

// askAll does one thing after the other, in a goroutine whose stack has grown
// already, until nobody has anything for it.
func (w *ward) askAll(ask func()) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		ask()
		timer.Reset(idle)
		select {
		case ask = <-w.asks:
		case <-timer.C:
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// ended takes in that a check has ended.
func (w *ward) ended(now time.Duration, e ending) {
	t := e.task
	w.running[t.kind()]--
	t.cancel()
	t.cancel = nil
	bad := ""
	if e.err != nil {
		bad = clip(e.err.Error())
	}
	v, counts := t.end(now, bad)
	if counts {
		w.record(now, t, bad, e.took)
	}
	w.act(now, t, v)
	w.arrange(t)
}

// maxText is how much is told of an error: messages and results are not made for
// more.
const maxText = 600

// clip is s as messages and results can have it.
func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

// act tells the supervisor what follows, unless that is over meanwhile.
func (w *ward) act(now time.Duration, t *task, v verdict) {
	if !v.act {
		return
	}
	g, life := t.target, t.seen.life
	g.status.Anew()
	if !w.look(now, g) || !t.seen.on || t.seen.life != life {
		return
	}
	m := spec.Message{Type: spec.RestartService, Name: g.name, Reason: fmt.Sprintf("%s check: %s", t.demand.what, v.reason)}
	if t.rule.ready {
		m.Type, m.Reason = spec.Ready, clip(t.demand.question.String())
	}
	if life.Generation != 0 {
		m.Generation = &life.Generation
	}
	err := w.Send(m)
	if w.news.Is("send", g.name, err) {
		w.log.Warn("message not sent", "service", g.name, "type", m.Type, "generation", life.Generation, "err", err)
	}
	if err != nil {
		return
	}
	t.sent(now)
	if t.rule.ready {
		w.log.Info("ready", "service", g.name, "generation", life.Generation)
	} else {
		w.log.Warn("restart requested", "service", g.name, "generation", life.Generation, "reason", m.Reason)
	}
}
