package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// patience is how long a message that does not parse must be left alone before
// it is judged: whoever writes it in place may not be done.
const patience = 500 * time.Millisecond

// messageDir takes messages out of their directory, each once.
type messageDir struct {
	disk    disk
	clock   func() time.Time
	path    string
	places  spec.Places
	uid     int
	anyone  bool // may send every message
	out     outbox
	trouble *troubles

	before map[string]fileKey // was there before the supervisor started; nil until that is known
	wait   map[string]unparsed
	stuck  map[string]fileKey // acted on, and cannot be removed
}

// unparsed is a message that does not parse yet.
type unparsed struct {
	key fileKey
	at  time.Time // when it is judged
}

func newMessageDir(o outside, places spec.Places, uid int, anyone bool, out outbox, trouble *troubles) *messageDir {
	return &messageDir{disk: o.disk, clock: o.clock, path: filepath.Clean(places.Messages), places: places, uid: uid, anyone: anyone, out: out, trouble: trouble,
		wait: map[string]unparsed{}, stuck: map[string]fileKey{}}
}

// remember notes, once, what is there before anything is started: whoever has seen
// a service run and writes then means that life of it.
func (d *messageDir) remember() {
	if d.before != nil {
		return
	}
	d.before = map[string]fileKey{}
	list, _ := d.disk.list(d.path) // the scan behind this one says what is wrong with it
	for _, e := range list {
		if fi, err := d.disk.lstat(filepath.Join(d.path, e.Name())); err == nil {
			d.before[e.Name()] = keyOf(fi)
		}
	}
}

// letter is a message file that was read.
type letter struct {
	file  string
	key   fileKey
	mtime time.Time
	link  uint32 // owner of the name
	uid   uint32 // owner of the file, which is another if the name is a symbolic link
	msg   *spec.Message
	bad   *spec.Problem
}

// scan takes all messages in the order in which they were written. Before the
// first is acted on, lookAtSpecs makes sure that a spec written earlier is
// known; force says that one of them asks for a look that believes all it finds.
func (d *messageDir) scan(lookAtSpecs func(force bool)) {
	list, err := d.disk.list(d.path)
	if errors.Is(err, os.ErrNotExist) {
		err = d.disk.mkdir(d.path, 0o755)
		list = nil
	}
	d.trouble.note("messages", err)
	if err != nil {
		return
	}
	now := d.clock()
	var batch []letter
	present := map[string]bool{}
	for _, e := range list {
		if _, kind := spec.NameOf(e.Name()); kind == spec.FileIgnored {
			continue
		}
		present[e.Name()] = true
		if l, ok := d.open(e.Name(), now); ok {
			batch = append(batch, l)
		}
	}
	d.forget(present)
	if len(batch) == 0 {
		return
	}
	slices.SortFunc(batch, func(a, b letter) int {
		if c := a.mtime.Compare(b.mtime); c != 0 {
			return c
		}
		return strings.Compare(a.file, b.file)
	})
	lookAtSpecs(slices.ContainsFunc(batch, func(l letter) bool { return l.msg != nil && l.msg.Type == spec.Rescan }))
	for _, l := range batch {
		d.take(l, now)
	}
}

// forget drops what is remembered of files that are gone.
func (d *messageDir) forget(present map[string]bool) {
	for file := range d.wait {
		if !present[file] {
			delete(d.wait, file)
		}
	}
	for file := range d.stuck {
		if !present[file] {
			delete(d.stuck, file)
			d.trouble.note("message "+file, nil)
		}
	}
}

// open reads one message; false if it is not to be acted on now.
func (d *messageDir) open(file string, now time.Time) (letter, bool) {
	path := filepath.Join(d.path, file)
	li, err := d.disk.lstat(path)
	if err != nil {
		return letter{}, false // somebody took it back
	}
	owner := li.Sys().(*unixStat).Uid
	l := letter{file: file, key: keyOf(li), mtime: li.ModTime(), link: owner, uid: owner}
	if key, ok := d.stuck[file]; ok && key == l.key {
		return letter{}, false
	}
	b, fi, err := d.disk.readRegular(path, spec.MaxMessageSize)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return letter{}, false
	case err != nil:
		l.bad = &spec.Problem{Message: err.Error()}
		return l, true
	}
	l.uid = fi.Sys().(*unixStat).Uid // of what was read, whatever had the name before
	if l.msg, err = spec.ParseMessage(b); err == nil {
		delete(d.wait, file)
		return l, true
	}
	l.bad = spec.AsProblem(err)
	u, ok := d.wait[file]
	if !ok || u.key != l.key {
		u = unparsed{l.key, now.Add(patience)}
		d.wait[file] = u
	}
	if now.Before(u.at) {
		return letter{}, false
	}
	delete(d.wait, file)
	return l, true
}

// recheckAt is when a message that does not parse is judged; zero if there is none.
func (d *messageDir) recheckAt() (at time.Time) {
	for _, u := range d.wait {
		if at.IsZero() || u.at.Before(at) {
			at = u.at
		}
	}
	return at
}

// take claims a message and hands it over: the unfinished result first, then
// the file away, then the act. Whatever happens in between, it is acted on at
// most once, and its sender can see how far it came.
func (d *messageDir) take(l letter, now time.Time) {
	key, old := d.before[l.file]
	delete(d.before, l.file)
	ev := received{file: l.file, at: now, message: l.msg, problem: l.bad, old: old && key == l.key,
		trusted: d.trusts(l.link) && d.trusts(l.uid), by: fmt.Sprintf(" (uid %d)", l.uid)}
	r := spec.Result{Received: now}
	if l.msg != nil {
		r.Type, r.Name, r.Group = l.msg.Type, l.msg.Name, l.msg.Group
	}
	writeResult(d.disk, d.places, l.file, r) // where it cannot, neither can the answer, and that is told and tried again
	err := d.disk.remove(filepath.Join(d.path, l.file))
	if errors.Is(err, os.ErrNotExist) {
		// Its sender has thought better of it: nobody waits for an answer.
		d.disk.remove(d.places.Result(l.file))
		return
	}
	if err != nil {
		d.stuck[l.file] = l.key
		err = fmt.Errorf("remove %q: %w (it was acted on once)", l.file, err)
	}
	d.trouble.note("message "+l.file, err)
	d.out.send(ev)
}

// trusts reports whether a uid may ask for what only we and root may.
func (d *messageDir) trusts(uid uint32) bool { return d.anyone || uid == 0 || int(uid) == d.uid }

// writeResult replaces a result file.
func writeResult(d disk, p spec.Places, file string, r spec.Result) error {
	return writeJSON(d, p.Result(file), r, 0o640)
}
