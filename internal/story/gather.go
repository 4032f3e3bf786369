package story

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// recent is how many events an explanation ends with.
const recent = 5

// Gather collects what there is to know of a service. alive says that a supervisor
// runs; ctlCommand is how a command about this colony begins. The error says why its
// status cannot be read; what else cannot is left out, and told.
func Gather(p spec.Places, name string, alive bool, ctlCommand string) (*Story, error) {
	s := &Story{name: name, now: time.Now(), alive: alive, ctl: ctlCommand, helper: strings.HasPrefix(name, "@"), look: neighbours(p)}
	var err error
	if s.status, err = ctl.StatusOf(p, name); err != nil && !errors.Is(err, ctl.ErrNoService) {
		return nil, err
	}
	if c, err := ctl.Colony(p); err == nil {
		s.draining = c.Draining
	}
	if s.stop, err = ctl.StopNote(p, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.stopUnknown = err
	}
	if !s.helper {
		s.readSpec(p)
	}
	last := recent
	err = ctl.Events(context.Background(), p, ctl.EventOptions{Names: []string{name}, Last: &last}, func(e spec.Event, _ []byte) error {
		s.events = append(s.events, e)
		return nil
	})
	if err != nil {
		s.eventsUnknown = err
	}
	s.readOutput(p)
	return s, nil
}

// readSpec looks at the file, good or not.
func (s *Story) readSpec(p spec.Places) {
	content, path, err := ctl.Spec(p, s.file())
	s.path = path
	if err != nil {
		s.specErr = err
		return
	}
	var r ctl.Report
	r.Content(path, content)
	for _, f := range r.Findings {
		if !f.Warning {
			s.problems = append(s.problems, f.String())
		}
	}
	s.spec, s.specErr = spec.Parse(content)
	if s.spec != nil && s.spec.Runs() && !slices.Contains(s.spec.Services(s.file()), s.name) {
		s.spec, s.specErr = nil, ctl.ErrNoService // its file makes others
	}
}

// file is the name of the file that the service is made of.
func (s *Story) file() string {
	file, _ := spec.Instance(s.name)
	return file
}
