package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Kind is how a spec differs from what the life of its service began with.
type Kind string

const (
	Same      Kind = "same"
	Formatted Kind = "format"  // in its text alone
	LiveKeys  Kind = "live"    // in keys that are taken over while it runs
	Restarted Kind = "restart" // in a key that only a new process has
	Broken    Kind = "bad"     // it is no good spec, and what runs goes on
	Removed   Kind = "removed" // there is no spec any more
)

// Difference is what Diff has found.
type Difference struct {
	Name       string     `json:"name"`
	Kind       Kind       `json:"kind"`
	Keys       []Key      `json:"keys"`       // that differ
	Running    bool       `json:"running"`    // the life goes on
	Generation uint64     `json:"generation"` // number of the life; 0 = it is not known
	PID        int        `json:"pid"`        // of its main process; 0 = none
	State      spec.State `json:"state"`      // what the service is doing, or last did
	File       string     `json:"file"`       // path of the spec
	Problem    string     `json:"problem"`    // what is wrong with a bad one
	Diff       string     `json:"diff"`       // in the unified format; "" = the same
}

// ErrNoLife says that a service has not been started, or that the supervisor has
// forgotten with what.
var ErrNoLife = errors.New("it has not been started yet, as far as is known")

// Diff compares the spec that the current life of a service began with, or the
// last one, with the spec as it stands in the config directory. What is in
// several lines in both is compared as it is written; else both are laid out
// first, a value a line. If only the layout differs, that is what is shown.
//
// The error is ErrNoService, ErrNoLife, or says what cannot be read.
func Diff(p Places, name string) (*Difference, error) {
	now, path, err := Spec(p, name)
	d := &Difference{Name: name, Keys: []Key{}, File: path}
	gone := err == ErrNoService
	if err != nil && !gone {
		return nil, err
	}
	if gone {
		d.File, d.Kind = newFile(p, name), Removed
	}
	_, alive, err := Alive(p)
	if err != nil {
		return nil, err
	}
	switch st, err := StatusOf(p, name); {
	case err == ErrNoService && gone:
		return nil, ErrNoService
	case err != nil && err != ErrNoService:
		return nil, err
	case err == nil:
		d.Running, d.PID, d.Generation, d.State = alive && st.PID != 0, st.PID, st.Generation, st.State
	}
	began, err := os.ReadFile(lifeFile(p, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoLife
	}
	if err != nil {
		return nil, err
	}
	d.compare(began, now)
	return d, nil
}

func (d *Difference) compare(began, now []byte) {
	if d.Kind != Removed {
		d.Kind = d.kind(began, now)
	}
	label := d.Name + " as it last ran"
	if d.Running {
		label = d.Name + " as it runs"
	}
	if d.Generation != 0 {
		label += fmt.Sprintf(" (generation %d)", d.Generation)
	}
	if d.Kind != Formatted && (bytes.Count(began, []byte("\n")) < 3 || bytes.Count(now, []byte("\n")) < 3) {
		began, now = laidOut(began), laidOut(now)
	}
	text := diff.Diff(label, began, d.File, now)
	_, text, _ = bytes.Cut(text, []byte("\n")) // which names both sides once more
	d.Diff = string(text)
}

// kind says how now differs, and in which keys.
func (d *Difference) kind(began, now []byte) Kind {
	if bytes.Equal(began, now) {
		return Same
	}
	is, err := spec.Parse(now)
	if err != nil {
		d.Problem = spec.AsProblem(err).Error()
		return Broken
	}
	was, err := spec.Parse(began)
	if err != nil {
		return Restarted // it was good for another version of us
	}
	var action Action
	action, d.Keys = between(was, is)
	return map[Action]Kind{ActionRestart: Restarted, ActionLive: LiveKeys, ActionFormat: Formatted}[action]
}

// laidOut is a JSON text with a value a line; any other is as it was.
func laidOut(text []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, bytes.TrimSpace(text), "", "  ") != nil {
		return text
	}
	out.WriteByte('\n')
	return out.Bytes()
}
