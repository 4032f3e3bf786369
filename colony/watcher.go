package colony

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// hints is where the watcher hears that something may have changed. It is
// fsnotify behind two channels; a nil events channel means there is none, and
// the watcher polls.
type hints struct {
	watcher *fsnotify.Watcher
	events  <-chan fsnotify.Event
	errors  <-chan error
}

func openHints() (hints, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return hints{}, fmt.Errorf("no inotify instance to be had, polling instead: %w", err)
	}
	return hints{w, w.Events, w.Errors}, nil
}

// watcher reads the two directories and tells the core what it finds. What it
// is told by the kernel is a hint about where to look first; the scan at every
// frequency is what it relies on.
type watcher struct {
	config    *configDir
	messages  *messageDir
	open      func() (hints, error) // asked for again while there are no hints; nil = poll
	hints     hints
	dots      calm             // when a full scan is due because of hidden files
	watched   map[string]dirID // path -> what is watched under it
	trouble   *troubles
	frequency time.Duration
	rescans   chan struct{} // of capacity 1
	again     chan struct{} // likewise: everything is to be told again
	holds     <-chan hold
	quit      <-chan struct{}
}

const (
	// quiet is how long a file must be left alone before "it does not parse"
	// or "it is gone" counts: editors write in several steps.
	quiet = 50 * time.Millisecond
	// quietMost bounds that for a file that is never left alone.
	quietMost = 500 * time.Millisecond
	// pollEvery is the time between scans where nothing gives us hints.
	pollEvery = time.Second
)

// run watches until quit is closed. It may be run again after a panic, and
// therefore lets go of the hints at its proper end only.
func (w *watcher) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	w.messages.remember()
	w.scan(false)
	next := time.Now().Add(w.interval())
	for {
		timer.Reset(time.Until(soonest(next, w.config.recheckAt(), w.messages.recheckAt(), w.dots.at)))
		select {
		case <-w.quit:
			if w.hints.watcher != nil {
				w.hints.watcher.Close()
			}
			return
		case ev := <-w.hints.events:
			w.hinted(ev)
		case err := <-w.hints.errors:
			// An overflow, or a watch that broke: what we missed is in the directory.
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.trouble.note("watch", err)
			}
			w.scan(false)
		case <-w.rescans:
			w.scan(true)
		case <-w.again:
			w.config.startOver()
			w.scan(false)
		case h := <-w.holds:
			h.held <- struct{}{}
			<-h.release
		case <-timer.C:
			if !time.Now().Before(next) {
				w.trouble.note("watch", nil) // an error since will say so again
				w.scan(false)
				next = time.Now().Add(w.interval())
				continue
			}
			if !w.dots.at.IsZero() && !time.Now().Before(w.dots.at) {
				w.scan(false)
			}
			w.config.recheck(time.Now())
			w.look()
		}
	}
}

func soonest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// interval is the time between full scans.
func (w *watcher) interval() time.Duration {
	_, config := w.watched[w.config.path]
	_, messages := w.watched[w.messages.path]
	if w.hints.events == nil || !config || !messages {
		return min(w.frequency, pollEvery)
	}
	return w.frequency
}

// scan looks at everything. With force, what is found is believed even if the
// config directory is another one and empty.
func (w *watcher) scan(force bool) {
	w.dots = calm{}
	w.rewatch()
	w.config.scan(force)
	w.look()
}

// look reads the messages, after the specs that may have been written before
// them.
func (w *watcher) look() {
	w.messages.scan(w.config.scan)
}

// hinted takes in one hint and all that wait behind it.
func (w *watcher) hinted(ev fsnotify.Event) {
	names := map[string]bool{}
	all, messages := false, false
	for {
		switch dir, base := filepath.Split(ev.Name); {
		case ev.Name == w.config.path || ev.Name == w.messages.path:
			all = true // a directory itself, or its entry in its parent
		case filepath.Clean(dir) == w.config.path:
			switch {
			case strings.HasPrefix(base, ".."):
				all = true // `..data` of a ConfigMap: every file may be another
			case strings.HasPrefix(base, atomicfile.Temp):
				// A temporary file of our own: no link leads to it.
			case strings.HasPrefix(base, "."):
				// Most likely a temporary file too, but files may be links to it.
				w.dots = w.dots.touched(w.config.clock())
			default:
				names[base] = true
			}
		case filepath.Clean(dir) == w.messages.path:
			messages = messages || !strings.HasPrefix(base, ".")
		}
		select {
		case ev = <-w.hints.events:
			continue
		default:
		}
		break
	}
	now := w.config.clock()
	for base := range names {
		w.config.look(base, now)
	}
	switch {
	case all:
		w.scan(false)
	case messages:
		w.look()
	}
}

// rewatch makes sure that the directories we watch are the ones that have the
// paths now. A watch that we have may have been lost without our being told (a
// directory that was moved away and back, a file system that was unmounted), so
// each is asked for again; the kernel keeps one for each directory.
func (w *watcher) rewatch() {
	if w.hints.watcher == nil && w.open != nil {
		var err error
		w.hints, err = w.open()
		w.trouble.note("inotify", err)
	}
	if w.hints.watcher == nil {
		return
	}
	paths := map[string]bool{w.config.path: true, w.messages.path: true,
		filepath.Dir(w.config.path): true, filepath.Dir(w.messages.path): true}
	for path := range paths {
		_, id, err := w.config.disk.statDir(path)
		if old, ok := w.watched[path]; ok && (err != nil || old != id) {
			w.hints.watcher.Remove(path)
			delete(w.watched, path)
		}
		if err != nil {
			continue
		}
		err = w.hints.watcher.Add(path)
		if path == w.config.path || path == w.messages.path {
			if err != nil {
				err = fmt.Errorf("no watch to be had, polling instead: %w", err)
			}
			w.trouble.note("watch "+path, err)
		}
		if err == nil {
			w.watched[path] = id
		} else {
			delete(w.watched, path)
		}
	}
}

// want asks for a full scan, from another goroutine; afresh, for everything to
// be told again.
func (w *watcher) want(afresh bool) {
	ask := w.rescans
	if afresh {
		ask = w.again
	}
	select {
	case ask <- struct{}{}:
	default: // one is wanted already
	}
}
