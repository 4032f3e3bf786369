package logs

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// writeAgain is how often what could not be written is tried again, and
	// patience how long bytes then wait in the pipe before they are dropped.
	writeAgain = 50 * time.Millisecond
	patience   = time.Second

	// relieveAgain is when we look again whether a pipe is full that was relieved:
	// the kernel does not tell of bytes that a waiting service adds to others.
	relieveAgain = 2 * time.Millisecond
)

// failed takes in that a stream cannot be written.
func (m *mover) failed(src *source, now moment, err error) {
	s := src.stream
	if s.failing.err == nil {
		s.failing.since = now.mono
	}
	s.failing.err, s.failing.next = err, now.mono+writeAgain
	m.sore[s] = true
	m.shut(s)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		for other := range m.opened {
			m.shut(other)
		}
	}
	if m.news.Is("write", s.dir, err) {
		m.log.Warn("output not kept; it is tried again", "service", s.name, "err", err)
	}
	m.relieve(src, now)
}

func (m *mover) recovered(s *stream) {
	s.failing.err = nil
	m.news.Forget(s.dir, "write")
	m.log.Info("output is kept again", "service", s.name)
}

// relieve drops the older half of what waits in a full pipe of a stream that
// could not be written for longer than patience, so that the service goes on.
func (m *mover) relieve(src *source, now moment) {
	s := src.stream
	if now.mono-s.failing.since < patience {
		return
	}
	size, err := unix.FcntlInt(uintptr(src.fd), unix.F_GETPIPE_SZ, 0)
	if err != nil || waiting(src.fd) <= size/2 {
		return
	}
	next, err := m.scratch.peek(src.fd)
	if err != nil {
		return
	}
	n := min(len(next), size/2)
	for i := n; i < len(next); i++ { // to the end of a line, if there is one
		if next[i-1] == '\n' {
			n = i
			break
		}
	}
	s.torn = true
	m.relieved = true
	m.drop(s, src.fd, next[:n], cause(s.failing.err), now)
}

// cause is the last part of what went wrong.
func cause(err error) string {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno.Error()
	}
	return "cannot write"
}

// tendSore looks at the streams that have something left to be done later.
func (m *mover) tendSore(now moment) {
	for s := range m.sore {
		if s.failing.err != nil {
			switch {
			case s.source == nil: // nobody writes any more; the scan looks at it
			case now.mono >= s.failing.next:
				m.enqueue(s.source)
			default:
				m.relieve(s.source, now)
			}
			continue
		}
		if s.lost.bytes == 0 {
			delete(m.sore, s)
			continue
		}
		// Nothing has come since that would have the loss told.
		if now.mono-s.asked < tellEvery {
			continue
		}
		m.opened[s] = true
		if s.ready(now) == nil && (s.torn || s.atStart()) && s.tellLost(now) == nil {
			m.hub.grew(s)
		}
	}
}
