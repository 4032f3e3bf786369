package colony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ledger keeps what a later start has to know of the children of this one:
// state/children, a line for each fork and each reap, and state/lives/NAME.json,
// the bytes of the spec a life was started with. It is best effort: what cannot
// be written degrades, and never delays a service.
//
// Two goroutines write: the spawner a line right after each fork, the publisher
// one after each reap, and the specs. The file passes between them through a
// channel that holds it while nobody writes.
type ledger struct {
	places  spec.Places
	epoch   string
	disk    disk
	procs   procs
	file    chan lineFile         // nil inside: not to be had
	limit   int64                 // size at which the file is compacted; belongs to whoever has the file
	kept    map[string]*spec.Spec // of lives/: what stands there; likewise
	left    []ledgerLine          // could not be written yet; likewise
	trouble *troubles             // likewise
}

// ledgerVersion is in every line of state/children.
const ledgerVersion = 1

// ledgerLine is one line of state/children.
type ledgerLine struct {
	Version    int    `json:"v"`
	Name       string `json:"name"`
	Generation uint64 `json:"generation"`
	PID        int    `json:"pid"`
	Start      uint64 `json:"start,omitempty"` // of the process, in clock ticks since boot; only in the line of a fork
	Epoch      string `json:"epoch,omitempty"` // likewise
	Spec       string `json:"spec,omitempty"`  // likewise: SHA-256 of what lives/NAME.json holds, once it is written
	Ended      bool   `json:"ended,omitempty"` // the process was reaped
}

func (l ledgerLine) id() lifeID { return lifeID{l.Name, l.Generation} }

// ledgerLimit is the size at which ended lives are thrown out of the file, or
// twice what was left of it the last time.
const ledgerLimit = 1 << 20

func openLedger(d disk, ps procs, p spec.Places, epoch string, t *troubles) *ledger {
	l := &ledger{places: p, epoch: epoch, disk: d, procs: ps, file: make(chan lineFile, 1), limit: ledgerLimit, kept: map[string]*spec.Spec{}, trouble: t}
	l.file <- l.reopen(nil)
	return l
}

// reopen returns a file that stands at its path: f, if it still does.
func (l *ledger) reopen(f lineFile) lineFile {
	if f != nil {
		if f.standsAt(l.places.Children()) {
			return f
		}
		f.Close()
	}
	f, err := l.disk.openLines(l.places.Children(), 0o600)
	if err != nil {
		l.trouble.note("children", err) // that it can be opened does not mean that it can be written
		return nil
	}
	return f
}

// keepSpec stores the bytes of the spec a life was started with, unless they
// stand there already. The line of the fork has their digest, so that a reader
// can tell whether we came to it.
func (l *ledger) keepSpec(name string, sp *spec.Spec) error {
	f := <-l.file // not for its own sake: kept comes with it
	defer func() { l.file <- f }()
	if old := l.kept[name]; old != nil && old.SHA256 == sp.SHA256 {
		return nil
	}
	err := l.disk.write(filepath.Join(l.places.LivesDir(), name+".json"), sp.Raw, 0o600, false)
	if err == nil {
		l.kept[name] = sp
	}
	return err
}

// dropSpec removes what keepSpec has stored.
func (l *ledger) dropSpec(name string) error {
	f := <-l.file
	defer func() { l.file <- f }()
	delete(l.kept, name)
	return remove(l.disk, filepath.Join(l.places.LivesDir(), name+".json"))
}

// begin notes a fork. A child that is gone again already needs no line.
func (l *ledger) begin(id lifeID, pid int, sp *spec.Spec) {
	st, err := l.procs.stat(pid)
	if err != nil {
		return
	}
	l.append(ledgerLine{Version: ledgerVersion, Name: id.name, Generation: id.generation, PID: pid, Start: st.start, Epoch: l.epoch,
		Spec: sp.Digest()})
}

// end notes that the main processes of lives were reaped.
func (l *ledger) end(all []ended) {
	lines := make([]ledgerLine, len(all))
	for i, e := range all {
		lines[i] = ledgerLine{Version: ledgerVersion, Name: e.life.name, Generation: e.life.generation, PID: e.pid, Ended: true}
	}
	l.append(lines...)
}

// encode is lines as they stand in the file.
func encode(lines []ledgerLine) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		j, _ := json.Marshal(line) // numbers and strings: it cannot fail
		b.Write(append(j, '\n'))
	}
	return b.Bytes()
}

// append writes lines, after those that could not be written before.
func (l *ledger) append(lines ...ledgerLine) {
	f := l.reopen(<-l.file)
	defer func() { l.file <- f }()
	l.left = append(l.left, lines...)
	if f != nil {
		_, err := f.Write(encode(l.left))
		l.trouble.note("children", err)
		if err != nil {
			f.Close()
			f = nil // the next open ends the torn line
		}
	}
	if f == nil {
		l.left = unsettled(l.left)
		return
	}
	l.left = nil
	if f.size() > l.limit {
		f = l.compact(f)
	}
}

// unsettled is lines without those of lives that have begun and ended in them:
// of such a life nothing need be known.
func unsettled(lines []ledgerLine) []ledgerLine {
	ended := map[lifeID]bool{}
	begun := map[lifeID]bool{}
	for _, line := range lines {
		id := line.id()
		ended[id] = ended[id] || line.Ended
		begun[id] = begun[id] || !line.Ended
	}
	return slices.DeleteFunc(lines, func(line ledgerLine) bool {
		id := line.id()
		return ended[id] && begun[id]
	})
}

// behind reports whether the file cannot be had, or lines wait for it.
func (l *ledger) behind() bool {
	f := <-l.file
	defer func() { l.file <- f }()
	return f == nil || len(l.left) > 0
}

// unwritten returns the lines that wait for the file.
func (l *ledger) unwritten() []ledgerLine {
	f := <-l.file
	defer func() { l.file <- f }()
	return slices.Clone(l.left)
}

// compact rewrites the file without the lives that have ended or were of
// another epoch, and returns the file to go on with.
func (l *ledger) compact(f lineFile) lineFile {
	live, err := readLedger(l.disk, l.places)
	if err != nil {
		l.trouble.note("children", err)
		return f
	}
	b := encode(slices.DeleteFunc(live, func(line ledgerLine) bool { return line.Epoch != l.epoch }))
	if err := l.disk.write(l.places.Children(), b, 0o600, false); err != nil {
		l.trouble.note("children", err)
		return f
	}
	l.limit = max(ledgerLimit, 2*int64(len(b)))
	return l.reopen(f)
}

// readLedger returns the lives that have begun and not ended, in the order of
// their forks. A torn line, left by a crash, is passed over.
func readLedger(d disk, p spec.Places) ([]ledgerLine, error) {
	b, err := d.read(p.Children())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read children: %w", err)
	}
	live := map[lifeID]ledgerLine{}
	var order []lifeID
	for line := range bytes.Lines(b) {
		var e ledgerLine
		if json.Unmarshal(line, &e) != nil || e.Version != ledgerVersion {
			continue
		}
		id := e.id()
		if e.Ended {
			delete(live, id)
			continue
		}
		live[id] = e
		order = append(order, id)
	}
	var out []ledgerLine
	for _, id := range order {
		if e, ok := live[id]; ok {
			out = append(out, e)
			delete(live, id) // an id that began twice, in two epochs, is the later one
		}
	}
	return out, nil
}
