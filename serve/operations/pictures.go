package operations

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/story"
	urgency "github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/logs"
)

// What people are shown of a colony beside what programs ask for.

// Matching lists all services that are asked for by name, helpers last: without
// pages, for who sorts them otherwise. After and Limit say nothing here.
func (c *Colony) Matching(ctx context.Context, q ListQuery) ([]Item, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	q.Text = strings.ToLower(q.Text)
	var all []Item
	for _, n := range c.view.Names() {
		if c.wants(&q, n) {
			all = append(all, c.item(n))
		}
	}
	return all, nil
}

// Story tells of a service as ncolony ctl explain does.
func (c *Colony) Story(ctx context.Context, name string) (*story.Story, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	alive, err := c.alive()
	if err != nil {
		return nil, err
	}
	leave, err := c.enter(ctx)
	if err != nil {
		return nil, explain(err, "read about", name)
	}
	defer leave()
	s, err := story.Gather(c.places, name, alive, "ncolony ctl ")
	return s, explain(err, "read about", name)
}

// enter waits until the files of events may be read, which is done by one at a time.
func (c *Colony) enter(ctx context.Context) (leave func(), err error) {
	select {
	case c.reading <- struct{}{}:
		return func() { <-c.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// History are the last events of a service, at most so many, the oldest first.
func (c *Colony) History(ctx context.Context, name string, most int) ([]spec.Event, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	leave, err := c.enter(ctx)
	if err != nil {
		return nil, explain(err, "read the events of", name)
	}
	defer leave()
	var all []spec.Event
	err = ctl.Events(ctx, c.places, ctl.EventOptions{Names: []string{name}, Last: &most}, func(e spec.Event, _ []byte) error {
		all = append(all, e)
		return nil
	})
	return all, explain(err, "read the events of", name)
}

// Heart is what is known of the heartbeats of a service; nil = nothing.
func (c *Colony) Heart(ctx context.Context, name string) (*spec.Heartbeat, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	h, err := c.view.Heart(name)
	return h, explain(err, "read the heartbeats of", name)
}

// Crashes are the reports about a service, at most so many, the youngest first.
func (c *Colony) Crashes(ctx context.Context, name string, most int) ([]spec.Crash, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	paths, err := logs.Crashes(c.places, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain(err, "read the crashes of", name)
	}
	var all []spec.Crash
	for _, path := range slices.Backward(paths) {
		if len(all) == most {
			break
		}
		if one, err := readJSON[spec.Crash](path); err == nil { // else it was the oldest, and is removed
			all = append(all, *one)
		}
	}
	return all, nil
}

// Tie is a spec and what it depends on.
type Tie struct {
	Name  string
	Needs []string // some of which may be nobody
	State spec.State
}

// Ties are all specs by name, and how they depend on each other. The state of one
// that makes several services is that of the one that is the least well.
func (c *Colony) Ties(ctx context.Context) ([]Tie, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	var all []Tie
	for _, n := range c.view.Names() {
		if n.Outline == nil {
			continue
		}
		state := c.view.State(n.Service)
		if last := len(all) - 1; last >= 0 && all[last].Name == n.Outline.Name {
			if urgency.Urgency(state) < urgency.Urgency(all[last].State) {
				all[last].State = state
			}
			continue
		}
		all = append(all, Tie{n.Outline.Name, n.Outline.Needs, state})
	}
	return all, nil
}
