package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// dial connects without an HTTP client, which would hide what is tested.
func (w *world) dial() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c, err := net.Dial("unix", w.socket)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(fixture.Patience))
	return c, bufio.NewReader(c)
}

// What is too large is refused, and nothing is written.
func TestSizes(t *testing.T) {
	w := newWorld(t, nil)
	large := `{"args":["x"],"env":{"X":"` + strings.Repeat("x", spec.MaxSpecSize) + `"}}`
	w.call(413, "PUT", "/v1/services/web", large).problem(t)
	w.call(413, "PATCH", "/v1/services/web", large, "Content-Type: application/merge-patch+json").problem(t)
	w.call(413, "POST", "/v1/messages", large).problem(t)
	w.call(413, "POST", "/v1/services/web/restart", large).problem(t)
	for _, dir := range []string{w.places.Config, w.places.Messages} {
		if list, _ := os.ReadDir(dir); len(list) != 0 {
			t.Errorf("written: %v", list)
		}
	}
	c, in := w.dial()
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s", strings.Repeat("x", maxHeader+8<<10))
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("a large header: %q, %v", line, err)
	}
	w.call(400, "POST", "/v1/services/web/restart", "", "Idempotency-Key: "+strings.Repeat("x", 300)).problem(t)
	// A patch that makes a spec too large.
	fixture.Put(t, filepath.Join(w.places.Config, "web"), `{"args":["x"],"env":{"A":"`+strings.Repeat("x", 60<<10)+`"}}`)
	w.call(422, "PATCH", "/v1/services/web", `{"env":{"B":"`+strings.Repeat("x", 60<<10)+`"}}`, "Content-Type: application/merge-patch+json").problem(t)
}

// Who does not send what he has begun to is not waited for, and neither is who does
// not read.
func TestSlowClients(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Most, o.times = Most{Connections: 2, Streams: 10}, quick }, Route{Pattern: "GET /large", Needs: operations.Admin, Serve: func(rw http.ResponseWriter, r *http.Request) {
		_, err := rw.Write(make([]byte, 64<<20))
		if err == nil {
			t.Error("64 MiB were sent to a client that does not read")
		}
	}})
	for _, begin := range []string{
		"",
		"GET /healthz HTTP/1.1\r\nHost: x\r\n",
		"PUT /v1/services/web HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		// Both connections that there may be.
		for range 2 {
			c, _ := w.dial()
			io.WriteString(c, begin)
		}
		// We may be as slow ourselves where there is much else to do, and are cut off too.
		fixture.Eventually(t, fmt.Sprintf("an answer behind %q", begin), func() bool {
			res, err := w.unix.Do(w.request("GET", "/healthz", ""))
			if err != nil {
				return false
			}
			defer w.unix.CloseIdleConnections()
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			return err == nil && res.StatusCode == 200 && string(text) == "ok\n"
		})
	}
}

// quick has clients be given up soon.
var quick = times{head: 100 * time.Millisecond, whole: 100 * time.Millisecond, answer: 100 * time.Millisecond, read: 100 * time.Millisecond, next: 100 * time.Millisecond, end: time.Second}

// A stream to somebody who does not read ends, and others get all.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := newWorld(t, func(o *Options) { o.times = usual; o.times.read = 5 * time.Second })
	slow, in := w.dial()
	io.WriteString(slow, "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	good := w.subscribe("/v1/events?after=0")
	fixture.Eventually(t, "two streams", func() bool { return w.server.streams.Load() == 2 })
	const many = 3000
	journal := w.journal()
	for i := 1; i <= many; i++ {
		fmt.Fprintf(journal, `{"seq":%d,"time":"2026-01-01T00:00:00Z","type":"degraded","reason":"%s"}`+"\n", i, strings.Repeat("x", 1000))
	}
	for i := 1; i <= many; i++ {
		if e := good.next(); e.id != fmt.Sprint(i) {
			t.Fatalf("event %q, want %d", e.id, i)
		}
	}
	fixture.Eventually(t, "an end of the stream that nobody reads", func() bool { return w.server.streams.Load() == 1 })
}

// There are only so many streams; one that ends makes room.
func TestStreams(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Most.Streams = 2 })
	w.subscribe("/v1/events")
	second := w.subscribe("/v1/events")
	got := w.call(503, "GET", "/v1/events", "", "Accept: text/event-stream")
	if p := got.problem(t); p.Code != tooMany || got.Header.Get("Retry-After") == "" {
		t.Errorf("%+v %v", p, got.Header)
	}
	second.body.Close()
	journal := w.journal()
	seq := 0
	fixture.Eventually(t, "room for another", func() bool {
		seq++ // that somebody is gone is seen when there is something to be sent
		fmt.Fprintf(journal, `{"seq":%d,"time":"2026-01-01T00:00:00Z","type":"started"}`+"\n", seq)
		return w.server.streams.Load() < 2
	})
	w.subscribe("/v1/events")
}

// All streams end with the server, at once.
func TestEnd(t *testing.T) {
	p := fixture.Places(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &world{t: t, places: p, log: &fixture.Log{}}
	ended := make(chan error, 1)
	ready := make(chan []net.Addr, 1)
	o := Options{Places: p, Log: testLog(w.log), Most: Most{Connections: 10, Streams: 10}, Ready: func(a []net.Addr) { ready <- a }}
	o.SocketGroup = -1
	o.times = usual
	o.times.end = time.Minute // which nobody waits for
	colony := operations.New(p, o.Log)
	go colony.Run(ctx)
	w.server = New(o, colony)
	go func() { ended <- w.server.Run(ctx) }()
	<-ready
	w.socket = w.server.options.Socket
	w.unix = clientOf(w.socket)
	s := w.subscribe("/v1/events")
	// One server at a time.
	if err := New(o, colony).Run(ctx); err == nil || !strings.Contains(err.Error(), "another ncolony-serve listens there") {
		t.Errorf("a second server: %v", err)
	}
	begin := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := w.server.streams.Load(); n != 0 {
		t.Errorf("%d streams go on", n)
	}
	if took := time.Since(begin); took > w.server.times.end {
		t.Errorf("it took %v", took)
	}
	if _, err := io.ReadAll(s.body); err != nil {
		t.Errorf("the stream: %v", err)
	}
	if _, err := os.Lstat(w.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}
