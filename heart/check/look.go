package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// version tells two versions of a file apart without reading them.
type version struct {
	mark
	ctime int64 // nanoseconds
	dev   uint64
}

func versionOf(st *syscall.Stat_t) version {
	return version{
		mark:  mark{mtime: st.Mtim.Nano(), ino: st.Ino, size: st.Size},
		ctime: st.Ctim.Nano(),
		dev:   uint64(st.Dev),
	}
}

// stat looks at a file. It does what os.Stat does, without its garbage: there are
// many files to look at, and often.
func stat(path string) (v version, isDir bool, err error) {
	var st syscall.Stat_t
	for {
		err = syscall.Stat(path, &st)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return version{}, false, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return versionOf(&st), st.Mode&syscall.S_IFMT == syscall.S_IFDIR, nil
}

// readRegular reads a file that is expected to be small. What is no regular file
// is refused without being waited for.
func readRegular(path string, limit int64) ([]byte, version, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, version{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, version{}, err
	}
	if !fi.Mode().IsRegular() {
		return nil, version{}, fmt.Errorf("read %q: not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("read %q: larger than %d bytes", path, limit)
	}
	return data, versionOf(fi.Sys().(*syscall.Stat_t)), err
}

// missing reports whether err says that there is no such file.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// beatFile is where a service beats: status or, if that is a directory, the file
// within it that is named after the service.
type beatFile struct {
	status, within string
	isDir          bool // as seen last; the right guess saves a stat
}

func newBeatFile(status, name string) beatFile {
	return beatFile{status: status, within: filepath.Join(status, name)}
}

// look says which of the two files it is at the moment, whether it is there, and
// how it looks. A file that is missing is no error.
func (b *beatFile) look() (path string, m mark, found bool, err error) {
	if b.isDir {
		if v, _, err := stat(b.within); err == nil {
			return b.within, v.mark, true, nil
		}
	}
	v, isDir, err := stat(b.status)
	path, b.isDir = b.status, isDir
	if isDir {
		path = b.within
		v, _, err = stat(b.within)
	}
	if err != nil && missing(err) {
		return path, mark{}, false, nil
	}
	return path, v.mark, err == nil, err
}

// statusFile is the supervisor's status of one service, as read last.
type statusFile struct {
	version version
	life    life
	up      bool
	ready   bool
	since   time.Time
	started time.Time // the life
}

// maxStatusSize is far above what the supervisor writes.
const maxStatusSize = 1 << 20

// read takes in the file at path if it has changed. Reported is false where
// there is no status to go by; what was known is kept where it cannot be read.
func (s *statusFile) read(path string, haveDir bool) (reported bool, err error) {
	seen, _, err := stat(path)
	if err != nil {
		*s = statusFile{}
		if haveDir && missing(err) {
			return true, nil // the supervisor knows no such service: it is not up
		}
		return false, nil
	}
	if seen == s.version {
		return true, nil
	}
	data, version, err := readRegular(path, maxStatusSize)
	if err != nil {
		if missing(err) { // since the stat
			*s = statusFile{}
			return haveDir, nil
		}
		return true, err
	}
	var status spec.Status
	if err := json.Unmarshal(data, &status); err != nil {
		return true, fmt.Errorf("parse %q: %w", path, err)
	}
	*s = statusFile{
		version: version,
		life:    life{generation: status.Generation, pid: status.PID},
		up:      status.PID != 0 && (status.State == spec.Running || status.State == spec.Starting),
		ready:   status.Ready,
		since:   status.Since,
		started: status.Since,
	}
	if status.Started != nil {
		s.started = *status.Started
	}
	return true, nil
}
