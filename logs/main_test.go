package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// The test is also the programs that it needs: a logger that can be killed, and
// a service that writes.
func TestMain(m *testing.M) {
	switch os.Getenv("LOGS_TEST") {
	case "logger":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := Run(ctx, Options{
			Places: placesIn(os.Getenv("LOGS_ROOT")),
			Send:   func(spec.Message) error { return nil },
			Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "writer":
		seed, _ := strconv.ParseUint(os.Getenv("LOGS_SEED"), 10, 64)
		size, _ := strconv.Atoi(os.Getenv("LOGS_SIZE"))
		if _, err := os.Stdout.Write(sample(seed, size)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func placesIn(root string) spec.Places {
	return spec.Places{
		Config:   filepath.Join(root, "config"),
		Messages: filepath.Join(root, "messages"),
		State:    filepath.Join(root, "state"),
	}
}

// sample is what a writer writes: lines of all lengths, all different.
func sample(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, size+300)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%d %d ", seed, i)
		b = append(b, bytes.Repeat([]byte{byte('a' + r.IntN(26))}, r.IntN(200))...)
		b = append(b, '\n')
	}
	return b
}

// colony is directories, and the supervisor's part in them.
type colony struct {
	t      *testing.T
	places spec.Places
	root   string
}

func newColony(t *testing.T) *colony {
	t.Helper()
	root := t.TempDir()
	c := &colony{t, placesIn(root), root}
	for _, dir := range []string{c.places.Config, c.places.Messages, c.places.StatusDir(), c.places.LogDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// spec writes the spec of a service, with this for its key log.
func (c *colony) spec(name, log string) {
	c.t.Helper()
	content := fmt.Sprintf(`{"args": ["/bin/true"], "log": %s}`, log)
	fixture.Put(c.t, filepath.Join(c.places.Config, name), content)
}

// pipe makes the pipe of a stream, and holds it until the test ends.
func (c *colony) pipe(name string) *os.File {
	c.t.Helper()
	return makePipe(c.t, filepath.Join(c.places.LogDir(), name))
}

func makePipe(t testing.TB, dir string) *os.File {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, spec.Pipe)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { f.Close() })
	return f
}

func (c *colony) dir(name string) string { return filepath.Join(c.places.LogDir(), name) }

// logger runs a logger within the test until the test or stop ends it.
func (c *colony) logger(change ...func(*Options)) (stop func()) {
	c.t.Helper()
	o := Options{
		Places: c.places, Send: func(spec.Message) error { return nil },
		Log: slog.New(slog.NewTextHandler(logTo{c.t}, nil)), Out: io.Discard,
		urgent: true, // on a busy machine what is not may never come
	}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				c.t.Error(err)
			}
		case <-time.After(long):
			c.t.Error("the logger does not end")
		}
	}
	c.t.Cleanup(stop)
	return stop
}

// logTo writes a log to that of a test.
type logTo struct{ t *testing.T }

func (l logTo) Write(b []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// process starts this test as something else.
func (c *colony) process(what string, stdout *os.File, env ...string) *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), append(env, "LOGS_TEST="+what, "LOGS_ROOT="+c.root)...)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// writer starts a service that writes sample(seed, size).
func (c *colony) writer(to *os.File, seed uint64, size int) *exec.Cmd {
	return c.process("writer", to, fmt.Sprint("LOGS_SEED=", seed), fmt.Sprint("LOGS_SIZE=", size))
}

// content is all that there is of a stream.
func content(t testing.TB, dir string) []byte {
	t.Helper()
	all, err := parts(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, p := range all {
		some, err := contentOf(dir, p)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, some...)
	}
	return b
}

func contentOf(dir string, p part) ([]byte, error) {
	f, err := os.Open(p.path(dir))
	if os.IsNotExist(err) && !p.gzip { // compressed since
		p.gzip = true
		f, err = os.Open(p.path(dir))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !p.gzip {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// long bounds every wait. Only a failing test takes it.
const long = time.Minute

// same compares what is there with what was written.
func same(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Fatalf("%d bytes, want %d; they differ from byte %d on: got %.80q, want %.80q", len(got), len(want), i, got[i:], want[i:])
}

func size(dir string) (n int64) {
	all, _ := parts(dir)
	for _, p := range all {
		if m, err := sizeOf(dir, p); err == nil {
			n += m
		}
	}
	return n
}
