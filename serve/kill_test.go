package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func startSupervisor(t testing.TB, p spec.Places) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t, "ncolony"), "--config", p.Config, "--messages", p.Messages, "--state", p.State)
	log := &fixture.Log{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Signal(os.Interrupt) // so that it ends what it has started
			cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the supervisor:\n%s", log)
		}
	})
	return cmd
}

// Whenever the program is killed, the colony goes on as if nothing had been: what was
// not asked for does not happen, no file is left that means anything, and the next one
// answers.
func TestKilled(t *testing.T) {
	t.Parallel()
	p := fixture.Places(t)
	supervisor := startSupervisor(t, p)
	fixture.Eventually(t, "a supervisor", func() bool {
		_, alive, _ := ctl.Alive(p)
		_, err := ctl.Colony(p)
		return alive && err == nil
	})
	fixture.Put(t, filepath.Join(p.Config, "still"), `{"args":["sleep","1000"],"env_inherit":["PATH"]}`)
	fixture.Eventually(t, "a service", func() bool {
		st, err := ctl.StatusOf(p, "still")
		return err == nil && st.State == spec.Running
	})
	before, err := ctl.StatusOf(p, "still")
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var asking sync.WaitGroup
	var asked, answered atomic.Int64
	for i := range 6 {
		asking.Go(func() {
			client := &http.Client{Timeout: fixture.Patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.State, "serve.sock"))
			}}}
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("web-%d", i)
				method, path, body := "PUT", "/v1/services/"+name, fmt.Sprintf(`{"args":["sleep","1000"],"env_inherit":["PATH"],"env":{"N":"%d","FILL":"%s"}}`, n, strings.Repeat("x", 50<<10))
				switch n % 4 {
				case 1:
					method, path, body = "POST", path+"/restart?wait=1", ""
				case 2:
					method, path, body = "POST", "/v1/messages", `{"type":"RESCAN"}`
				case 3:
					method, body = "DELETE", ""
				}
				r, err := http.NewRequestWithContext(ctx, method, "http://ncolony"+path, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				if body != "" {
					r.Header.Set("Content-Type", "application/json")
				}
				asked.Add(1)
				res, err := client.Do(r)
				if err != nil {
					time.Sleep(time.Millisecond) // who starts the next one needs the processors, too
					continue
				}
				res.Body.Close()
				answered.Add(1)
			}
		})
	}
	for range 8 {
		serve := startServe(t, p)
		floor := answered.Load()
		fixture.Eventually(t, "answers", func() bool { return answered.Load() > floor+3 })
		serve.Process.Kill() // in the midst of others
		serve.Wait()
	}
	cancel()
	asking.Wait()
	t.Logf("%d of %d requests were answered", answered.Load(), asked.Load())
	if answered.Load() == asked.Load() {
		t.Error("nothing was interrupted")
	}

	// The supervisor is the same, and so is the service that nobody has asked about.
	if after, err := ctl.StatusOf(p, "still"); err != nil || after.PID != before.PID || after.Generation != before.Generation {
		t.Errorf("it was %+v, and is %+v, %v", before, after, err)
	}
	said, err := ctl.Colony(p)
	if err != nil || said.PID != supervisor.Process.Pid || len(said.BadFiles) > 0 || len(said.Degraded) > 0 || said.Panics > 0 {
		t.Errorf("the colony: %+v, %v", said, err)
	}
	list, err := os.ReadDir(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name()[0] == '.' { // half a file, which nobody reads
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Config, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Parse(text); err != nil {
			t.Errorf("half a spec: %s: %v", e.Name(), err)
		}
	}
	startServe(t, p)
	client := clientOf(filepath.Join(p.State, "serve.sock"))
	if got := send(t, client, newRequest(t, "POST", "http://ncolony/v1/services/still/restart?wait=60", "")); got.StatusCode != 200 {
		t.Errorf("the last one: %d %s", got.StatusCode, got.text)
	}
}
