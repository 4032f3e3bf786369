package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// TestLoad has many clients ask at once: every answer has to be a good one, and each
// subscriber gets each event once. LOAD=1 does it at full size, and prints how long
// answers take and how much memory the program needs.
func TestLoad(t *testing.T) {
	t.Parallel()
	size := struct {
		services, streams, rate int
		for_                    time.Duration
	}{500, 50, 200, time.Second}
	if os.Getenv("LOAD") != "" {
		size.services, size.streams, size.rate, size.for_ = 10000, 2000, 1000, 20*time.Second
	}
	p := fixture.Places(t)
	for i := range size.services {
		name := fmt.Sprintf("service-%05d", i)
		fixture.Put(t, filepath.Join(p.Config, name), `{"args":["/usr/bin/some-program","--number","`+strconv.Itoa(i)+`"],"group":["some"],"restart":"always"}`)
		fixture.Put(t, p.Status(name), status(name, spec.Running, 1000+i))
	}
	fixture.Hold(t, p)
	serve := startServe(t, p)
	client := clientOf(filepath.Join(p.State, "serve.sock"))
	other := clientOf(filepath.Join(p.State, "bare.sock"))
	ask := func(client *http.Client, path string) error {
		res, err := client.Get("http://ncolony" + path)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err == nil && (res.StatusCode != 200 || !strings.Contains(string(text), `"state":"running"`)) {
			err = fmt.Errorf("%d %s", res.StatusCode, text)
		}
		return err
	}
	if err := ask(client, "/v1/services"); err != nil {
		t.Fatal(err)
	}

	subscribers := startAide(t, "subscribe", filepath.Join(p.State, "serve.sock"), strconv.Itoa(size.streams))
	subscribers.expect(t, "subscribed")
	bare := startAide(t, "bare", filepath.Join(p.State, "bare.sock"))
	bare.expect(t, "listening")

	// What happens: ten events a second, and a status with each.
	journal, err := os.OpenFile(filepath.Join(p.EventsDir(), "current.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	happened := 0
	happen := func() {
		happened++
		i := rand.IntN(size.services)
		name := fmt.Sprintf("service-%05d", i)
		fmt.Fprintf(journal, `{"seq":%d,"time":"2026-01-01T00:00:00Z","name":"%s","type":"started","pid":%d,"generation":%d}`+"\n", happened, name, happened, happened)
		fixture.Put(t, p.Status(name), status(name, spec.Running, 1000+happened))
	}

	// Requests come when they are due, however long others take. A fifth as many go to
	// a bare server, which shows what the machine itself does to them.
	var mu sync.Mutex
	var took, bareTook []time.Duration
	var asking sync.WaitGroup
	later := func(client *http.Client, path string, due time.Time, took *[]time.Duration) {
		asking.Go(func() {
			err := ask(client, path)
			d := time.Since(due)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			mu.Lock()
			*took = append(*took, d)
			mu.Unlock()
		})
	}
	begin := time.Now()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(size.rate))
		if due.Sub(begin) > size.for_ {
			break
		}
		time.Sleep(time.Until(due))
		if n%(size.rate/10) == 0 {
			happen()
		}
		path := fmt.Sprintf("/v1/services/service-%05d", rand.IntN(size.services))
		if n%10 == 0 {
			path = fmt.Sprintf("/v1/services?limit=100&after=service-%05d", rand.IntN(size.services-100))
		}
		later(client, path, due, &took)
		if n%5 == 0 {
			later(other, "/", due, &bareTook)
		}
	}
	asking.Wait()
	fmt.Fprintln(subscribers.in, happened)
	subscribers.expect(t, fmt.Sprint(happened*size.streams))
	slices.Sort(took)
	slices.Sort(bareTook)
	rss, peak, cpu := memory(t, serve.Process.Pid)
	t.Logf("%d requests in %v with %d services and %d subscribers: p50 %v, p99 %v, longest %v; %d events; RSS %d MiB, at most %d MiB; %.2f processors",
		len(took), time.Since(begin).Round(time.Millisecond), size.services, size.streams, took[len(took)/2], took[len(took)*99/100], took[len(took)-1], happened, rss>>10, peak>>10, cpu/time.Since(begin).Seconds())
	t.Logf("of a bare server meanwhile: p50 %v, p99 %v, longest %v", bareTook[len(bareTook)/2], bareTook[len(bareTook)*99/100], bareTook[len(bareTook)-1])
}

