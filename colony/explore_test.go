package colony

import (
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// configuration is what is explored: an alphabet, and what is known of it.
type configuration struct {
	name     string
	short    bool // it is small enough for every run
	names    []string
	policy   policy
	specs    []paperSpec
	messages []paperMessage
	faults   []faultClass
	manners  []manner

	broken  bool // files can be
	drains  bool // TERM to us
	untold  bool // a rest may end and nobody tells us
	orphans bool // exits of what is no child of ours by fork
	hangs   bool // a start or a census may never come back
	long    bool // lives may be long enough to be forgiven
	exits   bool // how a life ended matters
	grow    bool // delays grow
	unseen  bool // the directory is looked at later
	paused  bool // we may have been
	kept    bool // no file is removed
	still   bool // each service has its first spec, for ever
	tells   []paperTelling

	groups []string
}

type paperSpec struct {
	of   string // only for the service of that name; "" = for all
	spec *spec.Spec
}

type paperMessage struct {
	file    string
	message *spec.Message
}

// indexOf is the number of a spec in the key of a state; same, the one that all
// of its readings share.
func (c *configuration) indexOf(sp *spec.Spec) uint64 {
	if sp == nil {
		return 0
	}
	for i := range c.specs {
		if c.specs[i].spec == sp {
			return uint64(i) + 2
		}
	}
	return 1 // the helper's
}

func (c *configuration) same(sp *spec.Spec) *spec.Spec {
	if sp == nil {
		return nil
	}
	for i := range c.specs {
		if c.specs[i].spec.SHA256 == sp.SHA256 {
			return c.specs[i].spec
		}
	}
	return sp
}

// explorer walks through every state that a configuration can come to, the
// nearest first, until there is no new one.
type explorer struct {
	t      *testing.T
	c      *configuration
	known  map[[16]byte]int32
	came   []origin
	course [2][]int32 // where each state comes to if nobody does anything, in two ways
	good   []bool     // settled
	moves  int
	depth  int
	first  *paper
}

// origin is how a state was first come upon.
type origin struct {
	from int32
	by   move
}

func explore(t *testing.T, c *configuration) {
	began := time.Now()
	debug.SetGCPercent(400)
	e := &explorer{t: t, c: c, known: map[[16]byte]int32{}}
	x := newPaper(c)
	key := x.settle()
	if x.err != nil {
		t.Fatal(x.err)
	}
	e.first = x.clone()
	level, ids := []*paper{x}, []int32{e.meet(x, key, origin{from: -1})}
	for ; len(level) > 0; e.depth++ {
		if len(e.came) > mostStates {
			t.Fatalf("the end is not in sight: depth %d, %d states, %d transitions, %.1f s", e.depth, len(e.came), e.moves, time.Since(began).Seconds())
		}
		level, ids = e.expand(level, ids)
	}
	e.liveness()
	t.Logf("%s: %d states, %d transitions, depth %d, %.1f s", c.name, len(e.came), e.moves, e.depth-1, time.Since(began).Seconds())
}

// meet notes that a new state was come upon.
func (e *explorer) meet(x *paper, key [16]byte, o origin) int32 {
	id := int32(len(e.came))
	e.known[key] = id
	e.came = append(e.came, o)
	e.good = append(e.good, x.settled() == "")
	e.course[0] = append(e.course[0], -1)
	e.course[1] = append(e.course[1], -1)
	return id
}

// expand makes every move from each state of a level, and returns the next level.
func (e *explorer) expand(level []*paper, ids []int32) (next []*paper, nextIDs []int32) {
	const chunk = 64
	for len(level) > 0 {
		n := min(chunk, len(level))
		done := make([]chan []outcome, n)
		for k := range workers {
			for at := k; at < n; at += workers {
				done[at] = make(chan []outcome, 1)
			}
			go func() {
				for at := k; at < n; at += workers {
					done[at] <- e.outcomes(level[at])
				}
			}()
		}
		for at := range n {
			for _, o := range <-done[at] {
				id, known := e.known[o.key]
				e.moves++
				if o.x.err != nil {
					e.t.Fatalf("%v\n%s", o.x.err, e.path(ids[at], o.by))
				}
				if !known {
					id = e.meet(o.x, o.key, origin{ids[at], o.by})
				}
				for k := range o.course {
					if o.course[k] {
						e.course[k][ids[at]] = id
					}
				}
				if known {
					continue
				}
				if id%16 == 0 && !o.x.ended {
					e.rebirth(o.x, id)
				}
				next, nextIDs = append(next, o.x), append(nextIDs, id)
			}
		}
		level, ids = level[n:], ids[n:]
	}
	return next, nextIDs
}

// mostStates is where an alphabet counts as too large: something in it grows
// without end, or it has to be split. None is cut short.
const mostStates = 40000

// workers make moves at the same time.
const workers = 2

// outcome is what comes of a move.
type outcome struct {
	by     move
	x      *paper
	key    [16]byte
	course [2]bool
}

func (e *explorer) outcomes(x *paper) (all []outcome) {
	moves := x.moves()
	course := [2]int{x.course(moves, termed), x.course(moves, killed)}
	for n, mv := range moves {
		o := outcome{by: mv, x: x.clone(), course: [2]bool{n == course[0], n == course[1]}}
		o.x.take(mv)
		o.key = o.x.settle()
		all = append(all, o)
	}
	return all
}

// settle makes the state canonical, and returns its key.
func (x *paper) settle() (key [16]byte) {
	if x.err == nil {
		x.err = x.canonize()
	}
	if x.err == nil {
		sum := sha256.Sum256(x.key(make([]byte, 0, 512)))
		key = [16]byte(sum[:16])
	}
	return key
}

// rebirth goes on with what the state gives away of itself, which has to be the
// same.
func (e *explorer) rebirth(x *paper, id int32) {
	x.reborn()
	if e.known[x.settle()] != id || x.err != nil {
		e.t.Fatalf("restored, it is another state (%v)\n%s", x.err, e.path(id, move{}))
	}
}

// course picks the move by which the world takes its course, if nobody does
// anything: those die who were harmed enough, what was ordered happens, and only
// then time passes. -1: nothing happens by itself.
func (x *paper) course(moves []move, enough death) int {
	best, at := 100, -1
	for n, mv := range moves {
		if r := x.rank(mv, enough); r < best {
			best, at = r, n
		}
	}
	return at
}

func (x *paper) rank(mv move, enough death) int {
	switch {
	case mv.kind == die && x.kids[mv.i].kind == kindStopCommand && enough == termed && mv.j == 0:
		return 1 // it has done its work
	case mv.kind == die && x.kids[mv.i].dying >= enough && x.c.manners[mv.j].leaves == leavesNothing:
		return 1
	case mv.kind == restDies && x.rests[mv.i].dying >= enough:
		return 2
	case mv.kind == strayDies && x.stray >= enough:
		return 2
	case mv.kind == answerStart:
		return 3
	case mv.kind == answerCensus && mv.j == 0:
		return 4
	case mv.kind == tellUs && x.c.tells[mv.j] == saysReady && !x.ready[mv.i]:
		return 4
	case mv.kind == examine1, mv.kind == replace:
		return 5
	case mv.kind == remain:
		return 6
	case mv.kind == allDue:
		return 7
	case mv.kind == lookAround && !x.m.looked:
		return 5
	case slices.Contains([]moveKind{comeDue, graceOver, startOverdue, censusOverdue, upgradeOverdue, drainDue, untangle1}, mv.kind):
		return 8
	}
	return 100
}

// liveness checks that wherever the colony is, it comes to agree with what is
// wanted when nobody does anything more.
func (e *explorer) liveness() {
	for k, course := range e.course {
		// 0 = not known, 1 = on the way, 2 = comes to rest
		mark := make([]byte, len(course))
		for id := range course {
			var way []int32
			at := int32(id)
			for at >= 0 && mark[at] == 0 && !e.good[at] {
				mark[at] = 1
				way = append(way, at)
				at = course[at]
			}
			if at < 0 || mark[at] == 1 {
				// The nearest such state comes first.
				e.t.Fatalf("it does not come to rest (course %d)\n%s\nand from there:\n%s", k, e.path(int32(id), move{}), e.follow(int32(id), course))
			}
			for _, w := range way {
				mark[w] = 2
			}
		}
	}
}

// way is how a state is come to, and what happens then.
func (e *explorer) way(id int32, last move) (way []origin) {
	if last.kind != noMove {
		way = append(way, origin{-1, last})
	}
	for ; id > 0; id = e.came[id].from {
		way = append(way, origin{id, e.came[id].by})
	}
	slices.Reverse(way)
	return way
}

// again makes a move of a way, and what expand did with the state it leads to.
func (x *paper) again(o origin) {
	x.take(o.by)
	x.settle()
	if o.from > 0 && o.from%16 == 0 && !x.ended {
		x.reborn()
		x.settle()
	}
}

// path says how a state is come to, and what happens then.
func (e *explorer) path(id int32, last move) string {
	x := e.first.clone()
	var b strings.Builder
	for n, o := range e.way(id, last) {
		fmt.Fprintf(&b, "%3d. %-60s -> ", n+1, x.name(o.by))
		x.again(o)
		b.WriteString(x.String() + "\n")
	}
	return b.String()
}

// follow says where a course leads, until it is in a circle or stuck.
func (e *explorer) follow(id int32, course []int32) string {
	var b strings.Builder
	been := map[int32]bool{}
	for ; id >= 0 && !been[id]; id = course[id] {
		been[id] = true
		all := strings.Split(strings.TrimSpace(e.path(id, move{})), "\n")
		x := e.at(id)
		fmt.Fprintf(&b, "  %s: %s\n", all[len(all)-1], x.settled())
		if len(been) > 20 {
			break
		}
	}
	return b.String()
}

// at makes a state anew.
func (e *explorer) at(id int32) *paper {
	x := e.first.clone()
	for _, o := range e.way(id, move{}) {
		x.again(o)
	}
	return x
}

// String is the state in a few words.
func (x *paper) String() string {
	var words []string
	for _, name := range x.c.names {
		if s := x.m.services[name]; s != nil {
			words = append(words, name+" "+s.phase.String())
		}
	}
	if len(x.open) > 0 {
		words = append(words, fmt.Sprint(x.open))
	}
	if x.m.drain.on {
		words = append(words, "draining")
	}
	if x.ended {
		words = append(words, "ended")
	}
	return strings.Join(words, ", ")
}

// TestStateFields has whoever adds a field to the state think of the explorer.
func TestStateFields(t *testing.T) {
	for typ, want := range stateFields {
		if got := typ.NumField(); got != want {
			t.Errorf("%s has %d fields, and explore_state_test.go knows of %d: see there whether clone, canonize and key need the new one", typ, got, want)
		}
	}
}
