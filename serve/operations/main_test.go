package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// newColony is one without a supervisor, which is kept up with.
func newColony(t testing.TB) (*Colony, context.Context) {
	t.Helper()
	p := fixture.Places(t)
	c := New(p, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c, WithCaller(t.Context(), Caller{"test", Admin})
}

// says has a supervisor say something of a service.
func (c *Colony) says(t testing.TB, name string, state spec.State) {
	t.Helper()
	text, err := json.Marshal(spec.Status{Name: name, State: state})
	if err != nil {
		t.Fatal(err)
	}
	fixture.Put(t, c.places.Status(name), string(text))
}

// supervised has somebody hold the lock, and answer each message with answer until the
// test ends.
func (c *Colony) supervised(t testing.TB, answer func(m spec.Message) *spec.Result) {
	t.Helper()
	fixture.Hold(t, c.places)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			list, _ := os.ReadDir(c.places.Messages)
			for _, e := range list {
				path := filepath.Join(c.places.Messages, e.Name())
				text, err := os.ReadFile(path)
				if err != nil || e.Name()[0] == '.' {
					continue
				}
				m, err := spec.ParseMessage(text)
				if err != nil {
					t.Errorf("message %s: %v", text, err)
					continue
				}
				if res := answer(*m); res != nil {
					now := time.Now()
					res.Type, res.Name, res.Group, res.Received, res.Finished = m.Type, m.Name, m.Group, now, &now
					out, _ := json.Marshal(res)
					fixture.Put(t, c.places.Result(e.Name()), string(out))
					os.Remove(path)
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
}

// wants fails unless err has a code.
func wants(t testing.TB, err error, code Code) *Error {
	t.Helper()
	if codeOf(err) != code {
		t.Fatalf("%q (%v), want %q", codeOf(err), err, code)
	}
	e, _ := err.(*Error)
	return e
}

func names(p *Page) string {
	var all []string
	for _, it := range p.Services {
		all = append(all, it.Name)
	}
	return strings.Join(all, " ")
}

func spell(format string, args ...any) []byte { return []byte(fmt.Sprintf(format, args...)) }
