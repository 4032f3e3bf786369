package colony

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// simDisk is a file system on paper. It outlives the supervisors that write to
// it, can be full, and can have a supervisor killed at any of its calls.
type simDisk struct {
	clock func() time.Time
	dirs  map[string]*simDir
	inos  uint64
	full  bool     // nothing more can be written below state/
	calls int      // by the supervisor
	kill  int      // the call at which the supervisor is killed; 0 = none
	gone  []string // directories that cannot be seen at present
}

type simDir struct {
	ino   uint64
	names []string // sorted
	files []*simFile
}

// simFile is an inode.
type simFile struct {
	ino   uint64
	bytes []byte
	at    int64 // when it was last written, nanoseconds
}

// simKilled is thrown where a supervisor is killed.
type simKilled struct{}

func newSimDisk(clock func() time.Time, dirs ...string) *simDisk {
	d := &simDisk{clock: clock, dirs: map[string]*simDir{}}
	for _, dir := range dirs {
		d.dirs[dir] = &simDir{ino: d.ino()}
	}
	return d
}

func (d *simDisk) ino() uint64 {
	d.inos++
	return d.inos
}

// call counts a call of the supervisor; some are its last.
func (d *simDisk) call() {
	d.calls++
	if d.calls == d.kill {
		d.kill = 0
		panic(simKilled{})
	}
}

// dir finds a directory.
func (d *simDisk) dir(path string) *simDir {
	if slices.Contains(d.gone, path) {
		return nil
	}
	return d.dirs[path]
}

func (dir *simDir) find(name string) (int, bool) { return slices.BinarySearch(dir.names, name) }

func (dir *simDir) file(name string) *simFile {
	if i, ok := dir.find(name); ok {
		return dir.files[i]
	}
	return nil
}

func (dir *simDir) link(name string, f *simFile) {
	i, ok := dir.find(name)
	if ok {
		dir.files[i] = f
		return
	}
	dir.names = slices.Insert(dir.names, i, name)
	dir.files = slices.Insert(dir.files, i, f)
}

func (dir *simDir) unlink(name string) {
	if i, ok := dir.find(name); ok {
		dir.names = slices.Delete(dir.names, i, i+1)
		dir.files = slices.Delete(dir.files, i, i+1)
	}
}

// look finds a file; an error says what the kernel would.
func (d *simDisk) look(path string) (*simDir, *simFile, error) {
	dir := d.dir(filepath.Dir(path))
	if dir == nil {
		return nil, nil, syscall.ENOENT
	}
	f := dir.file(filepath.Base(path))
	if f == nil {
		return dir, nil, syscall.ENOENT
	}
	return dir, f, nil
}

// put is how others write: a new file under a name.
func (d *simDisk) put(path string, content []byte) {
	if dir := d.dirs[filepath.Dir(path)]; dir != nil {
		dir.link(filepath.Base(path), &simFile{d.ino(), content, d.clock().UnixNano()})
	}
}

// putInPlace is how careless ones write: another content under the same inode.
func (d *simDisk) putInPlace(path string, content []byte) {
	if dir := d.dirs[filepath.Dir(path)]; dir != nil {
		if f := dir.file(filepath.Base(path)); f != nil {
			f.bytes, f.at = content, d.clock().UnixNano()
			return
		}
		d.put(path, content)
	}
}

// content is what a file holds, to the simulation itself; nil = there is none.
func (d *simDisk) content(path string) []byte {
	if dir := d.dirs[filepath.Dir(path)]; dir != nil {
		if f := dir.file(filepath.Base(path)); f != nil {
			return f.bytes
		}
	}
	return nil
}

func (d *simDisk) noSpace(path string) bool {
	return d.full && strings.HasPrefix(path, simPlaces.State)
}

func (d *simDisk) list(path string) ([]os.DirEntry, error) {
	d.call()
	dir := d.dir(path)
	if dir == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	list := make([]os.DirEntry, len(dir.names))
	for i, name := range dir.names {
		list[i] = simInfo{name, dir.files[i], 0}
	}
	return list, nil
}

func (d *simDisk) names(path string) ([]string, error) {
	d.call()
	dir := d.dir(path)
	if dir == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	return slices.Clone(dir.names), nil
}

func (d *simDisk) keys(dir string, files []string, each func(string, fileKey, error)) {
	for _, file := range files {
		fi, err := d.stat(filepath.Join(dir, file))
		if err != nil {
			each(file, fileKey{}, err)
			continue
		}
		each(file, keyOf(fi), nil)
	}
}

func (d *simDisk) stat(path string) (os.FileInfo, error) {
	if dir := d.dir(path); dir != nil {
		return simInfo{name: filepath.Base(path), dir: dir.ino}, nil
	}
	_, f, err := d.look(path)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return simInfo{filepath.Base(path), f, 0}, nil
}

func (d *simDisk) lstat(path string) (os.FileInfo, error) { return d.stat(path) }