// clientOf calls what listens on a unix socket.
func clientOf(socket string) *http.Client {
	return &http.Client{Timeout: fixture.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
}

// aide is a process beside the test, so that its work is not in the way of what is
// measured.
type aide struct {
	in  io.Writer
	out *bufio.Reader
}

// startAide starts this program as one of aides.
func startAide(t *testing.T, args ...string) *aide {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AIDE="+strings.Join(args, " "))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &aide{in, bufio.NewReader(out)}
}

func (h *aide) expect(t *testing.T, line string) {
	t.Helper()
	got, err := h.out.ReadString('\n')
	if err != nil || strings.TrimSpace(got) != line {
		t.Fatalf("an aide says %q (%v), want %q", got, err, line)
	}
}

// aides are what this program does for tests, by the first word of AIDE.
var aides = map[string]func(args []string) error{
	// bare answers what a service is like.
	"bare": func(args []string) error {
		l, err := net.Listen("unix", args[0])
		if err != nil {
			return err
		}
		text := []byte(status("bare", spec.Running, 1))
		text = bytes.ReplaceAll(text, []byte(`": "`), []byte(`":"`))
		fmt.Println("listening")
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(text) }))
	},
	// subscribe follows the events so many times. Told how many there were, it waits for
	// all of them and says how many have come.
	"subscribe": func(args []string) error {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		var events atomic.Int64
		var subscribed sync.WaitGroup
		for range n {
			subscribed.Add(1)
			c, err := net.Dial("unix", args[0])
			if err != nil {
				return err
			}
			go func() {
				fmt.Fprint(c, "GET /v1/events HTTP/1.1\r\nHost: ncolony\r\nAccept: text/event-stream\r\n\r\n")
				in := bufio.NewReaderSize(c, 1024)
				once := sync.OnceFunc(subscribed.Done)
				for {
					line, err := in.ReadSlice('\n')
					switch {
					case err != nil && err != bufio.ErrBufferFull:
						return
					case line[0] == ':':
						once()
					case bytes.HasPrefix(line, []byte("id: ")):
						events.Add(1)
					}
				}
			}()
		}
		subscribed.Wait()
		fmt.Println("subscribed")
		var each int64
		if _, err := fmt.Scan(&each); err != nil {
			return err
		}
		for end := time.Now().Add(fixture.Patience); events.Load() < each*int64(n) && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // for those that come twice
		fmt.Println(events.Load())
		return nil
	},
}

// memory returns the memory of a process now and at most, in KiB, and the seconds of
// a processor that it has used.
func memory(t *testing.T, pid int) (rss, peak int, cpu float64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &rss)
		fmt.Sscanf(line, "VmHWM: %d kB", &peak)
	}
	text, _ = os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	user, _ := strconv.Atoi(fields[12])
	system, _ := strconv.Atoi(fields[13])
	return rss, peak, float64(user+system) / 100
}

// programs is where our programs are built, once.
var programs string

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv("AIDE")); len(words) > 0 {
		if err := aides[words[0]](words[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if programs != "" {
		os.RemoveAll(programs)
	}
	os.Exit(code)
}

var build = sync.OnceValue(func() (err error) {
	if programs, err = os.MkdirTemp("", "serve-test-"); err != nil {
		return err
	}
	if out, err := exec.Command("go", "build", "-o", programs, "../cmd/ncolony", "../cmd/ncolony-serve").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
})

// program is the path of one of our programs.
func program(t testing.TB, name string) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatalf("build: %v", err)
	}
	return filepath.Join(programs, name)
}

// startServe starts the real program, and waits until it answers.
func startServe(t testing.TB, p spec.Places, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t, "ncolony-serve"), append([]string{"--config", p.Config, "--messages", p.Messages, "--state", p.State}, flags...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	fixture.Eventually(t, "ncolony-serve", func() bool {
		c, err := net.Dial("unix", filepath.Join(p.State, "serve.sock"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return cmd
}
