package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/creachadair/jrpc2"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// What a caller can make us do at a time.
const (
	maxMessage = 512 << 10 // bytes of a message; a spec has 100 KiB at most
	maxBatch   = 100       // requests in a message
	maxAnswer  = 2 << 20   // bytes of a batch's answer, but for what was under way when it had as many
	together   = 8         // requests of a batch that are done at once
	maxWaiting = 64        // messages of a channel that wait for their answer
	maxHeld    = 64 << 20  // bytes of all that is being answered over HTTP, by the cost of each
)

// Server answers messages. Its methods may be called by any goroutine.
type Server struct {
	methods map[string]method
	log     *slog.Logger
	held    atomic.Int64 // of maxHeld
}

// New returns a server of what can be asked of a colony.
func New(c *operations.Colony, log *slog.Logger) *Server {
	all := methods(c)
	return newServer(append(all, discover(all)), log)
}

func newServer(all []method, log *slog.Logger) *Server {
	s := &Server{methods: map[string]method{}, log: log}
	for _, m := range all {
		s.methods[m.name] = m
	}
	return s
}

// Answer does what a message asks for, a request or a batch of them, and returns what
// to answer; nil = nothing, for it was all notifications. Who asks is in the context
// (operations.WithCaller).
func (s *Server) Answer(ctx context.Context, text []byte) []byte {
	requests, batch, err := split(text)
	if err != nil {
		return failed(err)
	}
	var left atomic.Int64
	left.Store(maxAnswer)
	if !batch {
		return s.one(ctx, requests[0], &left)
	}
	answers := make([]json.RawMessage, len(requests))
	var all sync.WaitGroup
	slots := make(chan struct{}, together)
	for i, request := range requests {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			answers[i] = s.one(ctx, request, &left)
		})
	}
	all.Wait()
	return joined(answers)
}

// one answers one request. Left is how many bytes the answer of the whole message may
// still have.
func (s *Server) one(ctx context.Context, text json.RawMessage, left *atomic.Int64) json.RawMessage {
	r, err := parse(text)
	if err != nil {
		return answer(r.id, nil, err)
	}
	var result json.RawMessage
	if left.Load() > 0 {
		result, err = s.call(ctx, r)
	} else {
		err = &operations.Error{Code: operations.TooLarge, Detail: fmt.Sprintf("not begun: the answers before have %d bytes already; send less at once", maxAnswer)}
	}
	if r.notification {
		if err != nil {
			s.log.Debug("notification without effect", "method", r.method, "by", operations.CallerOf(ctx).Name, "err", err)
		}
		return nil
	}
	a := answer(r.id, result, err)
	left.Add(-int64(len(a)))
	return a
}

// call has the method do what is asked for. A mistake of ours costs the one request.
func (s *Server) call(ctx context.Context, r request) (result json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("method panicked", "method", r.method, "panic", p, "stack", string(debug.Stack()))
			result, err = nil, jrpc2.Errorf(jrpc2.InternalError, "%s: a mistake in this program; its log has more", r.method)
		}
	}()
	m, ok := s.methods[r.method]
	if !ok {
		return nil, jrpc2.Errorf(jrpc2.MethodNotFound, "there is no method %q; rpc.discover lists them", r.method)
	}
	if c := operations.CallerOf(ctx); c.Role < m.needs {
		return nil, &operations.Error{Code: operations.Forbidden, Detail: fmt.Sprintf("%s is for the %s, and %s is %s", m.name, m.needs, c.Name, c.Role)}
	}
	v, err := m.call(ctx, r.params)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
