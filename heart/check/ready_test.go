package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// stamp makes a file that says it was changed at that time.
func (c *colony) stamp(file string, at time.Time) {
	c.t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(f.Close(), os.Chtimes(file, at, at))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// wait lets time pass, in which nobody beats.
func (c *colony) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// readies are the lives that READY was said for, since the last call.
func (c *colony) readies() (lives []string) {
	for _, m := range c.requests() {
		if m.Type != spec.Ready || m.Generation == nil {
			c.t.Errorf("message %+v", m)
			continue
		}
		lives = append(lives, fmt.Sprintf("%s/%d", m.Name, *m.Generation))
	}
	return lives
}

func (c *colony) wantReady(want ...string) {
	c.t.Helper()
	if got := c.readies(); fmt.Sprint(got) != fmt.Sprint(want) {
		c.t.Errorf("ready %v, want %v", got, want)
	}
}

// A life is ready when its file changes; what an earlier life has left does not
// count.
func TestReadyByFile(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "up")
		old := time.Now().Add(-time.Hour)
		c.stamp(file, old)
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(`{"args":["x"],"ready":{"file":%q}}`, file))
		c.status("web", spec.Starting, 1)
		c.wait(3 * time.Second)
		c.wantReady()
		c.stamp(file, old.Add(time.Second)) // whatever time it says: it has changed
		c.wait(time.Second)
		c.wantReady("web/1")
		c.wait(4 * time.Second)
		c.wantReady()
		c.wait(2 * time.Second) // it is not known to be: the message may be lost
		c.wantReady("web/1")
		c.statusReady("web", 1)
		c.wait(time.Minute)
		c.wantReady()
		// The next life, which is quicker than we are.
		c.status("web", spec.Starting, 2)
		c.stamp(file, time.Now())
		c.wait(time.Second)
		c.wantReady("web/2")
		// What that life does at its end is not of the one after it.
		c.stamp(file, old)
		c.status("web", spec.Starting, 3)
		c.wait(2 * time.Second)
		c.wantReady()
		c.stamp(file, time.Now())
		c.wait(time.Second)
		c.wantReady("web/3")
	})
}

// A file that is not there, or cannot be seen, says nothing.
func TestReadyByMissingFile(t *testing.T) {
	inColony(t, func(c *colony) {
		dir := filepath.Join(c.hearts, "sub")
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(`{"args":["x"],"ready":{"file":%q}}`, filepath.Join(dir, "up")))
		c.status("web", spec.Starting, 1)
		c.wait(5 * time.Second)
		c.wantReady()
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.stamp(filepath.Join(dir, "up"), time.Now())
		c.wait(time.Second)
		c.wantReady("web/1")
	})
}

// The first beat says that it is ready.
func TestReadyByBeat(t *testing.T) {
	inColony(t, func(c *colony) {
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(
			`{"args":["x"],"ready":{"beat":true},"ncolony.beatcheck":{"period":3600,"grace":1,"status":%q}}`, c.hearts))
		c.status("web", spec.Starting, 1)
		c.wait(5 * time.Second)
		c.wantReady()
		c.beat(filepath.Join(c.hearts, "web"))
		c.wait(time.Second)
		c.wantReady("web/1")
	})
}

// What cannot be sent is said again.
func TestReadyIsSaidAgain(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "up")
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(`{"args":["x"],"ready":{"file":%q}}`, file))
		c.status("web", spec.Starting, 1)
		c.answer(errors.New("disk full"))
		c.stamp(file, time.Now())
		c.wait(2 * time.Second)
		c.wantReady()
		c.wantLogged("disk full", 1)
		c.answer(nil)
		c.wait(time.Second)
		c.wantReady("web/1")
	})
}

// statusReady is what the supervisor says of a life that is ready.
func (c *colony) statusReady(name string, generation uint64) {
	c.t.Helper()
	c.write(c.places.Status(name), fmt.Sprintf(`{"name":%q,"state":"running","pid":%d,"generation":%d,"ready":true,"since":%q}`,
		name, 1000+generation, generation, time.Now().Format(time.RFC3339Nano)))
}
