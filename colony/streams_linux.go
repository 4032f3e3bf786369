package colony

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// streams are the pipes that captured services write to. We hold each without
// ever reading it, so that what is in it waits for @log, should that be dead, and
// outlives its writer. Their descriptors are in a table of one thread alone: the
// kernel copies the table of the thread that forks, and thousands of them would
// make every start slow.
type streams struct {
	places spec.Places
	asks   chan holding
	out    outbox
	start  func(func())

	captures map[string]bool // services whose pipes are held; the loop's own
	first    []holding       // what is held before anybody asks
	carried  []int           // and until it is

	// The goroutine's own. Were it to panic, its thread and the table would be
	// gone; these are what it opens again.
	wanted map[string][]string // paths, by service
	fds    map[string]int      // by path
	leave  map[string]bool     // paths that are let go of when they are empty
}

// holding asks for the pipes of a service to be held, and for its others to be
// let go of.
type holding struct {
	name  string
	paths []string
	done  chan<- error
}

func newStreams(p spec.Places, out outbox, start func(func())) *streams {
	return &streams{places: p, asks: make(chan holding), captures: map[string]bool{}, out: out, start: start, wanted: map[string][]string{}, fds: map[string]int{}, leave: map[string]bool{}}
}

// pipesOf are the paths of the pipes of a service with that spec.
func (s *streams) pipesOf(name string, sp *spec.Spec) (paths []string) {
	for _, dir := range s.places.Streams(name, sp.Log) {
		paths = append(paths, filepath.Join(dir, spec.Pipe))
	}
	return paths
}

// hold has the pipes of a service held. Whoever asks waits, but not for long.
func (s *streams) hold(name string, paths []string) error {
	done := make(chan error, 1)
	select {
	case s.asks <- holding{name, paths, done}:
	case <-s.out.quit:
		return errors.New("the supervisor ends")
	}
	return <-done
}

// follow takes in, for the loop, what a service was started with, or that there
// is none any more.
func (s *streams) follow(name string, sp *spec.Spec) {
	switch captured := sp != nil && sp.Log.Captured(); {
	case captured:
		s.captures[name] = true
	case s.captures[name]:
		delete(s.captures, name)
		s.start(func() { s.hold(name, nil) })
	}
}

// run is the holder.
func (s *streams) run() {
	var timer <-chan time.Time
	private := len(s.fds)+len(s.first) > 0
	if private {
		s.withdraw()
		for _, h := range s.first {
			s.take(h) // what cannot be had, its writer still has
		}
		s.first = nil
		s.start(func() { closeAll(s.carried) }) // in the table of the others
	}
	for {
		select {
		case h := <-s.asks:
			if !private {
				s.withdraw()
				private = true
			}
			h.done <- s.take(h)
		case <-timer:
		case <-s.out.quit:
			return
		}
		timer = nil
		if s.letGo(); len(s.leave) > 0 {
			timer = time.After(emptyAgain)
		}
	}
}

// emptyAgain is the time between looks at pipes that we want to let go of.
const emptyAgain = time.Second

// withdraw gives this thread a table of descriptors of its own, and closes all
// in it but what the Go runtime needs on any thread: its poller and that one's
// alarm. The thread ends with the goroutine.
func (s *streams) withdraw() {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		// Forks are slower then, and that is all.
		s.out.send(remarked{report{slog.LevelWarn, "pipes of captured services make starts slower", []slog.Attr{slog.String("err", err.Error())}}})
	} else {
		closeAllBut("anon_inode:[eventpoll]", "anon_inode:[eventfd]")
	}
	for path := range s.fds {
		fd, err := openFIFO(path)
		if err != nil {
			fd = -1 // nobody has it: the next start makes it anew
		}
		s.fds[path] = fd
	}
}

// closeAllBut closes the descriptors of this thread's table, but those of these
// kinds.
func closeAllBut(kinds ...string) {
	dir := fmt.Sprintf("/proc/self/task/%d/fd", unix.Gettid())
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range list {
		to, err := os.Readlink(filepath.Join(dir, e.Name()))
		fd := 0
		if _, serr := fmt.Sscan(e.Name(), &fd); err == nil && serr == nil && fd > 2 && !slices.Contains(kinds, to) {
			unix.Close(fd)
		}
	}
}

