package operations

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

var rescan = spec.Message{Type: spec.Rescan}

func ask(name string) Request {
	return Request{Message: spec.Message{Name: name}, Wait: fixture.Patience}
}

func TestRequests(t *testing.T) {
	c, ctx := newColony(t)
	fixture.Put(t, filepath.Join(c.places.Config, "web"), `{"args":["x"]}`)
	_, err := c.Restart(ctx, ask("web"))
	wants(t, err, NoSupervisor)
	_, err = c.Restart(ctx, ask("nobody"))
	wants(t, err, NotFound)
	if list, _ := os.ReadDir(c.places.Messages); len(list) != 0 {
		t.Errorf("sent to nobody: %v", list)
	}
	c.asked = time.Time{} // when it was looked for a supervisor
	c.supervised(t, func(m spec.Message) *spec.Result {
		switch {
		case m.Reason == "never":
			return nil
		case m.Type == spec.StopService:
			return &spec.Result{Error: "it does not want to"}
		case m.Type == spec.StartService:
			return &spec.Result{Error: "no such service: web"}
		}
		return &spec.Result{OK: true, NewPID: 7, Error: ""}
	})
	sent, err := c.Restart(ctx, ask("web"))
	if err != nil || sent.Result.NewPID != 7 || sent.Result.Type != spec.RestartService {
		t.Fatalf("%+v, %v", sent, err)
	}
	if again, err := c.Result(ctx, sent.Request); err != nil || again.Result.NewPID != 7 {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = c.Stop(ctx, ask("web"))
	if e := wants(t, err, Conflict); e.Result == nil || e.Request == "" || e.Result.Error != "it does not want to" {
		t.Errorf("%+v", e)
	}
	_, err = c.Start(ctx, ask("web"))
	wants(t, err, NotFound)
	_, err = c.Signal(ctx, ask("web")) // without a signal
	if e := wants(t, err, Invalid); e.Field != "signal" {
		t.Errorf("%+v", e)
	}
	late := ask("web")
	late.Reason, late.Wait = "never", 30*time.Millisecond
	_, err = c.Restart(ctx, late)
	e := wants(t, err, Timeout)
	if e.Request == "" {
		t.Fatalf("%+v", e)
	}
	if waits, err := c.Result(ctx, e.Request); err != nil || waits.Result != nil {
		t.Errorf("%+v, %v", waits, err)
	}
	for _, file := range []string{"", "..", "../lock", ".x", "a/b"} {
		if _, err := c.Result(ctx, file); codeOf(err) != Invalid && codeOf(err) != NotFound {
			t.Errorf("%q: %v", file, err)
		}
	}
	all, err := c.Results(ctx, 2)
	if err != nil || len(all) != 2 || all[0].Result.Type != spec.StartService || all[1].Result.Type != spec.StopService {
		t.Errorf("%+v, %v", all, err)
	}
}

// However often and by however many it is asked with one key, it is done once, and all
// get the same answer.
func TestIdempotency(t *testing.T) {
	c, ctx := newColony(t)
	fixture.Put(t, filepath.Join(c.places.Config, "web"), `{"args":["x"]}`)
	var done atomic.Int64
	c.supervised(t, func(m spec.Message) *spec.Result { return &spec.Result{OK: true, NewPID: int(done.Add(1))} })
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			r := ask("web")
			r.Key = fmt.Sprint("key ", i%2)
			first, err := c.Restart(ctx, r)
			if err != nil {
				t.Error(err)
				return
			}
			if second, err := c.Restart(ctx, r); err != nil || second.Result.NewPID != first.Result.NewPID || second.Request != first.Request {
				t.Errorf("%+v and %+v, %v", first, second, err)
			}
		})
	}
	all.Wait()
	if n := done.Load(); n != 2 {
		t.Errorf("done %d times", n)
	}
	r := ask("web")
	r.Key = "key 0"
	_, err := c.Stop(ctx, r)
	if e := wants(t, err, Invalid); e.Field != "Idempotency-Key" {
		t.Errorf("%+v", e)
	}
}

func FuzzAction(f *testing.F) {
	for _, text := range []string{"", "null", "{}", `{"signal":"HUP"}`, `{"signal":1,"generation":3,"pid":4,"reason":"x"}`, `{"signal":"FOO"}`, `{"type":"SHUTDOWN"}`, `{"name":"other"}`, `{"generation":1e9}`, `[`, `{"pid":-1}`} {
		f.Add("SIGNAL", text)
		f.Add("RESTART", text)
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		m, err := ParseAction(spec.Type(kind), "web", []byte(text))
		if err != nil {
			wants(t, err, Invalid)
			return
		}
		if m.Name != "web" || string(m.Type) != kind {
			t.Fatalf("%s of %s: %+v", kind, text, m)
		}
	})
}
