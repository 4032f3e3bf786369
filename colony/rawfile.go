package colony

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// What is read and written often is opened past os.File, which asks the poller
// and the descriptor's flags about each file, in vain where it is one of a disk
// or of /proc.

// openRaw opens a file. Its errors read as those of os.Open do.
func openRaw(path string, flags int, perm os.FileMode) (fd int, err error) {
	for {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, uint32(perm))
		if err == nil {
			return fd, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// readFD appends to buf what can be read, up to limit bytes.
func readFD(fd int, buf []byte, limit int) ([]byte, error) {
	for len(buf) < limit {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 512)
		}
		n, err := unix.Read(fd, buf[len(buf):min(cap(buf), limit)])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return buf, err
		case n == 0:
			return buf, nil
		default:
			buf = buf[:len(buf)+n]
		}
	}
	return buf, nil
}

// readRaw is os.ReadFile, appending to buf.
func readRaw(path string, buf []byte) ([]byte, error) {
	fd, err := openRaw(path, unix.O_RDONLY, 0)
	if err != nil {
		return buf, err
	}
	defer unix.Close(fd)
	if buf, err = readFD(fd, buf, noLimit); err != nil {
		err = &os.PathError{Op: "read", Path: path, Err: err}
	}
	return buf, err
}

const noLimit = 1<<63 - 1

// writeFD writes all of b. n is what it has written when it cannot.
func writeFD(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		m, err := unix.Write(fd, b[n:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, err
		case m == 0:
			return n, io.ErrShortWrite
		default:
			n += m
		}
	}
	return n, nil
}

// rawInfo is what fstat says of a file, as os has it.
type rawInfo struct {
	name string
	st   unixStat
}

func (i *rawInfo) Name() string       { return filepath.Base(i.name) }
func (i *rawInfo) Size() int64        { return i.st.Size }
func (i *rawInfo) IsDir() bool        { return i.Mode().IsDir() }
func (i *rawInfo) ModTime() time.Time { return time.Unix(i.st.Mtim.Unix()) }
func (i *rawInfo) Sys() any           { return &i.st }

func (i *rawInfo) Mode() os.FileMode {
	m := os.FileMode(i.st.Mode & 0o777)
	switch i.st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m |= os.ModeDir
	case unix.S_IFIFO:
		m |= os.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= os.ModeSocket
	case unix.S_IFBLK:
		m |= os.ModeDevice
	case unix.S_IFCHR:
		m |= os.ModeDevice | os.ModeCharDevice
	default:
		m |= os.ModeIrregular
	}
	return m
}
