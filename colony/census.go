package colony

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// orphanage lists the processes that were given to us because their parents
// died. The kernel adds those to the children of our first thread, while our
// own children stay with the thread that forked them, which is never the first:
// one short read tells whether anything is left of anybody.
type orphanage struct {
	fd  int // /proc/self/task/PID/children of the first thread; -1 where there is no such file
	buf []byte
}

func openOrphanage() *orphanage {
	if checkProc() != nil {
		return &orphanage{fd: -1}
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	return &orphanage{fd, make([]byte, 4096)}
}

// holds reports whether one of the orphans is not known, or cannot be known. It
// reads no further than the first such one, because in a storm there are many.
func (o *orphanage) holds(known func(int) bool) bool {
	if o.fd < 0 {
		return true
	}
	at := 0
	for {
		n, err := unix.Pread(o.fd, o.buf, int64(at))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return true
		}
		if n == 0 {
			return false
		}
		// The kernel ends each number with a blank and, as far as is known, each
		// answer with a whole number.
		end := bytes.LastIndexByte(o.buf[:n], ' ') + 1
		if end == 0 {
			return true
		}
		for _, pid := range parsePIDs(o.buf[:end]) {
			if !known(pid) {
				return true
			}
		}
		at += end
	}
}

func parsePIDs(b []byte) (pids []int) {
	for _, f := range bytes.Fields(b) {
		if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// censor counts what is left of lives, each time in a goroutine of its own:
// reading the environment of a process can block while that process is in
// trouble.
type censor struct {
	procs  procs
	colony string             // our id, the first part of every token
	group  func(lifeID) []int // the processes in the control group of a life
	blind  bool               // /proc is not to be believed
	out    outbox
}

func newCensor(ps procs, colony string, group func(lifeID) []int, out outbox) *censor {
	return &censor{ps, colony, group, ps.check() != nil, out}
}

func (c *censor) census(q census) { go func() { c.out.send(c.answer(q)) }() }

// answer counts, again and again while too little can be read to believe it. A
// panic is an answer too: one that is not believed.
func (c *censor) answer(q census) (ev event) {
	defer func() {
		if p := recover(); p != nil {
			ev = recovered{fmt.Sprintf("%v in a census", p), string(debug.Stack()), nil}
		}
	}()
	for {
		ev, err := c.count(q)
		if err == nil {
			return ev
		}
		select {
		case <-time.After(censusAgain):
		case <-c.out.quit:
			return ev
		}
	}
}

// censusAgain is the time between counts while we are out of descriptors.
const censusAgain = 100 * time.Millisecond

// count finds the lives that the processes below us belong to: by control group,
// by session or group of the main process, by token, else by their parent's. The error says
// that something may have been missed: what cannot be looked at is not gone.
func (c *censor) count(q census) (counted, error) {
	ev := counted{number: q.number, left: map[lifeID][]process{}}
	byLeader := map[int]lifeID{}
	byToken := map[string]lifeID{}
	members := map[int]lifeID{}
	for _, l := range q.lives {
		ev.left[l.life] = nil
		if l.group {
			for _, pid := range c.group(l.life) {
				members[pid] = l.life
			}
		}
		if l.main != 0 {
			byLeader[l.main] = l.life
		}
		byToken[token(c.colony, l.life)] = l.life
	}
	if c.blind {
		return ev, nil
	}
	var missed shortage
	known := map[int]bool{}
	for _, pid := range q.known {
		known[pid] = true
	}
	var walk func(pids []int, of lifeID)
	walk = func(pids []int, of lifeID) {
		for _, pid := range pids {
			if known[pid] {
				continue
			}
			known[pid] = true
			st, err := c.procs.stat(pid)
			if missed.note(err); err != nil {
				continue
			}
			id := of
			if l, ok := members[pid]; ok {
				id = l
			} else if l, ok := byLeader[st.session]; ok {
				id = l
			} else if l, ok := byLeader[st.group]; ok {
				id = l
			} else if t, err := readToken(c.procs, pid); strings.HasPrefix(t, c.colony+":") {
				id = byToken[t] // the zero id: of a life nobody asked about
			} else {
				missed.note(err)
			}
			switch {
			case st.state == 'Z' || st.state == 'X':
			case id == lifeID{}:
				ev.unattributed++
			default:
				_, inGroup := byLeader[st.group]
				ev.left[id] = append(ev.left[id], process{processID{pid, st.start}, st.command, inGroup})
			}
			children, err := c.procs.children(pid)
			missed.note(err)
			walk(children, id)
		}
	}
	children, err := c.procs.children(c.procs.self())
	missed.note(err)
	walk(children, lifeID{})
	c.countStrangers(q, members, known, &ev, &missed)
	return ev, missed.first
}

// shortage is the first error that is about us, and not about what we look at.
type shortage struct{ first error }

func (s *shortage) note(err error) {
	if scarce(err) && s.first == nil {
		s.first = err
	}
}

// countStrangers finds what is left of lives that an earlier supervisor has
// begun: it is not below us. A number that another process has by now says
// nothing.
func (c *censor) countStrangers(q census, members map[int]lifeID, known map[int]bool, ev *counted, missed *shortage) {
	byLeader := map[int]lifeID{}
	byToken := map[string]lifeID{}
	for _, l := range q.lives {
		if l.start == 0 && l.main != 0 {
			continue
		}
		byToken[token(c.colony, l.life)] = l.life
		if l.main == 0 {
			continue
		}
		st, err := c.procs.stat(l.main)
		if missed.note(err); err != nil || st.start == l.start {
			byLeader[l.main] = l.life
		}
	}
	if len(byToken) == 0 {
		return
	}
	all, err := c.procs.all()
	missed.note(err)
	for _, pid := range all {
		if known[pid] {
			continue // most of them, after an adoption
		}
		st, err := c.procs.stat(pid)
		if missed.note(err); err != nil || st.state == 'Z' || st.state == 'X' {
			continue
		}
		id, ok := members[pid]
		if !ok {
			id, ok = byLeader[st.session]
		}
		if !ok {
			t, err := readToken(c.procs, pid)
			missed.note(err)
			id, ok = byToken[t]
		}
		if ok {
			ev.left[id] = append(ev.left[id], process{processID{pid, st.start}, st.command, st.group == st.session})
		}
	}
}

// tokenKey is the variable by which a process is told to be of a life, wherever
// it has gone.
const tokenKey = "NCOLONY_TOKEN="

// stopKey is the variable by which a stop command is told whom to stop. Only
// such a command, and what it starts, has it.
const stopKey = "NCOLONY_PID="

func token(colony string, l lifeID) string {
	return colony + ":" + l.name + ":" + strconv.FormatUint(l.generation, 10)
}

// readToken returns the token in a process's environment, "" where there is
// none or we may not look.
func readToken(ps procs, pid int) (string, error) {
	b, err := ps.variable(pid, tokenKey)
	return string(b), err
}
