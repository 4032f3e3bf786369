package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// Whatever a caller sends, he gets an answer that is one, and nothing is written but
// specs and messages.
func FuzzRequest(f *testing.F) {
	p := fixture.Places(f)
	log := &fixture.Log{}
	o := Options{Places: p, Log: testLog(log), Most: Most{Connections: 1, Streams: 1}}
	colony := operations.New(p, o.Log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		colony.Run(ctx)
	}()
	f.Cleanup(func() {
		cancel()
		<-done
	})
	s := New(o, colony)
	fixture.Put(f, filepath.Join(p.Config, "web"), `{"args":["x"]}`)
	fixture.Put(f, p.Status("web"), status("web", "running", 1))
	root := filepath.Dir(p.State)
	for _, route := range s.routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		f.Add(method, filled.Replace(path), "", "")
	}
	f.Add("GET", "/v1/services?limit=3&after=a&state=running,failed&group=g&text=x", "", "")
	f.Add("GET", "/v1/services/..%2f..%2fstate", "", "")
	f.Add("PUT", "/v1/services/%2e%2e", "application/json", `{"args":["x"]}`)
	f.Add("PUT", "/v1/services/web?wait=1ms", "application/json", `{"args":["x"],"env":{"A":"é"}}`)
	f.Add("PATCH", "/v1/services/web", "application/merge-patch+json", `{"env":{"A":null}}`)
	f.Add("POST", "/v1/services/web/signal?wait=0", "application/json", `{"signal":"HUP","generation":1,"pid":1,"reason":"x"}`)
	f.Add("POST", "/v1/messages?wait=0", "application/json", `{"type":"RESTART-GROUP","group":"g"}`)
	f.Add("GET", "/v1/messages/..%2flock", "", "")
	f.Add("GET", "/v1/events?after=1&limit=2&service=web,db&type=started", "", "")
	f.Add("GET", "/v1/logs/web?from=1:2&since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z&grep=(a|b)*&stream=stderr", "", "")
	f.Add("GET", "/v1/logs/web?after=18446744073709551615:9223372036854775807", "", "")
	f.Fuzz(func(t *testing.T, method, target, kind, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || strings.Contains(target, "wait=") && !strings.Contains(target, "wait=0") {
			return
		}
		r := &http.Request{Method: method, URL: u, RequestURI: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "ncolony", Header: http.Header{}}
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		for _, name := range []string{"If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID"} {
			if strings.Contains(body, name) { // now and then
				r.Header.Set(name, body)
			}
		}
		r.Body, r.ContentLength = http.NoBody, 0
		if body != "" {
			r.Body, r.ContentLength = readCloser{strings.NewReader(body)}, int64(len(body))
		}
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), atKey{}, at{unix: true}), 5*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(ctx))
		status, kindOf := w.Code, w.Header().Get("Content-Type")
		if status == http.StatusInternalServerError || status == http.StatusGatewayTimeout {
			t.Fatalf("%s %s: %d %s\n%s", method, target, status, w.Body, log)
		}
		if strings.Contains(kindOf, "json") && status != http.StatusOK && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s: %s", method, target, w.Body)
		}
		if status >= 400 && kindOf != "application/problem+json" {
			t.Fatalf("%s %s: %d is %s", method, target, status, kindOf)
		}
		// Nothing has come beside the directories, nor in those that are not for callers.
		for dir, want := range map[string][]string{root: {"config", "messages", "state"}, p.State: {"events", "results", "status"}, p.StatusDir(): {"web.json"}} {
			list, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if !slices.Contains(want, e.Name()) {
					t.Fatalf("%s %s has made %s in %s", method, target, e.Name(), dir)
				}
			}
		}
		for _, dir := range []string{p.Config, p.Messages} { // for the sake of the disk
			if list, _ := os.ReadDir(dir); len(list) > 100 {
				for _, e := range list {
					if e.Name() != "web" {
						os.Remove(filepath.Join(dir, e.Name()))
					}
				}
			}
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func FuzzTags(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, `*`, ``, `,`, `"`, `"a,b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tag := range tags([]string{s}) {
			if strings.Contains(tag, ",") {
				t.Fatalf("%q has %q", s, tag)
			}
		}
		if hash := operations.Hash([]byte(s)); tags([]string{etag(hash)})[0] != hash {
			t.Fatal(hash)
		}
	})
}
