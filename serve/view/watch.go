package view

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// fullScan is how often everything is looked at, whatever the kernel told.
	fullScan = 10 * time.Second

	// unhintedScan is how old a list may be where the kernel tells nothing.
	unhintedScan = 250 * time.Millisecond

	// gather is for how long hints are gathered before the files are looked at: a
	// replacement is three of them.
	gather = 5 * time.Millisecond
)

// Run keeps the view up to date until ctx is done.
func (v *View) Run(ctx context.Context) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		v.tell("hints", err)
		w = nil
	} else {
		defer w.Close()
	}
	watched := map[string]helper.Version{}
	scan := time.NewTicker(v.every)
	defer scan.Stop()
	due := time.NewTimer(0) // the first look may be as old as the program
	defer due.Stop()
	hints := map[string]bool{} // by path
	all := true
	var events chan fsnotify.Event
	var errs chan error
	if w != nil {
		events, errs = w.Events, w.Errors
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if len(hints) == 0 {
				due.Reset(gather)
			}
			hints[e.Name] = true
			continue
		case <-errs: // hints were lost
			all = true
			due.Reset(gather)
			continue
		case <-scan.C:
			all = true
		case <-due.C:
		}
		if all {
			v.watch(w, watched)
			v.scan()
		} else {
			v.lookAt(hints)
		}
		all = false
		clear(hints)
	}
}

// watch has the kernel tell of the directories as they are now: one may have come,
// or be another.
func (v *View) watch(w *fsnotify.Watcher, watched map[string]helper.Version) {
	hinted := w != nil
	for _, dir := range []string{v.places.StatusDir(), v.places.Config} {
		if w == nil {
			break
		}
		is, _, err := helper.Stat(dir)
		if was, ok := watched[dir]; ok && err == nil && was.Ino == is.Ino && was.Dev == is.Dev {
			continue
		}
		w.Remove(dir) // which was another
		delete(watched, dir)
		if err == nil {
			if err = w.Add(dir); err == nil {
				watched[dir] = is
			}
		}
		hinted = hinted && err == nil
		if helper.Missing(err) {
			err = nil // nobody has been here yet
		}
		v.tell("watch "+dir, err)
	}
	v.mu.Lock()
	v.hinted = hinted
	v.mu.Unlock()
}

// lookAt looks at the files that were named.
func (v *View) lookAt(paths map[string]bool) {
	for path := range paths {
		dir, base := filepath.Split(path)
		switch filepath.Clean(dir) {
		case v.places.StatusDir():
			if v.statuses.wants(base) {
				_, c := v.statuses.look(base)
				v.forgetNames(c == comeGone)
			}
		case filepath.Clean(v.places.Config):
			if strings.HasPrefix(base, "..") { // as where a link to all of them is changed
				c, err := v.outlines.scan()
				v.tell("config", err)
				v.forgetNames(c != same)
			} else if v.outlines.wants(base) {
				_, c := v.outlines.look(base)
				v.forgetNames(c != same)
			}
		}
	}
}

// scan looks at everything.
func (v *View) scan() {
	v.scanning.Lock()
	defer v.scanning.Unlock()
	v.scanAll()
}

func (v *View) scanAll() {
	c, err := v.outlines.scan()
	v.tell("config", err)
	v.forgetNames(c != same)
	c, err = v.statuses.scan()
	v.tell("status", err)
	v.forgetNames(c == comeGone)
	v.mu.Lock()
	v.scanned = time.Now()
	v.mu.Unlock()
}

// tell logs what is wrong with something, once.
func (v *View) tell(what string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.news.Is("view", what, err) {
		v.log.Warn("view not kept up to date", "of", what, "err", err)
	}
}
