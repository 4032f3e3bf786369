package colony

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// kernel is what the loop asks of the operating system. The real one is in
// kernel_linux.go; tests and simulations bring their own.
type kernel interface {
	// peek returns a dead child, left a zombie: that of this pid, or any if it is
	// 0; false when there is none.
	peek(pid int) (exited, bool)
	// orphans reports whether we have children that known does not know: what
	// parents have left to us by their death.
	orphans(known func(pid int) bool) bool
	// reap collects the zombie peek has returned.
	reap(pid int)
	// spawn begins a process; started or spawnFailed answers.
	spawn(spawn)
	relieve()
	signal(signal) error
	// suspended returns the signal by which our child pid, the one on our
	// terminal, was stopped since the last time; 0 = it was not.
	suspended(pid int) spec.Signal
	suspend(suspend)
	resume(resume)
	reclaim(reclaim)
	signalRest(signalRest)
	sweep(sweep)
	// census begins a count; counted answers.
	census(census)
	// hear begins to take in what a life of an earlier supervisor tells of itself
	// (that of an order is heard anyway); notified answers. release ends that for
	// any life, and removes its control group.
	hear(hear)
	release(release)
	unlisten(unlisten)
	// follow tells what a service was started with; nil: there is none any more.
	follow(name string, sp *spec.Spec)
	killGroup(killGroup)
	// outOfMemory reports whether a limit of its control group has killed
	// something of a life.
	outOfMemory(life lifeID) bool
	// examine begins to ask a program whether it can take our place, with this
	// state; examined answers.
	examine(e examine, state []byte)
}

// files is what the loop tells the world. Nothing here may block.
type files interface {
	write(effect) // what is published and recorded
	rescan(afresh bool)
	log(report)
}

// loop performs what the core decides. It is the only caller of step, wait and
// kill, and it never blocks but in its select.
type loop struct {
	model   *model
	history history
	kernel  kernel
	files   files
	clock   func() moment
	leaving bool // another program is to take our place
	code    int
	done    bool
}

// turn takes in one event and performs what follows from it.
func (l *loop) turn(ev event) {
	if dead, ok := ev.(exited); ok {
		ev = l.inquire(dead)
	}
	for _, e := range l.step(ev) {
		l.perform(e)
	}
}

// step is the model's step behind a net. An event that makes it panic is
// dropped and recorded; the model is had again as it was before, and everything
// else goes on.
func (l *loop) step(ev event) (effects []effect) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		what := fmt.Sprintf("%v while handling %T", p, ev)
		m, err := l.history.again(l.model)
		if _, twice := ev.(recovered); twice || err != nil {
			// Nothing can be believed any more. Our children go on, and the next
			// supervisor finds them.
			effects = []effect{report{slog.LevelError, "giving up: " + what, nil}, exit{exitPanicked}}
			return
		}
		l.model = m
		effects = l.step(recovered{what, string(debug.Stack()), ev})
	}()
	if l.history.full(l.model) {
		l.history.begin(l.model)
	}
	at := l.clock()
	effects = l.model.step(at, ev)
	l.history.add(at, ev)
	return effects
}

// reap takes in every dead child.
// more means that it has stopped for the sake of everything else there is to do.
func (l *loop) reap() (more bool) {
	for range reapMost {
		if !l.bury(0) {
			l.lookForStop()
			return false
		}
	}
	return true
}

// bury takes in one dead child, that of this pid or any; false if there is none.
// A zombie holds its number until its death was handled, so that a signal to its
// group cannot reach a stranger.
func (l *loop) bury(pid int) bool {
	ev, ok := l.kernel.peek(pid)
	if !ok {
		return false
	}
	if l.ours(ev.pid) || len(l.model.orders) > 0 { // it may be one whose start we have not heard of yet
		ev.alone = !l.kernel.orphans(l.ours)
	}
	l.turn(ev)
	l.kernel.reap(ev.pid)
	return true
}

// lookForStop takes in that `-- CMD` was stopped: that too comes as a SIGCHLD.
func (l *loop) lookForStop() {
	if cmd := l.model.runningCommand(); cmd != nil {
		if sig := l.kernel.suspended(cmd.life.pid); sig != 0 {
			l.turn(suspended{sig})
		}
	}
}

