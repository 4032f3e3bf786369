package wrap

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

var longAgo = time.Unix(1e9, 0)

// backdate makes path a file that was not beaten for years, if it is there.
func backdate(path string) { os.Chtimes(path, longAgo, longAgo) }

func beaten(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && !fi.ModTime().Equal(longAgo)
}

// words returns what is in a file that a check writes to.
func words(path string) []string {
	text, _ := os.ReadFile(path)
	return strings.Fields(string(text))
}

// running runs a child that waits, in this process, until the test ends; the
// result stops it and returns what was logged.
func running(t *testing.T, o Options) (stop func() string) {
	t.Helper()
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	o.Argv, o.Stdin, o.Stdout = play(t, "play-wait"), in, null
	o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, o)
	}()
	stop = func() string {
		cancel()
		<-done
		in.Close()
		hold.Close()
		null.Close()
		return logged.String()
	}
	t.Cleanup(func() { stop() })
	return stop
}

func TestBeats(t *testing.T) {
	beat := supervise(t, 30*time.Millisecond)
	stop := running(t, Options{})
	for range 3 {
		fixture.Eventually(t, "it beats", func() bool { return beaten(beat) })
		backdate(beat)
	}
	stop()
	backdate(beat)
	time.Sleep(50 * time.Millisecond)
	if beaten(beat) {
		t.Error("it beats after its end")
	}
}

func TestCheckDecides(t *testing.T) {
	beat := supervise(t, 30*time.Millisecond)
	dir := t.TempDir()
	runs, ok := filepath.Join(dir, "runs"), filepath.Join(dir, "ok")
	stop := running(t, Options{
		Check:   fmt.Sprintf("echo $NCOLONY_PID >>%s; echo it says no $(date +%%N); test -e %s", runs, ok),
		Timeout: time.Minute, // a loaded machine is no reason to fail
	})
	runTwice := func() {
		t.Helper()
		n := len(words(runs))
		fixture.Eventually(t, "the check has run", func() bool { return len(words(runs)) >= n+2 })
	}
	for range 2 {
		backdate(beat)
		runTwice()
		if _, err := os.Stat(beat); err == nil && beaten(beat) {
			t.Fatal("it beats though the check fails")
		}
		if err := os.WriteFile(ok, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		fixture.Eventually(t, "it beats", func() bool { return beaten(beat) })
		if err := os.Remove(ok); err != nil {
			t.Fatal(err)
		}
		runTwice()
	}
	logged := stop()
	if pid, err := strconv.Atoi(words(runs)[0]); err != nil || pid < 2 || pid == os.Getpid() {
		t.Errorf("NCOLONY_PID = %d, %v", pid, err)
	}
	// One line for each change, though the output differs each time.
	if n := strings.Count(logged, "no heartbeat"); n != 3 || !strings.Contains(logged, "it says no") {
		t.Errorf("%d warnings, want 3, with the output:\n%s", n, logged)
	}
}

// A check that hangs is killed with all that it has started, counts as failed,
// and is not joined by a second one.
func TestCheckHangs(t *testing.T) {
	beat := supervise(t, 30*time.Millisecond)
	dir := t.TempDir()
	pids, alone := filepath.Join(dir, "pids"), filepath.Join(dir, "alone")
	stop := running(t, Options{
		Check: fmt.Sprintf(`for p in $(cat %[1]s 2>/dev/null); do
	kill -0 $p 2>/dev/null && ! grep -q '^State:.Z' /proc/$p/status && echo $p >>%[2]s
done
sleep 1000 & echo $$ $! >>%[1]s; wait`, pids, alone),
		Timeout: 150 * time.Millisecond,
	})
	fixture.Eventually(t, "the check has run three times", func() bool { return len(words(pids)) >= 6 })
	for _, pid := range words(alone) { // killed, but on a busy machine not dead when the next began
		fixture.Eventually(t, "process "+pid+" of a check that is over is gone", func() bool { return gone(pid) })
	}
	logged := stop()
	if _, err := os.Stat(beat); err == nil {
		t.Error("it beats though the check hangs")
	}
	if !strings.Contains(logged, "no answer within 150ms") {
		t.Errorf("logged %q", logged)
	}
	for _, pid := range words(pids) {
		fixture.Eventually(t, "process "+pid+" is gone", func() bool { return gone(pid) })
	}
}

// gone reports whether the process has ended; somebody else reaps it.
func gone(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return true
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return len(after) > 0 && (after[0] == 'Z' || after[0] == 'X')
}

// What a good check leaves behind neither delays the beat nor stays.
func TestCheckLeavesSomething(t *testing.T) {
	beat := supervise(t, 30*time.Millisecond)
	pids := filepath.Join(t.TempDir(), "pids")
	stop := running(t, Options{Check: "sleep 1000 & echo $! >>" + pids, Timeout: time.Minute})
	fixture.Eventually(t, "it beats", func() bool { return beaten(beat) })
	stop()
	for _, pid := range words(pids) {
		fixture.Eventually(t, "process "+pid+" is gone", func() bool { return gone(pid) })
	}
}

// Not even one that has left the check's group and keeps its output open.
func TestCheckLeavesDaemon(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("needs setsid, to leave a process group")
	}
	beat := supervise(t, time.Hour)
	pids := filepath.Join(t.TempDir(), "pids")
	t.Cleanup(func() {
		for _, pid := range words(pids) {
			n, _ := strconv.Atoi(pid)
			syscall.Kill(n, syscall.SIGKILL)
		}
	})
	running(t, Options{Check: fmt.Sprintf(
		"setsid sh -c 'echo $$ >>%[1]s; exec sleep 1000' & until test -s %[1]s; do sleep 0.01; done", pids)})
	fixture.Eventually(t, "it beats", func() bool { return beaten(beat) })
}

