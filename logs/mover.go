package logs

import (
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// quantum is how many bytes of one stream are moved before the next has its
	// turn.
	quantum = 1 << 20

	// house is the longest time between two looks at what is not told by events.
	house = time.Second

	// idle is when the files of a stream are closed; the pipe stays open.
	idle = 5 * time.Second

	// mostOpened is how many streams have their files open between two turns.
	mostOpened = 512

	// gather is how long small writes are let come together. At the pace at which
	// that costs time the pipe is not full by then.
	gather      = time.Millisecond
	gatherBelow = 4 << 10

	// A pipe that was found full so many times in a row is made larger, and
	// what comes is gathered longer: to write little at a time is what costs.
	fullTimes  = 8
	smallPipe  = 64 << 10
	largePipe  = 1 << 20
	gatherMore = 256 << 10
	mostLarge  = 32 // pipes
)

// source is one pipe that is open.
type source struct {
	fd     int
	ino    uint64
	dev    uint64
	stream *stream
	queued bool
	gone   bool // no name leads to it any more: it is closed at its end
	full   int  // how many times in a row
	large  bool
}

// mover moves bytes from pipes to files. One goroutine runs it, and alone touches
// what it has.
type mover struct {
	places  spec.Places
	log     *slog.Logger
	start   time.Time
	poll    int // epoll
	notes   int // inotify; -1 = none
	nudges  int // eventfd
	scratch *scratch
	news    helper.News

	streams map[string]*stream // by directory
	sources map[int]*source
	queue   []*source        // with bytes in them
	sore    map[*stream]bool // with something to be done later
	opened  map[*stream]bool // with their files open
	scanAt  time.Duration
	houseAt time.Duration
	moved   int // in this round
	gather  int // fewer are too few
	large   int // pipes

	relieved bool // a full pipe was made less full

	policies atomic.Pointer[policies] // as the specs have it; set by others
	applied  *policies
	hub      *hub
}

// policies are those of all services by name.
type policies map[string]*policy

func newMover(p spec.Places, log *slog.Logger, h *hub) (*mover, error) {
	m := &mover{
		places: p, log: log, hub: h, start: time.Now(), notes: -1,
		streams: map[string]*stream{}, sources: map[int]*source{}, sore: map[*stream]bool{}, opened: map[*stream]bool{},
	}
	var err error
	if m.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if m.scratch, err = newScratch(); err != nil {
		unix.Close(m.poll)
		return nil, err
	}
	m.nudges, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(m.poll, unix.EPOLL_CTL_ADD, m.nudges, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(m.nudges)})
	}
	if err != nil {
		return nil, err
	}
	// Without it what is new is found by the next scan.
	if m.notes, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
		err = unix.EpollCtl(m.poll, unix.EPOLL_CTL_ADD, m.notes, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(m.notes)})
	}
	if err != nil {
		log.Warn("directories not watched", "err", err)
	}
	return m, nil
}

func (m *mover) close() {
	for _, s := range m.streams {
		s.shut()
	}
	for fd := range m.sources {
		unix.Close(fd)
	}
	m.scratch.close()
	unix.Close(m.notes)
	unix.Close(m.nudges)
	unix.Close(m.poll)
}

// nudge has the mover look up; anybody may.
func (m *mover) nudge() {
	unix.Write(m.nudges, []byte{0, 0, 0, 0, 0, 0, 0, 1}) // once is as good as often
}

func (m *mover) now() moment {
	t := time.Now()
	return moment{t.UnixNano(), t.Sub(m.start)}
}

// turn does what there is to do, after waiting for it for up to a second.
func (m *mover) turn() {
	now := m.now()
	m.govern()
	if now.mono >= m.scanAt {
		m.scan(now)
	}
	wait := min(m.scanAt-now.mono, house)
	switch {
	case len(m.queue) > 0:
		wait = 0
	case m.relieved:
		wait = relieveAgain
	case len(m.sore) > 0:
		wait = min(wait, writeAgain)
	}
	m.relieved = false
	m.await(wait)
	now = m.now()
	round := m.queue
	m.queue = m.queue[len(m.queue):]
	m.moved, m.gather = 0, 0
	for i, src := range round {
		round[i] = nil
		if src.fd < 0 {
			continue
		}
		src.queued = false
		if m.drain(src, now) {
			m.enqueue(src)
		}
	}
	if len(m.queue) == 0 {
		m.queue = nil // the memory of a burst is not kept
	}
	if len(m.sore) > 0 {
		m.tendSore(now)
	}
	if now.mono >= m.houseAt {
		m.houseAt = now.mono + house
		m.keepHouse(now)
	}
	if m.moved > 0 && m.moved < m.gather && len(m.queue) == 0 {
		time.Sleep(gather)
	}
}

