package helper

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Specs is what the config directory says, as far as a helper needs it: Take
// keeps that of a spec.
type Specs[T any] struct {
	Dir  string
	Take func(*spec.Spec) T

	Files   map[string]*File[T] // by file name
	version Version             // of the directory, at the last scan
}

// File is one spec file.
type File[T any] struct {
	Name     string   // of the file
	Services []string // that are made of it, as it was understood last
	Spec     T        // likewise; never understood: the zero T
	version  Version
}

// Changed reports whether a file has come, gone or been replaced since the last
// scan. A file that was edited in place is found by the next scan only.
func (s *Specs[T]) Changed() bool {
	v, _, err := Stat(s.Dir)
	return err == nil && v != s.version
}

// Look is Scan for a helper: what is wrong is news for its log. False means that
// the directory cannot be read.
func (s *Specs[T]) Look(news *News, log *slog.Logger) bool {
	err := s.Scan(func(file string, err error) {
		if news.Is("spec", file, err) {
			log.Warn("spec not read", "service", file, "err", err)
		}
	})
	if news.Is("config", "", err) {
		log.Warn("config directory not read", "err", err)
	}
	return err == nil
}

// Scan looks at all files and reads those that have changed. A file that cannot
// be read or understood goes on as it was understood last, as its service does.
// If the directory itself cannot be read, nothing changes.
func (s *Specs[T]) Scan(complain func(file string, err error)) error {
	v, _, err := Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("scan config: %w", err)
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return fmt.Errorf("scan config: %w", err)
	}
	s.version = v // taken before the reading: what comes later is seen again
	files := make(map[string]*File[T], len(entries))
	for _, entry := range entries {
		base := entry.Name()
		name, kind := spec.NameOf(base)
		if kind != spec.FileSpec {
			continue
		}
		path := filepath.Join(s.Dir, base)
		v, isDir, err := Stat(path)
		if isDir || Missing(err) {
			continue
		}
		f := s.Files[base]
		if f == nil {
			f = &File[T]{Name: name}
		}
		files[base] = f
		if err == nil && v != f.version {
			err = s.read(f, path)
		}
		complain(base, err)
	}
	s.Files = files
	return nil
}

// read takes in the file's present content.
func (s *Specs[T]) read(f *File[T], path string) error {
	data, version, err := ReadRegular(path, spec.MaxSpecSize)
	if err != nil {
		return err
	}
	// A bad file is the supervisor's to report, and is read again when it
	// changes.
	f.version = version
	if parsed, err := spec.Parse(data); err == nil {
		f.Spec, f.Services = s.Take(parsed), parsed.Services(f.Name)
	}
	return nil
}

// ByService returns the file of each service. Of two files for one service
// neither is right; the one that goes on is that of before.
func (s *Specs[T]) ByService(before func(service string) *File[T]) map[string]*File[T] {
	found := make(map[string]*File[T])
	twice := make(map[string]bool)
	for _, f := range s.Files {
		for _, name := range f.Services {
			if found[name] != nil {
				twice[name] = true
			}
			if found[name] == nil || before(name) == f {
				found[name] = f
			}
		}
	}
	for name, f := range found {
		if twice[name] && before(name) != f {
			delete(found, name)
		}
	}
	return found
}
