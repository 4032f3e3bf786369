package probe

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

const (
	// writePause is the time between two writings of one file.
	writePause = time.Second

	// refresh is after which time a file is written though nothing has changed but
	// counts and times.
	refresh = time.Minute
)

var errBad = errors.New("a bad check")

// record notes how a check has ended; bad says why it was a bad one.
func (w *ward) record(now time.Duration, t *task, bad string, took time.Duration) {
	g, what := t.target, t.demand.what
	at := time.Now()
	before, known := g.results[what]
	r := spec.Probe{
		OK: bad == "", Error: bad, Since: at, At: at, Took: took.Seconds(),
		Generation: t.seen.life.Generation, Good: t.good, Bad: t.bad,
	}
	if due := t.due; t.seen.on {
		next := at.Add(due - now)
		r.Next = &next
	}
	same := known && before.OK == r.OK && before.Generation == r.Generation
	if same {
		r.Since = before.Since
	}
	if before.Generation != r.Generation {
		w.news.Forget(g.name, what)
	}
	g.results[what] = r
	if !same || before.Error != r.Error || before.Bad != r.Bad || now-g.wrote >= refresh {
		w.unwritten[g] = true
	}
	var told error
	if bad != "" && !t.rule.ready { // before it is ready, that is to be expected
		told = errBad // once, however its text changes
	}
	if w.news.Is(what, g.name, told) {
		w.log.Warn("bad check", "service", g.name, "check", what, "generation", r.Generation, "err", bad)
	} else if known && !before.OK && r.OK && !t.rule.ready {
		w.log.Info("good check again", "service", g.name, "check", what, "generation", r.Generation)
	}
}

// write writes the results that have changed.
func (w *ward) write(now time.Duration) {
	for g := range w.unwritten {
		if g.wrote != 0 && now-g.wrote < writePause {
			continue
		}
		delete(w.unwritten, g)
		g.wrote = max(now, 1)
		err := w.writeOne(g)
		if w.news.Is("results", "", err) {
			w.log.Warn("results not written", "service", g.name, "err", err)
		}
	}
}

func (w *ward) writeOne(g *target) error {
	if len(g.results) == 0 {
		return w.remove(g.name)
	}
	text, err := json.MarshalIndent(spec.Probes{Name: g.name, Checks: g.results}, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	path := w.Places.Probe(g.name)
	err = atomicfile.Write(path, text, 0o640, false)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(w.Places.ProbeDir(), 0o750); err == nil {
			err = atomicfile.Write(path, text, 0o640, false)
		}
	}
	return err
}

// remove removes the results of a service that is gone.
func (w *ward) remove(name string) error {
	if err := os.Remove(w.Places.Probe(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// clear removes, once, what an earlier prober has left: all of it, for nothing of
// it is known to be so now.
func (w *ward) clear() {
	if w.cleared {
		return
	}
	w.cleared = true
	entries, err := os.ReadDir(w.Places.ProbeDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			w.remove(name)
		}
	}
}
