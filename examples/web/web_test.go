// Package web runs the example of this directory, with the programs of the
// system.
package web

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// site is the example, somewhere else and on another port.
type site struct {
	*example.Example
	url string
}

func start(t *testing.T, edits ...string) *site {
	t.Helper()
	example.Needs(t, "nginx-light, redis-server, python3", "nginx", "redis-server", "python3")
	address := fixture.Reserve(t)
	e := example.Copy(t, []string{"config/redis", "config/backend", "config/nginx", "nginx.conf", "backend.py"},
		append(edits, "/srv/web", "ROOT", "127.0.0.1:8080", address, "127.0.0.1:8081", fixture.Reserve(t))...)
	os.Mkdir(filepath.Join(e.Root, "run"), 0o755)
	os.Mkdir(filepath.Join(e.Root, "data"), 0o755)
	return &site{e.Start(), "http://" + address + "/"}
}

func (s *site) get() (int, string) {
	r, err := http.Get(s.url)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

// TestStartsAndStopsInOrder is the example's promise.
func TestStartsAndStopsInOrder(t *testing.T) {
	s := start(t)
	s.UntilState("nginx", spec.Running)
	want := []string{"redis started", "redis ready", "backend started", "backend ready", "nginx started", "nginx ready"}
	s.Happened("the start", want, spec.EventStarted, spec.EventReady)
	if code, text := s.get(); code != 200 || text != "visit 2\n" {
		t.Errorf("%d %q", code, text)
	}
	if got := s.Status("backend").StatusText; got != "counting visits" {
		t.Errorf("the backend says %q", got)
	}
	if !s.Status("redis").Ready || s.Status("redis").StatusText == "" {
		t.Errorf("%+v", s.Status("redis"))
	}
	s.End()
	want = []string{"nginx terminating", "nginx exited", "backend terminating", "backend exited", "redis terminating", "redis exited"}
	if diff := cmp.Diff(want, s.Events(spec.EventTerminating, spec.EventExited)); diff != "" {
		t.Errorf("the stop (-want +got):\n%s", diff)
	}
}

// TestRedisStops: the backend goes before it, and comes back with it; nginx,
// which is only after the backend, stays.
func TestRedisStops(t *testing.T) {
	s := start(t)
	s.UntilState("nginx", spec.Running)
	nginx := s.Status("nginx").PID
	s.Ctl("stop", "redis")
	s.UntilState("redis", spec.Stopped)
	s.UntilState("backend", spec.Waiting)
	s.Happened("ends", []string{"backend exited", "redis exited"}, spec.EventExited)
	if code, _ := s.get(); code != 502 {
		t.Errorf("nginx answers %d", code)
	}
	s.Ctl("start", "redis")
	s.UntilState("backend", spec.Running)
	if code, text := s.get(); code != 200 || s.Status("nginx").PID != nginx {
		t.Errorf("%d %q, nginx is %d and was %d", code, text, s.Status("nginx").PID, nginx)
	}
}

// TestRedisDies: it is started again, and nobody else.
func TestRedisDies(t *testing.T) {
	s := start(t)
	s.UntilState("nginx", spec.Running)
	backend, redis := s.Status("backend").PID, s.Status("redis")
	syscall.Kill(redis.PID, syscall.SIGKILL)
	s.Until("Redis is back", func() bool {
		st := s.Status("redis")
		return st.Ready && st.Generation > redis.Generation
	})
	if code, text := s.get(); code != 200 || s.Status("backend").PID != backend {
		t.Errorf("%d %q, the backend is %d and was %d", code, text, s.Status("backend").PID, backend)
	}
}

// TestBackendHangs: it misses its watchdog, and writes down where it was.
func TestBackendHangs(t *testing.T) {
	s := start(t, `"watchdog": 10`, `"watchdog": 3`)
	s.UntilState("nginx", spec.Running)
	before := s.Status("backend")
	syscall.Kill(before.PID, syscall.SIGSTOP)
	s.Until("the backend is back", func() bool {
		st := s.Status("backend")
		return st.Ready && st.Generation > before.Generation
	})
	if got, want := s.Status("backend").LastExit.String(), "signal ABRT, no WATCHDOG=1 for 3s"; !strings.HasPrefix(got, "signal ABRT") || !strings.HasSuffix(got, "no WATCHDOG=1 for 3s") {
		t.Errorf("its last exit is %q, want %q", got, want)
	}
	s.End()
	if !strings.Contains(s.Log.String(), "serve_forever") {
		t.Error("it has not written down where it was")
	}
}
