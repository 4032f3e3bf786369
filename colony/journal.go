package colony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// journal is events/: current.jsonl, to which events are appended, and the
// files it was before, current.jsonl.1 the youngest.
type journal struct {
	disk     disk
	dir      string
	file     lineFile
	seq      uint64 // of the last event
	reserved uint64 // numbers up to this one are ours
}

const (
	journalSize  = 10 << 20 // of one file, bytes
	journalFiles = 5        // kept, the current one among them
	seqBlock     = 1000     // numbers reserved with one write
	maxSeq       = 1 << 53  // no number of ours is above it, nor exact in every reader of JSON
)

func openJournal(d disk, dir string) *journal {
	j := &journal{disk: d, dir: dir}
	// The reservation, not the last line, says where to go on: a line may not
	// have reached the disk, or its file may have been deleted by hand.
	if b, err := d.read(j.path("seq")); err == nil {
		if n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil && n <= maxSeq {
			j.seq = n
		}
	}
	for _, name := range []string{currentEvents, currentEvents + ".1"} { // one of them may have just been begun
		b, _ := d.read(j.path(name))
		j.seq = max(j.seq, lastSeq(b))
	}
	j.reserved = j.seq
	return j
}

func (j *journal) path(name string) string { return filepath.Join(j.dir, name) }

const currentEvents = "current.jsonl"

// lastSeq is the number of the last whole line of a file of events, in case the
// reservation was lost; 0 if there is none.
func lastSeq(b []byte) uint64 {
	lines := bytes.Split(b, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		var e spec.Event
		if json.Unmarshal(lines[i], &e) == nil && e.Seq > 0 && e.Seq <= maxSeq {
			return e.Seq
		}
	}
	return 0
}

// append numbers and writes events. Those that cannot be written are lost, and
// their numbers with them.
func (j *journal) append(events []spec.Event) error {
	var b bytes.Buffer
	failure := j.reserve(uint64(len(events)))
	for i := range events {
		j.seq++
		events[i].Seq = j.seq
		line, err := json.Marshal(&events[i])
		if err != nil {
			failure = errors.Join(failure, err)
			continue
		}
		b.Write(append(line, '\n'))
	}
	if err := j.open(); err != nil {
		return errors.Join(failure, err)
	}
	if _, err := j.file.Write(b.Bytes()); err != nil {
		j.close() // the next open ends the torn line
		return fmt.Errorf("append events: %w", err)
	}
	if j.file.size() >= journalSize {
		failure = errors.Join(failure, j.rotate())
	}
	return failure
}

// reserve claims n numbers, and a block of them ahead. Where that cannot be
// written the numbers are used all the same, being still unique while we run,
// and the next call tries again.
func (j *journal) reserve(n uint64) error {
	if j.seq+n <= j.reserved {
		return nil
	}
	next := j.seq + n + seqBlock
	err := j.disk.write(j.path("seq"), []byte(strconv.FormatUint(next, 10)+"\n"), 0o640, false)
	if err == nil {
		j.reserved = next
	}
	return err
}

// open opens the current file. One that somebody deleted or moved away is
// begun anew.
func (j *journal) open() error {
	if j.file != nil {
		if j.file.standsAt(j.path(currentEvents)) {
			return nil
		}
		j.close()
	}
	f, err := j.disk.openLines(j.path(currentEvents), 0o640)
	if err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	j.file = f
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// rotate makes current.jsonl the first of the old files, and drops the oldest.
func (j *journal) rotate() error {
	j.close()
	old := func(i int) string { return j.path(currentEvents + "." + strconv.Itoa(i)) }
	var failure error
	for i := journalFiles - 2; i >= 1; i-- {
		if err := j.disk.rename(old(i), old(i+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			failure = err
		}
	}
	return errors.Join(failure, j.disk.rename(j.path(currentEvents), old(1)))
}
