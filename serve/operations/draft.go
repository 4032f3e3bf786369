package operations

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// Draft is what is to be said of a text before it is made the spec of a service.
type Draft struct {
	Faults   []Fault  `json:"faults"`   // for which it would be refused
	Warnings []Fault  `json:"warnings"` // what is odd but not wrong
	Before   string   `json:"before"`   // hash of the spec that it would take the place of; "" = there is none
	Diff     string   `json:"diff"`     // from that to the text, in the unified format; "" = the same
	Restarts bool     `json:"restarts"` // a service that runs is started again
	Keys     []string `json:"keys"`     // that have another value
}

// Check says what is to be said of a text before it is made a spec.
func (c *Colony) Check(ctx context.Context, name string, text []byte) (*Draft, error) {
	if err := need(ctx, Admin); err != nil {
		return nil, err
	}
	if err := spec.CheckName(name); err != nil {
		return nil, refuse(Invalid, "name", "%v", err)
	}
	if len(text) > spec.MaxSpecSize {
		return nil, refuse(TooLarge, "", "a spec has at most %d bytes", spec.MaxSpecSize)
	}
	d := &Draft{Faults: []Fault{}, Warnings: []Fault{}, Keys: []string{}}
	var r ctl.Report
	r.Content(name, text)
	for _, f := range r.Findings {
		one := Fault{Line: f.Line, Column: f.Column, Message: f.Message}
		if f.Warning {
			d.Warnings = append(d.Warnings, one)
		} else {
			d.Faults = append(d.Faults, one)
		}
	}
	before, _, err := ctl.Spec(c.places, name)
	switch {
	case errors.Is(err, ctl.ErrNoService):
		d.Diff = plain(diff.Diff("", nil, "", text))
		return d, nil
	case err != nil:
		return nil, explain(err, "read the spec of", name)
	}
	d.Before = Hash(before)
	d.Diff = plain(diff.Diff("", before, "", text))
	was, wrong := spec.Parse(before)
	is, bad := spec.Parse(text)
	if wrong == nil && bad == nil {
		d.Keys = append(d.Keys, spec.Changes(was, is)...)
		d.Restarts = !spec.SameProcess(was, is)
	}
	return d, nil
}

// plain is a diff without the lines that name both sides.
func plain(text []byte) string {
	for range 3 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return strings.TrimRight(string(text), "\n")
}
