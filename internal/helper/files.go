package helper

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Version tells two versions of a file apart without reading them.
type Version struct {
	Mtime, Ctime int64 // nanoseconds
	Size         int64
	Ino, Dev     uint64
}

func versionOf(st *syscall.Stat_t) Version {
	return Version{Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(), Size: st.Size, Ino: st.Ino, Dev: uint64(st.Dev)}
}

// Stat looks at a file. It does what os.Stat does, without its garbage: there are
// many files to look at, and often.
func Stat(path string) (v Version, isDir bool, err error) {
	var st syscall.Stat_t
	for {
		err = syscall.Stat(path, &st)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return Version{}, false, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return versionOf(&st), st.Mode&syscall.S_IFMT == syscall.S_IFDIR, nil
}

// ReadRegular reads a file that is expected to be small. What is no regular file
// is refused without being waited for.
func ReadRegular(path string, limit int64) ([]byte, Version, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, Version{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, Version{}, err
	}
	if !fi.Mode().IsRegular() {
		return nil, Version{}, fmt.Errorf("read %q: not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("read %q: larger than %d bytes", path, limit)
	}
	return data, versionOf(fi.Sys().(*syscall.Stat_t)), err
}

// Missing reports whether err says that there is no such file.
func Missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
