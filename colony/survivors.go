package colony

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// estate is what an earlier supervisor of this colony, which was killed, has
// left in this epoch.
type estate struct {
	lives []heir       // the last one of each service
	lost  []ledgerLine // earlier ones, whose end nobody has seen
	fds   map[int]int  // pidfds of the main processes that live, by pid
}

// heir is a life that an earlier supervisor has begun, and not seen to its end.
type heir struct {
	line ledgerLine
	dead bool          // its main process is gone
	last bool          // it is dead, and whoever is its parent has not taken that in
	exit *spec.Exit    // how it ended, if that was seen
	age  time.Duration // of a main process that lives
	spec []byte        // it was started with; nil = that is not known
}

// survey finds out what is left of earlier lives: by the lines of the ledger,
// and by the tokens of processes, for a supervisor may have been killed between
// a fork and its line.
func (h *house) survey(old past) estate {
	e := estate{fds: map[int]int{}}
	lines, err := readLedger(h.disk, h.places)
	if err != nil {
		h.trouble["children"] = err
	}
	last := map[string]int{} // name -> its place in e.lives
	add := func(v heir) {
		i, known := last[v.line.Name]
		switch {
		case !known:
			last[v.line.Name] = len(e.lives)
			e.lives = append(e.lives, v)
		case e.lives[i].line.Generation < v.line.Generation:
			e.lost = append(e.lost, e.lives[i].line)
			e.lives[i] = v
		}
	}
	texts := map[string][]byte{}
	for _, l := range lines {
		if l.Epoch == h.epoch && l.id().real() && l.PID > 1 { // in another epoch its pid means something else
			add(h.heir(l, e.fds, texts))
		}
	}
	if h.newborn || h.procs.check() != nil { // to look at all processes takes a millisecond for a hundred
		return e
	}
	said := map[string]spec.Status{}
	for _, st := range old.statuses {
		said[st.Name] = st
	}
	for _, b := range bearers(h.procs, h.id, e.fds) {
		i, known := last[b.life.name]
		st := said[b.life.name]
		line := ledgerLine{Version: ledgerVersion, Name: b.life.name, Generation: b.life.generation, PID: b.pid, Start: b.start, Epoch: h.epoch}
		if st.Name == "" && len(old.colony.Degraded) == 0 { // else its status may not have been written
			st.Generation = old.generations // of services that were removed
		}
		noted := uint64(0)
		if known {
			noted = e.lives[i].line.Generation
		}
		published := st.Generation == b.life.generation // its life
		switch {
		case noted == b.life.generation:
			// Of that life.
		case known && !e.lives[i].dead && !e.lives[i].last && noted < b.life.generation:
			// A lie: while a life lasts there is no later one.
		case max(noted, st.Generation) > b.life.generation, published && hasEnded(st.State):
			// Of a life that is over, and left alone by policy.
			if b.stop { // but for a stop command that has come too late
				h.procs.kill(b.processID, sigKILL)
			}
		case b.leader && !(published && st.State == spec.Stopping):
			add(h.heir(line, e.fds, texts)) // begun in the instant before its line was written
		default:
			line.PID, line.Start = b.session, noStart // it has outlived its main process
			v := heir{line: line, dead: true, spec: h.believed(b.pid, "")}
			if published {
				v.exit = st.LastExit
			}
			add(v)
		}
	}
	return e
}

// hasEnded reports whether a state is that of a service without a life.
func hasEnded(s spec.State) bool {
	return s != spec.Starting && s != spec.Running && s != spec.Stopping
}

// noStart is the start time of no process.
const noStart = 1

// heir looks at one life. The pidfd comes before the look: what it shows then is
// what it will always mean. texts are the specs that were read already, by their
// digests: many a life has the same.
func (h *house) heir(l ledgerLine, fds map[int]int, texts map[string][]byte) heir {
	v := heir{line: l, dead: true}
	fd, err := h.procs.pin(l.PID)
	st, serr := h.procs.stat(l.PID)
	switch lives := serr == nil && st.start == l.Start; {
	case err == nil && lives:
		v.dead, fds[l.PID] = false, fd
		v.last = st.state == 'Z'
	case err == nil:
		h.procs.unpin(fd)
	case lives: // a kernel without pidfds: it cannot be kept apart from strangers
		h.procs.kill(processID{l.PID, l.Start}, sigKILL)
	}
	if v.spec = texts[l.Spec]; v.spec != nil {
		return v
	}
	b, err := h.disk.read(filepath.Join(h.places.LivesDir(), l.Name+".json"))
	if err == nil && digest(b) == l.Spec {
		v.spec, texts[l.Spec] = b, b
	} else if !v.dead {
		v.spec = h.believed(l.PID, l.Spec)
	}
	return v
}

