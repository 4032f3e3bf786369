package logs

import (
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// scanEvery is the shortest time between two looks at all directories, but
	// for news; a look takes little of our time.
	scanEvery = time.Second
	scanShare = 250

	// scanSoon is how long news are let come together.
	scanSoon = 5 * time.Millisecond
)

// hear takes in that directories have changed. What has, the scan will find.
func (m *mover) hear() {
	var buf [4096]byte
	for {
		if n, err := unix.Read(m.notes, buf[:]); err != unix.EINTR && n <= 0 {
			break
		}
	}
	m.scanAt = min(m.scanAt, m.now().mono+scanSoon)
}

// scan brings streams and sources in line with the directories.
func (m *mover) scan(now moment) {
	dir := m.places.LogDir()
	m.watch(dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE|unix.IN_MOVED_FROM)
	names, err := readNames(dir)
	if m.news.Is("scan", "", err) {
		m.log.Warn("streams not looked for", "err", err)
	}
	seen := make(map[string]bool, len(m.streams))
	if err == nil {
		for _, name := range names {
			if strings.HasPrefix(name, tempBegin) {
				continue
			}
			for i, dir := range streamDirs(m.places.LogDir(), name) {
				if m.look(dir, name, i == 1) {
					seen[dir] = true
				}
			}
		}
		for dir, s := range m.streams {
			if !seen[dir] {
				m.unlist(s)
			}
		}
	}
	for _, src := range m.sources {
		switch {
		case !src.gone:
		case waiting(src.fd) > 0:
			m.enqueue(src)
		case ended(src.fd):
			m.closeSource(src)
		}
	}
	for dir, s := range m.streams {
		if s.pipes == 0 {
			m.shut(s)
			delete(m.streams, dir)
			delete(m.sore, s)
			m.news.Forget(dir, "pipe", "write", "drop")
		}
	}
	took := m.now().mono - now.mono
	m.scanAt = now.mono + max(scanEvery, scanShare*took)
}

// govern takes in what the specs say now.
func (m *mover) govern() {
	known := m.policies.Load()
	if known == nil || known == m.applied {
		return
	}
	m.applied = known
	for _, s := range m.streams {
		s.policy = m.policyOf(s)
	}
}

// look opens the pipe in dir, if there is one that is not open yet, and reports
// whether there is one.
func (m *mover) look(dir, name string, stderr bool) bool {
	path := dir + "/" + spec.Pipe
	s := m.streams[dir]
	var st unix.Stat_t
	err := again(func() error { return unix.Lstat(path, &st) })
	if err != nil && s == nil && !stderr {
		// Somebody may be about to make it.
		m.watch(dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONESHOT)
		err = again(func() error { return unix.Lstat(path, &st) })
	}
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return false
	}
	if s != nil && s.source != nil {
		if s.source.ino == st.Ino && s.source.dev == uint64(st.Dev) {
			return true
		}
		m.unlist(s)
	}
	fd, st, err := openPipe(path)
	if m.news.Is("pipe", dir, err) {
		m.log.Error("output not read", "service", name, "pipe", path, "err", err)
	}
	if err != nil {
		return true
	}
	src := &source{fd: fd, ino: st.Ino, dev: uint64(st.Dev)}
	event := &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
	if err := unix.EpollCtl(m.poll, unix.EPOLL_CTL_ADD, fd, event); err != nil {
		unix.Close(fd)
		if m.news.Is("pipe", dir, err) {
			m.log.Error("output not awaited", "service", name, "pipe", path, "err", err)
		}
		return true
	}
	if s == nil {
		s = newStream(dir, name, stderr)
		s.policy = m.policyOf(s)
		m.streams[dir] = s
		m.hub.grew(s) // before our start
	}
	src.stream, s.source = s, src
	s.pipes++
	m.sources[fd] = src
	m.enqueue(src)
	return true
}

// unlist takes in that no name leads to the pipe of a stream any more. What is in
// it is read to its end.
func (m *mover) unlist(s *stream) {
	if s.source != nil {
		s.source.gone = true
		m.enqueue(s.source)
		s.source = nil
	}
}

func (m *mover) closeSource(src *source) {
	delete(m.sources, src.fd)
	if src.large {
		m.large--
	}
	unix.Close(src.fd)
	src.fd = -1
	src.stream.pipes--
}

// ended reports whether nobody has the writing end of a pipe.
func ended(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n == 1 && polled[0].Revents&unix.POLLHUP != 0
}

// watch has a directory tell of changes; a second time changes nothing.
func (m *mover) watch(dir string, what uint32) {
	if m.notes >= 0 {
		unix.InotifyAddWatch(m.notes, dir, what|unix.IN_ONLYDIR)
	}
}

// policyOf is what the spec of a stream's service says. One that is new is read
// here; the others, whoever scans the directory has read.
func (m *mover) policyOf(s *stream) *policy {
	if m.applied != nil {
		if p := (*m.applied)[service(s.name)]; p != nil {
			return p
		}
	}
	if s.source == nil && s.pipes == 0 {
		for _, file := range []string{service(s.name), service(s.name) + ".json"} {
			data, _, err := helper.ReadRegular(filepath.Join(m.places.Config, file), spec.MaxSpecSize)
			if err != nil {
				continue
			}
			if parsed, err := spec.Parse(data); err == nil && parsed.Log.Captured() {
				return policyOf(parsed.Log)
			}
		}
	}
	return s.policy // of a service that is gone: as it was
}