// reapMost is how many of the dead are taken in before others get a turn.
const reapMost = 256

// yields is how long something waits for starts that are on their way, having
// begun at since; most at most.
func (l *loop) yields(since *instant, most time.Duration) time.Duration {
	if l.model.outstanding() == 0 {
		return 0
	}
	return l.waits(since, most)
}

// waits is what is left of the time that something may wait.
func (l *loop) waits(since *instant, most time.Duration) time.Duration {
	now := l.clock().mono
	if *since == 0 {
		*since = now
	}
	return most - now.sub(*since)
}

// inquire finds out whether a child was killed for its limit of memory.
func (l *loop) inquire(ev exited) exited {
	if s := l.model.pids[ev.pid].service; s != nil && s.life.spec.Cgroup != nil && ev.status.signal == sigKILL {
		ev.status.oom = l.kernel.outOfMemory(s.lifeID())
	}
	return ev
}

// ours reports whether a pid is a main process or a stop command.
func (l *loop) ours(pid int) bool {
	_, ok := l.model.pids[pid]
	return ok
}

func (l *loop) perform(e effect) {
	switch e := e.(type) {
	case spawn:
		l.kernel.spawn(e)
	case relieve:
		l.kernel.relieve()
	case signal:
		if err := l.kernel.signal(e); err != nil {
			l.files.log(report{slog.LevelWarn, "signal not sent", []slog.Attr{slog.Int("pid", e.pid),
				slog.String("signal", e.signal.String()), slog.String("err", err.Error())}})
		}
	case suspend:
		l.kernel.suspend(e)
	case resume:
		l.kernel.resume(e)
	case reclaim:
		l.kernel.reclaim(e)
	case signalRest:
		l.kernel.signalRest(e)
	case sweep:
		l.kernel.sweep(e)
	case census:
		l.kernel.census(e)
	case hear:
		l.kernel.hear(e)
	case keepSpec:
		l.kernel.follow(e.name, e.spec)
		l.files.write(e)
	case retract:
		l.kernel.follow(e.name, nil)
		l.files.write(e)
	case release:
		l.kernel.release(e)
		l.files.write(e)
	case unlisten:
		l.kernel.unlisten(e)
	case killGroup:
		l.kernel.killGroup(e)
	case examine:
		l.kernel.examine(e, l.model.encode())
	case handover:
		l.leaving = true // when all that was decided before is done
	case rescan:
		l.files.rescan(e.afresh)
	case report:
		l.files.log(e)
	case exit:
		l.code, l.done = e.code, true
	default:
		l.files.write(e)
	}
}

// commandSpec is the spec of `-- CMD`.
func commandSpec(argv []string) *spec.Spec {
	sp := &spec.Spec{Args: argv, Main: true, Stdin: spec.StdinInherit}
	sp.Raw, _ = json.Marshal(map[string]any{"args": argv, "main": true}) // strings: it cannot fail
	return sp
}

// helperWatchdog is how long a helper may be silent. Each of ours says
// WATCHDOG=1 every three seconds, from the loop that does its work.
const helperWatchdog = spec.Duration(15 * time.Second)

// helperSpec is the spec of a helper that is started as argv. It has our
// environment, less what is meant for us alone.
func helperSpec(argv []string) *spec.Spec {
	env := map[string]string{}
	for _, kv := range ourEnvironment() {
		k, v, ok := strings.Cut(kv, "=")
		if ok && k != "" && !strings.HasPrefix(k, "NCOLONY_") {
			env[k] = v
		}
	}
	patience, soon, late := helperWatchdog, spec.Duration(100*time.Millisecond), spec.Duration(5*time.Second)
	// Services may wait for it: it comes back soon, however often it has died.
	sp := &spec.Spec{Args: argv, Env: env, Watchdog: &patience, Backoff: spec.Backoff{Min: &soon, Max: &late}}
	sp.Raw, _ = json.Marshal(map[string]any{"args": argv}) // strings: it cannot fail
	return sp
}
