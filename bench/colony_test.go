// Package bench holds what shows the promises of the supervisor at size, with
// the real binary and real processes. See the Makefile for how each is run.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ncolony-bench")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "ncolony")
	build := exec.Command("go", "build", "-o", dir, "../cmd/ncolony", "../cmd/ncolony-ctl", "../cmd/ncolony-heartcheck", "../cmd/ncolony-log")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// colony is a supervisor under test, and what it has started.
type colony struct {
	t      testing.TB
	places ctl.Places
	root   string
	cmd    *exec.Cmd
	flags  []string
}

func newColony(t testing.TB) *colony {
	root := t.TempDir()
	c := &colony{t: t, root: root, flags: []string{"--no-helpers"}, places: ctl.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}}
	if err := os.MkdirAll(c.places.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}

// start starts a supervisor and waits until it has published.
func (c *colony) start() (took time.Duration) {
	c.t.Helper()
	log, err := os.OpenFile(filepath.Join(c.root, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.cmd = exec.Command(binary, append([]string{"--root", c.root}, c.flags...)...)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	began := time.Now()
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.until("the supervisor publishes", func() bool {
		st, err := ctl.Colony(c.places)
		return err == nil && st.PID == c.cmd.Process.Pid
	})
	return time.Since(began)
}

// murder kills the supervisor alone.
func (c *colony) murder() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.cmd = nil
}

// end ends the colony and whatever carries its token.
func (c *colony) end() {
	if c.cmd != nil {
		c.cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(30*time.Second, func() { c.cmd.Process.Kill() })
		c.cmd.Wait()
		timer.Stop()
	}
	id, err := os.ReadFile(c.places.ID())
	if err != nil {
		return
	}
	token := "NCOLONY_TOKEN=" + strings.TrimSpace(string(id)) + ":"
	list, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range list {
		env, _ := os.ReadFile(path)
		var pid int
		if fmt.Sscanf(path, "/proc/%d/", &pid); strings.Contains(string(env), token) {
			syscall.Kill(pid, syscall.SIGKILL)
			c.t.Errorf("left behind: %d", pid)
		}
	}
	if c.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(c.root, "log"))
		c.t.Logf("end of the log:\n%s", log[max(0, len(log)-3000):])
	}
}

func (c *colony) until(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// running waits until n services run, and returns their statuses by name.
func (c *colony) running(n int) map[string]spec.Status {
	c.t.Helper()
	c.until(fmt.Sprintf("%d services run", n), func() bool {
		st, err := ctl.Colony(c.places)
		return err == nil && st.PID == c.cmd.Process.Pid && st.Counts[spec.Running] == n
	})
	all := map[string]spec.Status{}
	c.until("each has a status", func() bool {
		list, err := ctl.Status(c.places)
		for _, st := range list {
			all[st.Name] = st
		}
		return err == nil && len(list) == n
	})
	return all
}

func (c *colony) add(name string, keys map[string]any) {
	c.t.Helper()
	text, _ := json.Marshal(keys)
	if err := os.WriteFile(filepath.Join(c.places.Config, ".tmp-"+name), text, 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(c.places.Config, ".tmp-"+name), filepath.Join(c.places.Config, name)); err != nil {
		c.t.Fatal(err)
	}
}

// events reads all events, by name.
func (c *colony) events() map[string][]spec.Event {
	c.t.Helper()
	all := map[string][]spec.Event{}
	for _, file := range []string{"current.jsonl.4", "current.jsonl.3", "current.jsonl.2", "current.jsonl.1", "current.jsonl"} {
		b, _ := os.ReadFile(filepath.Join(c.places.EventsDir(), file))
		for line := range strings.Lines(string(b)) {
			var e spec.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				continue // torn by a kill
			}
			all[e.Name] = append(all[e.Name], e)
		}
	}
	return all
}
