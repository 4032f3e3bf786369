package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// somebody is a user whom no passwd names, without any capability, on a root that
// nobody can write.
var somebody = []string{"--user", "12345", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}

// Where no state can be kept, services run, and ctl says why it knows nothing.
func TestReadOnlyWithoutState(t *testing.T) {
	t.Parallel()
	options, _ := specs(t, map[string]string{"service": shell(`trap "echo service ends; exit" TERM; echo service of $(id -u); ` + loop)})
	c := start(t, append(options, somebody...))
	c.says("service of 12345\n")
	c.says("kept in memory only")
	s := c.inside("/ncolony", "ctl", "status")
	if s.code != 5 || !strings.Contains(s.err, "a supervisor that cannot write it says nothing here") {
		t.Errorf("ctl status: %+v, want code 5 and why", s)
	}
	if code := c.stop(); code != 0 || !strings.Contains(c.log(), "service ends\n") {
		t.Errorf("exit code %d, want 0 after the service", code)
	}
}

// What does not work is in the log once, not at each attempt.
func TestReadOnlyIsToldOnce(t *testing.T) {
	t.Parallel()
	base(t)
	options, _ := specs(t, map[string]string{"service": shell("echo service is up; sleep 0.1", `"backoff": {"min": 0}`)})
	c := start(t, append(options, somebody...))
	eventually(t, "the service has run ten times", func() bool { return strings.Count(c.log(), "service is up\n") >= 10 })
	told := map[string]int{}
	for line := range strings.Lines(c.log()) {
		if _, what, ok := strings.Cut(line, "msg=degraded what="); ok {
			told[strings.Fields(what)[0]]++
		}
	}
	for what, times := range told {
		if times > 1 {
			t.Errorf("%q is told %d times", what, times)
		}
	}
	if told["state"] == 0 {
		t.Errorf("the state is not told to be missing: %v", told)
	}
}

// Two small file systems make a colony complete, also for a user without an
// entry in passwd on a root that is read-only; and so does one for all.
func TestReadOnlyWithState(t *testing.T) {
	t.Parallel()
	base(t)
	for name, tmpfs := range map[string][]string{
		"one for each": {"--tmpfs", root + "/state:uid=12345,mode=0700", "--tmpfs", root + "/messages:uid=12345,mode=0700"},
		"one for all":  {"--tmpfs", root + ":uid=12345,mode=0700"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, _ := specs(t, map[string]string{"service": shell(loop)})
			c := start(t, append(append(options, somebody...), tmpfs...))
			c.until("service", spec.Running)
			c.ctl("restart", "--wait", "service")
			if st := c.status()["service"]; st.Generation != 2 {
				t.Errorf("generation %d after a restart, want 2", st.Generation)
			}
			if all := c.colony(); len(all.Degraded) > 0 {
				t.Errorf("degraded: %v", all.Degraded)
			}
			if code := c.stop(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
		})
	}
}

// A container that is started again is a new world, however it has ended: what
// its state says of processes is not believed, and no exit is made up.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	base(t)
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			options, _ := specs(t, map[string]string{
				"service": shell(loop),
				"once":    shell("exit 4", `"restart": "never"`),
			})
			c := start(t, options, "--", "sh", "-c", loop)
			old := c.until("service", spec.Running)
			c.until("once", spec.Exited)
			must(t, how, c.name)
			c.wait()
			must(t, "start", c.name)
			for _, name := range []string{"main", "service"} {
				st := c.until(name, spec.Running)
				if st.Generation <= old.Generation || st.Restarts != 0 || st.LastExit != nil {
					t.Errorf("%s: %+v, want a later generation than %d and no past", name, st, old.Generation)
				}
			}
			once := c.until("once", spec.Exited)
			if once.Generation <= old.Generation || once.LastExit == nil || once.LastExit.Code == nil || *once.LastExit.Code != 4 {
				t.Errorf("once: %+v, want it to have run again", once)
			}
			starts := 0
			for _, e := range c.events() {
				if e.Type == spec.EventColonyStarted {
					starts++
					if e.Reason != "cold start" {
						t.Errorf("a start is %q, want a cold one", e.Reason)
					}
				}
				if e.Exit != nil && e.Exit.Unknown {
					t.Errorf("made up: %+v", e)
				}
			}
			if starts != 2 {
				t.Errorf("%d starts in the events, want 2", starts)
			}
			if log := c.log(); strings.Contains(log, "earlier supervisor") {
				t.Errorf("something was taken for a survivor:\n%s", log)
			}
		})
	}
}

// events are all the events of the colony.
func (c *container) events() (all []spec.Event) {
	c.t.Helper()
	for line := range strings.Lines(c.file(root + "/state/events/current.jsonl")) {
		var e spec.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			c.t.Fatalf("event %q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// volume is the option that keeps the state in a directory of this machine, and
// that directory. The supervisor is the test's user, who then may read it, and
// can remove it.
func volume(t *testing.T) (options []string, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "-v", dir + ":" + root + "/state",
		"--tmpfs", fmt.Sprintf("%s/messages:uid=%d,mode=0700", root, os.Getuid())}, dir
}

// State on a volume goes from one container to the next, but not to two at once.
func TestStateOnAVolume(t *testing.T) {
	t.Parallel()
	base(t)
	options, _ := specs(t, map[string]string{"service": shell(loop), "stopped": shell(loop)})
	state, dir := volume(t)
	options = append(options, state...)
	id := func() string {
		b, err := os.ReadFile(filepath.Join(dir, "id"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}

	first := start(t, options)
	old := first.until("service", spec.Running)
	first.until("stopped", spec.Running)
	first.ctl("stop", "--wait", "stopped")
	was := id()

	s := attached(t, options)
	if s.code != 1 || !strings.Contains(s.err, "lock "+root+"/state/lock: another supervisor has it") {
		t.Errorf("a second container over the same state: code %d, %q", s.code, s.err)
	}
	if strings.Contains(s.err, "(pid 1)") { // there it is the second one itself
		t.Errorf("the refusal names the pid of another container: %q", s.err)
	}
	if st := first.status()["service"]; cmp.Diff(old, st) != "" {
		t.Errorf("the second container has changed the first (-want +got):\n%s", cmp.Diff(old, st))
	}
	if code := first.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}

	second := start(t, options)
	if st := second.until("service", spec.Running); st.Generation <= old.Generation {
		t.Errorf("generation %d after %d", st.Generation, old.Generation)
	}
	second.until("stopped", spec.Stopped)
	if now := id(); now != was {
		t.Errorf("the colony's id is %q, was %q", now, was)
	}
}
