package forward

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// receiver is an HTTP server that takes lines, in both formats, or behaves in
// another way.
type receiver struct {
	got
	*httptest.Server
	mu     sync.Mutex
	behave func(w http.ResponseWriter, r *http.Request, lines []gotLine) (taken bool) // nil: well
	asked  []time.Time
	bodies []string
	header http.Header // of the last request
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) behaves(how func(w http.ResponseWriter, r *http.Request, lines []gotLine) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave, r.asked = how, nil
}

// requests are the times at which it was asked since it has changed its ways.
func (r *receiver) requests() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, rerr := io.ReadAll(req.Body)
	r.mu.Lock()
	behave := r.behave
	r.asked = append(r.asked, time.Now())
	r.bodies = append(r.bodies, string(body))
	r.header = req.Header
	r.mu.Unlock()
	var lines []gotLine
	var err error
	switch req.URL.Path {
	case "/loki/api/v1/push":
		lines, err = readLoki(body)
	case "/v1/logs":
		lines, err = readOTLP(body)
	default:
		err = fmt.Errorf("path %s", req.URL.Path)
	}
	if rerr != nil || err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		http.Error(w, fmt.Sprint("no such request: ", err), http.StatusNotFound)
		return
	}
	if behave == nil || behave(w, req, lines) {
		r.add(lines...)
	}
}

func readLoki(body []byte) (lines []gotLine, err error) {
	var b struct {
		Streams []struct {
			Stream map[string]string
			Values [][]string
		}
	}
	err = json.Unmarshal(body, &b)
	for _, s := range b.Streams {
		for _, v := range s.Values {
			lines = append(lines, gotLine{s.Stream["service"], s.Stream["stream"], s.Stream["generation"], v[0], v[1]})
		}
	}
	return lines, err
}

func readOTLP(body []byte) (lines []gotLine, err error) {
	type attribute struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
	var b struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes []attribute }
			ScopeLogs []struct {
				LogRecords []struct {
					TimeUnixNano string
					Body         struct{ StringValue string }
					Attributes   []attribute
				}
			}
		}
	}
	value := func(all []attribute, key string) string {
		for _, a := range all {
			if a.Key == key {
				return a.Value.StringValue + a.Value.IntValue
			}
		}
		return ""
	}
	err = json.Unmarshal(body, &b)
	for _, r := range b.ResourceLogs {
		for _, s := range r.ScopeLogs {
			for _, l := range s.LogRecords {
				lines = append(lines, gotLine{value(r.Resource.Attributes, "service.name"), value(l.Attributes, "log.iostream"), value(l.Attributes, "ncolony.generation"), l.TimeUnixNano, l.Body.StringValue})
			}
		}
	}
	return lines, err
}

func (r *receiver) url(kind string) string { return kind + "+" + r.URL }

