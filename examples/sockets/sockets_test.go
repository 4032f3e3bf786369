// Package sockets runs the example of this directory, with the programs of the
// system.
package sockets

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// TestNobodyIsRefused: restarts and kills of nginx under a load of new
// connections, of which none is refused.
func TestNobodyIsRefused(t *testing.T) {
	example.Needs(t, "nginx-light", "nginx")
	address := fixture.Reserve(t)
	e := example.Copy(t, []string{"config/nginx", "nginx.conf"}, "/srv/sockets", "ROOT", "127.0.0.1:8080", address)
	os.Mkdir(filepath.Join(e.Root, "run"), 0o755)
	e.Start()
	e.UntilState("nginx", spec.Running)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func() error {
		r, err := client.Get("http://" + address + "/")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return err
	}
	var done, failed atomic.Int32
	stop, over := make(chan struct{}), make(chan error, 1)
	go func() {
		var last error
		for {
			select {
			case <-stop:
				over <- last
				return
			default:
			}
			if err := get(); err != nil {
				failed.Add(1)
				last = err
			}
			done.Add(1)
		}
	}()
	answered := func(n int32) {
		e.Until("requests are answered", func() bool { return done.Load() >= n })
	}
	answered(10)
	for range 5 {
		e.Ctl("restart", "nginx", "--wait")
		answered(done.Load() + 5)
	}
	before := e.Status("nginx")
	syscall.Kill(before.PID, syscall.SIGKILL) // its workers end by themselves, what they had begun with them
	e.Until("nginx is back", func() bool { st := e.Status("nginx"); return st.PID != 0 && st.Generation > before.Generation })
	answered(done.Load() + 5)
	close(stop)
	if err := <-over; err != nil {
		t.Errorf("%d of %d requests failed, the last one: %v", failed.Load(), done.Load(), err)
	}
	if done.Load() < 30 {
		t.Errorf("only %d requests", done.Load())
	}
	e.End()
}
