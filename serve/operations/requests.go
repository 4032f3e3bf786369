package operations

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// Request is a message to the supervisor, and how it is sent.
type Request struct {
	spec.Message
	// Key makes that a request is made once however often it is sent: a second one
	// with the same key gets the answer of the first. It holds as long as the
	// result is kept, of which there are 1,000; "" = none.
	Key string
	// Wait is how long to wait for the result; 0 = not at all.
	Wait time.Duration
}

// DefaultWait is how long a transport waits for a result if its caller does not say.
const DefaultWait = 30 * time.Second

// Sent is a message that was sent, and its result.
type Sent struct {
	Request string       `json:"request"` // its file name
	Result  *spec.Result `json:"result"`  // null = not known yet
}

// Restart asks for a new life of a service, whatever it is doing, and returns when
// the new life runs and is ready, or has failed.
func (c *Colony) Restart(ctx context.Context, r Request) (*Sent, error) {
	return c.do(ctx, spec.RestartService, r)
}

// Start asks for a service to run, and forgets an earlier Stop.
func (c *Colony) Start(ctx context.Context, r Request) (*Sent, error) {
	return c.do(ctx, spec.StartService, r)
}

// Stop asks for a service to be down until a Start or Restart, and returns when it
// is.
func (c *Colony) Stop(ctx context.Context, r Request) (*Sent, error) {
	return c.do(ctx, spec.StopService, r)
}

// Signal sends a signal to the main process of a service.
func (c *Colony) Signal(ctx context.Context, r Request) (*Sent, error) {
	return c.do(ctx, spec.SendSignal, r)
}

// do sends what somebody has to be there for.
func (c *Colony) do(ctx context.Context, kind spec.Type, r Request) (*Sent, error) {
	if err := need(ctx, Admin); err != nil {
		return nil, err
	}
	r.Type = kind
	if err := checkTarget(r.Name); err != nil {
		return nil, err
	}
	if err := ctl.Known(c.places, r.Name); err != nil {
		return nil, explain(err, verb(kind), r.Name)
	}
	if alive, err := c.alive(); err != nil {
		return nil, err
	} else if !alive {
		return nil, explain(ctl.ErrNoSupervisor, verb(kind), r.Name)
	}
	return c.Send(ctx, r)
}

// Send sends a message of any type. Without a supervisor it lies in its directory
// until there is one. A message that the supervisor refuses is a Conflict, or
// NotFound, with the Result.
func (c *Colony) Send(ctx context.Context, r Request) (*Sent, error) {
	if err := need(ctx, Admin); err != nil {
		return nil, err
	}
	if r.Reason == "" {
		r.Reason = "asked through ncolony-serve by " + CallerOf(ctx).Name
	}
	what := verb(r.Type)
	file, err := c.send(r)
	if err != nil {
		return nil, explain(err, what, r.Name)
	}
	c.log.Info("message sent", "type", r.Type, "service", r.Name, "by", CallerOf(ctx).Name, "request", file)
	sent := &Sent{Request: file}
	if r.Wait <= 0 {
		return sent, nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(r.Wait, MaxWait))
	defer cancel()
	if sent.Result, err = ctl.Wait(ctx, c.places, file); err == nil {
		err = ctl.Answer(sent.Result)
		if err != nil && !errors.Is(err, ctl.ErrNoService) {
			err = &Error{Code: Conflict, Detail: fmt.Sprintf("%s %q: %v", what, r.Name, err), Err: err}
		}
	}
	if err = explain(err, what, r.Name); err != nil {
		e, _ := errors.AsType[*Error](err)
		e.Request, e.Result = file, sent.Result
		return nil, e
	}
	return sent, nil
}

func verb(kind spec.Type) string { return strings.ToLower(string(kind)) }

// send writes the message, unless one with its key was sent before.
func (c *Colony) send(r Request) (file string, err error) {
	if r.Key == "" {
		return ctl.Send(c.places, r.Message)
	}
	file = fmt.Sprintf("key-%x", sha256.Sum256([]byte(r.Key)))
	c.writing.Lock()
	defer c.writing.Unlock()
	// The supervisor writes the result before it takes the message away, so one of
	// the two is always there.
	before, err := readJSON[spec.Message](filepath.Join(c.places.Messages, file))
	if errors.Is(err, fs.ErrNotExist) {
		var res *spec.Result
		if res, err = readJSON[spec.Result](c.places.Result(file)); err == nil {
			before = &spec.Message{Type: res.Type, Name: res.Name, Group: res.Group}
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, ctl.SendAs(c.places, file, r.Message)
	case err != nil:
		return "", err
	case before.Type != r.Type || before.Name != r.Name || before.Group != r.Group:
		return "", refuse(Invalid, "Idempotency-Key", "the key was used for another request: %s %q", verb(before.Type), before.Name+before.Group)
	}
	return file, nil
}

func readJSON[T any](path string) (*T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v := new(T)
	return v, json.Unmarshal(text, v)
}

// Result returns what became of a message. NotFound: there is neither a message
// nor a result of that name.
func (c *Colony) Result(ctx context.Context, file string) (*Sent, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if file != filepath.Base(file) || strings.HasPrefix(file, ".") || len(file) > 255 {
		return nil, refuse(Invalid, "request", "request: %q is no name of a message", file)
	}
	_, waits := os.Lstat(filepath.Join(c.places.Messages, file))
	res, err := readJSON[spec.Result](c.places.Result(file))
	switch {
	case err == nil:
		return &Sent{file, res}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, explain(err, "read the result of", file)
	case waits == nil:
		return &Sent{Request: file}, nil
	}
	return nil, refuse(NotFound, "", "no message %q", file)
}

// Results are the messages that were taken last, the youngest first, and at most
// limit of them; 0 = DefaultLimit.
func (c *Colony) Results(ctx context.Context, limit int) ([]Sent, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	switch {
	case limit < 0 || limit > MaxLimit:
		return nil, refuse(Invalid, "limit", "limit: must be between 1 and %d", MaxLimit)
	case limit == 0:
		limit = DefaultLimit
	}
	list, err := os.ReadDir(c.places.ResultsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain(err, "list", c.places.ResultsDir())
	}
	all := []Sent{}
	for _, entry := range list {
		file, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || file[:min(1, len(file))] == "." {
			continue
		}
		if res, err := readJSON[spec.Result](c.places.Result(file)); err == nil {
			all = append(all, Sent{file, res})
		}
	}
	slices.SortFunc(all, func(a, b Sent) int { return b.Result.Received.Compare(a.Result.Received) })
	return all[:min(limit, len(all))], nil
}
