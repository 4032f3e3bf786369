package ctl

import (
	"context"
	"encoding/json"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Tail reads the events of a colony as they come, for one who looks now and then.
// It has the files open until Close.
type Tail struct {
	j     journal
	begun bool
}

// NewTail begins a Tail: what is there at the first Read is not new.
func NewTail(p Places) *Tail { return &Tail{j: journal{dir: p.EventsDir()}} }

// Read calls each with the events that have come since the last Read, the oldest
// first, across the changes of file that the supervisor makes. A line that a
// crash has torn is passed over. After an error the next Read goes on where this
// one has ended.
func (t *Tail) Read(ctx context.Context, each func(spec.Event)) error {
	if !t.begun {
		if err := t.j.list(); err != nil {
			return err
		}
		for _, f := range t.j.files {
			f.at = f.info.Size()
		}
		t.begun = true
		return nil
	}
	return t.j.read(ctx, func(line []byte) error {
		var e spec.Event
		if json.Unmarshal(line, &e) == nil && e.Type != "" {
			each(e)
		}
		return nil
	})
}

// Close lets go of the files.
func (t *Tail) Close() { t.j.close() }
