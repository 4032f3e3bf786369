package rpc

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/ncolony/ncolony-go/serve/operations"
)

const (
	// maxTime is how long all that a POST asks for may take.
	maxTime = operations.MaxWait + time.Minute
	// patience is what a client has to read an answer.
	patience = 30 * time.Second
)

// ServeHTTP answers a message that was posted. Whatever is wrong with it is said in
// the answer, and the status is 200.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := &post{w: w, status: http.StatusOK}
	cost := costOf(r)
	defer s.held.Add(-cost)
	if s.held.Add(cost) > maxHeld {
		w.Header().Set("Retry-After", "5")
		p.refuse(http.StatusServiceUnavailable, &operations.Error{Code: tooMany, Detail: "too many messages are being answered"})
		return
	}
	// A form of another site's page can be sent as text/plain, but not as this.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		p.refuse(http.StatusUnsupportedMediaType, jrpc2.Errorf(jrpc2.InvalidRequest, "Content-Type: must be application/json, not %q", r.Header.Get("Content-Type")))
		return
	}
	p.text, p.err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if _, long := errors.AsType[*http.MaxBytesError](p.err); long {
		p.err = errTooLong
	} else if p.err != nil {
		p.refuse(http.StatusBadRequest, jrpc2.Errorf(jrpc2.InvalidRequest, "read body: %v", p.err))
		return
	}
	// The server's deadlines are for the body, and for an answer that is there.
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	rc.SetWriteDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(r.Context(), maxTime)
	defer cancel()
	s.Serve(ctx, p) // whose client is gone
	if !p.sent {
		w.WriteHeader(http.StatusNoContent)
	}
}

// costOf is about how many bytes a message costs while it is answered: it is there
// several times, in its parts.
func costOf(r *http.Request) int64 {
	n := r.ContentLength
	if n < 0 || n > maxMessage {
		n = maxMessage
	}
	return 64<<10 + 4*n
}

// post is a channel with one message.
type post struct {
	text     []byte
	err      error // instead of it
	received bool

	w      http.ResponseWriter
	status int
	sent   bool
}

func (p *post) Recv() ([]byte, error) {
	if p.received {
		return nil, io.EOF
	}
	p.received = true
	return p.text, p.err
}

func (p *post) Send(text []byte) error {
	p.sent = true
	h := p.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	http.NewResponseController(p.w).SetWriteDeadline(time.Now().Add(patience))
	p.w.WriteHeader(p.status)
	_, err := p.w.Write(append(text, '\n'))
	return err
}

func (p *post) Close() error { return nil }

// refuse answers without having asked what the message is.
func (p *post) refuse(status int, err error) {
	p.status = status
	p.Send(failed(err))
}
