package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// root is where the image keeps its colony.
const root = "/var/lib/ncolony"

var count atomic.Int64

// newName is a name for a container, which is removed with the test under
// whatever circumstances.
func newName(t *testing.T) string {
	t.Helper()
	name := prefix + "-" + strconv.FormatInt(count.Add(1), 10)
	t.Cleanup(func() {
		if t.Failed() {
			s := docker("", "logs", "--tail", "300", name)
			t.Logf("log of %s:\n%s%s", name, s.out, s.err)
		}
		if s := docker("", "rm", "-f", "-v", name); s.code != 0 && !strings.Contains(s.err, "No such container") {
			t.Errorf("remove container: %s", s.err)
		}
	})
	return name
}

// attached runs a container of the base image to its end.
func attached(t *testing.T, options []string, command ...string) said {
	t.Helper()
	args := append([]string{"run", "--name", newName(t), "--network", "none"}, options...)
	return docker("", append(append(args, base(t)), command...)...)
}

// container is one that runs in the background.
type container struct {
	t    *testing.T
	name string
}

// start runs a container of the base image.
func start(t *testing.T, options []string, command ...string) *container {
	t.Helper()
	return startImage(t, base(t), options, command...)
}

func startImage(t *testing.T, image string, options []string, command ...string) *container {
	t.Helper()
	c := &container{t, newName(t)}
	args := append([]string{"run", "-d", "--name", c.name, "--network", "none"}, options...)
	must(t, append(append(args, image), command...)...)
	return c
}

// specs is the option that puts these specs, name to text, into the config
// directory, and the directory itself.
func specs(t *testing.T, texts map[string]string) (options []string, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "config")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"-v", dir + ":" + root + "/config:ro"}, dir
}

// shell is a spec of a shell script with these further keys, in JSON.
func shell(script string, more ...string) string {
	args, err := json.Marshal([]string{"/bin/sh", "-c", script})
	if err != nil {
		panic(err)
	}
	return `{"args": ` + string(args) + strings.Join(append([]string{""}, more...), ", ") + `}`
}

// loop goes on for ever, and hears signals in between.
const loop = "while :; do sleep 0.1; done"

// eventually waits until ok is true; the time is only a bound on a failure.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// inside runs a command in the container.
func (c *container) inside(command ...string) said {
	return docker("", append([]string{"exec", c.name}, command...)...)
}

// file reads a file of the container; "" if there is none.
func (c *container) file(path string) string { return c.inside("/bin/cat", path).out }

// ctl runs `ncolony ctl`, which has to succeed.
func (c *container) ctl(args ...string) string {
	c.t.Helper()
	return must(c.t, append([]string{"exec", c.name, "/ncolony", "ctl"}, args...)...)
}

// status is what `ncolony ctl status` says; nothing while there is no supervisor,
// whose last words are in it then.
func (c *container) status() map[string]spec.Status {
	c.t.Helper()
	s := c.inside("/ncolony", "ctl", "status", "--json")
	all := map[string]spec.Status{}
	if s.code != 0 {
		return all
	}
	var list []spec.Status
	if err := json.Unmarshal([]byte(s.out), &list); err != nil {
		c.t.Fatalf("status: %v in %q", err, s.out)
	}
	for _, st := range list {
		all[st.Name] = st
	}
	return all
}

// colony is what colony.json says.
func (c *container) colony() (all spec.ColonyStatus) {
	c.t.Helper()
	if text := c.file(root + "/state/colony.json"); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			c.t.Fatalf("colony.json: %v in %q", err, text)
		}
	}
	return all
}

// until waits for a state of a service and returns its status.
func (c *container) until(name string, state spec.State) (st spec.Status) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%q is %s", name, state), func() bool {
		st = c.status()[name]
		return st.State == state
	})
	return st
}

// log is what the container has written so far.
func (c *container) log() string {
	c.t.Helper()
	s := docker("", "logs", c.name)
	return s.out + s.err
}

// says waits for a text in the log.
func (c *container) says(text string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("the log says %q", text), func() bool { return strings.Contains(c.log(), text) })
}

// ended is how a container has ended.
type ended struct {
	ExitCode  int
	OOMKilled bool
	Running   bool
}

// wait waits until the container has ended.
func (c *container) wait() (e ended) {
	c.t.Helper()
	eventually(c.t, "the container ends", func() bool {
		e = ended{}
		if err := json.Unmarshal([]byte(must(c.t, "inspect", "-f", "{{json .State}}", c.name)), &e); err != nil {
			c.t.Fatal(err)
		}
		return !e.Running
	})
	return e
}

// stop has the engine stop the container, as it does by default or with these
// options, and returns its exit code. Being killed for it is a failure.
func (c *container) stop(options ...string) int {
	c.t.Helper()
	must(c.t, append(append([]string{"stop"}, options...), c.name)...)
	e := c.wait()
	if e.ExitCode == 137 || e.OOMKilled {
		c.t.Errorf("the container did not stop, it was killed: %+v", e)
	}
	return e.ExitCode
}
