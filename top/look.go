package top

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

const (
	lookEvery  = 500 * time.Millisecond
	aliveEvery = time.Second      // the supervisor's lock is asked for
	wholeEvery = 10 * time.Second // all is looked at, changed or not
	// settled is how old a change of a directory has to be before its time tells it
	// from the next: clocks of file systems are coarse.
	settled = time.Second
	// share of the time that what is done beside the loop may take: one part in so
	// many.
	share = 20
)

// looker looks at the colony again and again. A directory in which nothing has been
// replaced since is not read again.
type looker struct {
	places spec.Places
	seen   ctl.Seen
	dirs   map[string]time.Time // when what was read last had been changed
	whole  time.Time            // when all was read
	asked  time.Time            // when alive was
	alive  bool
}

// found is what one look has found.
type found struct {
	now      time.Time
	fresh    bool // statuses, changed and hearts are of this look; else nothing is new
	statuses []spec.Status
	changed  []string
	hearts   map[string]*spec.Heartbeat
	alive    bool
	colony   *spec.ColonyStatus // nil: nothing is known
	err      error
}

func newLooker(p spec.Places) *looker {
	return &looker{places: p, seen: ctl.Seen{Checks: true}, dirs: map[string]time.Time{}}
}

// again looks for as long as v is shown, and longer between two looks the longer
// one takes.
func (l *looker) again(v *view) {
	for pause := time.Duration(0); ; {
		select {
		case <-v.ctx.Done():
			return
		case <-time.After(max(lookEvery, pause)):
		}
		began := time.Now()
		f := l.look()
		pause = share * time.Since(began)
		v.post(func() { v.take(f) })
	}
}

func (l *looker) look() found {
	f := found{now: time.Now()}
	if f.now.Sub(l.asked) >= aliveEvery {
		_, alive, err := ctl.Alive(l.places)
		l.asked, l.alive, f.err = f.now, alive, err
	}
	f.alive = l.alive
	c, err := ctl.Colony(l.places)
	if err == nil {
		f.colony = c
	} else if !errors.Is(err, fs.ErrNotExist) {
		f.err = errors.Join(f.err, err)
	}
	if !l.moved(f.now) {
		return f
	}
	f.fresh = true
	f.statuses, f.changed, err = l.seen.Look(l.places)
	f.err = errors.Join(f.err, err)
	f.hearts = map[string]*spec.Heartbeat{}
	for i := range f.statuses {
		if h := l.seen.Heart(f.statuses[i].Name); h != nil {
			f.hearts[f.statuses[i].Name] = h
		}
	}
	if err != nil {
		clear(l.dirs) // until it can be read
	}
	return f
}

// moved says whether there may be something new.
func (l *looker) moved(now time.Time) bool {
	moved := now.Sub(l.whole) >= wholeEvery
	for _, dir := range []string{l.places.StatusDir(), l.places.HeartDir(), l.places.ProbeDir(), l.places.ScheduleDir()} {
		var at time.Time
		if fi, err := os.Stat(dir); err == nil {
			at = fi.ModTime()
		}
		if known, ok := l.dirs[dir]; !ok || !known.Equal(at) {
			moved = true
		}
		l.dirs[dir] = at
		if now.Sub(at).Abs() < settled {
			delete(l.dirs, dir)
		}
	}
	if moved {
		l.whole = now
	}
	return moved
}
