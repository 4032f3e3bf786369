package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// colony is what the prober sees of one: its files, and a box for messages.
type colony struct {
	t      *testing.T
	places spec.Places
	end    func() // the prober

	mu     sync.Mutex
	sent   []spec.Message
	refuse error // of Send; nil = it takes everything
	logged strings.Builder
}

func (c *colony) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logged.Write(p)
}

// newColony is one without services and without a prober.
func newColony(t *testing.T) *colony {
	root := t.TempDir()
	c := &colony{t: t, places: spec.Places{Config: root + "/config", Messages: root + "/messages", State: root + "/state"}}
	for _, dir := range []string{c.places.Config, c.places.StatusDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// start has a prober run until the end of the test, or until end is called.
func (c *colony) start(o Options) {
	ctx, cancel := context.WithCancel(context.Background())
	o.Places, o.Send, o.Log, o.Agent = c.places, c.send, slog.New(slog.NewTextHandler(c, nil)), "test"
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	c.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("Run: %v", err)
		}
	})
	c.t.Cleanup(func() {
		c.end()
		if c.t.Failed() {
			c.t.Logf("log:\n%s", c.logged.String())
		}
	})
}

func (c *colony) send(m spec.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return c.refuse
	}
	c.sent = append(c.sent, m)
	return nil
}

// write replaces a file in one step.
func (c *colony) write(path, content string) {
	c.t.Helper()
	fixture.Put(c.t, path, content)
}

func (c *colony) config(name, text string, args ...any) {
	c.write(filepath.Join(c.places.Config, name), fmt.Sprintf(text, args...))
}

// status is what the supervisor says of a life that began now.
func (c *colony) status(name string, state spec.State, generation uint64) {
	c.t.Helper()
	s := spec.Status{Name: name, State: state, Since: time.Now(), Generation: generation}
	if state == spec.Running || state == spec.Starting || state == spec.Stopping {
		s.PID = 1000 + int(generation)
	}
	s.Ready = state == spec.Running
	data, err := json.Marshal(s)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(c.places.Status(name), string(data))
}

// messages are those sent since the last call: type, name/generation.
func (c *colony) messages() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.sent {
		text := string(m.Type) + " " + m.Name
		if m.Generation != nil {
			text += fmt.Sprintf("/%d", *m.Generation)
		}
		all = append(all, text)
	}
	c.sent = nil
	return all
}

// wait waits for a message, which has to be the only one.
func (c *colony) wait(want string) {
	c.t.Helper()
	var got []string
	fixture.Eventually(c.t, want, func() bool { got = append(got, c.messages()...); return len(got) > 0 })
	if len(got) != 1 || got[0] != want {
		c.t.Fatalf("messages %q, want %q", got, want)
	}
}

// silence wants that no message is sent while so many checks are made, by the
// counts of a server.
func (c *colony) silence(hits *atomic.Int64, checks int64) {
	c.t.Helper()
	until := hits.Load() + checks
	fixture.Eventually(c.t, "further checks", func() bool { return hits.Load() >= until })
	if got := c.messages(); got != nil {
		c.t.Errorf("messages %q, want none", got)
	}
}

// result is how a check of a service went last; ok = false: that is not known.
func (c *colony) result(name, what string) (spec.Probe, bool) {
	b, err := os.ReadFile(c.places.Probe(name))
	if errors.Is(err, os.ErrNotExist) {
		return spec.Probe{}, false
	}
	var found spec.Probes
	if err == nil {
		err = json.Unmarshal(b, &found)
	}
	if err != nil || found.Name != name {
		c.t.Fatalf("results %s: %v", b, err)
	}
	p, ok := found.Checks[what]
	return p, ok
}

// answers is a server whose status code can be changed, and that counts.
func answers(t *testing.T) (url string, code, hits *atomic.Int64) {
	code, hits = &atomic.Int64{}, &atomic.Int64{}
	code.Store(200)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		w.WriteHeader(int(code.Load()))
	}))
	t.Cleanup(s.Close)
	return s.URL, code, hits
}

const checked = `{"args":["x"],"ncolony.httpcheck":{"url":%q,"period":"300ms","grace":0,"maxBad":1,"jitter":0}}`