// Lines of several services and streams arrive with their labels, in order, once,
// and after a restart only those that are new.
func TestHTTP(t *testing.T) {
	for _, kind := range []string{"loki", "otlp"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c, r := newColony(t), newReceiver(t)
			web, db := c.service("web", `{"stderr": "apart", "size": 4096, "files": 100}`), c.service("db", `{}`)
			web2 := c.pipe("web/stderr")
			s := Settings{Timeout: long, Labels: map[string]string{"place": `he"re`}, Headers: http.Header{"X-Scope-Orgid": {"team"}}}
			write(web, numbered("before", 0, 10))
			stop := c.forward(r.url(kind), s)
			c.whole(&r.got, "web", numbered("before", 0, 10))
			write(db, slices.Repeat([]string{"same"}, 1000))
			write(web2, []string{"no \xff text, <html> & \"quotes\""})
			c.until("all is there", func() bool { return len(r.all()) >= 1011 })
			write(web, numbered("after", 0, 5000))
			again := c.whole(&r.got, "web", slices.Concat(numbered("before", 0, 10), []string{"no \uFFFD text, <html> & \"quotes\""}, numbered("after", 0, 5000)))
			if again != 0 || len(r.all()) != 6011 {
				t.Errorf("%d lines, %d of web came again", len(r.all()), again)
			}
			times := map[string]bool{}
			generations := map[string]bool{}
			for _, l := range r.all() {
				if l.service == "db" {
					times[l.time] = true
				} else {
					generations[l.generation] = true
				}
				n, err := strconv.ParseInt(l.time, 10, 64)
				if off := time.Since(time.Unix(0, n)); err != nil || off < -time.Hour || off > time.Hour { // as long as we may have needed
					t.Fatalf("time %q", l.time)
				}
				if want := map[bool]string{true: "stderr", false: "stdout"}[strings.HasPrefix(l.text, "no ")]; l.stream != want {
					t.Fatalf("%+v: want stream %s", l, want)
				}
			}
			if len(times) != 1000 {
				t.Errorf("%d times of 1000 lines: a receiver takes two that are the same for one", len(times))
			}
			if len(generations) < 3 || generations[""] {
				t.Errorf("generations %v", generations)
			}
			if r.header.Get("X-Scope-OrgID") != "team" || !strings.Contains(r.bodies[0], `"he\"re"`) {
				t.Errorf("header %v, body %s", r.header, r.bodies[0])
			}
			c.until("it is known", func() bool { return c.cursor(r.url(kind)).Lines == 6011 })
			stop()
			if cur := c.cursor(r.url(kind)); cur.Rejected != 0 || cur.Gaps != 0 || len(cur.Streams) < 3 || cur.Error != "" {
				t.Errorf("%+v", cur)
			}
			before := len(r.all())
			write(db, []string{"new"})
			c.forward(r.url(kind), s)
			c.until("what is new arrives", func() bool { return len(r.all()) > before })
			if all := r.all(); len(all) != before+1 || all[before].text != "new" {
				t.Errorf("%d new lines: %+v", len(all)-before, all[before:])
			}
		})
	}
}

// Only what is asked for is sent; our own output is not, nor is what was there
// before.
func TestChosen(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	var pipes []io.Writer
	for _, name := range []string{"web@1", "db", "self"} {
		pipes = append(pipes, c.pipe(name))
		write(pipes[len(pipes)-1], []string{"old"})
	}
	c.until("all is kept", func() bool {
		for _, name := range []string{"web@1", "db", "self"} {
			if b, _ := os.ReadFile(filepath.Join(c.places.LogDir(), name, "current")); string(b) != "old\n" {
				return false
			}
		}
		return true
	})
	c.forward(r.url("loki"), Settings{}, func(o *Options) { o.Names = []string{"web"} })
	c.forward(r.url("loki"), Settings{}, func(o *Options) { o.Own, o.FromNow, o.Cursor = "self", true, "other" })
	c.until("the old line of web arrives", func() bool { return len(r.all()) == 1 })
	c.until("it is known what is old", func() bool { cur, _ := loadCursor(c.places, "other"); return len(cur.Streams) == 2 })
	for i, p := range pipes {
		write(p, []string{fmt.Sprint("new ", i)})
	}
	c.until("new lines arrive", func() bool { return len(r.all()) >= 4 })
	var texts []string
	for _, l := range r.all() {
		texts = append(texts, l.service+" "+l.text)
	}
	slices.Sort(texts)
	if diff := cmp.Diff([]string{"db new 1", "web@1 new 0", "web@1 new 0", "web@1 old"}, texts); diff != "" {
		t.Error(diff)
	}
}

