package check

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// awaitLook is the time between two looks at a service that is to become
	// ready; idleLook, at one that is, or is not there.
	awaitLook = 100 * time.Millisecond
	idleLook  = 500 * time.Millisecond

	// coarse is how much older than the moment of its change a file may claim to
	// be: clocks of file systems tick.
	coarse = 10 * time.Millisecond

	// readyAgain is when READY is said once more, in case it was lost.
	readyAgain = 5 * time.Second
)

// novice is a service that becomes ready by a file: its first heartbeat, or
// another that it makes or changes.
type novice struct {
	file   *file
	beat   beatFile
	status helper.Status
	life   life // that was seen last
	marked bool // mark is of that life
	mark   mark
	due    time.Duration
	said   time.Duration // when READY was said for that life; 0 = not yet
}

// arrived takes in a look at the file of a life that began at started, and
// reports whether the life has shown itself: the file has changed since the
// first look, or is no older than the life.
func (n *novice) arrived(l life, m mark, found bool, started time.Time) bool {
	if n.life != l {
		n.life, n.marked, n.said = l, false, 0
	}
	changed := n.marked && m != n.mark
	n.mark, n.marked = m, true
	return found && (changed || m.mtime >= started.Add(-coarse).UnixNano())
}

// path is what the file of a service is, whose change says that it is ready; ""
// = it has no such file.
func (w wishes) path() string {
	switch {
	case w.ready == nil:
		return ""
	case w.ready.Beat && w.heart != nil:
		return w.heart.Status
	}
	return w.ready.File
}

// lookForReady looks at the services that become ready by a file, and returns
// when to come back.
func (w *ward) lookForReady(now, next time.Duration) time.Duration {
	for name, n := range w.novices {
		if n.due <= now {
			n.due = now + w.lookAtNovice(now, name, n)
		}
		next = min(next, n.due)
	}
	return next
}

// lookAtNovice says READY if it is so, and returns how long to wait.
func (w *ward) lookAtNovice(now time.Duration, name string, n *novice) time.Duration {
	if _, err := n.status.Read(w.places.Status(name), true); w.news.Is("status", name, err) {
		w.log.Warn("status not read", "service", name, "err", err)
	}
	if !n.status.Up || n.status.Ready {
		return idleLook
	}
	_, m, found, err := n.beat.look()
	w.noteShared(n.file, &n.beat, found)
	if w.news.Is("ready", name, err) {
		w.log.Warn("file that says ready not seen", "service", name, "err", err)
	}
	if err != nil || !n.arrived(n.status.Life, m, found, bornBy(n.status.Life.PID, n.status.Started)) && n.said == 0 {
		return awaitLook
	}
	if n.said != 0 && now-n.said < readyAgain {
		return awaitLook
	}
	err = w.send(spec.Message{Type: spec.Ready, Name: name, Generation: &n.status.Life.Generation, Reason: n.beat.status + " has changed"})
	if w.news.Is("send", name, err) {
		w.log.Warn("not told that it is ready", "service", name, "err", err)
	}
	if err == nil {
		n.said = max(now, 1)
	}
	return awaitLook
}

// findNovices brings them in line with the config directory.
func (w *ward) findNovices(now time.Duration) {
	found := map[string]*novice{}
	for _, f := range w.specs.Files {
		if f.Spec.path() == "" {
			continue
		}
		for _, name := range f.Services {
			n := w.novices[name]
			if n == nil || n.file != f || n.beat.status != f.Spec.path() {
				n = &novice{file: f, beat: newBeatFile(f.Spec.path(), name), due: now}
			}
			found[name] = n
		}
	}
	w.novices = found
}
