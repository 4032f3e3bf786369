// Package operations is what a colony can be asked over a network, without the
// network: methods with plain inputs and outputs, and errors that have a Code. HTTP
// and JSON-RPC are thin edges upon it. It reads config/ and state/ and acts by writing
// specs and messages, as package ctl does; nothing it does could not be done with
// files, and no supervisor knows that it is there.
//
// Each method asks the context who the caller is (WithCaller), and refuses what
// the caller may not do.
package operations

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/docs/schema"
	"github.com/ncolony/ncolony-go/serve/view"
)

// Colony is a colony that can be asked. Its methods may be called by any
// goroutine.
type Colony struct {
	places spec.Places
	log    *slog.Logger
	view   *view.View
	news   *tail

	writing sync.Mutex // of specs and of messages with a key: to look and to write are one step

	reading chan struct{} // has room for those who may read event files at a time

	asking sync.Mutex
	asked  time.Time // when somebody looked for a supervisor last
	found  bool      // there was one
}

// New returns the colony of three directories. They need not be there yet.
func New(p spec.Places, log *slog.Logger) *Colony {
	return &Colony{places: p, log: log, view: view.New(p, log), news: newTail(p, log), reading: make(chan struct{}, 1)}
}

// Run keeps up with the colony until ctx is done. The methods work without it, but
// lists cost more, and who asks for events waits until it runs.
func (c *Colony) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { c.view.Run(ctx) })
	both.Go(func() { c.news.run(ctx) })
	both.Wait()
}

// aliveFor is for how long a supervisor that was seen, or not, is taken to be so by
// those who only look: the question takes its lock for an instant, and one that
// begins just then would think that it is not alone.
const aliveFor = 500 * time.Millisecond

// alive says whether a supervisor runs, or did a moment ago.
func (c *Colony) alive() (bool, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if time.Since(c.asked) < aliveFor {
		return c.found, nil
	}
	_, alive, err := ctl.Alive(c.places)
	if err != nil {
		return false, explain(err, "look at", c.places.State)
	}
	c.asked, c.found = time.Now(), alive
	return alive, nil
}

// Report is what there is to know of a colony as a whole.
type Report struct {
	Supervisor bool               `json:"supervisor"` // one runs
	PID        int                `json:"pid"`        // its pid; 0 = none, or unknown
	Colony     *spec.ColonyStatus `json:"colony"`     // what it says, or the last one said; null = nothing yet
}

// Status reports on the colony as a whole.
func (c *Colony) Status(ctx context.Context) (*Report, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	pid, alive, err := ctl.Alive(c.places)
	if err != nil {
		return nil, explain(err, "look at", c.places.State)
	}
	said, err := ctl.Colony(c.places)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain(err, "read", c.places.Colony())
	}
	return &Report{Supervisor: alive, PID: pid, Colony: said}, nil
}

// Ready returns nil if a supervisor runs, and has said that it does.
func (c *Colony) Ready(context.Context) error {
	alive, err := c.alive()
	if err != nil {
		return err
	}
	if said, err := ctl.Colony(c.places); !alive || err != nil || said.Clean {
		return &Error{Code: NoSupervisor, Detail: ctl.ErrNoSupervisor.Error(), Err: ctl.ErrNoSupervisor}
	}
	return nil
}

// Schemas lists the kinds of files that have a JSON Schema.
func (c *Colony) Schemas(ctx context.Context) ([]string, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	return schema.Names, nil
}

// Schema is the JSON Schema of one kind of file.
func (c *Colony) Schema(ctx context.Context, kind string) ([]byte, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	text, ok := schema.Get(kind)
	if !ok {
		return nil, refuse(NotFound, "type", "no schema %q", kind)
	}
	return text, nil
}
