// Package atomicfile replaces files in one step: a reader sees the old content
// or the new one, never a part. Every writer of the project goes through it.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Temp begins the name of every temporary file.
const Temp = ".tmp-"

// Write replaces path with data and mode perm. The temporary file stands in the
// same directory and begins with a dot, which every reader of a colony skips.
// With sync the content is on the disk before the name points to it, so that a
// power cut leaves one version whole.
//
// Something that is there and is no regular file (a device, a FIFO, a
// directory) is refused rather than replaced. An error names path and not the
// temporary file, so that the same trouble reads the same each time.
//
// It makes system calls itself: os.File would have the poller asked about each
// file, and no file on a disk can be polled.
func Write(path string, data []byte, perm fs.FileMode, sync bool) error {
	var st unix.Stat_t
	err := again(func() error { return unix.Stat(path, &st) })
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("write %s: not a regular file", path)
	}
	temp, fd, err := create(filepath.Dir(path), perm)
	if err == nil {
		if err = fill(fd, data, perm, sync); err == nil {
			err = again(func() error { return unix.Rename(temp, path) })
		}
		if err != nil {
			unix.Unlink(temp)
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// create makes a temporary file that nobody else has.
func create(dir string, perm fs.FileMode) (temp string, fd int, err error) {
	for range 1000 {
		temp = dir + "/" + Temp + strconv.FormatUint(rand.Uint64(), 36)
		err = again(func() (err error) {
			fd, err = unix.Open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, uint32(perm.Perm()))
			return err
		})
		if !errors.Is(err, unix.EEXIST) {
			break
		}
	}
	return temp, fd, err
}

// fill gives a new file its content and mode, and closes it.
func fill(fd int, data []byte, perm fs.FileMode, sync bool) (err error) {
	defer func() {
		if cerr := unix.Close(fd); err == nil && !errors.Is(cerr, unix.EINTR) { // which has closed it too
			err = cerr
		}
	}()
	for len(data) > 0 {
		var n int
		if err := again(func() (err error) { n, err = unix.Write(fd, data); return err }); err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		data = data[n:]
	}
	if uint32(perm)&umask() != 0 {
		if err := unix.Fchmod(fd, uint32(perm.Perm())); err != nil {
			return err
		}
	}
	if sync {
		return again(func() error { return unix.Fsync(fd) })
	}
	return nil
}

// umask is what a new file's mode is less. Nothing of ours changes it. It is
// read where reading does not set it; what cannot be known is taken for all.
var umask = sync.OnceValue(func() uint32 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(b, []byte("\nUmask:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	mask, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 8, 32)
	if err != nil {
		return 0o777
	}
	return uint32(mask)
})

// again calls f until no signal has interrupted it.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
