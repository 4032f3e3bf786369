package image

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// hosted is a colony whose messages and state are directories of this machine,
// for when nothing can be executed in the container.
type hosted struct {
	*container
	places spec.Places
	sent   int
}

func startHosted(t *testing.T, options []string, command ...string) *hosted {
	t.Helper()
	dir := t.TempDir()
	h := &hosted{places: spec.Places{Messages: filepath.Join(dir, "messages"), State: filepath.Join(dir, "state")}}
	options = append(options, "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()))
	for _, sub := range []string{h.places.Messages, h.places.State} {
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		options = append(options, "-v", sub+":"+root+"/"+filepath.Base(sub))
	}
	h.container = start(t, options, command...)
	return h
}

// status reads what is published of a service.
func (h *hosted) status(name string) (st spec.Status) {
	read(h.places.Status(name), &st)
	return st
}

// until waits for a state of a service.
func (h *hosted) until(name string, state spec.State) (st spec.Status) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("%q is %s", name, state), func() bool {
		st = h.status(name)
		return st.State == state
	})
	return st
}

// send writes a message and waits for its result.
func (h *hosted) send(text string) (r spec.Result) {
	h.t.Helper()
	h.sent++
	name := fmt.Sprintf("m%d", h.sent)
	write(h.t, filepath.Join(h.places.Messages, name), text)
	eventually(h.t, "the result of "+text, func() bool {
		r = spec.Result{}
		return read(h.places.Result(name), &r) && r.Finished != nil
	})
	return r
}

func read(path string, v any) bool {
	b, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(b, v) == nil
}

// A service that has taken every process the container may have keeps others
// from starting, and nothing else. When it goes, they start.
func TestPIDsLimit(t *testing.T) {
	t.Parallel()
	needPIDsLimit(t)
	// The inner shell ends when it cannot fork; what it has forked stays.
	const hog = `until [ -e /gate/open ]; do sleep 0.1; done
sh -c 'i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done'; echo the hog is full; exec sleep 1000`
	options, config := specs(t, map[string]string{"hog": shell(hog), "other": `{"args": ["/bin/sleep", "1000"]}`})
	gate := t.TempDir()
	h := startHosted(t, append(options, "--pids-limit", "50", "-v", gate+":/gate:ro"))
	h.until("hog", spec.Running)
	for range 10 { // a supervisor that has seen some life
		h.send(`{"type": "RESTART", "name": "other"}`)
	}
	other := h.until("other", spec.Running)
	write(t, filepath.Join(gate, "open"), "")
	h.says("the hog is full\n")

	// The inner shell's place is free.
	late := []string{"late1", "late2", "late3"}
	for _, name := range late {
		write(t, filepath.Join(config, name), eager(1000))
	}
	const why = "out of processes"
	eventually(t, "a service cannot be started, and its status says why", func() bool {
		return slices.ContainsFunc(late, func(name string) bool {
			st := h.status(name)
			return st.State == spec.Backingoff && st.LastExit != nil && strings.Contains(st.LastExit.SpawnError, why)
		})
	})
	h.says(why)
	if r := h.send(`{"type": "STOP", "name": "hog"}`); !r.OK {
		t.Errorf("stop the hog: %+v", r)
	}
	h.until("hog", spec.Stopped)
	for _, name := range late {
		h.until(name, spec.Running)
	}
	if st := h.status("other"); st.PID != other.PID || st.State != spec.Running {
		t.Errorf("the other service is %+v, was %+v", st, other)
	}
	if code := h.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// The same with one that also takes every process that becomes free, while the
// supervisor is kept busy.
func TestPIDsLimitForGood(t *testing.T) {
	t.Parallel()
	needPIDsLimit(t)
	// A shell that cannot fork ends, and this one then becomes itself again. It
	// waits in a read, which needs no process.
	const hog = `trap 'exec sh /gate/hog again' EXIT
[ "$1" = again ] || mkfifo /tmp/never
exec 3<>/tmp/never
if [ "$1" = again ]; then echo the hog is full; read -t 0.1 x <&3; fi
while :; do sleep 1000 & done
`
	gate := t.TempDir()
	write(t, filepath.Join(gate, "hog"), hog)
	options, config := specs(t, map[string]string{"hog": `{"args": ["/bin/sh", "/gate/hog"]}`, "other": eager(1000)})
	h := startHosted(t, append(options, "--pids-limit", "50", "-v", gate+":/gate:ro", "--tmpfs", "/tmp:mode=1777"))
	h.says("the hog is full\n")
	for i := range 40 {
		for j := range 5 {
			write(t, filepath.Join(config, fmt.Sprintf("late%d", j)), eager(1000+i))
		}
		write(t, filepath.Join(h.places.Messages, fmt.Sprintf("restart%d", i)), `{"type": "RESTART", "name": "other"}`)
	}
	if r := h.send(`{"type": "STOP", "name": "hog"}`); !r.OK {
		t.Errorf("stop the hog: %+v", r)
	}
	h.until("hog", spec.Stopped)
	h.until("other", spec.Running)
	h.until("late0", spec.Running)
	if code := h.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// eager is a spec of a program that is soon tried again when it does not start.
func eager(seconds int) string {
	return fmt.Sprintf(`{"args": ["/bin/sleep", "%d"], "backoff": {"min": 0.1, "max": 0.2}}`, seconds)
}

func needPIDsLimit(t *testing.T) {
	t.Helper()
	base(t)
	if must(t, "info", "-f", "{{.PidsLimit}}") != "true" {
		t.Skip("the engine cannot limit the number of processes here")
	}
}

// write puts a file in place as a whole.
func write(t *testing.T, path, text string) {
	t.Helper()
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	err := os.WriteFile(temporary, []byte(text), 0o644)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Among the processes of the machine, only the container's own are ended with it.
func TestPIDsOfTheMachine(t *testing.T) {
	t.Parallel()
	base(t)
	stranger := exec.Command("sleep", "600")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		stranger.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		stranger.Process.Kill()
		<-ended
	})

	mark := prefix + "-among-all"
	child := "sh -c '" + loop + "' " + mark
	options, _ := specs(t, map[string]string{"service": shell("( " + child + " & ); exec " + child)})
	c := start(t, append(options, "--pid", "host"), "--shutdown-timeout", "5")
	eventually(t, "the service and its orphan run", func() bool { return len(bearers(mark)) >= 2 })
	pid := c.until("service", spec.Running).PID
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
		t.Skipf("the processes of the engine are not those of this machine: %v", err)
	}
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if left := bearers(mark); len(left) > 0 {
		t.Errorf("left of the container: %v", left)
	}
	select {
	case <-ended:
		t.Error("a process that is not of the container has ended with it")
	default:
	}
}

// bearers are the processes of this machine with the mark as an argument.
func bearers(mark string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil && strings.HasSuffix(string(b), "\x00"+mark+"\x00") {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
