package check

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Real files whose times are anything: what counts is that they change, and one
// that does not is seen, wherever its last time lies.
func TestTimesOfRealFiles(t *testing.T) {
	day := 24 * time.Hour
	for name, at := range map[string]func(n int) time.Time{
		"the past":               func(n int) time.Time { return time.Unix(int64(n), 0) },
		"before 1970":            func(n int) time.Time { return time.Unix(-int64(n)-1, 0) },
		"the far future":         func(n int) time.Time { return time.Date(2200, 1, 1, 0, 0, n, 0, time.UTC) },
		"a clock that goes back": func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, -n, 0, time.UTC) },
		"a clock that steps to, fro": func(n int) time.Time {
			return time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC).Add(time.Duration(n%3-1) * 3650 * day)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inColony(t, func(c *colony) {
				file := filepath.Join(c.hearts, "web")
				c.config("web", time.Second, 0, c.hearts)
				c.status("web", spec.Running, 1)
				c.write(file, "")
				for n := range 40 {
					if err := os.Chtimes(file, at(n), at(n)); err != nil {
						t.Fatal(err)
					}
					c.pass(300 * time.Millisecond)
				}
				c.want()
				c.pass(2 * time.Second)
				c.want("web/1")
			})
		})
	}
}

// A status whose times are of another clock costs a service neither its grace
// nor its judge.
func TestTimesOfStatus(t *testing.T) {
	for name, since := range map[string]time.Time{
		"the far future": time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		"no time at all": {},
	} {
		t.Run(name, func(t *testing.T) {
			inColony(t, func(c *colony) {
				c.config("web", time.Second, 5, c.hearts)
				c.statusSince("web", spec.Running, 1, since)
				c.pass(900 * time.Millisecond)
				c.want()
				c.pass(6 * time.Second)
				c.want("web/1")
				// A life that begins under its eyes has its grace whatever the clock says.
				c.statusSince("web", spec.Running, 2, since)
				c.pass(4 * time.Second)
				c.want()
				c.pass(3 * time.Second)
				c.want("web/2")
			})
		})
	}
}

// No heartbeat file can be looked at: nothing is known, and nobody restarted; the
// time in which nobody could look does not count either.
func TestCannotLookForAWhile(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "web")
		c.config("web", time.Second, 0, c.hearts)
		c.status("web", spec.Running, 1)
		c.pass(3*time.Second, file)
		away := c.hearts + ".away"
		if err := errors.Join(os.Rename(c.hearts, away), os.Symlink(c.hearts, c.hearts)); err != nil { // in a circle
			t.Fatal(err)
		}
		c.pass(time.Minute)
		c.want()
		if err := errors.Join(os.Remove(c.hearts), os.Rename(away, c.hearts)); err != nil {
			t.Fatal(err)
		}
		c.pass(5*time.Second, file)
		c.want()
		c.pass(2 * time.Second)
		c.want("web/1")
	})
}
