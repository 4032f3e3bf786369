package top

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/places"
	"github.com/ncolony/ncolony-go/internal/words"
)

// question is asked before something is done.
type question struct {
	text string
	yes  func()
}

// longestWait is how long the result of a request is waited for. The request goes on
// without us.
const longestWait = 2 * time.Minute

var verbs = map[spec.Type]string{spec.RestartService: "restart", spec.StartService: "start", spec.StopService: "stop"}

// ask asks whether a service shall be told to do something, and if so has it told.
func (v *view) ask(t spec.Type, name string) {
	text := fmt.Sprintf("%s %s?", verbs[t], name)
	if st := v.status(name); st != nil && st.PID != 0 {
		text += fmt.Sprintf(" It is %s, pid %d.", st.State, st.PID)
	} else if st != nil {
		text += fmt.Sprintf(" It is %s.", st.State)
	}
	if !v.seen.alive {
		text = fmt.Sprintf("%s %s when a supervisor runs again?", verbs[t], name)
	}
	v.question = &question{text, func() { v.request(spec.Message{Type: t, Name: name}) }}
}

// status is what is known of a service; nil: nothing.
func (v *view) status(name string) *spec.Status {
	for _, r := range v.rows {
		if r.status.Name == name {
			return &r.status
		}
	}
	return nil
}

// request sends m, and shows what comes of it.
func (v *view) request(m spec.Message) {
	v.notice = notice{text: fmt.Sprintf("%s: asked to %s; waiting for the answer", m.Name, verbs[m.Type])}
	v.beside(func() {
		n := outcome(v.ctx, v.places, m)
		v.post(func() { v.notice = n })
	})
}

// outcome is what becomes of a request.
func outcome(ctx context.Context, p spec.Places, m spec.Message) notice {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	file, err := ctl.Send(p, m)
	if err != nil {
		return refusal(m, err)
	}
	res, err := ctl.Wait(ctx, p, file)
	switch {
	case errors.Is(err, ctl.ErrNoSupervisor):
		return notice{fmt.Sprintf("%s: %v; the request lies in %s until one starts", m.Name, err, p.Messages), true}
	case errors.Is(err, context.DeadlineExceeded):
		return notice{fmt.Sprintf("%s: no answer within %s; the request goes on", m.Name, words.Span(longestWait)), true}
	case err != nil:
		return refusal(m, err)
	}
	if err := ctl.Answer(res); err != nil {
		return refusal(m, err)
	}
	return notice{text: m.Name + ": " + words.Outcome(m, res)}
}

// refusal is why something was not done.
func refusal(m spec.Message, err error) notice {
	return notice{fmt.Sprintf("%s %s: %s", verbs[m.Type], m.Name, told(err)), true}
}

// told is an error with its way out.
func told(err error) string {
	err = places.Denied(err)
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return err.Error() + "; " + h.Hint()
	}
	return err.Error()
}
