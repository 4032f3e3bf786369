package ctl

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// ErrChanged says that a spec of the colony is not any more what it was when the
// plan was made.
var ErrChanged = errors.New("somebody else has changed it meanwhile")

// ErrBusy says that another plan is being applied to the colony.
var ErrBusy = errors.New("another apply is at work there")

// ApplyError says how far Apply has come.
type ApplyError struct {
	Name string // of the service at which it has ended
	Err  error
	Done int // so many of the changes are made, the first ones
}

func (e *ApplyError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }
func (e *ApplyError) Unwrap() error { return e.Err }

// Apply makes the changes of a plan without errors, in their order. Each file is
// replaced in one step and is on the disk when Apply returns; a new one has the
// mode of its source, as far as others may read it, and one that is there keeps
// its own. Missing directories are made.
//
// A file that is not what it was when the plan was made is left alone: if one is
// found before the first change, nothing is changed; if later, or if something
// cannot be written, what is done stays done and the rest is not begun. The error
// is an *ApplyError then. A new plan has what is left.
func (p *Plan) Apply(places Places) error {
	if err := os.MkdirAll(places.Config, 0o755); err != nil {
		return err
	}
	release, err := reserve(places.Config)
	if err != nil {
		return err
	}
	defer release()
	for _, c := range p.Changes {
		if err := c.fresh(places); err != nil {
			return &ApplyError{c.Name, err, 0}
		}
	}
	for i, c := range p.Changes {
		if err := c.make(places); err != nil {
			return &ApplyError{c.Name, err, i}
		}
	}
	return nil
}

// reserve keeps other plans away from a config directory. Where there are no
// locks there is only the comparison before each write.
func reserve(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: ErrBusy}
	}
	return func() { f.Close() }, nil
}

// make makes one change.
func (c *Change) make(p Places) error {
	if err := c.fresh(p); err != nil {
		return err
	}
	if c.Action == ActionRemove {
		return os.Remove(c.File)
	}
	if c.before != nil {
		return replace(c.File, c.after)
	}
	err := atomicfile.Write(c.File, c.after, c.mode, true)
	if errors.Is(err, fs.ErrPermission) {
		return &fs.PathError{Op: "write", Path: c.File, Err: fs.ErrPermission}
	}
	return err
}

// fresh says whether what the colony has of a service is still what the change
// was planned for.
func (c *Change) fresh(p Places) error {
	now, path, err := Spec(p, c.Name)
	switch {
	case err == ErrNoService && c.before == nil:
		return nil
	case err == ErrNoService:
		return &fs.PathError{Op: "write", Path: c.File, Err: ErrChanged}
	case errors.Is(err, ErrClash):
		return err
	case err != nil:
		return err
	case c.before == nil || path != c.File || !bytes.Equal(now, c.before):
		return &fs.PathError{Op: "write", Path: path, Err: ErrChanged}
	}
	return nil
}
