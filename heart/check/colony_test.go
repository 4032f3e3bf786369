package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// colony is the directories of one, with real files; time is the bubble's.
type colony struct {
	t      *testing.T
	places spec.Places
	hearts string // directory of heartbeat files
	beats  int64

	mu     sync.Mutex // guards what the checker's goroutine writes
	sent   []spec.Message
	refuse error // what sending answers
	logged bytes.Buffer
}

// Write takes in the log.
func (c *colony) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logged.Write(p)
}

// log is what was logged so far.
func (c *colony) log() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logged.String()
}

// answer makes sending fail, or not.
func (c *colony) answer(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

// requests returns the messages since the last call.
func (c *colony) requests() []spec.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// inColony runs f beside a checker, in virtual time. Nothing in it may wait for
// the real clock.
func inColony(t *testing.T, f func(c *colony)) {
	t.Helper()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := &colony{
			t: t,
			places: spec.Places{
				Config:   filepath.Join(root, "config"),
				Messages: filepath.Join(root, "messages"),
				State:    filepath.Join(root, "state"),
			},
			hearts: filepath.Join(root, "hearts"),
		}
		for _, dir := range []string{c.places.Config, c.places.StatusDir(), c.hearts} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- Run(ctx, Options{
				Places: c.places,
				Send:   c.send,
				Log:    slog.New(slog.NewTextHandler(c, nil)),
			})
		}()
		// From here on the checker runs only while f sleeps.
		time.Sleep(time.Millisecond)
		synctest.Wait()
		f(c)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
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

// config makes a service that is expected to beat.
func (c *colony) config(file string, period time.Duration, grace float64, status string) {
	c.t.Helper()
	c.write(filepath.Join(c.places.Config, file), fmt.Sprintf(
		`{"args": ["/bin/x"], "ncolony.beatcheck": {"period": %q, "grace": %v, "status": %q}}`, period, grace, status))
}

// status is what the supervisor says about a service that began now.
func (c *colony) status(name string, state spec.State, generation uint64) {
	c.t.Helper()
	c.statusSince(name, state, generation, time.Now())
}

func (c *colony) statusSince(name string, state spec.State, generation uint64, since time.Time) {
	c.t.Helper()
	s := spec.Status{Name: name, State: state, Since: since, Generation: generation}
	if state == spec.Running || state == spec.Starting || state == spec.Stopping {
		s.PID = 1000 + int(generation)
	}
	data, err := json.Marshal(s)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(c.places.Status(name), string(data))
}

// beat beats file once; what time it says is of no interest.
func (c *colony) beat(file string) {
	c.t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	f.Close()
	c.beats++
	at := time.Unix(1e9, c.beats)
	if err := os.Chtimes(file, at, at); err != nil {
		c.t.Fatal(err)
	}
}

// pass lets time pass, with a beat of the files in every 300 ms.
func (c *colony) pass(d time.Duration, files ...string) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, f := range files {
			c.beat(f)
		}
		time.Sleep(min(300*time.Millisecond, time.Until(end)))
	}
	synctest.Wait()
}

// want checks the requests since the last call: name/generation.
func (c *colony) want(requests ...string) {
	c.t.Helper()
	var got []string
	for _, m := range c.requests() {
		text := m.Name
		if m.Generation != nil {
			text += fmt.Sprintf("/%d", *m.Generation)
		}
		got = append(got, text)
		if m.Type != spec.RestartService || !strings.HasPrefix(m.Reason, "no heartbeat for ") {
			c.t.Errorf("message %+v", m)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(requests) {
		c.t.Errorf("requests %v, want %v", got, requests)
	}
}

// wantLogged checks how often a text is in the log.
func (c *colony) wantLogged(text string, n int) {
	c.t.Helper()
	if got := strings.Count(c.log(), text); got != n {
		c.t.Errorf("%q was logged %d times, want %d:\n%s", text, got, n, c.log())
	}
}