// believed returns the spec that a process was started with, from its
// environment; nil if it has none, or we may not look, or it may not be true.
// What a process has there it can have written itself: it must be what the
// ledger has the digest of, or be no more than the process can do anyway,
// because it runs as whom the spec would have it run as.
func (h *house) believed(pid int, want string) []byte {
	b, _ := h.procs.variable(pid, "NCOLONY_CONFIG=")
	if want != "" || b == nil {
		if digest(b) != want {
			return nil
		}
		return b
	}
	sp, err := spec.Parse(b)
	if err != nil {
		return nil
	}
	owner, err1 := h.procs.owner(pid)
	id, err2 := launch.System().Identify(sp)
	as := os.Getuid()
	if id.Set {
		as = int(id.UID)
	}
	if err1 != nil || err2 != nil || owner != as {
		return nil
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// bearer is a process that carries a token of ours.
type bearer struct {
	processID
	life    lifeID
	session int
	stop    bool // it is a stop command
	leader  bool // it can be the main process of its life
}

// bearers lists the processes that carry a token of the colony, the latest lives
// first, but for those that are known, us, and those we come from.
func bearers(ps procs, colony string, known map[int]int) (all []bearer) {
	ours := map[int]bool{}
	for pid := range known {
		ours[pid] = true
	}
	for pid := ps.self(); pid > 0; {
		ours[pid] = true
		st, err := ps.stat(pid)
		if err != nil {
			break
		}
		pid = st.parent
	}
	pids, _ := ps.all()
	for _, pid := range pids {
		if ours[pid] {
			continue
		}
		ps.await(pid)
		text, _ := readToken(ps, pid)
		life, ok := parseToken(colony, text)
		if !ok {
			continue
		}
		st, err := ps.stat(pid)
		if err == nil && st.state != 'Z' {
			stop, _ := ps.variable(pid, stopKey)
			above, _ := readToken(ps, st.parent)
			leader := st.session == pid && stop == nil && above == ""
			all = append(all, bearer{processID{pid, st.start}, life, st.session, stop != nil, leader})
		}
	}
	slices.SortStableFunc(all, func(a, b bearer) int { return cmp.Compare(b.life.generation, a.life.generation) })
	return all
}

// parseToken reads a token of the colony. Anybody can have made it up.
func parseToken(colony, text string) (lifeID, bool) {
	rest, ours := strings.CutPrefix(text, colony+":")
	name, number, _ := strings.Cut(rest, ":")
	generation, err := strconv.ParseUint(number, 10, 64)
	id := lifeID{name, generation}
	return id, ours && err == nil && id.real()
}

// real reports whether there can be a life of that name.
func (l lifeID) real() bool {
	return nameOfService(l.name, strings.HasPrefix(l.name, "@")) && l.generation > 0 && l.generation <= maxGeneration
}

// maxGeneration is far above what counting comes to, and far from where it
// would begin anew.
const maxGeneration = 1 << 62

// aged is an estate with the ages of those that live as they are now: to find out
// what is left may have taken a while.
func (e estate) aged(ps procs) estate {
	for i, v := range e.lives {
		if !v.dead {
			e.lives[i].age = ps.age(v.line.Start)
		}
	}
	return e
}

// inheritAll takes on what an earlier supervisor has left. A life whose spec is
// not known cannot be judged: it ends, and its service begins anew.
func (m *model) inheritAll(now moment, e estate, log *slog.Logger) {
	m.now = now
	e.lives = slices.DeleteFunc(e.lives, func(v heir) bool {
		st := m.past[v.line.Name]
		over := v.dead && st.State != "" && st.Generation > v.line.Generation // a later one was ordered: nothing is left
		if over {
			e.lost = append(e.lost, v.line)
		}
		return over
	})
	for _, l := range e.lost {
		m.record(spec.Event{Type: spec.EventExited, Name: l.Name, Generation: l.Generation, PID: l.PID,
			Exit: &spec.Exit{Unknown: true, At: now.wall}, Reason: unseen})
		m.emit(ended{lifeID{l.Name, l.Generation}, l.PID})
	}
	known := specs{}
	for _, v := range e.lives {
		text := string(v.spec)
		sp, err := m.restoreSpec(&savedService{Name: v.line.Name, Helper: v.line.Name[0] == '@'}, &text, known)
		if len(v.spec) == 0 {
			err = errors.New("no trustworthy copy is left")
		}
		if err != nil {
			log.Warn("the spec of what an earlier supervisor has started is not known", "service", v.line.Name, "err", err)
			sp = &spec.Spec{}
		}
		m.inherit(v, sp)
	}
	// Nobody has looked at them yet. Absent they are not: whoever requires one of
	// them goes on.
	for _, s := range m.services {
		s.standing = coming
	}
	for _, f := range m.families {
		m.sum(f)
	}
}
