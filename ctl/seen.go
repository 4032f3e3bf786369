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
	// Checks: look also at what health checks and heartbeats say of the services that
	// are watched: at their Probes, and at Heart.
	Checks bool

	files  map[string]seenFile[spec.Status]
	probes map[string]seenFile[spec.Probes]
	hearts map[string]seenFile[spec.Heartbeat]
}

type seenFile[T any] struct {
	info    os.FileInfo
	content *T    // the last that could be read; nil: none
	err     error // why what is there now cannot
}

// Look is Status, with what has been seen before. changed are the names whose
// status has changed, come or gone since the last look.
func (s *Seen) Look(p Places, names ...string) (all []spec.Status, changed []string, err error) {
	if len(names) == 0 {
		if names, err = statusNames(p); err != nil {
			return nil, nil, err
		}
	} else {
		names = expand(p, names)
	}
	now := make(map[string]seenFile[spec.Status], len(names))
	probes, hearts := map[string]seenFile[spec.Probes]{}, map[string]seenFile[spec.Heartbeat]{}
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
		if f.content != nil {
			st := *f.content
			if st.Watched.Schedule || UntilDue(&st) {
				st.Schedule, _ = Timetable(p, name)
			}
			if s.Checks && st.Watched.Probe {
				// What cannot be read hides nothing else.
				var moved bool
				probes[name], moved, _ = s.probes[name].again(p.Probe(name))
				if found := probes[name].content; found != nil {
					st.Probes = found.Checks
				}
				fresh = fresh || moved
			}
			if s.Checks && st.Watched.Heart {
				var moved bool
				hearts[name], moved, _ = s.hearts[name].again(p.Heart(name))
				fresh = fresh || moved
			}
			all = append(all, st)
		}
		if fresh {
			changed = append(changed, name)
		}
	}
	for name, f := range s.files {
		if _, still := now[name]; !still && f.content != nil {
			changed = append(changed, name)
		}
	}
	s.files, s.probes, s.hearts = now, probes, hearts
	return all, changed, errors.Join(errs...)
}

// Heart is what the last look has found of a service's heartbeat; nil = nothing, or
// nobody watches it.
func (s *Seen) Heart(name string) *spec.Heartbeat { return s.hearts[name].content }

// again reads the file if it is not the one that f is of; fresh says that there
// is something else in it. The supervisor replaces a file with each change, so a
// new one has another identity or, where the number was used again, another
// time. What was known outlives a file that cannot be read.
func (f seenFile[T]) again(path string) (now seenFile[T], fresh bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return seenFile[T]{content: f.content}, false, err
	}
	if f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return f, false, f.err
	}
	content, err := readJSON[T](path)
	if err != nil {
		return seenFile[T]{info, f.content, err}, false, err
	}
	return seenFile[T]{info, content, nil}, !reflect.DeepEqual(content, f.content), nil
}
