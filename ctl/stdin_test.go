package ctl

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fifoPlaces is a colony with a service that reads and one that does not.
func fifoPlaces(t *testing.T) Places {
	t.Helper()
	root := t.TempDir()
	p := Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	for name, text := range map[string]string{"web": `{"args": ["x"], "stdin": "fifo"}`, "plain": `{"args": ["x"]}`} {
		if err := Add(p, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(p.StdinDir(), 0o711); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStdinThatIsNone(t *testing.T) {
	p := fifoPlaces(t)
	ctx := context.Background()
	for name, want := range map[string]error{"nope": ErrNoService, "plain": ErrNoFIFO, "web": ErrNotRunning, "web@2": ErrNotRunning, "@heartcheck": ErrNoFIFO} {
		if _, err := OpenStdin(ctx, p, name, false); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := OpenStdin(ctx, p, "../x", false); err == nil {
		t.Error("a path is no name")
	} else if _, ok := errors.AsType[*NameError](err); !ok {
		t.Errorf("a path as a name: %v", err)
	}
	if _, err := OpenStdin(ctx, p, "web", true); !errors.Is(err, ErrNoSupervisor) {
		t.Errorf("waiting for nobody: %v", err)
	}
	path := p.Stdin("web")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStdin(ctx, p, "web", false); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a FIFO that nobody reads: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStdin(ctx, p, "web", false); err == nil || !strings.Contains(err.Error(), "no FIFO stands there") {
		t.Errorf("a file: %v", err)
	}
}

func TestStdin(t *testing.T) {
	p := fifoPlaces(t)
	path := p.Stdin("web@2")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenStdin(context.Background(), p, "web@2", false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Write([]byte("hello\n")); n != 6 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	b := make([]byte, 16)
	if n, err := reader.Read(b); string(b[:n]) != "hello\n" || err != nil {
		t.Errorf("read %q, %v", b[:n], err)
	}
	s.Timeout = 20 * time.Millisecond
	n, err := s.Write(make([]byte, 1<<20))
	if !errors.Is(err, context.DeadlineExceeded) || n < 1<<12 || n >= 1<<20 {
		t.Errorf("a full pipe: %d, %v", n, err)
	}
	reader.Close()
	if _, err := s.Write([]byte("x")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody reads any more: %v", err)
	}
}
