package view

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/internal/helper"
)

// files is what the files of one directory say, each read when it has changed.
// Any goroutine may ask.
type files[T any] struct {
	dir   string
	wants func(base string) bool
	parse func(path string) (T, helper.Version, error)

	mu    sync.RWMutex
	known map[string]file[T] // by base name
}

// file is one file as it was read last.
type file[T any] struct {
	version helper.Version
	value   T    // of the last version that could be read
	has     bool // there is one
	young   bool // the file was so new that another version of it may look the same
	gone    bool // there is no such file
	err     error
}

// youth is for how long a second version of a file may have the times of the
// first: file systems count in ticks of up to 10 ms.
const youth = 50 * time.Millisecond

// change is what a look has found.
type change int

const (
	same     change = iota
	another         // the content
	comeGone        // there is a file, or none, where it was otherwise
)

// look returns what a file says now. It reads the file only if it is another one
// than before.
func (f *files[T]) look(base string) (now file[T], most change) {
	path := filepath.Join(f.dir, base)
	version, isDir, err := helper.Stat(path)
	for {
		now, c := f.read(base, version, isDir, err)
		most = max(most, c)
		if c == same {
			return now, most
		}
		// Who looked at the same time may have put something newer there before us.
		before, was, missed := version, isDir, err
		version, isDir, err = helper.Stat(path)
		if version == before && isDir == was && (err == nil) == (missed == nil) {
			return now, most
		}
	}
}

// read is look for a file that is there as a stat has told.
func (f *files[T]) read(base string, version helper.Version, isDir bool, err error) (now file[T], c change) {
	f.mu.RLock()
	before, was := f.known[base]
	f.mu.RUnlock()
	switch {
	case isDir || err != nil && helper.Missing(err):
		if was {
			f.mu.Lock()
			delete(f.known, base)
			f.mu.Unlock()
			return file[T]{gone: true}, comeGone
		}
		return file[T]{gone: true}, same
	case err != nil:
		before.err = err
		return before, same
	case was && before.version == version && !before.young:
		return before, same
	}
	now = file[T]{}
	now.value, now.version, now.err = f.parse(filepath.Join(f.dir, base))
	now.has = now.err == nil
	if helper.Missing(now.err) {
		return file[T]{gone: true}, same // the next look finds the same
	}
	if now.err != nil && before.has {
		now.value, now.has = before.value, true
	}
	now.young = time.Since(time.Unix(0, now.version.Mtime)).Abs() < youth
	f.mu.Lock()
	f.known[base] = now
	f.mu.Unlock()
	if now.has != before.has {
		return now, comeGone
	}
	return now, another
}

// A scan of a large directory rests again and again: it is never as urgent as what
// somebody asks meanwhile.
const (
	some = 256
	rest = 2 * time.Millisecond
)

// scan looks at all files of the directory, and says the most that has changed.
// A directory that is not there is empty.
func (f *files[T]) scan() (most change, err error) {
	bases, err := listNames(f.dir)
	if err != nil && !helper.Missing(err) {
		return same, err
	}
	found := make(map[string]bool, len(bases))
	for i, base := range bases {
		if i%some == some-1 {
			time.Sleep(rest)
		}
		if f.wants(base) {
			found[base] = true
			_, c := f.look(base)
			most = max(most, c)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for base := range f.known {
		if !found[base] {
			delete(f.known, base)
			most = comeGone
		}
	}
	return most, nil
}

func listNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// each calls take for all that is known, while nobody changes it.
func (f *files[T]) each(take func(base string, value T)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for base, one := range f.known {
		if one.has {
			take(base, one.value)
		}
	}
}

// get is what was known of a file when it was looked at last.
func (f *files[T]) get(base string) (value T, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	one := f.known[base]
	return one.value, one.has
}
