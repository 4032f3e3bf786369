package check

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// instances makes several services of one file, that are expected to beat.
func (c *colony) instances(file string, n int, status string) {
	c.t.Helper()
	c.write(filepath.Join(c.places.Config, file), fmt.Sprintf(
		`{"args": ["/bin/x"], "instances": %d, "ncolony.beatcheck": {"period": "1s", "grace": 0, "status": %q}}`, n, status))
}

// Each instance has a heart of its own, and only the one that hangs is
// restarted; those that come and go with the number are looked after, or not.
func TestInstances(t *testing.T) {
	inColony(t, func(c *colony) {
		beat := func(i int) string { return filepath.Join(c.hearts, spec.InstanceName("web", i)) }
		c.instances("web.json", 2, c.hearts)
		c.status("web@1", spec.Running, 1)
		c.status("web@2", spec.Running, 2)
		c.pass(5*time.Second, beat(1), beat(2))
		c.want()
		c.pass(5*time.Second, beat(2))
		c.want("web@1/1")

		c.status("web@1", spec.Running, 3)
		c.instances("web.json", 3, c.hearts)
		c.status("web@3", spec.Running, 4)
		c.pass(5*time.Second, beat(1), beat(2))
		c.want("web@3/4")

		c.instances("web.json", 1, c.hearts) // what is left of the others is nobody's affair
		c.pass(5*time.Second, beat(1))
		c.want()
		c.instances("web.json", 0, c.hearts)
		c.pass(5 * time.Second)
		c.want()
		c.wantLogged("file is shared", 0)
	})
}

func TestSharedHeart(t *testing.T) {
	inColony(t, func(c *colony) {
		file := filepath.Join(c.hearts, "one")
		c.beat(file)
		c.instances("web", 2, file)
		c.status("web@1", spec.Running, 1)
		c.status("web@2", spec.Running, 2)
		c.pass(10*time.Second, file)
		c.want()
		c.wantLogged("file is shared", 1)
		c.instances("web", 1, file)
		c.pass(10*time.Second, file)
		c.wantLogged("file is shared", 1)
	})
}

// TestReadyInstances: each is ready by a file of its own.
func TestReadyInstances(t *testing.T) {
	inColony(t, func(c *colony) {
		c.write(filepath.Join(c.places.Config, "web"), fmt.Sprintf(`{"args": ["/bin/x"], "instances": 2, "ready": {"file": %q}}`, c.hearts))
		c.status("web@1", spec.Starting, 1)
		c.status("web@2", spec.Starting, 2)
		c.pass(time.Second)
		c.wantReady()
		c.pass(time.Second, filepath.Join(c.hearts, "web@2"))
		c.wantReady("web@2/2")
	})
}