func (d *simDisk) statDir(path string) (os.FileInfo, dirID, error) {
	d.call()
	dir := d.dir(path)
	if dir == nil {
		return nil, dirID{}, &fs.PathError{Op: "stat", Path: path, Err: syscall.ENOENT}
	}
	return simInfo{name: filepath.Base(path), dir: dir.ino}, dirID{dev: 1, ino: dir.ino}, nil
}

func (d *simDisk) read(path string) ([]byte, error) {
	_, f, err := d.look(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f.bytes, nil
}

func (d *simDisk) readRegular(path string, limit int) ([]byte, os.FileInfo, error) {
	d.call()
	_, f, err := d.look(path)
	if err != nil {
		return nil, nil, os.ErrNotExist
	}
	return f.bytes, simInfo{filepath.Base(path), f, 0}, nil
}

// write replaces a file. One who is killed on the way has done nothing, has
// left a temporary file, or has come to the end of it.
func (d *simDisk) write(path string, content []byte, _ os.FileMode, _ bool) error {
	d.call()
	dir := d.dir(filepath.Dir(path))
	switch {
	case dir == nil:
		return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOENT}
	case d.noSpace(path):
		return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	}
	f := &simFile{d.ino(), content, d.clock().UnixNano()}
	temp := atomicfile.Temp + strconv.FormatUint(f.ino, 10)
	dir.link(temp, f)
	d.call()
	dir.unlink(temp)
	dir.link(filepath.Base(path), f)
	d.call()
	return nil
}

func (d *simDisk) remove(path string) error {
	d.call()
	dir, f, err := d.look(path)
	if f == nil {
		return &fs.PathError{Op: "unlink", Path: path, Err: err}
	}
	dir.unlink(filepath.Base(path))
	d.call()
	return nil
}

func (d *simDisk) rename(from, to string) error {
	d.call()
	dir, f, err := d.look(from)
	if err != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: err}
	}
	dir.unlink(filepath.Base(from))
	d.dirs[filepath.Dir(to)].link(filepath.Base(to), f)
	return nil
}

func (d *simDisk) mkdir(path string, _ os.FileMode) error {
	d.call()
	if slices.Contains(d.gone, path) {
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.EACCES}
	}
	if d.dirs[path] == nil {
		if d.noSpace(path) {
			return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOSPC}
		}
		d.dirs[path] = &simDir{ino: d.ino()}
	}
	return nil
}

// simLines is a lineFile on paper.
type simLines struct {
	d    *simDisk
	f    *simFile
	path string
}

func (d *simDisk) openLines(path string, _ os.FileMode) (lineFile, error) {
	d.call()
	dir, f, err := d.look(path)
	if f == nil {
		if dir == nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		if d.noSpace(path) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
		}
		d.put(path, nil)
		f = dir.file(filepath.Base(path))
	}
	l := &simLines{d, f, path}
	if n := len(f.bytes); n > 0 && f.bytes[n-1] != '\n' {
		if _, err := l.Write([]byte("\n")); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Write appends. One who is killed on the way has written a part.
func (l *simLines) Write(b []byte) (int, error) {
	l.d.call()
	whole := l.f.bytes
	l.append(b[:len(b)/2])
	l.d.call()
	l.f.bytes = whole
	if l.d.noSpace(l.path) {
		return 0, &fs.PathError{Op: "write", Path: l.path, Err: syscall.ENOSPC}
	}
	l.append(b)
	l.d.call()
	return len(b), nil
}

func (l *simLines) append(b []byte) { l.f.bytes = append(l.f.bytes, b...) }
func (l *simLines) Close() error    { return nil }
func (l *simLines) size() int64     { return int64(len(l.f.bytes)) }

func (l *simLines) standsAt(path string) bool {
	_, f, _ := l.d.look(path)
	return f == l.f
}

// simInfo is a simFile, or a directory, as os has it.
type simInfo struct {
	name string
	file *simFile // nil = a directory
	dir  uint64
}

func (i simInfo) Name() string               { return i.name }
func (i simInfo) IsDir() bool                { return i.file == nil }
func (i simInfo) Type() os.FileMode          { return i.Mode().Type() }
func (i simInfo) Info() (os.FileInfo, error) { return i, nil }

func (i simInfo) Mode() os.FileMode {
	if i.file == nil {
		return os.ModeDir | 0o755
	}
	return 0o644
}

func (i simInfo) Size() int64 {
	if i.file == nil {
		return 0
	}
	return int64(len(i.file.bytes))
}

func (i simInfo) ModTime() time.Time {
	if i.file == nil {
		return time.Time{}
	}
	return time.Unix(0, i.file.at)
}

func (i simInfo) Sys() any {
	if i.file == nil {
		return &unixStat{Ino: i.dir}
	}
	t := syscall.NsecToTimespec(i.file.at)
	return &unixStat{Dev: 1, Ino: i.file.ino, Size: int64(len(i.file.bytes)), Mtim: t, Ctim: t}
}
