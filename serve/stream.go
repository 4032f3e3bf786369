package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// beat is how often a stream on which nothing happens has a comment, so that
// neither side takes the other for dead.
const beat = 15 * time.Second

// stream is a response that goes on (server-sent events).
type stream struct {
	out      bytes.Buffer
	sent     time.Time
	patience time.Duration // with a client that does not read

	write    func([]byte) (int, error)
	deadline func(time.Time) error
	flushed  func() error
}

// wantsStream says whether a request is for a stream.
func wantsStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// stream begins a response that goes on until the client is gone or we are to end;
// run writes it.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, run func(context.Context, *stream) error) {
	if s.streams.Add(1) > int64(s.most.Streams) {
		s.streams.Add(-1)
		fail(w, problem(tooMany, "", "too many streams are open"))
		return
	}
	s.streaming.Add(1)
	ended := func() {
		s.streams.Add(-1)
		s.streaming.Done()
	}
	rc := http.NewResponseController(w)
	conn, _, err := rc.Hijack()
	if err != nil { // HTTP/2 has many streams in a connection
		defer ended()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.ending, cancel)()
		for name, value := range streamHead {
			w.Header().Set(name, value)
		}
		run(ctx, &stream{patience: s.times.read, write: w.Write, deadline: rc.SetWriteDeadline, flushed: rc.Flush}) // whose client is gone
		return
	}
	// What package http holds of a connection is ten times what a stream needs, and
	// there may be thousands. So it is let go, and the stream goes on by itself.
	ctx, cancel := context.WithCancel(s.ending)
	ctx = operations.WithCaller(ctx, operations.CallerOf(r.Context()))
	out := &stream{patience: s.times.read, write: conn.Write, deadline: conn.SetWriteDeadline, flushed: func() error { return nil }}
	out.out.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n")
	for name, value := range streamHead {
		out.out.WriteString(name + ": " + value + "\r\n")
	}
	out.out.WriteString("\r\n")
	go func() {
		defer ended()
		defer conn.Close()
		defer cancel()
		defer context.AfterFunc(ctx, func() { conn.Close() })() // also while it waits for a client
		run(ctx, out)
	}()
}

// streamHead is the header of a stream.
var streamHead = map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}

// event adds an event, which flush sends. id may be "".
func (o *stream) event(id, kind string, data []byte) {
	if id != "" {
		o.out.WriteString("id: ")
		o.out.WriteString(id)
		o.out.WriteByte('\n')
	}
	o.out.WriteString("event: ")
	o.out.WriteString(kind)
	o.out.WriteString("\ndata: ")
	o.out.Write(data) // JSON in one line
	o.out.WriteString("\n\n")
}

func (o *stream) comment() error {
	o.out.WriteString(":\n\n")
	return o.flush()
}

// flush sends what was added. The client has some time to make room for it.
func (o *stream) flush() error {
	if o.out.Len() == 0 {
		return nil
	}
	o.sent = time.Now()
	o.deadline(o.sent.Add(o.patience))
	_, err := o.write(o.out.Bytes())
	if o.out.Reset(); o.out.Cap() > 4<<10 { // there are many streams
		o.out = bytes.Buffer{}
	}
	if err != nil {
		return err
	}
	return o.flushed()
}

// pause sends what was added; or a comment, if nothing was sent for a while or ever.
func (o *stream) pause() error {
	if o.out.Len() > 0 || time.Since(o.sent) < beat {
		return o.flush()
	}
	return o.comment()
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	last := r.Header.Get("Last-Event-ID")
	ask := operations.EventQuery{Names: q.list("service"), Types: q.list("type"), After: q.number("after"), Limit: q.limit()}
	if wantsStream(r) && last != "" { // of a client that was here before
		n, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			q.wrong("Last-Event-ID", "%q is no number", last)
		}
		ask.After = &n
	}
	if err := q.done(); err != nil {
		fail(w, err)
		return
	}
	if !wantsStream(r) {
		page, err := s.colony.Events(r.Context(), ask)
		reply(w, http.StatusOK, page, err)
		return
	}
	following, err := s.colony.Follow(r.Context(), ask)
	if err != nil {
		fail(w, err)
		return
	}
	s.stream(w, r, func(ctx context.Context, out *stream) error {
		return following.Each(ctx, beat, func(events []operations.Event) error {
			for _, e := range events {
				out.event(strconv.FormatUint(e.Seq, 10), e.Type, e.JSON)
			}
			if len(events) == 0 {
				return out.comment()
			}
			return out.flush()
		})
	})
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	ask := operations.LogQuery{Stream: q.text("stream"), From: q.text("from"), After: q.text("after"),
		Since: q.time("since"), Until: q.time("until"), Grep: q.text("grep"), Limit: q.limit()}
	if last := r.Header.Get("Last-Event-ID"); wantsStream(r) && last != "" {
		ask.After = last
	}
	if err := q.done(); err != nil {
		fail(w, err)
		return
	}
	name := r.PathValue("name")
	if !wantsStream(r) {
		page, err := s.colony.Log(r.Context(), name, ask)
		reply(w, http.StatusOK, page, err)
		return
	}
	following, err := s.colony.FollowLog(r.Context(), name, ask)
	if err != nil {
		fail(w, err)
		return
	}
	s.stream(w, r, func(ctx context.Context, out *stream) error {
		return following.Each(ctx, func(line operations.LogLine) error {
			id := ""
			if following.Resumable {
				id = line.At
			}
			data, err := json.Marshal(line)
			if err != nil {
				return err
			}
			if out.event(id, "line", data); out.out.Len() < 32<<10 {
				return nil
			}
			return out.flush()
		}, out.pause)
	})
}
