package wrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

func TestExitCode(t *testing.T) {
	for code := range 256 {
		if code > 8 && code%25 != 0 && code < 125 { // enough of the dull ones
			continue
		}
		got, err := Run(t.Context(), Options{Argv: play(t, "play-exit", strconv.Itoa(code))})
		if got != code || err != nil {
			t.Errorf("Run of exit(%d) = %d, %v", code, got, err)
		}
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGHUP, syscall.SIGUSR1} {
		got, err := Run(t.Context(), Options{Argv: []string{"sh", "-c", fmt.Sprintf("kill -%d $$", s)}})
		if got != 128+int(s) || err != nil {
			t.Errorf("Run of a child that dies of %v = %d, %v, want %d", s, got, err, 128+int(s))
		}
	}
}

func TestCannotRun(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		argv []string
		want int
	}{
		{[]string{"no-such-program-anywhere"}, 127},
		{[]string{filepath.Join(dir, "none")}, 127},
		{[]string{plain}, 126},
		{[]string{dir}, 126},
		{nil, 1},
	} {
		if code, err := Run(t.Context(), Options{Argv: tt.argv}); code != tt.want || err == nil {
			t.Errorf("Run(%q) = %d, %v, want %d and an error", tt.argv, code, err, tt.want)
		}
	}
	t.Setenv("NCOLONY_CONFIG", `{"ncolony.beatcheck": {}}`)
	if code, err := Run(t.Context(), Options{Argv: []string{"true"}}); code != 1 || err == nil {
		t.Errorf("Run with a malformed spec = %d, %v, want 1 and an error", code, err)
	}
}

// A service whose spec gives it no PATH still finds the usual programs, and sees
// its own name in argv.
func TestNoPath(t *testing.T) {
	t.Setenv("PATH", "")
	os.Unsetenv("PATH")
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	code, err := Run(t.Context(), Options{Argv: []string{"sh", "-c", "echo $0"}, Stdout: out})
	if got, _ := os.ReadFile(out.Name()); code != 0 || err != nil || string(got) != "sh\n" {
		t.Errorf("Run = %d, %v, output %q, want sh", code, err, got)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) *os.File {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	in, out, errs := file("in", "to stdout"), file("out", ""), file("err", "")
	code, err := Run(t.Context(), Options{Argv: play(t, "play-cat"), Stdin: in, Stdout: out, Stderr: errs})
	if code != 0 || err != nil {
		t.Fatalf("Run = %d, %v", code, err)
	}
	for f, want := range map[*os.File]string{out: "to stdout", errs: "to stderr"} {
		if got, _ := os.ReadFile(f.Name()); string(got) != want {
			t.Errorf("%s holds %q, want %q", f.Name(), got, want)
		}
	}
}

// The supervisor finds the child of a killed wrapper through its session or its
// process group.
func TestGroup(t *testing.T) {
	w := start(t, true, Options{Argv: play(t, "play-wait")})
	child := w.child(t)
	pgid, err := syscall.Getpgid(child)
	if err != nil || pgid != w.Process.Pid {
		t.Errorf("group %d, %v, want the wrapper's, %d", pgid, err, w.Process.Pid)
	}
	if code := w.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSignals(t *testing.T) {
	w := start(t, true, Options{Argv: play(t, "play-signals")})
	w.child(t)
	for s := syscall.Signal(1); s <= 64; s++ {
		switch s {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG:
			continue
		case syscall.SIGPROF, 32, 33, 34: // Go reports them to nobody
			continue
		}
		if err := w.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if got := w.line(t); got != strconv.Itoa(int(s)) {
			t.Errorf("the child got signal %s, want %d", got, int(s))
		}
	}
	if code := w.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A log whose reader is gone is about the wrapper, not about the child.
func TestBrokenLog(t *testing.T) {
	supervise(t, 30*time.Millisecond)
	dir := t.TempDir()
	runs, bad := filepath.Join(dir, "runs"), filepath.Join(dir, "bad")
	r, broken, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer broken.Close()
	w := startTo(t, broken, true, Options{
		Argv:    play(t, "play-signals"),
		Check:   fmt.Sprintf("test ! -e %s || { echo x >>%s; false; }", bad, runs),
		Timeout: time.Minute,
	})
	w.child(t) // only now is there somebody to tell of a signal
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fixture.Eventually(t, "the check has failed and that was logged", func() bool { return len(words(runs)) > 2 })
	w.Process.Signal(syscall.SIGTERM)
	if got, want := w.line(t), strconv.Itoa(int(syscall.SIGTERM)); got != want {
		t.Errorf("the child got signal %s, want only %s", got, want)
	}
	if code := w.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A job that a shell stops must stop as a whole, and go on as a whole.
func TestJobControl(t *testing.T) {
	w := start(t, false, Options{Argv: play(t, "play-signals")})
	w.child(t)
	for range 3 {
		w.Process.Signal(syscall.SIGTSTP)
		if got, want := w.line(t), strconv.Itoa(int(syscall.SIGTSTP)); got != want {
			t.Fatalf("the child got signal %s, want %s", got, want)
		}
		var ws syscall.WaitStatus
		for {
			_, err := syscall.Wait4(w.Process.Pid, &ws, syscall.WUNTRACED, nil)
			if err == nil {
				break
			}
			if err != syscall.EINTR {
				t.Fatal(err)
			}
		}
		if !ws.Stopped() || ws.StopSignal() != syscall.SIGTSTP {
			t.Fatalf("wait status %#x, want stopped by SIGTSTP", ws)
		}
		w.Process.Signal(syscall.SIGCONT)
		if got, want := w.line(t), strconv.Itoa(int(syscall.SIGCONT)); got != want {
			t.Fatalf("the child got signal %s, want %s", got, want)
		}
	}
	if code := w.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// What was ignored when the wrapper started, as by nohup, stays so for the child.
func TestIgnoredStaysIgnored(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	argv := append([]string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"},
		play(t, "play-wrapper", `{"Argv": ["grep", "SigIgn", "/proc/self/status"]}`)...)
	if code, err := Run(t.Context(), Options{Argv: argv, Stdout: out}); code != 0 || err != nil {
		t.Fatalf("Run = %d, %v", code, err)
	}
	text, _ := os.ReadFile(out.Name())
	mask, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(string(text), "SigIgn:")), 16, 64)
	if err != nil || mask&1 == 0 {
		t.Errorf("%q, %v: SIGHUP is not ignored", text, err)
	}
}

// The end of the context ends the child politely.
func TestContext(t *testing.T) {
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	defer in.Close()
	beat := supervise(t, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for _, err := os.Stat(beat); errors.Is(err, fs.ErrNotExist) && t.Context().Err() == nil; _, err = os.Stat(beat) {
			time.Sleep(time.Millisecond)
		}
	}()
	code, err := Run(ctx, Options{Argv: play(t, "play-wait"), Stdin: in})
	if code != 128+int(syscall.SIGTERM) || err != nil {
		t.Errorf("Run = %d, %v, want 143", code, err)
	}
}

// Outside ncolony the command just runs, and no check does.
func TestUnsupervised(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	t.Setenv("NCOLONY_CONFIG", `{"args": ["x"]}`)
	code, err := Run(t.Context(), Options{Argv: play(t, "play-exit", "3"), Check: "touch " + mark})
	if code != 3 || err != nil {
		t.Errorf("Run = %d, %v, want 3", code, err)
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v, want that the check did not run", err)
	}
}
