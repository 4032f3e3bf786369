package colony

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
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
	exit *spec.Exit    // how it ended, if that was seen
	age  time.Duration // of a main process that lives
	spec []byte        // it was started with; nil = that is not known
}

// survey finds out what is left of earlier lives: by the lines of the ledger,
// and by the tokens of processes, for a supervisor may have been killed between
// a fork and its line.
func (h *house) survey(old past) estate {
	e := estate{fds: map[int]int{}}
	lines, err := readLedger(h.places)
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
	for _, l := range lines {
		if l.Epoch == h.epoch { // else its pid means something else now
			add(h.heir(l, e.fds))
		}
	}
	if checkProc() != nil {
		return e
	}
	said := map[string]spec.Status{}
	for _, st := range old.statuses {
		said[st.Name] = st
	}
	for _, b := range bearers(h.id, e.fds) {
		i, known := last[b.life.name]
		st := said[b.life.name]
		line := ledgerLine{Version: ledgerVersion, Name: b.life.name, Generation: b.life.generation, PID: b.pid, Start: b.start, Epoch: h.epoch}
		switch {
		case known && e.lives[i].line.Generation >= b.life.generation:
			// Of that life; or of one that is over, and left alone by policy.
		case b.leader:
			add(h.heir(line, e.fds)) // begun in the instant before its line was written
		case st.Generation < b.life.generation, st.Generation == b.life.generation && st.State == spec.Stopping:
			line.PID, line.Start = b.session, noStart // it has outlived its main process
			v := heir{line: line, dead: true, spec: readConfig(b.pid)}
			if st.Generation == b.life.generation {
				v.exit = st.LastExit
			}
			add(v)
		}
	}
	return e
}

// noStart is the start time of no process.
const noStart = 1

// heir looks at one life. The pidfd comes before the look: what it shows then is
// what it will always mean.
func (h *house) heir(l ledgerLine, fds map[int]int) heir {
	v := heir{line: l, dead: true}
	fd, err := unix.PidfdOpen(l.PID, 0)
	st, serr := readStat(l.PID)
	switch lives := serr == nil && st.start == l.Start; {
	case err == nil && lives:
		v.dead, fds[l.PID] = false, fd
		v.age = age(st.start)
	case err == nil:
		unix.Close(fd)
	case lives: // a kernel without pidfds: it cannot be kept apart from strangers
		signalOne(processID{l.PID, l.Start}, sigKILL)
	}
	b, err := os.ReadFile(filepath.Join(h.places.LivesDir(), l.Name+".json"))
	if sum := sha256.Sum256(b); err == nil && hex.EncodeToString(sum[:]) == l.Spec {
		v.spec = b
	} else if !v.dead {
		v.spec = readConfig(l.PID)
	}
	return v
}

// ticks is the unit of a process's start time, USER_HZ: 100 a second wherever Go
// runs on Linux.
const ticks = time.Second / 100

// age is how long ago a process was started.
func age(start uint64) time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return max(0, time.Duration(ts.Nano())-time.Duration(start)*ticks)
}

// bearer is a process that carries a token of ours.
type bearer struct {
	processID
	life    lifeID
	session int
	leader  bool // of its session, as the main process of a life is
}

// bearers lists the processes that carry a token of the colony, but for those
// that are known, us, and those we come from.
func bearers(colony string, known map[int]int) (all []bearer) {
	ours := map[int]bool{}
	for pid := range known {
		ours[pid] = true
	}
	for pid := os.Getpid(); pid > 0; {
		ours[pid] = true
		st, err := readStat(pid)
		if err != nil {
			break
		}
		pid = st.parent
	}
	pids, _ := allPIDs()
	for _, pid := range pids {
		if ours[pid] {
			continue
		}
		token, _ := readToken(pid)
		rest, ok := strings.CutPrefix(token, colony+":")
		name, number, ok2 := strings.Cut(rest, ":")
		generation, err := strconv.ParseUint(number, 10, 64)
		if !ok || !ok2 || err != nil {
			continue
		}
		st, err := readStat(pid)
		if err == nil && st.state != 'Z' {
			all = append(all, bearer{processID{pid, st.start}, lifeID{name, generation}, st.session, st.session == pid})
		}
	}
	return all
}

// readConfig returns the spec that a process was started with, from its
// environment; nil if it has none or we may not look.
func readConfig(pid int) []byte {
	b, _ := readVariable(pid, "NCOLONY_CONFIG=")
	return b
}

// inheritAll takes on what an earlier supervisor has left. A life whose spec is
// not known cannot be judged: it ends, and its service begins anew.
func (m *model) inheritAll(now moment, e estate, log *slog.Logger) {
	m.now = now
	for _, l := range e.lost {
		m.record(spec.Event{Type: spec.EventExited, Name: l.Name, Generation: l.Generation, PID: l.PID,
			Exit: &spec.Exit{Unknown: true, At: now.wall}, Reason: unseen})
		m.emit(ended{lifeID{l.Name, l.Generation}, l.PID})
	}
	for _, v := range e.lives {
		text := string(v.spec)
		sp, err := m.restoreSpec(&savedService{Name: v.line.Name, Helper: v.line.Name[0] == '@'}, &text)
		if err != nil {
			log.Warn("the spec of what an earlier supervisor has started is not known", "service", v.line.Name, "err", err)
			sp = &spec.Spec{}
		}
		m.inherit(v, sp)
	}
}
