package ctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// NameError says that a service cannot have this name.
type NameError struct {
	Name string
	Err  error
}

func (e *NameError) Error() string { return e.Err.Error() }
func (e *NameError) Unwrap() error { return e.Err }

// checkName says whether a service may be called name. The error is a
// *NameError.
func checkName(name string) error {
	if err := spec.CheckName(name); err != nil {
		return &NameError{name, err}
	}
	return nil
}

// Add makes name a service of the colony, or changes it: content becomes its
// spec, in config/NAME.json if there is such a file and in config/NAME
// otherwise. The file is replaced in one step, keeps its mode, and is on the disk
// when Add returns; missing directories are made.
//
// A name or spec that the supervisor would refuse is not written; what was
// there stays. The error is a *NameError, or what spec.Parse returned, or from
// the file system.
func Add(p Places, name string, content []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := spec.Parse(content); err != nil {
		return err
	}
	if err := os.MkdirAll(p.Config, 0o755); err != nil {
		return err
	}
	path := filepath.Join(p.Config, name)
	found, err := specFiles(p, name)
	switch {
	case err != nil:
		return err
	case len(found) > 1:
		return fmt.Errorf("%q and %q both stand in %s: %w", name, name+jsonSuffix, p.Config, ErrClash)
	case len(found) == 1:
		path = found[0]
	}
	return replace(path, content)
}

// replace writes a file so that it is on the disk. It keeps the mode of one that
// is there: somebody may have a secret in it. Callers can ask the error for the
// path: who may not write there wants to know whose it is.
func replace(path string, content []byte) error {
	perm := fs.FileMode(0o644)
	if fi, err := os.Stat(path); err == nil {
		perm = fi.Mode().Perm()
	}
	err := atomicfile.Write(path, content, perm, true)
	if errors.Is(err, fs.ErrPermission) {
		return &fs.PathError{Op: "write", Path: path, Err: fs.ErrPermission}
	}
	return err
}

// AddSpec is Add of params.
func AddSpec(p Places, name string, params Params) error {
	content, err := params.Content()
	if err != nil {
		return err
	}
	return Add(p, name, content)
}

// Remove takes name out of the colony: its process is stopped and forgotten.
// If there is a NAME and a NAME.json, both go. Without either the error is
// ErrNoService.
func Remove(p Places, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	found, err := specFiles(p, name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ErrNoService
	}
	var errs []error
	for _, path := range found {
		// Somebody else may have been faster.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Spec returns the spec of name as it stands in the config directory, good or
// not, and the path of its file. Without one the error is ErrNoService.
func Spec(p Places, name string) (content []byte, path string, err error) {
	if err := checkName(name); err != nil {
		return nil, "", err
	}
	found, err := specFiles(p, name)
	switch {
	case err != nil:
		return nil, "", err
	case len(found) == 0:
		return nil, "", ErrNoService
	case len(found) > 1:
		return nil, "", fmt.Errorf("%q and %q both stand in %s: %w", name, name+jsonSuffix, p.Config, ErrClash)
	}
	if err := notRegular(found[0]); err != nil {
		return nil, found[0], &fs.PathError{Op: "read", Path: found[0], Err: err}
	}
	content, err = os.ReadFile(found[0])
	return content, found[0], err
}

// ErrClash says that a service has two specs, of which the supervisor takes
// neither.
var ErrClash = errors.New("a service has one spec")

const jsonSuffix = ".json"

// specFiles returns the paths below which a spec of name stands: none, one, or
// two that clash. A symbolic link is one whether or not it leads anywhere, for
// as a name it is taken; but not one to a directory.
func specFiles(p Places, name string) (found []string, err error) {
	for _, file := range []string{name, name + jsonSuffix} {
		path := filepath.Join(p.Config, file)
		switch fi, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case fi.IsDir() || linksToDir(path, fi.Mode()): // the supervisor looks past sub-directories
		default:
			found = append(found, path)
		}
	}
	return found, nil
}

// checkTarget accepts what a request may name: a service, an instance of one
// (web@2), or a helper (@heartcheck).
func checkTarget(name string) error {
	base := strings.TrimPrefix(name, "@")
	if at := strings.LastIndexByte(base, '@'); at > 0 && isNumber(base[at+1:]) {
		base = base[:at]
	}
	if err := spec.CheckName(base); err != nil {
		return &NameError{name, err}
	}
	return nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
