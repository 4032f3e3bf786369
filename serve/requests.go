package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

type (
	// writeFunc writes a spec.
	writeFunc func(ctx context.Context, name string, text []byte, on operations.Condition, wait time.Duration) (*operations.Written, error)
	// actionFunc has something done with a service.
	actionFunc func(context.Context, operations.Request) (*operations.Sent, error)
)

// maxKey is how many bytes an Idempotency-Key has at most.
const maxKey = 255

// action is the edge of what is done with one service.
func (s *Server) action(kind spec.Type, do actionFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := queryOf(r)
		wait := q.span("wait", operations.DefaultWait)
		err := q.done()
		var text []byte
		if err == nil {
			text, err = body(w, r, jsonType, spec.MaxMessageSize, true)
		}
		var m spec.Message
		if err == nil {
			m, err = operations.ParseAction(kind, r.PathValue("name"), text)
		}
		s.ask(w, r, m, wait, do, err)
	}
}

// send is the edge of a message of any type.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	wait := q.span("wait", 0)
	err := q.done()
	var text []byte
	if err == nil {
		text, err = body(w, r, jsonType, spec.MaxMessageSize, false)
	}
	var m spec.Message
	if err == nil {
		m, err = operations.ParseMessage(text)
	}
	s.ask(w, r, m, wait, s.colony.Send, err)
}

// ask has a message sent, unless something is wrong already.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, m spec.Message, wait time.Duration, do actionFunc, err error) {
	key := r.Header.Get("Idempotency-Key")
	if err == nil && len(key) > maxKey {
		err = problem(operations.Invalid, "Idempotency-Key", "Idempotency-Key: too long")
	}
	if err != nil {
		fail(w, err)
		return
	}
	s.patient(w, wait)
	sent, err := do(r.Context(), operations.Request{Message: m, Key: key, Wait: wait})
	if err == nil && sent.Result == nil {
		answer(w, http.StatusAccepted, sent)
		return
	}
	reply(w, http.StatusOK, sent, err)
}

func (s *Server) result(w http.ResponseWriter, r *http.Request) {
	if err := queryOf(r).done(); err != nil {
		fail(w, err)
		return
	}
	sent, err := s.colony.Result(r.Context(), r.PathValue("request"))
	reply(w, http.StatusOK, sent, err)
}

func (s *Server) results(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	limit := q.limit()
	if err := q.done(); err != nil {
		fail(w, err)
		return
	}
	all, err := s.colony.Results(r.Context(), limit)
	reply(w, http.StatusOK, map[string][]operations.Sent{"messages": all}, err)
}
