package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestRun(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "web-beat")
		c.config("web.json", time.Second, 3, file)
		c.config("quiet", time.Second, 3, c.hearts) // a directory: hearts/quiet
		c.write(filepath.Join(c.places.Config, "other"), `{"args": ["/bin/x"]}`)
		for _, name := range []string{"web", "quiet", "other"} {
			c.status(name, spec.Running, 7)
		}
		c.pass(2900*time.Millisecond, file)
		c.want()
		c.pass(3*time.Second, file)
		c.want("quiet/7")
		c.wantLogged("restart requested", 1)
		if got := c.log(); !strings.Contains(got, "service=quiet generation=7") ||
			!strings.Contains(got, "(period 1s)") {
			t.Errorf("logged %q", got)
		}

		c.status("quiet", spec.Running, 8)
		c.pass(20*time.Second, file, filepath.Join(c.hearts, "quiet"))
		c.want()
		c.pass(2*time.Second, filepath.Join(c.hearts, "quiet"))
		c.want("web/7")
		if fi, err := os.Stat(file); err != nil || fi.Size() != 0 || fi.ModTime().Unix() != 1e9 {
			t.Errorf("the heartbeat file was touched: %v, %v", fi, err)
		}
	})
}

// A heart of a long period is looked at rarely, one that comes later at once.
func TestPeriods(t *testing.T) {
	inColony(t, func(c *colony) {
		c.config("slow", time.Hour, 0, c.hearts)
		c.status("slow", spec.Running, 1)
		c.pass(time.Minute)
		c.config("fast", 150*time.Millisecond, 0, c.hearts)
		c.status("fast", spec.Starting, 2)
		c.pass(1500 * time.Millisecond)
		c.want("fast/2")
		c.pass(58 * time.Minute)
		for _, m := range c.requests() {
			if m.Name != "fast" {
				t.Errorf("message %+v", m)
			}
		}
		c.pass(75 * time.Second)
		c.want("slow/1")
	})
}

func TestStates(t *testing.T) {
	for _, state := range spec.States {
		inColony(t, func(c *colony) {
			c.config("web", time.Second, 0, c.hearts)
			c.status("web", state, 3)
			c.pass(5 * time.Second)
			if state == spec.Running || state == spec.Starting {
				c.want("web/3")
			} else {
				c.want()
			}
		})
	}
	inColony(t, func(c *colony) { // the supervisor does not know it yet
		c.config("web", time.Second, 0, c.hearts)
		c.pass(5 * time.Second)
		c.want()
	})
}

// Without a directory of status files there are no generations.
func TestNoStatusDirectory(t *testing.T) {
	inColony(t, func(c *colony) {
		if err := os.RemoveAll(c.places.State); err != nil {
			t.Fatal(err)
		}
		c.config("web", time.Second, 5, c.hearts)
		c.pass(4900 * time.Millisecond)
		c.want()
		c.pass(2 * time.Second) // it was noticed after a second
		c.want("web")
	})
}

// Where a heartbeat file cannot be looked at, nothing is known about it.
func TestCannotLook(t *testing.T) {
	inColony(t, func(c *colony) {
		loop := filepath.Join(c.hearts, "loop")
		if err := os.Symlink(loop, loop); err != nil {
			t.Fatal(err)
		}
		c.config("web", time.Second, 0, loop)
		c.status("web", spec.Running, 1)
		c.pass(time.Minute)
		c.want()
		c.wantLogged("heartbeat not seen", 1)
		if err := os.Remove(loop); err != nil {
			t.Fatal(err)
		}
		c.pass(900 * time.Millisecond)
		c.want()
		c.pass(2 * time.Second)
		c.want("web/1")
	})
}

// A request that cannot be sent is tried again.
func TestSendFails(t *testing.T) {
	inColony(t, func(c *colony) {
		c.config("web", time.Second, 0, c.hearts)
		c.status("web", spec.Running, 1)
		c.answer(errors.New("disk full"))
		c.pass(5 * time.Second)
		c.wantLogged("restart not requested", 1)
		c.wantLogged("restart requested", 0)
		c.answer(nil)
		c.pass(time.Second)
		c.want("web/1")
	})
}

// The checker beats itself if it is asked to.
func TestOwnHeart(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	t.Setenv("NCOLONY_NAME", "@heartcheck")
	t.Setenv("NCOLONY_CONFIG", fmt.Sprintf(`{"ncolony.beatcheck": {"period": 0.9, "status": %q}}`, own))
	inColony(t, func(c *colony) {
		for range 5 {
			c.pass(300 * time.Millisecond)
			if err := os.Remove(own); err != nil {
				t.Error(err)
			}
		}
	})
	t.Setenv("NCOLONY_CONFIG", "{")
	inColony(t, func(c *colony) {
		c.pass(time.Minute)
		c.wantLogged("own heartbeat is off", 1)
	})
}

func TestOptions(t *testing.T) {
	send := func(spec.Message) error { return nil }
	for _, o := range []Options{{Send: send}, {Places: spec.Places{Config: "/x"}}} {
		if err := Run(t.Context(), o); err == nil {
			t.Errorf("Run(%+v) = nil", o)
		}
	}
}

// One round over ten thousand hearts, of which all are due: what it costs per
// third of a period.
func BenchmarkTurn10000(b *testing.B) {
	root := b.TempDir()
	w, err := newWard(Options{
		Places: spec.Places{Config: filepath.Join(root, "config"), State: filepath.Join(root, "state")},
		Send:   func(spec.Message) error { return errors.New("nobody should ask") },
	})
	if err != nil {
		b.Fatal(err)
	}
	hearts := filepath.Join(root, "hearts")
	for _, dir := range []string{w.places.Config, w.places.StatusDir(), hearts} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 10000 {
		name := fmt.Sprintf("service-%d", i)
		config := fmt.Sprintf(`{"args": ["/bin/x"], "ncolony.beatcheck": {"period": "1h", "grace": 3, "status": %q}}`, hearts)
		status := fmt.Sprintf(`{"name": %q, "state": "running", "pid": 7, "generation": 1}`, name)
		if err := errors.Join(
			os.WriteFile(filepath.Join(w.places.Config, name), []byte(config), 0o644),
			os.WriteFile(w.places.Status(name), []byte(status), 0o644),
			os.WriteFile(filepath.Join(hearts, name), nil, 0o644),
		); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Duration(0)
	w.turn(now)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range w.patients {
			p.due = 0
		}
		now += time.Second
		w.scanAt = now + time.Hour
		w.turn(now)
	}
}
