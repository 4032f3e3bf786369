package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// told is what was told of a heart.
func (c *colony) told(name string) (h spec.Heartbeat) {
	c.t.Helper()
	b, err := os.ReadFile(c.places.Heart(name))
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		c.t.Error(err)
	}
	return h
}

// TestTold: each state of a heart can be read, and is gone with its service.
func TestTold(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "web")
		c.config("web", time.Second, 2, c.hearts)
		c.status("web", spec.Running, 1)
		c.pass(1500 * time.Millisecond)
		if h := c.told("web"); h.State != spec.HeartWaiting || h.LastBeat != nil || h.Generation != 1 || h.Period != 1 {
			t.Errorf("before the first beat: %+v", h)
		}
		c.pass(5*time.Second, file)
		if h := c.told("web"); h.State != spec.HeartBeating || h.LastBeat == nil || h.File != file || h.Misses != 0 {
			t.Errorf("while it beats: %+v", h)
		}
		c.pass(2 * time.Minute)
		if h := c.told("web"); h.State != spec.HeartOverdue || h.Misses < minMisses {
			t.Errorf("when it hangs: %+v", h)
		}
		c.status("web", spec.Stopped, 1)
		c.pass(time.Second)
		if h := c.told("web"); h.State != spec.HeartOff {
			t.Errorf("when it is stopped: %+v", h)
		}
		os.Remove(filepath.Join(c.places.Config, "web"))
		c.pass(11 * time.Second)
		if _, err := os.Stat(c.places.Heart("web")); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
}

// TestLeft: what an earlier checker has told of others goes.
func TestLeft(t *testing.T) {
	root := t.TempDir()
	p := spec.Places{Config: root, State: root + "/state"}
	if err := os.MkdirAll(p.HeartDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Heart("left"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := newWard(Options{Places: p, Send: func(spec.Message) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.scan(0)
	if _, err := os.Stat(p.Heart("left")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestDump: a program that can say what it is doing is asked before it is
// restarted, once.
func TestDump(t *testing.T) {
	inColony(t, func(c *colony) {
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(
			`{"args": ["/bin/x"], "stop": {"dump": "QUIT"}, "ncolony.beatcheck": {"period": 1, "grace": 0, "status": %q}}`, c.hearts))
		c.status("web", spec.Running, 7)
		var got []spec.Message
		for range 100 {
			if c.pass(50 * time.Millisecond); len(got) == 0 {
				got = c.requests()
			} else {
				break
			}
		}
		if len(got) != 1 || got[0].Type != spec.SendSignal || got[0].Signal != 3 || *got[0].Generation != 7 {
			t.Errorf("first: %+v", got)
		}
		c.pass(dumpTime + time.Second)
		c.want("web/7")
		c.pass(10 * time.Second)
		c.want()
	})
}

// TestGroupIsNotRestartedAtOnce: of a group that hangs, a third is restarted, and
// the others when those beat again, or have had their time.
func TestGroupIsNotRestartedAtOnce(t *testing.T) {
	inColony(t, func(c *colony) {
		for i := range 6 {
			name := fmt.Sprint("w", i)
			c.write(filepath.Join(c.places.Config, name), fmt.Sprintf(
				`{"args": ["/bin/x"], "group": ["all"], "ncolony.beatcheck": {"period": 1, "grace": 2, "status": %q}}`, c.hearts))
			c.status(name, spec.Running, 1)
		}
		c.pass(10 * time.Second)
		first := c.requests()
		if len(first) != 2 {
			t.Errorf("%d of 6 are restarted at once: %+v", len(first), first)
		}
		held := 0
		for i := range 6 {
			if c.told(fmt.Sprint("w", i)).State == spec.HeartHeld {
				held++
			}
		}
		if held != 4 {
			t.Errorf("%d are said to be held back", held)
		}
		for _, m := range first { // these are back
			c.status(m.Name, spec.Running, 2)
		}
		var alive []string
		for _, m := range first {
			alive = append(alive, filepath.Join(c.hearts, m.Name))
		}
		c.pass(5*time.Second, alive...)
		if second := c.requests(); len(second) != 2 {
			t.Errorf("then %+v", second)
		}
		c.pass(mending+5*time.Second, alive...) // the next two never beat: their time is over
		if third := c.requests(); len(third) < 2 {
			t.Errorf("at last %+v", third)
		}
	})
}

// Of many hearts that beat, some are told anew, and not all of them once a minute.
func TestToldNowAndThen(t *testing.T) {
	const hearts, most = 800, int(retell / retellPause)
	inColony(t, func(c *colony) {
		for i := range hearts {
			name := fmt.Sprint("w", i)
			c.config(name, 30*time.Second, 1, c.hearts)
			c.status(name, spec.Running, 1)
		}
		told := func() map[string]time.Time {
			all := map[string]time.Time{}
			for range retell / maxLook {
				for i := range hearts {
					c.beat(filepath.Join(c.hearts, fmt.Sprint("w", i)))
				}
				time.Sleep(maxLook)
			}
			synctest.Wait()
			for i := range hearts {
				h := c.told(fmt.Sprint("w", i))
				if h.LastBeat == nil {
					t.Fatalf("%+v", h)
				}
				all[h.Name] = *h.LastBeat
			}
			return all
		}
		first, anew := told(), 0
		for name, at := range told() {
			if !at.Equal(first[name]) {
				anew++
			}
		}
		if anew < most*4/5 || anew > most*6/5 {
			t.Errorf("%d of %d hearts were told anew, want about %d", anew, hearts, most)
		}
		c.want()
	})
}
