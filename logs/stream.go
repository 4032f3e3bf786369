package logs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// moment is one reading of the clocks.
type moment struct {
	wall int64         // unix nanoseconds, for the index
	mono time.Duration // since the mover's start, for everything else
}

const (
	// markEvery and markBytes: bytes that come within this of others share their
	// entry in the index, and their time.
	markEvery = 100 * time.Millisecond
	markBytes = 64 << 10
)

// stream is what is written of one pipe: a file, its index, and those before.
type stream struct {
	dir    string
	name   string // of the service
	stderr bool
	policy *policy

	source *source // that a name leads to; nil: none does
	pipes  int     // that are open

	known      bool // generation is that of the last file that there was
	generation uint64
	previous   uint64 // of the file before, if we have begun this one
	log, index int    // -1 = not open
	size       int64  // of log: where the next byte goes
	indexSize  int64
	markAt     time.Duration // when and where the last entry was made
	markOffset int64
	used       time.Duration
	plain      bool // nothing can be spliced into the file
	teed       bool // the index says that the lines go to the supervisor's output

	bucket bucket
	lost   dropped       // and not told yet
	torn   bool          // the file ends within a line whose rest was dropped
	asked  time.Duration // when bytes were dropped last
	told   time.Duration // when that was last said
	// uncounted is what the log tells of, and the file with the sum does not.
	uncounted Lost
	// failing is since when nothing can be written; why, and when to try again.
	failing struct {
		err         error
		since, next time.Duration
	}
}

func newStream(dir, name string, stderr bool) *stream {
	return &stream{dir: dir, name: name, stderr: stderr, policy: &defaultPolicy, log: -1, index: -1}
}

// ready has the file open that is written, as it is now: what somebody has
// removed or emptied meanwhile is begun anew.
func (s *stream) ready(now moment) error {
	if s.log >= 0 {
		var st unix.Stat_t
		if err := again(func() error { return unix.Fstat(s.log, &st) }); err != nil {
			s.shut()
			return os.NewSyscallError("fstat", err)
		}
		switch {
		case st.Nlink == 0 || st.Size < s.size:
			return s.begin(now)
		case st.Size > s.size: // somebody else wrote
			s.size = st.Size
		}
		s.setTee()
		return nil
	}
	if !s.known {
		if err := s.find(); err != nil {
			return err
		}
	}
	if s.generation == 0 {
		return s.begin(now)
	}
	fd, err := open(plainPath(s.dir, s.generation), unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) { // removed, or put aside
		return s.begin(now)
	}
	if err != nil {
		return err
	}
	s.log, s.previous = fd, 0
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		s.shut()
		return os.NewSyscallError("fstat", err)
	}
	if st.Size < s.size { // emptied
		return s.begin(now)
	}
	s.size = st.Size
	s.openIndex()
	s.setTee()
	return nil
}

// setTee has the index say whether the lines that come now are for the
// supervisor's output.
func (s *stream) setTee() {
	if s.teed == s.policy.tee || s.indexSize == 0 {
		return
	}
	s.teed = s.policy.tee
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(s.teeHere()))
	unix.Pwrite(s.index, b[:], teedAt)
}

// teeHere is what the index is to say if nothing has gone out yet.
func (s *stream) teeHere() int64 {
	if !s.policy.tee {
		return neverTeed
	}
	return s.size
}

// find looks for the last file that there is.
func (s *stream) find() error {
	names, err := readNames(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if generation, _, ok := generationOf(name); ok {
			s.generation = max(s.generation, generation)
		}
	}
	s.known, s.size = true, 0
	return nil
}

// begin begins a new file.
func (s *stream) begin(now moment) error {
	s.shut()
	if !s.known {
		if err := s.find(); err != nil {
			return err
		}
	}
	generation := max(s.generation+1, uint64(max(now.wall, 0)/int64(time.Second)), 1)
	path := plainPath(s.dir, generation)
	fd, err := open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(s.dir, dirMode); err == nil {
			fd, err = open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		}
	}
	if err != nil {
		s.known = !errors.Is(err, fs.ErrExist) && s.known
		return err
	}
	s.log, s.previous, s.generation, s.size = fd, s.generation, generation, 0
	s.openIndex()
	// A reader goes by the names; the link is for people, and for tail -F.
	temp := filepath.Join(s.dir, tempBegin+current)
	os.Remove(temp)
	if os.Symlink(filepath.Base(path), temp) == nil {
		os.Rename(temp, filepath.Join(s.dir, current))
	}
	return nil
}