// A receiver that fails in all the ways that pass gets every line in the end. It is
// left alone for as long as it asks for, and nobody who writes waits for it.
func TestFailing(t *testing.T) {
	type behaviour func(w http.ResponseWriter, req *http.Request, lines []gotLine) bool
	says := func(code int, header ...string) behaviour {
		return func(w http.ResponseWriter, _ *http.Request, _ []gotLine) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return false
		}
	}
	for what, how := range map[string]behaviour{
		"hangs":                 func(_ http.ResponseWriter, req *http.Request, _ []gotLine) bool { <-req.Context().Done(); return false },
		"breaks the connection": func(http.ResponseWriter, *http.Request, []gotLine) bool { panic(http.ErrAbortHandler) },
		"is broken":             says(500),
		"is away":               says(503),
		"knows us not":          says(401),
		"is not there":          says(404),
		"leads astray":          says(302),
		"has too much":          says(429, "Retry-After", "2"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c, r := newColony(t), newReceiver(t)
			web := c.service("web", `{}`)
			r.behaves(how)
			patience := long
			if what == "hangs" { // in which it has to take a megabyte, later
				patience = 3 * time.Second
			}
			c.forward(r.url("loki"), Settings{Timeout: patience})
			write(web, numbered("line", 0, 1000))
			c.until("it is asked", func() bool { return len(r.requests()) > 0 })
			// More than any pipe holds: it would stand still if anybody waited.
			done := make(chan bool)
			go func() {
				write(web, []string{strings.Repeat("x", 1<<20-100)})
				close(done)
			}()
			next(t, done)
			c.until("it is said", func() bool { return c.cursor(r.url("loki")).Error != "" })
			if what == "has too much" {
				c.until("it is asked again", func() bool { return len(r.requests()) > 1 })
				if times := r.requests(); times[1].Sub(times[0]) < 2*time.Second {
					t.Errorf("asked again after %v, want 2s", times[1].Sub(times[0]))
				}
			}
			r.behaves(nil)
			c.until("all is there, and known to be", func() bool {
				once, _ := r.texts("web")
				cur := c.cursor(r.url("loki"))
				return len(once) == 1001 && cur.Error == "" && cur.Lines == 1001 && cur.Rejected == 0
			})
		})
	}
}

// What a receiver does not want is told and not sent again, and keeps no other
// line.
func TestRefused(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{}`)
	r.behaves(func(w http.ResponseWriter, _ *http.Request, lines []gotLine) bool {
		switch {
		case len(lines) > 300:
			w.WriteHeader(413)
		case slices.ContainsFunc(lines, func(l gotLine) bool { return l.text == "line 777" || l.text == "line 778" }):
			w.WriteHeader(400)
		default:
			return true
		}
		return false
	})
	write(web, numbered("line", 0, 1000))
	c.forward(r.url("loki"), Settings{Timeout: long})
	want := slices.Concat(numbered("line", 0, 777), numbered("line", 779, 1000))
	if again := c.whole(&r.got, "web", want); again != 0 {
		t.Errorf("%d lines came again", again)
	}
	c.until("it is known", func() bool {
		cur := c.cursor(r.url("loki"))
		return cur.Rejected == 2 && cur.Lines == 998
	})
}

// A receiver that refuses everything does not hold us for ever, and one that takes
// a part says so.
func TestPartly(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{}`)
	r.behaves(func(w http.ResponseWriter, _ *http.Request, lines []gotLine) bool {
		if lines[0].text == "line 0" {
			fmt.Fprint(w, `{"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "three are too old"}}`)
			return true
		}
		w.WriteHeader(400)
		return false
	})
	write(web, numbered("line", 0, 10))
	stop := c.forward(r.url("otlp"), Settings{Timeout: long})
	c.until("three are rejected", func() bool { return c.cursor(r.url("otlp")).Rejected == 3 })
	stop()
	write(web, numbered("line", 10, 510))
	c.until("all are kept", func() bool { return c.newest("web", "line 509") }) // for one batch
	stop = c.forward(r.url("otlp"), Settings{Timeout: long})
	c.until("all others are", func() bool { return c.cursor(r.url("otlp")).Rejected == 503 })
	if n := len(r.requests()); n > 2*mostRequests+2 {
		t.Errorf("%d requests", n)
	}
	stop()
}
