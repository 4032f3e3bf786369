package ctl

import (
	"errors"
	"io/fs"
	"os"
	"reflect"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Seen is what somebody who looks again and again has seen of the statuses. It
// reads only the files that have changed since, so that a look at a thousand
// services costs little more than a listing. The zero value has seen nothing.
type Seen struct {
	files map[string]seenFile
}

type seenFile struct {
	info   os.FileInfo
	status *spec.Status // the last that could be read; nil: none
	err    error        // why what is there now cannot
}

// Look is Status, with what has been seen before. changed are the names whose
// status has changed, come or gone since the last look.
func (s *Seen) Look(p Places, names ...string) (all []spec.Status, changed []string, err error) {
	if len(names) == 0 {
		if names, err = statusNames(p); err != nil {
			return nil, nil, err
		}
	}
	now := make(map[string]seenFile, len(names))
	var errs []error
	for _, name := range names {
		if checkErr := checkTarget(name); checkErr != nil {
			errs = append(errs, checkErr)
			continue
		}
		f, fresh, readErr := s.files[name].again(p.Status(name))
		if errors.Is(readErr, fs.ErrNotExist) {
			continue // it shows in changed, if it was there
		}
		if readErr != nil {
			errs = append(errs, readErr)
		}
		now[name] = f
		if f.status != nil {
			all = append(all, *f.status)
		}
		if fresh {
			changed = append(changed, name)
		}
	}
	for name, f := range s.files {
		if _, still := now[name]; !still && f.status != nil {
			changed = append(changed, name)
		}
	}
	s.files = now
	return all, changed, errors.Join(errs...)
}

// again reads the file if it is not the one that f is of; fresh says that there
// is another status in it. The supervisor replaces a file with each change, so a
// new one has another identity or, where the number was used again, another
// time. What was known outlives a file that cannot be read.
func (f seenFile) again(path string) (now seenFile, fresh bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return seenFile{status: f.status}, false, err
	}
	if f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return f, false, f.err
	}
	status, err := readJSON[spec.Status](path)
	if err != nil {
		return seenFile{info, f.status, err}, false, err
	}
	return seenFile{info, status, nil}, !reflect.DeepEqual(status, f.status), nil
}
