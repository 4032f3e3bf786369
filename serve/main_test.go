package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// world is a colony without a supervisor, and a server for it.
type world struct {
	t      *testing.T
	places spec.Places
	server *Server
	socket string
	tcp    string // address
	unix   *http.Client
	web    *http.Client
	log    *fixture.Log

	mu   sync.Mutex
	peer Peer // who is at the other end of a unix socket, as far as is asked
}

// newWorld begins to serve an empty colony. change may alter how.
func newWorld(t *testing.T, change func(*Options), others ...Route) *world {
	t.Helper()
	w := &world{t: t, places: fixture.Places(t), log: &fixture.Log{}, peer: Peer{UID: 0, Groups: []int{0}}}
	o := Options{Places: w.places, Log: slog.New(slog.NewTextHandler(w.log, nil)), Most: Most{Connections: 100, Streams: 10}}
	o.SocketGroup = -1
	o.TCP = []string{"127.0.0.1:0"}
	o.Peer = func(*net.UnixConn) (Peer, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.peer.UID < 0 {
			return Peer{}, fmt.Errorf("nobody there")
		}
		return w.peer, nil
	}
	ready := make(chan []net.Addr, 1)
	o.Ready = func(all []net.Addr) { ready <- all }
	if change != nil {
		change(&o)
	}
	colony := operations.New(w.places, o.Log)
	w.server = New(o, colony, others...)
	w.run(colony, ready)
	return w
}

func (w *world) run(colony *operations.Colony, ready chan []net.Addr) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	ended := make(chan error, 1)
	all.Go(func() { colony.Run(ctx) })
	all.Go(func() { ended <- w.server.Run(ctx) })
	w.t.Cleanup(func() {
		w.unix.CloseIdleConnections()
		w.web.CloseIdleConnections()
		cancel()
		all.Wait()
	})
	w.socket = w.server.options.Socket
	w.unix = &http.Client{Timeout: fixture.Patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.socket)
	}}}
	w.web = &http.Client{Timeout: fixture.Patience, Transport: &http.Transport{}}
	select {
	case addresses := <-ready:
		for _, a := range addresses {
			if tcp, ok := a.(*net.TCPAddr); ok {
				w.tcp = tcp.String()
			}
		}
	case err := <-ended:
		w.t.Fatalf("run: %v", err)
	}
}

// as has unix sockets come from somebody else from now on.
func (w *world) as(p Peer) {
	w.mu.Lock()
	w.peer = p
	w.mu.Unlock()
	w.unix.CloseIdleConnections() // who called was asked when they were made
}

// request makes a request on the unix socket; headers are "Name: value".
func (w *world) request(method, path, body string, headers ...string) *http.Request {
	w.t.Helper()
	return newRequest(w.t, method, "http://ncolony"+path, body, headers...)
}

func newRequest(t testing.TB, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	return r
}

// got is an answer that was read to its end.
type got struct {
	*http.Response
	text string
}

func send(t testing.TB, c *http.Client, r *http.Request) got {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return got{res, string(text)}
}

// call makes a request on the unix socket and wants a status.
func (w *world) call(status int, method, path, body string, headers ...string) got {
	w.t.Helper()
	if body != "" && len(headers) == 0 {
		headers = []string{"Content-Type: application/json"}
	}
	g := send(w.t, w.unix, w.request(method, path, body, headers...))
	if g.StatusCode != status {
		w.t.Fatalf("%s %s: %d, want %d\n%s", method, path, g.StatusCode, status, g.text)
	}
	return g
}

// into decodes the answer.
func (r got) into(t testing.TB, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(r.text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, r.text)
	}
}

// problem decodes the answer as one.
func (r got) problem(t testing.TB) (p Problem) {
	t.Helper()
	if kind := r.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Fatalf("%s %s is %s:\n%s", r.Request.Method, r.Request.URL, kind, r.text)
	}
	r.into(t, &p)
	if p.Status != r.StatusCode {
		t.Errorf("status %d says %d", r.StatusCode, p.Status)
	}
	return p
}

// token reads one of the tokens.
func (w *world) token(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.places.State, "serve.token."+name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// status is a status as a supervisor writes it.
func status(name string, state spec.State, pid int) string {
	text, _ := json.MarshalIndent(spec.Status{Name: name, State: state, PID: pid, Since: time.Unix(1e9, 0).UTC(), Generation: 1, Ready: true,
		SpecSHA256: strings.Repeat("0", 64), Warnings: []string{}, WaitingFor: []string{}}, "", "  ")
	return string(text)
}
