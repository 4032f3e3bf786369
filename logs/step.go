package logs

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// step moves some bytes, the fast way if nothing has to be known about them.
func (m *mover) step(src *source, now moment) (n int, more bool, err error) {
	s := src.stream
	if s.unmarked(now) {
		if waiting(src.fd) == 0 {
			return 0, false, nil
		}
		s.mark(now)
	}
	if s.lost.bytes == 0 && s.policy.rate == 0 && !s.bucket.skipping && !s.plain {
		free := s.room() - lastStretch(s.policy.size)
		if free >= peekSize {
			n, err = s.keep(src.fd, int(min(free, quantum)))
		} else if w := waiting(src.fd); w == 0 {
			return 0, false, nil
		} else if int64(w) <= free {
			n, err = s.keep(src.fd, w)
		} else {
			return m.stepWith(src, now)
		}
		if errors.Is(err, unix.EINVAL) {
			s.plain, err = true, nil
			return n, true, err
		}
		return n, n > 0, err
	}
	return m.stepWith(src, now)
}

// stepWith moves bytes that have been looked at.
func (m *mover) stepWith(src *source, now moment) (n int, more bool, err error) {
	s := src.stream
	next, err := m.scratch.peek(src.fd)
	if err != nil || len(next) == 0 {
		return 0, false, err
	}
	inLine := !s.atStart() && !s.torn
	n, aside := len(next), false
	if s.size+int64(n) > s.policy.size-lastStretch(s.policy.size) || s.room() <= 0 {
		n, aside = fit(next, s.room(), s.size == 0, !inLine)
	}
	if n > 0 && (s.policy.rate > 0 || s.bucket.skipping) {
		rate := s.policy.rate
		if rate == 0 {
			rate = maxOffset
		}
		if !s.bucket.skipping {
			s.bucket.inLine = inLine
		}
		some, keep, cut := s.bucket.next(next[:n], now.wall, rate)
		if !keep {
			s.torn = s.torn || cut
			m.drop(s, src.fd, next[:some], rateWhy, now)
			return some, true, nil
		}
		aside = aside && some == n
		n = some
	}
	if n > 0 && s.lost.bytes > 0 && (s.torn || !inLine && now.mono-s.told >= tellEvery) {
		return 0, true, s.tellLost(now)
	}
	if n > 0 {
		if s.plain {
			n, err = s.copy(m.scratch, src.fd, next[:n])
		} else {
			n, err = s.keep(src.fd, n)
		}
	}
	if err == nil && aside {
		if err = s.begin(now); err == nil {
			m.hub.aside(s)
			s.mark(now)
		}
		return n, true, err
	}
	return n, n > 0, err
}

const (
	// rateWhy is why bytes are dropped that are too many.
	rateWhy = "rate"

	// tellEvery is the shortest time between two lines that say what was dropped.
	tellEvery = time.Second
)

// drop drops what the pipe begins with.
func (m *mover) drop(s *stream, fd int, next []byte, why string, now moment) {
	s.lost.add(bytes.Count(next, []byte{'\n'}), len(next), why)
	s.asked = now.mono
	m.sore[s] = true
	if err := m.scratch.discard(fd, len(next)); err != nil && m.news.Is("drop", s.dir, err) {
		m.log.Warn("bytes not dropped", "stream", s.dir, "err", err)
	}
}
