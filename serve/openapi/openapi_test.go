package openapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/openapi"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// world is a real colony, and a server for it.
type world struct {
	t      *testing.T
	server *serve.Server
	client *http.Client
	uid    atomic.Int64 // of who calls
	tag    string       // ETag of the last answer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root := t.TempDir()
	ncolony := filepath.Join(root, "ncolony")
	if out, err := exec.Command("go", "build", "-o", root, "../../cmd/ncolony", "../../cmd/ncolony-heartcheck", "../../cmd/ncolony-log").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	p := spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	var log bytes.Buffer
	supervisor := exec.Command(ncolony, "--root", root)
	supervisor.Stderr = &log
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		supervisor.Process.Signal(os.Interrupt) // so that it ends what it has started
		supervisor.Wait()
		if t.Failed() {
			t.Logf("the supervisor:\n%s", &log)
		}
	})
	w := &world{t: t}
	ready := make(chan struct{})
	o := serve.Options{Places: p, Log: slog.New(slog.DiscardHandler), Most: serve.Most{Connections: 10, Streams: 10},
		Peer:  func(*net.UnixConn) (serve.Peer, error) { return serve.Peer{UID: int(w.uid.Load())}, nil },
		Ready: func([]net.Addr) { close(ready) }}
	o.SocketGroup = -1
	colony := operations.New(p, o.Log)
	w.server = serve.New(o, colony)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { colony.Run(ctx) })
	all.Go(func() {
		if err := w.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		cancel()
		all.Wait()
	})
	<-ready
	w.client = &http.Client{Timeout: 2 * fixture.Patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.State, "serve.sock"))
	}}}
	fixture.Eventually(t, "a supervisor", func() bool {
		res, err := w.client.Get("http://ncolony/readyz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == 200
	})
	return w
}

// call makes a request and wants a status; headers are "Name: value".
func (w *world) call(status int, method, path, body string, headers ...string) string {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://ncolony"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		w.t.Fatalf("%s %s: %d, want %d, %v\n%s", method, path, res.StatusCode, status, err, text)
	}
	w.tag = res.Header.Get("ETag")
	return string(text)
}

// checked is a transport that holds each request and answer against openapi.json.
type checked struct {
	t    *testing.T
	v    validator.Validator
	next *http.Transport
}

func (c *checked) CloseIdleConnections() { c.next.CloseIdleConnections() }

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	again := func() *http.Request { // the sender may still have the one before
		r := r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		return r
	}
	res, err := c.next.RoundTrip(again())
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	if ok, errs := c.v.ValidateHttpResponse(again(), res); !ok {
		for _, e := range errs {
			c.t.Errorf("%s %s: %d: %s: %s %v\n%s", r.Method, r.URL.Path, res.StatusCode, e.Message, e.Reason, e.SchemaValidationErrors, text)
		}
	}
	// What is refused need not be as it should.
	if ok, errs := c.v.ValidateHttpRequest(again()); !ok && res.StatusCode < 400 {
		for _, e := range errs {
			c.t.Errorf("%s %s was accepted: %s: %s %v", r.Method, r.URL, e.Message, e.Reason, e.SchemaValidationErrors)
		}
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, nil
}