// openIndex opens the index of the file, or makes one. Without one it goes too.
func (s *stream) openIndex() {
	s.markAt, s.markOffset = -markEvery, -1
	fd, err := open(indexPath(s.dir, s.generation), unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return
	}
	s.index = fd
	var st unix.Stat_t
	head := make([]byte, headerSize)
	n, _ := unix.Pread(fd, head, 0)
	if x := decodeIndex(s.generation, head[:max(n, 0)]); unix.Fstat(fd, &st) == nil && x.whole {
		s.teed = x.teed != neverTeed
		s.indexSize = headerSize + (st.Size-headerSize)/entrySize*entrySize
		return
	}
	s.indexSize = 0
	unix.Ftruncate(fd, 0)
}

// writeIndex appends to the index.
func (s *stream) writeIndex(b []byte) bool {
	if s.index < 0 {
		return false
	}
	n, err := unix.Pwrite(s.index, b, s.indexSize)
	if err != nil || n < len(b) {
		return false // the next entry is written over it
	}
	s.indexSize += int64(n)
	return true
}

// mark has the index say when the next bytes came; before they are there, so
// that nobody finds them without.
func (s *stream) mark(now moment) {
	var b []byte
	if s.indexSize == 0 { // new, or what it had is lost
		b = indexHeader(s.generation, s.previous, s.teeHere())
		s.teed = s.policy.tee
		if s.size > 0 {
			b = newIndex(s.generation).times[0].append(b)
		}
	}
	if s.writeIndex(entry{timeEntry, s.size, max(now.wall, 0)}.append(b)) {
		s.markAt, s.markOffset = now.mono, s.size
	}
}

// unmarked reports whether bytes that come now need an entry of their own.
func (s *stream) unmarked(now moment) bool {
	return s.index >= 0 && (now.mono-s.markAt >= markEvery || s.size-s.markOffset >= markBytes)
}

// room is how many bytes the file may still grow by.
func (s *stream) room() int64 {
	if s.indexSize >= maxIndex {
		return 0
	}
	return s.policy.size - s.size
}

// atStart reports whether the next byte begins a line.
func (s *stream) atStart() bool {
	if s.size == 0 {
		return true
	}
	var b [1]byte
	n, err := unix.Pread(s.log, b[:], s.size-1)
	return err == nil && n == 1 && b[0] == '\n'
}

// keep moves up to n bytes from a pipe to the file.
func (s *stream) keep(fd, n int) (moved int, err error) {
	for moved < n {
		var m int64
		at := s.size
		err := again(func() (err error) {
			m, err = unix.Splice(fd, nil, s.log, &at, n-moved, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
			return err
		})
		if err == unix.EAGAIN || err == nil && m == 0 {
			return moved, nil
		}
		if err != nil {
			return moved, &fs.PathError{Op: "write", Path: plainPath(s.dir, s.generation), Err: err}
		}
		s.size += m
		moved += int(m)
	}
	return moved, nil
}

// copy is keep where the file system cannot be spliced into. next is what the
// pipe begins with: it is written first and then taken, so that a crash doubles
// bytes rather than lose them.
func (s *stream) copy(sc *scratch, fd int, next []byte) (moved int, err error) {
	for moved < len(next) && err == nil {
		var m int
		err = again(func() (err error) { m, err = unix.Pwrite(s.log, next[moved:], s.size); return err })
		m = max(m, 0)
		s.size += int64(m)
		moved += m
		if err != nil {
			err = &fs.PathError{Op: "write", Path: plainPath(s.dir, s.generation), Err: err}
		}
	}
	return moved, errors.Join(err, sc.discard(fd, moved))
}

// tellLost writes a line about what was dropped, at the beginning of a line.
func (s *stream) tellLost(now moment) error {
	s.mark(now)
	line := s.lost.line()
	if s.torn && !s.atStart() {
		line = "\n" + line
	}
	n, err := unix.Pwrite(s.log, []byte(line), s.size)
	if err == nil && n < len(line) {
		err = unix.ENOSPC
	}
	if err != nil {
		unix.Ftruncate(s.log, s.size)
		return &fs.PathError{Op: "write", Path: plainPath(s.dir, s.generation), Err: err}
	}
	s.size += int64(n)
	s.uncounted.add(Lost{s.lost.lines, s.lost.bytes})
	if addLost(s.dir, s.uncounted) == nil {
		s.uncounted = Lost{} // else the next time
	}
	s.lost, s.torn, s.told = dropped{}, false, now.mono
	return nil
}

// shut closes the files.
func (s *stream) shut() {
	for _, fd := range []*int{&s.log, &s.index} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

func open(path string, flags int) (fd int, err error) {
	err = again(func() (err error) {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, fileMode)
		return err
	})
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}
