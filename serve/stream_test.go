package serve

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// subscription is an open stream.
type subscription struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Reader
}

// sse is one event of a stream.
type sse struct{ id, event, data string }

// subscribe opens a stream, and returns when the server knows of it.
func (w *world) subscribe(path string, headers ...string) *subscription {
	w.t.Helper()
	r := w.request("GET", path, "", append(headers, "Accept: text/event-stream")...)
	c := &http.Client{Transport: w.unix.Transport} // without a time to be done in
	res, err := c.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || kind != "text/event-stream" {
		text, _ := io.ReadAll(res.Body)
		w.t.Fatalf("%s: %d, %s\n%s", path, res.StatusCode, kind, text)
	}
	s := &subscription{w.t, res.Body, bufio.NewReaderSize(res.Body, 64<<10)}
	if first, err := s.in.Peek(1); err != nil || first[0] != ':' && first[0] != 'i' && first[0] != 'e' {
		w.t.Fatalf("%s: begins with %q, %v", path, first, err)
	}
	return s
}

// next is the next event.
func (s *subscription) next() (e sse) {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			s.t.Fatalf("the stream ends: %v", err)
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e != (sse{}) {
				return e
			}
		}
	}
}

// journal is where a supervisor writes events.
func (w *world) journal() *os.File {
	w.t.Helper()
	f, err := os.OpenFile(filepath.Join(w.places.EventsDir(), "current.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return f
}

func testLog(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

// event writes one as a supervisor does.
func happen(to io.Writer, seq int, name, kind string) {
	fmt.Fprintf(to, `{"seq":%d,"time":"2026-01-01T00:00:00Z","name":%q,"type":%q}`+"\n", seq, name, kind)
}

// A subscriber gets what comes; one that comes back, what it has missed, and nothing
// twice.
func TestEventStream(t *testing.T) {
	w := newWorld(t, nil)
	journal := w.journal()
	for i := 1; i <= 5; i++ {
		happen(journal, i, "web", "started")
	}
	fixture.Eventually(t, "the events", func() bool { return strings.Contains(w.call(200, "GET", "/v1/events", "").text, `"seq":5`) })
	now := w.subscribe("/v1/events")
	back := w.subscribe("/v1/events", "Last-Event-ID: 3")
	some := w.subscribe("/v1/events?service=db&type=exited,killed")
	future := w.subscribe("/v1/events", "Last-Event-ID: 1000")
	happen(journal, 7, "db", "started")
	happen(journal, 8, "db@2", "exited")
	for _, tt := range []struct {
		s    *subscription
		want string
	}{{now, "7 8"}, {back, "4 5 7 8"}, {some, "8"}, {future, "7 8"}} {
		for _, id := range strings.Fields(tt.want) {
			e := tt.s.next()
			if e.id != id || !strings.Contains(e.data, `"seq":`+id+`,`) || !strings.Contains(e.data, `"type":"`+e.event+`"`) {
				t.Errorf("%+v, want %s", e, id)
			}
		}
	}
	w.call(400, "GET", "/v1/events", "", "Accept: text/event-stream", "Last-Event-ID: x").problem(t)
	if p := w.call(400, "GET", "/v1/events?type=nothing", "", "Accept: text/event-stream").problem(t); p.Field != "type" {
		t.Errorf("%+v", p)
	}
}

// Lines come as they are written, and a reader that comes back gets the rest.
func TestLogStream(t *testing.T) {
	w := newWorld(t, nil)
	dir := filepath.Join(w.places.LogDir(), "web")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fixture.Put(t, filepath.Join(w.places.Config, "web"), `{"args":["x"],"log":{}}`)
	fixture.Put(t, filepath.Join(dir, "1000.log"), "one\ntwo\n")
	file, err := os.OpenFile(filepath.Join(dir, "2000.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	io.WriteString(file, "three\n")
	all := w.subscribe("/v1/logs/web?limit=2")
	for _, want := range []string{"1000:4 two", "2000:0 three"} {
		e := all.next()
		id, line, _ := strings.Cut(want, " ")
		if e.id != id || e.event != "line" || !strings.Contains(e.data, `"line":"`+line+`"`) {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	io.WriteString(file, "four\nfi")
	if e := all.next(); e.id != "2000:6" {
		t.Errorf("%+v", e)
	}
	back := w.subscribe("/v1/logs/web", "Last-Event-ID: 1000:4")
	io.WriteString(file, "ve\n")
	for _, want := range []string{"2000:0", "2000:6", "2000:11"} {
		if e := back.next(); e.id != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	// The file of the last line that was seen is gone.
	gone := w.subscribe("/v1/logs/web", "Last-Event-ID: 900:5")
	if e := gone.next(); e.id != "1000:0" {
		t.Errorf("%+v", e)
	}
	w.call(404, "GET", "/v1/logs/nobody", "").problem(t)
	if p := w.call(400, "GET", "/v1/logs/web?after=x", "").problem(t); p.Field != "after" {
		t.Errorf("%+v", p)
	}
	if p := w.call(400, "GET", "/v1/logs/web?grep=(", "").problem(t); p.Field != "grep" {
		t.Errorf("%+v", p)
	}
}

// Pages of lines go on where the one before has ended.
func TestLogPages(t *testing.T) {
	w := newWorld(t, nil)
	dir := filepath.Join(w.places.LogDir(), "web")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fixture.Put(t, filepath.Join(w.places.Config, "web"), `{"args":["x"],"log":{}}`)
	for i := range 10 {
		fixture.Put(t, filepath.Join(dir, fmt.Sprintf("%d.log", 1000+i)), fmt.Sprintf("a%d\nb%d\n\xff%d\n", i, i, i))
	}
	var lines []string
	next := "?from=1000:0"
	for range 100 {
		var page struct {
			Lines []struct{ Time, Service, Line, At string }
			Next  string
		}
		w.call(200, "GET", "/v1/logs/web"+next+"&limit=4", "").into(t, &page)
		if len(page.Lines) == 0 {
			break
		}
		for _, l := range page.Lines {
			lines = append(lines, l.Line)
		}
		next = "?after=" + page.Next
	}
	if len(lines) != 30 || lines[0] != "a0" || lines[2] != "\uFFFD0" || lines[29] != "\uFFFD9" || lines[15] != "a5" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	// Standard error apart has positions of its own.
	if err := os.MkdirAll(filepath.Join(dir, "stderr"), 0o755); err != nil {
		t.Fatal(err)
	}
	fixture.Put(t, filepath.Join(dir, "stderr", "1000.log"), "oops\n")
	w.call(400, "GET", "/v1/logs/web?after=1000:0", "").problem(t)
	if got := w.call(200, "GET", "/v1/logs/web?stream=stderr&from=1000:0", ""); !strings.Contains(got.text, `"oops"`) || strings.Contains(got.text, "a1") {
		t.Errorf("%s", got.text)
	}
}