// A service that answers badly is restarted, that life and no other.
func TestLiveness(t *testing.T) {
	t.Parallel()
	url, code, hits := answers(t)
	c := newColony(t)
	c.config("web", checked, url)
	c.status("web", spec.Running, 3)
	c.start(Options{})
	c.silence(hits, 3)
	fixture.Eventually(t, "a good result", func() bool {
		p, ok := c.result("web", "http")
		return ok && p.OK && p.Generation == 3 && p.Good > 0 && p.Next != nil
	})
	code.Store(500)
	c.wait("RESTART web/3")
	fixture.Eventually(t, "a bad result", func() bool {
		p, ok := c.result("web", "http")
		return ok && !p.OK && p.Bad >= 2 && p.Error == "status 500, not 100-499"
	})
	c.status("web", spec.Stopping, 3)
	before := hits.Load()
	fixture.Eventually(t, "the checks to pause", func() bool {
		now := hits.Load()
		quiet := now == before
		before = now
		time.Sleep(100 * time.Millisecond)
		return quiet
	})
	code.Store(404) // it works
	c.status("web", spec.Running, 4)
	c.silence(hits, 3)
	code.Store(503)
	c.wait("RESTART web/4")
	// It is gone, and so is what was found.
	if err := os.Remove(filepath.Join(c.places.Config, "web")); err != nil {
		t.Fatal(err)
	}
	fixture.Eventually(t, "no result", func() bool { _, ok := c.result("web", "http"); return !ok })
}

// The message of a restart is tried again when it could not be sent.
func TestSendFails(t *testing.T) {
	t.Parallel()
	url, code, hits := answers(t)
	code.Store(500)
	c := newColony(t)
	c.refuse = errors.New("the disk is full")
	c.config("web", checked, url)
	c.status("web", spec.Running, 1)
	c.start(Options{})
	c.silence(hits, 5)
	c.mu.Lock()
	c.refuse = nil
	logged := strings.Count(c.logged.String(), "the disk is full")
	c.mu.Unlock()
	if logged != 1 {
		t.Errorf("logged %d times", logged)
	}
	c.wait("RESTART web/1")
}

// Without a supervisor's status there are no lives, and no generations.
func TestWithoutStatus(t *testing.T) {
	t.Parallel()
	url, code, _ := answers(t)
	code.Store(500)
	c := newColony(t)
	if err := os.Remove(c.places.StatusDir()); err != nil {
		t.Fatal(err)
	}
	c.config("web", checked, url)
	c.start(Options{})
	// Nobody can tell whether it has been heard: it asks again and again.
	var got []string
	fixture.Eventually(t, "RESTART web", func() bool { got = append(got, c.messages()...); return len(got) > 0 })
	for _, m := range got {
		if m != "RESTART web" {
			t.Errorf("messages %q", got)
		}
	}
}

// A life is told to be ready when it answers well, and is not judged before.
func TestReadiness(t *testing.T) {
	t.Parallel()
	url, code, hits := answers(t)
	code.Store(404) // which would be good enough for one that is ready
	c := newColony(t)
	c.config("web", `{"args":["x"],"ready":{"http":%q},"ncolony.tcpcheck":{"address":"127.0.0.1:1","period":"20ms","maxBad":0,"grace":0}}`, url)
	c.status("web", spec.Starting, 1)
	c.start(Options{})
	c.silence(hits, 3)
	code.Store(204)
	c.wait("READY web/1")
	// The next life has to say so itself.
	code.Store(500)
	c.status("web", spec.Starting, 2)
	c.silence(hits, 2)
	code.Store(200)
	c.wait("READY web/2")
	c.status("web", spec.Running, 2)
	c.wait("RESTART web/2") // by the other check
}

func TestReadyByTCPAndExec(t *testing.T) {
	t.Parallel()
	url, _, _ := answers(t)
	c := newColony(t)
	file := filepath.Join(t.TempDir(), "up")
	c.config("tcp", `{"args":["x"],"ready":{"tcp":%q}}`, strings.TrimPrefix(url, "http://"))
	c.config("exec", `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"},"ready":{"exec":["test","-e",%q]}}`, file)
	c.start(Options{})
	c.status("tcp", spec.Starting, 1)
	c.wait("READY tcp/1")
	c.status("tcp", spec.Running, 1)
	c.status("exec", spec.Starting, 1)
	fixture.Eventually(t, "a bad answer", func() bool { p, ok := c.result("exec", "ready"); return ok && p.Bad > 0 })
	c.write(file, "")
	c.wait("READY exec/1")
}

