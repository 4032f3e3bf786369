package check

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// specs is what the config directory says about hearts.
type specs struct {
	dir     string
	version version          // of the directory, at the last scan
	files   map[string]*file // by file name
}

// file is one spec file.
type file struct {
	service string
	version version
	heart   *spec.Beatcheck // nil: nobody expects beats, or never understood
	ready   *spec.Readiness // nil: likewise
}

// changed reports whether a file has come, gone or been replaced since the last
// scan. A file that was edited in place is found by the next scan only.
func (s *specs) changed() bool {
	v, _, err := stat(s.dir)
	return err == nil && v != s.version
}

// scan looks at all files and reads those that have changed. A file that cannot
// be read or understood goes on as it was understood last, as its service does.
// If the directory itself cannot be read, nothing changes.
func (s *specs) scan(complain func(file string, err error)) error {
	v, _, err := stat(s.dir)
	if err != nil {
		return fmt.Errorf("scan config: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("scan config: %w", err)
	}
	s.version = v // taken before the reading: what comes later is seen again
	files := make(map[string]*file, len(entries))
	for _, entry := range entries {
		base := entry.Name()
		service, kind := spec.NameOf(base)
		if kind != spec.FileSpec {
			continue
		}
		path := filepath.Join(s.dir, base)
		v, isDir, err := stat(path)
		if isDir || missing(err) {
			continue
		}
		f := s.files[base]
		if f == nil {
			f = &file{service: service}
		}
		files[base] = f
		if err == nil && v != f.version {
			err = f.read(path)
		}
		complain(base, err)
	}
	s.files = files
	return nil
}

// read takes in the file's present content.
func (f *file) read(path string) error {
	data, version, err := readRegular(path, spec.MaxSpecSize)
	if err != nil {
		return err
	}
	// A bad file is the supervisor's to report, and is read again when it
	// changes.
	f.version = version
	if parsed, err := spec.Parse(data); err == nil {
		f.heart, f.ready = parsed.Heart, parsed.Ready
	}
	return nil
}

// hearts returns which services are expected to beat, and how. Of two files for
// one service neither is right; the one that was there first goes on.
func (s *specs) hearts(before map[string]*patient) map[string]*file {
	found := make(map[string]*file)
	twice := make(map[string]bool)
	for _, f := range s.files {
		if found[f.service] != nil {
			twice[f.service] = true
		}
		if p := before[f.service]; found[f.service] == nil || p != nil && p.file == f {
			found[f.service] = f
		}
	}
	for name, f := range found {
		p := before[name]
		if f.heart == nil || twice[name] && (p == nil || p.file != f) {
			delete(found, name)
		}
	}
	return found
}
