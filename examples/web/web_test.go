// Package web runs the example of this directory, with the programs of the
// system.
package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// patience bounds every wait. Only a failing test takes it.
const patience = 30 * time.Second

// site is the example, somewhere else and on another port.
type site struct {
	t    *testing.T
	root string
	url  string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

func start(t *testing.T, edits ...string) *site {
	t.Helper()
	for _, program := range []string{"nginx", "redis-server", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: Debian has it in nginx-light, redis-server, python3", err)
		}
	}
	address, behind := free(t), free(t)
	s := &site{t: t, root: t.TempDir(), url: "http://" + address + "/"}
	for _, file := range []string{"config/redis", "config/backend", "config/nginx", "nginx.conf", "backend.py"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, "/srv/web", s.root, "127.0.0.1:8080", address, "127.0.0.1:8081", behind)
		text := strings.NewReplacer(edits...).Replace(string(b))
		os.MkdirAll(filepath.Join(s.root, filepath.Dir(file)), 0o755)
		if err := os.WriteFile(filepath.Join(s.root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir(filepath.Join(s.root, "run"), 0o755)
	os.Mkdir(filepath.Join(s.root, "data"), 0o755)
	binary := filepath.Join(t.TempDir(), "ncolony")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/ncolony").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.cmd = exec.Command(binary, "--root", s.root)
	s.cmd.Stderr, s.cmd.Stdout = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *site) status(name string) (st spec.Status) {
	b, _ := os.ReadFile(filepath.Join(s.root, "state/status", name+".json"))
	json.Unmarshal(b, &st)
	return st
}

func (s *site) until(what string, true func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

func (s *site) untilState(name string, state spec.State) {
	s.t.Helper()
	s.until(fmt.Sprintf("%s is %s", name, state), func() bool { return s.status(name).State == state })
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

// send asks for something by a message.
func (s *site) send(typ spec.Type, name string) {
	s.t.Helper()
	b, _ := json.Marshal(spec.Message{Type: typ, Name: name})
	tmp := filepath.Join(s.root, "messages", ".m")
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(s.root, "messages", "m-"+string(typ)+name)); err != nil {
		s.t.Fatal(err)
	}
}

// events are what has happened to our three services: "redis started".
func (s *site) events(types ...string) (all []string) {
	f, err := os.Open(filepath.Join(s.root, "state/events/current.jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var e spec.Event
		json.Unmarshal(sc.Bytes(), &e)
		if e.Name != "" && e.Name[0] != '@' && slices.Contains(types, e.Type) {
			all = append(all, e.Name+" "+e.Type)
		}
	}
	return all
}

// TestStartsAndStopsInOrder is the example's promise.
func TestStartsAndStopsInOrder(t *testing.T) {
	s := start(t)
	s.untilState("nginx", spec.Running)
	want := []string{"redis started", "redis ready", "backend started", "backend ready", "nginx started", "nginx ready"}
	if diff := cmp.Diff(want, s.events(spec.EventStarted, spec.EventReady)); diff != "" {
		t.Errorf("the start (-want +got):\n%s", diff)
	}
	if code, text := s.get(); code != 200 || text != "visit 2\n" {
		t.Errorf("%d %q", code, text)
	}
	if got := s.status("backend").StatusText; got != "counting visits" {
		t.Errorf("the backend says %q", got)
	}
	if !s.status("redis").Ready || s.status("redis").StatusText == "" {
		t.Errorf("%+v", s.status("redis"))
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
	want = []string{"nginx terminating", "nginx exited", "backend terminating", "backend exited", "redis terminating", "redis exited"}
	if diff := cmp.Diff(want, s.events(spec.EventTerminating, spec.EventExited)); diff != "" {
		t.Errorf("the stop (-want +got):\n%s", diff)
	}
}

// TestRedisStops: the backend goes before it, and comes back with it; nginx,
// which is only after the backend, stays.
func TestRedisStops(t *testing.T) {
	s := start(t)
	s.untilState("nginx", spec.Running)
	nginx := s.status("nginx").PID
	s.send(spec.StopService, "redis")
	s.untilState("redis", spec.Stopped)
	s.untilState("backend", spec.Waiting)
	if diff := cmp.Diff([]string{"backend exited", "redis exited"}, s.events(spec.EventExited)); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
	if code, _ := s.get(); code != 502 {
		t.Errorf("nginx answers %d", code)
	}
	s.send(spec.StartService, "redis")
	s.untilState("backend", spec.Running)
	if code, text := s.get(); code != 200 || s.status("nginx").PID != nginx {
		t.Errorf("%d %q, nginx is %d and was %d", code, text, s.status("nginx").PID, nginx)
	}
}

// TestRedisDies: it is started again, and nobody else.
func TestRedisDies(t *testing.T) {
	s := start(t)
	s.untilState("nginx", spec.Running)
	backend, redis := s.status("backend").PID, s.status("redis")
	syscall.Kill(redis.PID, syscall.SIGKILL)
	s.until("Redis is back", func() bool {
		st := s.status("redis")
		return st.Ready && st.Generation > redis.Generation
	})
	if code, text := s.get(); code != 200 || s.status("backend").PID != backend {
		t.Errorf("%d %q, the backend is %d and was %d", code, text, s.status("backend").PID, backend)
	}
}

// TestBackendHangs: it misses its watchdog, and writes down where it was.
func TestBackendHangs(t *testing.T) {
	s := start(t, `"watchdog": 10`, `"watchdog": 3`)
	s.untilState("nginx", spec.Running)
	syscall.Kill(s.status("backend").PID, syscall.SIGSTOP)
	s.until("the backend is back", func() bool {
		st := s.status("backend")
		return st.Ready && st.Generation == 2
	})
	if got, want := s.status("backend").LastExit.String(), "signal ABRT, no WATCHDOG=1 for 3s"; !strings.HasPrefix(got, "signal ABRT") || !strings.HasSuffix(got, "no WATCHDOG=1 for 3s") {
		t.Errorf("its last exit is %q, want %q", got, want)
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	if !strings.Contains(s.log.String(), "serve_forever") {
		t.Error("it has not written down where it was")
	}
}
