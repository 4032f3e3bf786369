package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/logs"
)

// The test is also a forwarder that can be killed.
func TestMain(m *testing.M) {
	if url := os.Getenv("FORWARD_TEST"); url != "" {
		to, err := Parse(url, Settings{})
		if err == nil {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			err = Run(ctx, Options{Places: placesIn(os.Getenv("FORWARD_ROOT")), To: to})
			stop()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func placesIn(root string) spec.Places {
	return spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
}

// colony is directories with a logger; the services are tests that write.
type colony struct {
	t      *testing.T
	root   string
	places spec.Places
}

func newColony(t *testing.T) *colony {
	t.Helper()
	root := t.TempDir()
	c := &colony{t, root, placesIn(root)}
	for _, dir := range []string{c.places.Config, c.places.Messages, c.places.StatusDir(), c.places.LogDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.run("the logger", func(ctx context.Context) error {
		return logs.Run(ctx, logs.Options{Places: c.places, Send: func(spec.Message) error { return nil }, Out: io.Discard, Log: c.log()})
	})
	c.until("the logger runs", func() bool { return logs.Running(c.places) })
	return c
}

func (c *colony) log() *slog.Logger { return slog.New(slog.NewTextHandler(logTo{c.t}, nil)) }

// logTo writes a log to that of a test.
type logTo struct{ t *testing.T }

func (l logTo) Write(b []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// run runs a part until the test or stop ends it.
func (c *colony) run(what string, part func(context.Context) error) (stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- part(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				c.t.Errorf("%s: %v", what, err)
			}
		case <-time.After(long):
			c.t.Errorf("%s does not end", what)
		}
	})
	c.t.Cleanup(stop)
	return stop
}

// service is what a service writes to; log is the key of its spec.
func (c *colony) service(name, log string) *os.File {
	c.t.Helper()
	content := fmt.Sprintf(`{"args": ["/bin/true"], "log": %s}`, log)
	if err := os.WriteFile(filepath.Join(c.places.Config, name), []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return c.pipe(name)
}

func (c *colony) pipe(stream string) *os.File {
	c.t.Helper()
	dir := filepath.Join(c.places.LogDir(), stream)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		c.t.Fatal(err)
	}
	path := filepath.Join(dir, spec.Pipe)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		c.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { f.Close() })
	return f
}

// forward runs a forwarder within the test.
func (c *colony) forward(url string, s Settings, change ...func(*Options)) (stop func()) {
	c.t.Helper()
	to, err := Parse(url, s)
	if err != nil {
		c.t.Fatal(err)
	}
	o := Options{Places: c.places, To: to, Log: c.log()}
	for _, f := range change {
		f(&o)
	}
	return c.run("the forwarder", func(ctx context.Context) error { return Run(ctx, o) })
}

// process starts a forwarder that can be killed.
func (c *colony) process(url string) *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "FORWARD_TEST="+url, "FORWARD_ROOT="+c.root)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

func (c *colony) until(what string, so func() bool) {
	c.t.Helper()
	fixture.Eventually(c.t, what, so)
}

// long bounds every wait, and every request of which none is to come again. Only
// a failing test takes it.
const long = time.Minute

// cursor is what the cursor of a destination says.
func (c *colony) cursor(url string) cursor {
	c.t.Helper()
	to, err := Parse(url, Settings{})
	if err != nil {
		c.t.Fatal(err)
	}
	cur, err := loadCursor(c.places, to.id())
	if err != nil {
		c.t.Fatal(err)
	}
	return cur
}

// got is what a receiver has got, in the order in which it came. Several may add.
type got struct {
	mu    sync.Mutex
	lines []gotLine
}

// gotLine is a line as a receiver sees it.
type gotLine struct{ service, stream, generation, time, text string }

func (g *got) add(l ...gotLine) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, l...)
}

func (g *got) all() []gotLine {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]gotLine(nil), g.lines...)
}

// texts are the lines of a service, each once and in the order in which it came
// first, and how many came again.
func (g *got) texts(service string) (once []string, again int) {
	seen := map[string]bool{}
	for _, l := range g.all() {
		switch {
		case l.service != service:
		case seen[l.text]:
			again++
		default:
			seen[l.text] = true
			once = append(once, l.text)
		}
	}
	return once, again
}

// numbered are lines that differ.
func numbered(word string, from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("%s %d", word, i))
	}
	return all
}

// write writes lines.
func write(to io.Writer, lines []string) { io.WriteString(to, strings.Join(lines, "\n")+"\n") }

// whole waits until a service's lines are all there, in order.
func (c *colony) whole(g *got, service string, want []string) (again int) {
	c.t.Helper()
	var once []string
	c.until(fmt.Sprintf("%d lines of %s arrive", len(want), service), func() bool {
		once, again = g.texts(service)
		return len(once) >= len(want)
	})
	for i, text := range once {
		if i >= len(want) || text != want[i] {
			c.t.Fatalf("line %d of %s is %q of %d, want %d", i, service, text, len(once), len(want))
		}
	}
	return again
}