// A program never outlives the life that it asks, nor the prober.
func TestProgramsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *colony){
		"the life is over":       func(c *colony) { c.status("web", spec.Stopping, 1) },
		"another life has begun": func(c *colony) { c.status("web", spec.Running, 2) },
		"the service is gone":    func(c *colony) { os.Remove(filepath.Join(c.places.Config, "web")) },
		"its check is another": func(c *colony) {
			c.config("web", `{"args":["x"],"ncolony.tcpcheck":{"address":"127.0.0.1:1","period":1000,"grace":1000}}`)
		},
		"the prober is to go":     func(c *colony) { c.end() },
		"the status has vanished": func(c *colony) { os.Remove(c.places.Status("web")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newColony(t)
			file := filepath.Join(t.TempDir(), "pid")
			c.config("web", `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"},"ncolony.execcheck":{"args":["/bin/sh","-c",%q],"period":1000,"grace":0,"jitter":0}}`,
				fmt.Sprintf("test -e %[1]s && exit; sleep 1000 & echo $! > %[1]s.tmp; mv %[1]s.tmp %[1]s; wait", file))
			c.status("web", spec.Running, 1)
			c.start(Options{})
			fixture.Eventually(t, "the program to run", func() bool { _, err := os.Stat(file); return err == nil })
			end(c)
			fixture.Eventually(t, "it is gone", func() bool { return gone(file) })
			if got := c.messages(); got != nil {
				t.Errorf("messages %q", got)
			}
		})
	}
}

// There are never more checks under way than there may be, and all get their turn.
func TestCap(t *testing.T) {
	t.Parallel()
	var now, most, total atomic.Int64
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		total.Add(1)
		<-release
		now.Add(-1)
	}))
	defer s.Close()
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	c := newColony(t)
	const services, at = 20, 3
	for i := range services {
		name := fmt.Sprint("web", i)
		c.config(name, `{"args":["x"],"ncolony.httpcheck":{"url":%q,"period":100,"grace":0,"jitter":0}}`, s.URL)
		c.status(name, spec.Running, 1)
	}
	// Programs have a cap of their own: here one tells that time passes.
	ticks := filepath.Join(t.TempDir(), "ticks")
	c.config("clock", `{"args":["x"],"ncolony.execcheck":{"args":["/bin/sh","-c","echo >> %s"],"period":"100ms","grace":0,"jitter":0}}`, ticks)
	c.status("clock", spec.Running, 1)
	c.start(Options{Connections: at})
	fixture.Eventually(t, "the first", func() bool { return total.Load() >= at })
	fixture.Eventually(t, "some time", func() bool { b, _ := os.ReadFile(ticks); return len(b) >= 5 })
	let()
	fixture.Eventually(t, "all of them", func() bool { return total.Load() == services })
	if got := most.Load(); got != at {
		t.Errorf("%d at once, want %d", got, at)
	}
}

// What is wrong with one file concerns no other, and a bad spec changes nothing.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	url, code, hits := answers(t)
	c := newColony(t)
	c.config("web", checked, url)
	c.status("web", spec.Running, 1)
	c.config("other", `{"args":`)
	c.write(c.places.Status("other"), "{")
	c.start(Options{})
	c.silence(hits, 2)
	c.config("web", `{"args":["x"],"ncolony.httpcheck":{"url":"nowhere"}}`)
	c.silence(hits, 2)
	code.Store(500)
	c.wait("RESTART web/1")
}

// What an earlier prober has left is not what is known now.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	if err := os.Mkdir(c.places.ProbeDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write(c.places.Probe("gone"), `{"name":"gone"}`)
	c.start(Options{})
	fixture.Eventually(t, "no leftovers", func() bool { _, ok := c.result("gone", "http"); return !ok })
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Send: func(spec.Message) error { return nil }}} {
		if err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
