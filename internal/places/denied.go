package places

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Denied makes an error about files that we may not touch readable. It knows whose
// they are and, by a method Hint, a way out. Any other error stays as it is.
func Denied(err error) error {
	pe, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// The directory is what denies; the file in it may not even exist.
	dir := filepath.Dir(pe.Path)
	fi, statErr := os.Stat(dir)
	for ; statErr != nil && dir != filepath.Dir(dir); fi, statErr = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	err = fmt.Errorf("%s %s: %w", pe.Op, pe.Path, fs.ErrPermission)
	if statErr != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return &denied{err, fmt.Sprintf("%s belongs to uid %d: do this as that user (sudo), or name a colony of your own with --root", dir, st.Uid)}
	}
	return err
}

type denied struct {
	error
	hint string
}

func (d *denied) Unwrap() error { return d.error }
func (d *denied) Hint() string  { return d.hint }