// take holds what is asked for, or nothing of it.
func (s *streams) take(h holding) error {
	for _, path := range h.paths {
		if fd, ok := s.fds[path]; ok && fd >= 0 && samePipe(fd, path) {
			delete(s.leave, path)
			continue
		}
		fd, err := openFIFO(path)
		if err != nil {
			return fmt.Errorf("hold it: %w", err)
		}
		if old, ok := s.fds[path]; ok && old >= 0 {
			unix.Close(old) // somebody has removed it; who has it open reads it to its end
		}
		s.fds[path] = fd
		delete(s.leave, path)
	}
	for _, path := range s.wanted[h.name] {
		if !slices.Contains(h.paths, path) {
			s.leave[path] = true
		}
	}
	if s.wanted[h.name] = h.paths; h.paths == nil {
		delete(s.wanted, h.name)
	}
	return nil
}

// letGo closes the pipes that nobody wants any more, when they are empty.
func (s *streams) letGo() {
	for path := range s.leave {
		if n, err := unix.IoctlGetInt(s.fds[path], unix.TIOCINQ); err == nil && n > 0 {
			continue
		}
		unix.Close(s.fds[path])
		delete(s.fds, path)
		delete(s.leave, path)
	}
}

// carry opens the pipes of captured services once more, in the table that goes
// through exec: the holder's goes with its thread, and what they have would go
// with it. The next program closes these when it holds them itself.
func (s *streams) carry(m *model) (fds []int) {
	if s == nil {
		return nil // a supervisor on paper
	}
	for name := range s.captures {
		fds = append(fds, s.openAll(m, name)...)
	}
	return fds
}

// openAll opens the pipes of a captured service once more, those that there are.
func (s *streams) openAll(m *model, name string) (fds []int) {
	sv := m.services[name]
	if sv == nil {
		return nil
	}
	for _, path := range s.pipesOf(name, sv.captured()) {
		if fd, err := openFIFO(path); err == nil {
			fds = append(fds, fd)
		}
	}
	return fds
}

// tellUnread tells what is in the pipes when we end, which nobody will read any
// more: @log was dead when the last service had stopped.
func (s *streams) tellUnread(m *model, now moment, files *sink) {
	if s == nil {
		return // a supervisor on paper
	}
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		fds, unread := s.openAll(m, name), 0
		for _, fd := range fds {
			n, _ := unix.IoctlGetInt(fd, unix.TIOCINQ)
			unread += n
		}
		closeAll(fds)
		if unread > 0 {
			why := fmt.Sprintf("%d bytes that it has written last are lost: @log was not there to read them", unread)
			files.write(record{spec.Event{Time: now.wall, Type: spec.EventDegraded, Name: name, Generation: m.services[name].generation, Reason: "output", Error: why}})
			files.log(report{slog.LevelError, "output is lost", []slog.Attr{slog.String("service", name), slog.Int("bytes", unread)}})
		}
	}
}

// captured is the spec that says how the output of s is captured now.
func (s *service) captured() *spec.Spec {
	if s.life.spec != nil {
		return s.life.spec
	}
	return s.spec
}

// samePipe reports whether an open pipe is the one at path.
func samePipe(fd int, path string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(fd, &a) == nil && unix.Lstat(path, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

// makePipe makes the pipe of a stream, for its writer to open again, too: as
// /dev/stdout.
func makePipe(path string, owner identity) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case errors.Is(err, unix.ENOENT):
		if err := unix.Mkfifo(path, 0o600); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return fmt.Errorf("%s: there is something else than a pipe; remove it", path)
	case !owner.Set || st.Uid == owner.UID && st.Gid == owner.GID:
		return nil
	}
	if !owner.Set {
		return nil
	}
	return os.Lchown(path, int(owner.UID), int(owner.GID))
}

// capture makes the pipes of a service, has them held, and opens them for a
// child: that of its output first, that of standard error last.
func (s *streams) capture(life lifeID, sp *spec.Spec, owner identity) (opened []int, err error) {
	paths := s.pipesOf(life.name, sp)
	for _, path := range paths {
		if err := makePipe(path, owner); err != nil {
			return nil, err
		}
	}
	if err := s.hold(life.name, paths); err != nil {
		return nil, err
	}
	for _, path := range paths {
		fd, err := openFIFO(path)
		if err == nil {
			opened = append(opened, fd)
			err = unix.SetNonblock(fd, false)
		}
		if err != nil {
			closeAll(opened)
			return nil, err
		}
		if sp.Ready != nil && sp.Ready.Log != "" {
			noteBegin(filepath.Dir(path), fd, life.generation)
		}
	}
	return opened, nil
}

// inherit has the pipes held of services that an earlier program has started;
// carried are those that it has handed to us.
func (s *streams) inherit(m *model, carried []int) {
	s.carried = carried
	for _, sv := range m.services {
		if sp := sv.captured(); sp != nil && sp.Log.Captured() {
			s.captures[sv.name] = true
			s.first = append(s.first, holding{name: sv.name, paths: s.pipesOf(sv.name, sp)})
		}
	}
}
