package colony

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// disk is what the edges ask of file systems. The real one is osDisk; the
// simulator brings its own, which fills up, and keeps what a killed supervisor
// has written.
type disk interface {
	list(dir string) ([]os.DirEntry, error)
	names(dir string) ([]string, error) // of all entries, in no order
	// keys tells of files of a directory whether they may have changed.
	keys(dir string, files []string, each func(file string, key fileKey, err error))
	stat(path string) (os.FileInfo, error)  // of what a symbolic link leads to
	lstat(path string) (os.FileInfo, error) // of the name itself
	statDir(path string) (os.FileInfo, dirID, error)
	read(path string) ([]byte, error)
	// readRegular reads a file that somebody else has written, see there.
	readRegular(path string, limit int) ([]byte, os.FileInfo, error)
	// write replaces a file in one step, see atomicfile.Write.
	write(path string, content []byte, perm os.FileMode, sync bool) error
	// openLines opens a file for appending lines. Before the first a torn last
	// line, of a crash or a full disk, is ended.
	openLines(path string, perm os.FileMode) (lineFile, error)
	remove(path string) error // never a directory
	rename(from, to string) error
	mkdir(path string, perm os.FileMode) error // and what leads to it
}

// lineFile is a file that is open for appending lines.
type lineFile interface {
	io.WriteCloser // what it cannot write whole it takes back
	size() int64
	standsAt(path string) bool // whether path still leads to it
}

// osDisk is the file systems of this machine.
type osDisk struct{}

func (osDisk) list(dir string) ([]os.DirEntry, error)          { return os.ReadDir(dir) }
func (osDisk) stat(path string) (os.FileInfo, error)           { return os.Stat(path) }
func (osDisk) lstat(path string) (os.FileInfo, error)          { return os.Lstat(path) }
func (osDisk) statDir(path string) (os.FileInfo, dirID, error) { return statDir(path) }
func (osDisk) read(path string) ([]byte, error)                { return readRaw(path, nil) }
func (osDisk) rename(from, to string) error                    { return os.Rename(from, to) }
func (osDisk) mkdir(path string, perm os.FileMode) error       { return os.MkdirAll(path, perm) }
func (osDisk) readRegular(path string, limit int) ([]byte, os.FileInfo, error) {
	return readRegular(path, limit)
}

func (osDisk) write(path string, content []byte, perm os.FileMode, sync bool) error {
	return atomicfile.Write(path, content, perm, sync)
}

func (osDisk) remove(path string) error { return unix.Unlink(path) }

// remove removes a file; that there is none is no error.
func remove(d disk, path string) error {
	if err := d.remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// visible lists the files of a directory but those with dot names.
func visible(d disk, dir string) (paths []string) {
	list, _ := d.list(dir)
	for _, e := range list {
		if e.Name()[0] != '.' && e.Type().IsRegular() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// asJSON is v as all our files have it, for people to read.
func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func writeJSON(d disk, path string, v any, perm os.FileMode) error {
	b, err := asJSON(v)
	if err != nil {
		return err
	}
	return d.write(path, b, perm, false)
}

func readJSON(d disk, path string, v any) error {
	b, err := d.read(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (osDisk) names(dir string) ([]string, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// keys looks through a descriptor of the directory, and keeps nothing: ten
// thousand files are looked at every ten seconds.
func (osDisk) keys(dir string, files []string, each func(string, fileKey, error)) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	defer unix.Close(fd) // also of -1
	for _, file := range files {
		var st unix.Stat_t
		serr := err
		if err == nil {
			serr = unix.Fstatat(fd, file, &st, 0)
		}
		each(file, fileKey{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, serr)
	}
}

// osLines is a lineFile of this machine.
type osLines struct {
	path  string // by which it was opened
	fd    int
	bytes int64
	dev   uint64
	ino   uint64
}

func (osDisk) openLines(path string, perm os.FileMode) (file lineFile, err error) {
	fd, err := openRaw(path, unix.O_RDWR|unix.O_CREAT|unix.O_APPEND, perm)
	if err != nil {
		return nil, err
	}
	l := &osLines{path: path, fd: fd}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		return nil, l.about("stat", err)
	}
	l.dev, l.ino = uint64(st.Dev), st.Ino
	if l.bytes, err = unix.Seek(fd, 0, io.SeekEnd); err != nil {
		return nil, l.about("seek", err)
	}
	if l.bytes == 0 {
		return l, nil
	}
	var last [1]byte
	if _, err = unix.Pread(fd, last[:], l.bytes-1); err != nil {
		return nil, l.about("read", err)
	}
	if last[0] != '\n' {
		_, err = l.Write([]byte("\n"))
	}
	return l, err
}

func (l *osLines) Write(b []byte) (n int, err error) {
	n, err = writeFD(l.fd, b)
	if err != nil && n > 0 && unix.Ftruncate(l.fd, l.bytes) == nil {
		n = 0
	}
	l.bytes += int64(n)
	return n, l.about("write", err)
}

func (l *osLines) Close() error { return l.about("close", unix.Close(l.fd)) }
func (l *osLines) size() int64  { return l.bytes }

// about is an error as os.File would have it.
func (l *osLines) about(op string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: l.path, Err: err}
}

// standsAt compares with what was true at the opening: while a file is open, its
// number is given to no other.
func (l *osLines) standsAt(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && uint64(st.Dev) == l.dev && st.Ino == l.ino
}