// When the program ends, the check does not go on.
func TestCheckEndsWithProgram(t *testing.T) {
	supervise(t, time.Hour)
	pids := filepath.Join(t.TempDir(), "pids")
	code, err := Run(t.Context(), Options{
		Argv:  []string{"sh", "-c", "until test -s " + pids + "; do sleep 0.01; done; exit 5"},
		Check: "sleep 1000 & echo $$ $! >>" + pids + "; wait",
	})
	if code != 5 || err != nil {
		t.Errorf("Run = %d, %v, want 5", code, err)
	}
	for _, pid := range words(pids) {
		fixture.Eventually(t, "process "+pid+" is gone", func() bool { return gone(pid) })
	}
}

// A beat that fails does not end the beating.
func TestBeatFails(t *testing.T) {
	beat := supervise(t, 30*time.Millisecond)
	dir := filepath.Dir(beat)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	stop := running(t, Options{Check: "echo >>" + dir + "-runs", Timeout: time.Minute})
	fixture.Eventually(t, "the check has run", func() bool {
		text, _ := os.ReadFile(dir + "-runs")
		return len(text) >= 2
	})
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fixture.Eventually(t, "it beats", func() bool { return beaten(beat) })
	if logged := stop(); strings.Count(logged, "no heartbeat") != 1 || !strings.Contains(logged, "heartbeat again") {
		t.Errorf("logged %q", logged)
	}
}

func TestTail(t *testing.T) {
	var out tail
	for i := range 2000 {
		fmt.Fprintf(&out, "%d ", i)
	}
	if len(out) != tailSize || !strings.HasSuffix(string(out), " 1998 1999 ") {
		t.Errorf("%d bytes: %q", len(out), out)
	}
	out.Write(bytes.Repeat([]byte("x"), 5000))
	if len(out) != tailSize || strings.Trim(string(out), "x") != "" {
		t.Errorf("%d bytes: %q", len(out), out)
	}
}
