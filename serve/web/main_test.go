package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// programs is where the programs are built, once.
var programs string

func TestMain(m *testing.M) {
	code := m.Run()
	if programs != "" {
		os.RemoveAll(programs)
	}
	os.Exit(code)
}

var build = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "ncolony-web-")
	if err != nil {
		return err
	}
	programs = dir
	out, err := exec.Command("go", "build", "-o", dir, "../../cmd/...").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// world is a colony, and pages about it.
type world struct {
	t      testing.TB
	places spec.Places
	site   *Site
	base   string // URL of the pages
	socket string
}

// newWorld serves a colony that there is no supervisor of.
func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{t: t, places: fixture.Places(t)}
}

// serve begins to serve.
func (w *world) serve() {
	w.t.Helper()
	o := serve.Options{Places: w.places, Log: slog.New(slog.DiscardHandler), Most: serve.Most{Connections: 100, Streams: 1000}}
	o.SocketGroup, o.TCP = -1, []string{"127.0.0.1:0"}
	ready := make(chan []net.Addr, 1)
	o.Ready = func(all []net.Addr) { ready <- all }
	colony := operations.New(w.places, o.Log)
	server := serve.New(o, colony)
	w.site = New(server, colony, o.Log, "ncolony-serve/test")
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	ended := make(chan error, 1)
	all.Go(func() { colony.Run(ctx) })
	all.Go(func() { w.site.Run(ctx) })
	all.Go(func() { ended <- server.Run(ctx) })
	w.t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	w.socket = filepath.Join(w.places.State, "serve.sock")
	select {
	case addresses := <-ready:
		for _, a := range addresses {
			if tcp, ok := a.(*net.TCPAddr); ok {
				w.base = "http://" + tcp.String()
			}
		}
	case err := <-ended:
		w.t.Fatal(err)
	}
}

// supervise starts a real supervisor.
func (w *world) supervise() {
	w.t.Helper()
	if err := build(); err != nil {
		w.t.Fatalf("build: %v", err)
	}
	cmd := exec.Command(filepath.Join(programs, "ncolony"), "--config", w.places.Config, "--messages", w.places.Messages, "--state", w.places.State)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(fixture.Patience, func() { cmd.Process.Kill() })
		cmd.Wait()
		kill.Stop()
		if w.t.Failed() {
			w.t.Logf("the supervisor said:\n%s", out.String())
		}
	})
	w.eventually("the supervisor", func() bool {
		said, err := ctl.Colony(w.places)
		return err == nil && !said.Clean && said.PID == cmd.Process.Pid
	})
}

func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	fixture.Eventually(w.t, what, is)
}

func (w *world) write(path, text string) {
	w.t.Helper()
	fixture.Put(w.t, path, text)
}

func (w *world) spec(name, text string) { w.write(filepath.Join(w.places.Config, name), text) }

// state is what a service is doing; "" = nobody knows.
func (w *world) state(name string) spec.State {
	st, err := ctl.StatusOf(w.places, name)
	if err != nil {
		return ""
	}
	return st.State
}

// token is the text that stands for a role: "admin" or "read".
func (w *world) token(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.places.State, "serve.token."+name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// visitor is a browser without a screen: it keeps cookies, and follows nothing.
type visitor struct {
	w      *world
	client *http.Client
}

func (w *world) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{w, &http.Client{Jar: jar, Timeout: fixture.Patience, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// login shows a token; "" = this one stays a stranger.
func (v *visitor) login(name string) *visitor {
	v.w.t.Helper()
	if name == "" {
		return v
	}
	if got := v.post("/login", url.Values{"token": {v.w.token(name)}}); got.StatusCode != http.StatusSeeOther {
		v.w.t.Fatalf("login: %d\n%s", got.StatusCode, got.text)
	}
	return v
}

// got is an answer that was read to its end.
type got struct {
	*http.Response
	text string
}

func (v *visitor) do(r *http.Request) got {
	v.w.t.Helper()
	res, err := v.client.Do(r)
	if err != nil {
		v.w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return got{res, string(text)}
}

func (v *visitor) get(path string) got {
	v.w.t.Helper()
	r, err := http.NewRequest("GET", v.w.base+path, nil)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return v.do(r)
}

// post sends a form; headers are "Name: value".
func (v *visitor) post(path string, form url.Values, headers ...string) got {
	v.w.t.Helper()
	r, err := http.NewRequest("POST", v.w.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.w.base)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	return v.do(r)
}

// form is the token that forms of a page have; "" = there is none.
func (v *visitor) form(path string) string {
	v.w.t.Helper()
	_, after, _ := strings.Cut(v.get(path).text, `name="form" value="`)
	token, _, _ := strings.Cut(after, `"`)
	return token
}

// statusOf is a status as a supervisor writes it.
func statusOf(name string, state spec.State, pid int) string {
	text, err := json.Marshal(spec.Status{Name: name, State: state, PID: pid, Since: time.Now().Add(-time.Hour).UTC(), Generation: 1, Ready: true, Warnings: []string{}, WaitingFor: []string{}})
	if err != nil {
		panic(err)
	}
	return string(text)
}
