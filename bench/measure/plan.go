package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/bench/peer"
)

// kinds are what -only takes.
var kinds = []string{"restart", "start", "add", "throughput", "memory", "idle", "reap", "stop", "log", "startup", "upgrade", "adopt", "binary"}

// check refuses what is misspelt.
func (o options) check() error {
	for _, k := range o.only {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("measure %q: no such measurement; there are %s", k, strings.Join(kinds, " "))
		}
	}
	if o.rounds < 1 {
		return fmt.Errorf("measure %d rounds: at least one", o.rounds)
	}
	return nil
}

func (o options) wants(kind string) bool { return len(o.only) == 0 || slices.Contains(o.only, kind) }

// part is a colony of some size, and what is measured of it. Each round and each
// peer has a new one.
type part struct {
	n      int
	repeat int  // colonies per round, if more than one
	own    bool // ncolony's alone
	kind   kind
	steps  []step
}

// kind is what the services of a colony do.
type kind int

const (
	staying kind = iota
	leaving      // they end at once
	orphans      // one service, under a supervisor that is PID 1, makes orphans
)

// step is something measured of a colony that runs.
type step struct {
	kind string // as in -only
	// names are those of its figures for a size; the first stands for all where
	// there are none.
	names func(n int) []string
	can   func(peer.Peer) bool
	run   func(*session) error
}

func anybody(peer.Peer) bool { return true }

func adds(p peer.Peer) bool      { _, ok := p.(peer.Adder); return ok }
func survives(p peer.Peer) bool  { _, ok := p.(peer.Survivor); return ok }
func stoppable(p peer.Peer) bool { return peer.StopSignal(p) != 0 }

// sized names figures after the size of the colony.
func sized(bases ...string) func(int) []string {
	return func(n int) (names []string) {
		for _, b := range bases {
			names = append(names, name(b, n))
		}
		return names
	}
}

// usual is the size that a name without a number means.
var usual = map[string]int{"restart": 100, "throughput": 100, "stop": 1000, "idle-cpu": 1000, "idle-wakeups": 1000, "quiet-cpu": 1000, "quiet-wakeups": 1000,
	"startup": 1, "reap": 1, "reap-zombies": 1}

// name is the name of a figure at a size.
func name(base string, n int) string {
	if u, ok := usual[base]; ok && u == n {
		return base
	}
	return base + "-" + strconv.Itoa(n)
}

var (
	start      = step{"start", sized("start"), anybody, (*session).start}
	startup    = step{"startup", sized("startup"), anybody, (*session).startup}
	restart    = step{"restart", sized("restart"), anybody, (*session).restart}
	add        = step{"add", sized("add"), adds, (*session).add}
	memory     = step{"memory", sized("memory", "threads", "fds"), anybody, (*session).memory}
	idle       = step{"idle", sized("idle-cpu", "idle-wakeups", "quiet-cpu", "quiet-wakeups"), anybody, (*session).idle}
	stop       = step{"stop", sized("stop"), stoppable, (*session).stop}
	upgrade    = step{"upgrade", sized("upgrade"), survives, (*session).upgrade}
	adopt      = step{"adopt", sized("adopt", "adopt-told"), survives, (*session).adopt}
	throughput = step{"throughput", sized("throughput"), anybody, (*session).throughput}
	reap       = step{"reap", sized("reap", "reap-zombies"), anybody, (*session).reap}
)

// plan is everything, in order.
var plan = []part{
	{n: 1, repeat: 10, steps: []step{startup}},
	{n: 100, steps: []step{restart}},
	{n: 100, kind: leaving, steps: []step{throughput}},
	{n: 10, steps: []step{add}},
	{n: 1000, steps: []step{add}},
	{n: 0, steps: []step{memory}},
	{n: 1000, steps: []step{start, memory, idle}},
	{n: 1000, steps: []step{start, stop}},
	{n: 1000, own: true, steps: []step{upgrade, adopt}},
	{n: 5000, steps: []step{start, restart}},
	{n: 10000, steps: []step{start}},
	{n: 10000, own: true, steps: []step{memory, idle, add}},
	{n: 10000, own: true, steps: []step{upgrade, adopt}},
	{n: 1, kind: orphans, steps: []step{reap}},
}

// small is the size of everything in a quick run.
const small = 50

// parts are what these options ask for of the plan.
func (o options) parts() (all []part) {
	seen := map[string]bool{}
	for _, p := range plan {
		if o.quick {
			p.n, p.repeat = min(p.n, small), 1
		}
		steps := p.steps
		p.steps = nil
		for _, s := range steps {
			key := fmt.Sprint(p.kind, s.kind, p.n)
			if o.quick && s.kind == "add" {
				key = s.kind
			}
			if o.wants(s.kind) && !seen[key] {
				seen[key] = true
				p.steps = append(p.steps, s)
			}
		}
		if p.steps != nil {
			all = append(all, p)
		}
	}
	return all
}

// takes reports whether a peer takes part, and if not, why, unless that goes
// without saying.
func (p part) takes(who peer.Peer) (ok bool, why string) {
	most := peer.Most(who)
	switch {
	case p.own && who.Name() != "ncolony", peer.Only(who) && p.kind != orphans:
		return false, ""
	case p.kind == orphans && peer.IgnoresOrphans(who):
		return false, "never"
	case most > 0 && p.n > most:
		return false, "cannot"
	default:
		return true, ""
	}
}