// await takes in what the kernel has to tell.
func (m *mover) await(wait time.Duration) {
	var events [64]unix.EpollEvent
	ms := int(wait / time.Millisecond)
	if wait > 0 && ms == 0 {
		ms = 1
	}
	n, err := unix.EpollWait(m.poll, events[:], ms)
	if err != nil && err != unix.EINTR && m.news.Is("epoll", "", err) {
		m.log.Error("pipes not awaited", "err", err)
	}
	for i := range max(n, 0) {
		fd := int(events[i].Fd)
		if fd == m.notes {
			m.hear()
		} else if fd == m.nudges {
			var b [8]byte
			unix.Read(fd, b[:])
		} else if src := m.sources[fd]; src != nil {
			m.enqueue(src)
		}
	}
}

func (m *mover) enqueue(src *source) {
	if !src.queued {
		src.queued = true
		m.queue = append(m.queue, src)
	}
}

// drain moves bytes of one pipe, and reports whether there may be more at once.
func (m *mover) drain(src *source, now moment) (more bool) {
	s := src.stream
	if s.failing.err != nil && now.mono < s.failing.next {
		m.relieve(src, now)
		return false
	}
	if s.log < 0 && waiting(src.fd) == 0 {
		return false // no file is made for nothing
	}
	err := s.ready(now)
	m.opened[s] = true
	budget := quantum
	for err == nil && budget > 0 {
		var n int
		n, more, err = m.step(src, now)
		budget -= n
		m.moved += n
		if err != nil || !more {
			break
		}
	}
	s.used = now.mono
	if err != nil {
		m.failed(src, now, err)
		return false
	}
	if s.failing.err != nil {
		m.recovered(s)
	}
	if budget < quantum {
		m.hub.grew(s)
		m.size(src, quantum-budget)
	}
	if !more && len(m.opened) > mostOpened {
		m.shut(s)
	}
	return more
}

// size has a pipe be large while much comes through it.
func (m *mover) size(src *source, moved int) {
	m.gather += gatherBelow
	if moved < smallPipe {
		src.full = 0
	} else if src.full++; src.full >= fullTimes && !src.large && m.large < mostLarge {
		src.full = 0
		if _, err := unix.FcntlInt(uintptr(src.fd), unix.F_SETPIPE_SZ, largePipe); err == nil {
			src.large = true
			m.large++
		}
	}
	if src.large {
		m.gather += gatherMore
	}
}

// shrink undoes it; what is in the pipe may forbid that.
func (m *mover) shrink(src *source) {
	if src == nil || !src.large {
		return
	}
	if _, err := unix.FcntlInt(uintptr(src.fd), unix.F_SETPIPE_SZ, smallPipe); err == nil {
		src.large, src.full = false, 0
		m.large--
	}
}

// keepHouse closes what has not been used for a while.
func (m *mover) keepHouse(now moment) {
	for s := range m.opened {
		if now.mono-s.used >= idle {
			m.shrink(s.source)
			m.shut(s)
		}
	}
}

func (m *mover) shut(s *stream) {
	s.shut()
	delete(m.opened, s)
}

// streamDirs are the directories in which a service may have a pipe.
func streamDirs(logDir, name string) [2]string {
	out := filepath.Join(logDir, name)
	return [2]string{out, filepath.Join(out, stderrName)}
}

// finish moves what is in the pipes, for the last time, within a bound: a service
// may write for ever.
func (m *mover) finish() {
	now := m.now()
	m.govern()
	m.scan(now)
	for _, src := range m.sources {
		m.enqueue(src)
	}
	for end := now.mono + time.Second; len(m.queue) > 0 && m.now().mono < end; {
		round := m.queue
		m.queue = nil
		for _, src := range round {
			src.queued = false
			if src.fd >= 0 && m.drain(src, m.now()) {
				m.enqueue(src)
			}
		}
	}
}
