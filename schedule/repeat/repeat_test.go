package repeat

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// running is a Run under way, of a shell that finds files in its directory.
type running struct {
	t    *testing.T
	dir  string
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, o Options, script string) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), done: make(chan struct{})}
	if script != "" {
		o.Argv = []string{"/bin/sh", "-c", "cd " + r.dir + "; " + script}
	}
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() { defer close(r.done); Run(ctx, o) }()
	t.Cleanup(r.end)
	return r
}

// end has Run return, and what it has logged complete.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		r.t.Fatal("it does not end")
	}
}

// read is what a file holds.
func (r *running) read(file string) string {
	text, _ := os.ReadFile(filepath.Join(r.dir, file))
	return string(text)
}

// eventually waits until a file has that in it.
func (r *running) eventually(file, content string) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(r.read(file), content); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s holds %q, want %q", file, r.read(file), content)
		}
	}
}

func TestRuns(t *testing.T) {
	began := time.Now()
	r := start(t, Options{Frequency: 100 * time.Millisecond, Timeout: time.Minute}, "echo run >>runs; exit 3")
	r.eventually("runs", "run\nrun\nrun\n")
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("three runs in %v", took)
	}
	r.end()
	if log := r.read("log"); !strings.Contains(log, `how="exit status 3"`) {
		t.Error(log)
	}
}

// One that takes too long is told to end, and killed if it does not; the next one
// comes when it is gone.
func TestTimeout(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"it ends":      {`trap 'echo told >>runs; exit 0' TERM; echo run >>runs; while :; do sleep 0.02; done`, "run\ntold\nrun\n"},
		"it is killed": {`trap '' TERM; echo run >>runs; sleep 100 & wait; while :; do sleep 0.02; done`, "run\nrun\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, Options{Frequency: time.Millisecond, Timeout: 100 * time.Millisecond, Grace: 100 * time.Millisecond}, c.script)
			r.eventually("runs", c.want)
		})
	}
}

// When we are to end the command is told so, and killed if it does not listen.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		grace          time.Duration
		script, killed string
		want           string
	}{
		"with it":     {time.Minute, `trap 'echo told >>runs; exit 0' TERM; echo run >>runs; while :; do sleep 0.02; done`, "", "run\ntold\n"},
		"by force":    {50 * time.Millisecond, `trap '' TERM; echo run >>runs; while :; do sleep 0.02; done`, "grace is over", "run\n"},
		"in between":  {time.Minute, `echo run >>runs`, "", "run\n"},
		"not started": {time.Minute, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Frequency: time.Hour, Timeout: time.Hour, Grace: c.grace, Argv: []string{"/nonexistent/program"}}
			r := start(t, o, c.script)
			r.eventually("runs", c.want[:min(len(c.want), 4)])
			r.end()
			if c.want == "" {
				return
			}
			if got, log := r.read("runs"), r.read("log"); got != c.want || !strings.Contains(log, c.killed) {
				t.Errorf("%q, and %s", got, log)
			}
		})
	}
}

// A command that cannot be run is tried again.
func TestNotRun(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	r := start(t, Options{Frequency: 20 * time.Millisecond, Timeout: time.Minute, Argv: []string{program}}, "")
	r.eventually("log", "command not run")
	if err := os.WriteFile(program+".new", []byte("#!/bin/sh\necho run >>"+r.dir+"/runs\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	r.eventually("runs", "run\n")
}

func TestPause(t *testing.T) {
	for _, c := range []struct{ now, want time.Duration }{
		{0, 10}, {3, 7}, {9, 1}, {10, 10}, {12, 8}, {39, 1},
	} {
		if got := pause(c.now, 10); got != c.want {
			t.Errorf("at %d: %d, want %d", c.now, got, c.want)
		}
	}
}