// The document is a good one, names each route of ours and no other, and what a real
// colony answers is as it says.
func TestOpenAPI(t *testing.T) {
	doc, err := libopenapi.NewDocument(openapi.Document())
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
		}
	}
	w := newWorld(t)
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	routes := w.server.Patterns()
	slices.Sort(documented)
	slices.Sort(routes)
	if !slices.Equal(documented, routes) {
		t.Errorf("openapi.json has\n%q\nand there are\n%q", documented, routes)
	}

	w.client.Transport = &checked{t, v, w.client.Transport.(*http.Transport)}
	js := "Content-Type: application/json"
	w.call(201, "PUT", "/v1/services/web?wait=60", `{"args":["sh","-c","echo one; echo two; exec sleep 1000"],"env_inherit":["PATH"],"log":{},"group":["g"]}`, js)
	w.call(201, "PUT", "/v1/services/many?wait=60", `{"args":["sleep","1000"],"env_inherit":["PATH"],"instances":2}`, js)
	w.call(201, "PUT", "/v1/services/job", `{"args":["false"],"env_inherit":["PATH"],"restart":"never"}`, js)
	if got := w.call(409, "PUT", "/v1/services/none?wait=60", `{"args":["/nowhere"]}`, js); !strings.Contains(got, "no such file") {
		t.Errorf("%+v", got)
	}
	w.call(200, "GET", "/v1/services?state=running&group=g&text=WEB&limit=5", "")
	w.call(400, "GET", "/v1/services?limit=0", "")
	w.call(200, "GET", "/v1/services/web", "")
	w.call(200, "GET", "/v1/services/many", "")
	w.call(200, "GET", "/v1/services/many@2", "")
	w.call(200, "GET", "/v1/services/job", "")
	w.call(200, "GET", "/v1/services/web/spec", "")
	tag := w.tag
	w.call(304, "GET", "/v1/services/web/spec", "", "If-None-Match: "+tag)
	w.call(412, "PUT", "/v1/services/web", `{"args":["x"]}`, js, "If-Match: \"0\"")
	w.call(422, "PUT", "/v1/services/web", `{"args":[]}`, js)
	w.call(200, "PATCH", "/v1/services/web?wait=60", `{"restart":"on-failure"}`, "Content-Type: application/merge-patch+json", "If-Match: "+tag)
	w.call(200, "POST", "/v1/services/web/restart", "")
	w.call(200, "POST", "/v1/services/web/stop", `{"reason":"why not"}`, js)
	w.call(200, "GET", "/v1/services/web", "")
	w.call(409, "POST", "/v1/services/web/signal", `{"signal":"HUP"}`, js)
	w.call(200, "POST", "/v1/services/web/start", "")
	w.call(200, "POST", "/v1/services/many@1/signal", `{"signal":"CONT"}`, js)
	w.call(202, "POST", "/v1/services/web/restart?wait=0", "")
	w.call(404, "POST", "/v1/services/nobody/restart", "")
	var sent struct{ Request string }
	got := w.call(200, "POST", "/v1/messages?wait=60", `{"type":"RESTART-GROUP","group":"g"}`, js)
	if _, rest, ok := strings.Cut(got, `"request":"`); ok {
		sent.Request, _, _ = strings.Cut(rest, `"`)
	}
	w.call(200, "GET", "/v1/messages/"+sent.Request, "")
	w.call(404, "GET", "/v1/messages/nothing", "")
	w.call(200, "GET", "/v1/messages?limit=3", "")
	w.call(200, "GET", "/v1/colony", "")
	fixture.Eventually(t, "an event", func() bool {
		return strings.Contains(w.call(200, "GET", "/v1/events?service=web&type=started&after=0", ""), `"started"`)
	})
	w.call(200, "GET", "/v1/events?limit=2", "")
	fixture.Eventually(t, "a line", func() bool { return strings.Contains(w.call(200, "GET", "/v1/logs/web", ""), `"two"`) })
	w.call(200, "GET", "/v1/logs/web?limit=1&since=2020-01-01T00:00:00Z&grep=o", "")
	w.call(200, "GET", "/v1/schema", "")
	w.call(200, "GET", "/v1/schema/spec", "")
	w.call(404, "GET", "/v1/schema/nothing", "")
	w.call(200, "GET", "/openapi.json", "")
	w.call(200, "GET", "/healthz", "")
	w.call(200, "GET", "/readyz", "")
	w.call(204, "DELETE", "/v1/services/web?wait=60", "")
	w.call(404, "GET", "/v1/services/web", "")
	w.uid.Store(4711)
	w.client.CloseIdleConnections()
	w.call(403, "GET", "/v1/services", "")
}
