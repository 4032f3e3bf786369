package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Answer is how a check went that was made once.
type Answer struct {
	What string // http, tcp, exec or ready
	Err  error  // why it was a bad one; nil: it was good
	Took time.Duration
}

// HTTP asks a URL once, for at most limit; 0 = no limit. Status codes that are good
// are those from 200 to 399, unless q says otherwise. Agent is the User-Agent.
func HTTP(ctx context.Context, q *spec.HTTPQuestion, limit time.Duration, agent string) Answer {
	return once(ctx, "http", newHTTP(q, spec.AnswersWell, agent), limit, about{})
}

// TCP asks an address once, for at most limit; 0 = no limit.
func TCP(ctx context.Context, address string, limit time.Duration) Answer {
	return once(ctx, "tcp", tcp{address}, limit, about{})
}

// ErrNothing is the error of Service for a spec that asks for no checks.
var ErrNothing = errors.New("its spec asks for no checks")

// Service makes the checks that a spec asks for, once and one after the other. The
// name is that of the service in its colony, which is at p; its life, if it has one,
// is that of st.
func Service(ctx context.Context, p spec.Places, name string, sp *spec.Spec, st *spec.Status, agent string) (all []Answer, err error) {
	whom := about{name: name, spec: sp, places: p}
	if st != nil {
		whom.life = helper.Life{Generation: st.Generation, PID: st.PID}
	}
	for _, d := range demands(sp, agent) {
		all = append(all, once(ctx, d.what, d.question, d.rule.limit, whom))
	}
	if len(all) == 0 {
		return nil, ErrNothing
	}
	return all, nil
}

// once asks a question in our own time.
func once(ctx context.Context, what string, q question, limit time.Duration, whom about) Answer {
	whom.progress = &progress{}
	began := time.Now()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err := q.ask(ctx, whom)
	took := time.Since(began)
	if err != nil && limit > 0 && took >= limit {
		err = errors.New(late(limit, whom.progress.String()))
	}
	return Answer{what, err, took}
}

// late says that a check was not over in time, and how far it had got.
func late(limit time.Duration, reached string) string {
	if reached == "" {
		return fmt.Sprintf("no answer within %v", limit)
	}
	return fmt.Sprintf("no answer within %v (%s)", limit, reached)
}
