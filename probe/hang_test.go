package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// How the test's program is told to be another: a server that works until a signal
// says how it is not to, or a client that asks and waits for as long as it takes.
const (
	beServer = "PROBE_TEST_SERVER"
	beClient = "PROBE_TEST_CLIENT"
)

// another is called first: it does not return if we are another program.
func another() {
	if os.Getenv(beServer) != "" {
		serve()
	}
	if url := os.Getenv(beClient); url != "" {
		response, err := http.Get(url)
		if err != nil || response.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// serve is a server: from USR1 on its handlers wait for each other, from USR2 on
// they answer 500, and from HUP on they do not come to the end of an answer.
func serve() {
	var mu sync.Mutex
	var fails, slow atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP)
	go func() {
		for s := range signals {
			switch s {
			case syscall.SIGUSR1:
				mu.Lock() // never unlocked
			case syscall.SIGUSR2:
				fails.Store(true)
			default:
				slow.Store(true)
			}
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if fails.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		io.WriteString(w, "all is ")
		if slow.Load() {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
		io.WriteString(w, "ok")
	}))
	os.Exit(1)
}

// server starts one, and returns its process and address.
func newServer(t *testing.T) (*os.Process, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), beServer+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server says %q: %v", line, err)
	}
	return cmd.Process, strings.TrimSpace(line)
}

// Each kind of check finds what it can find, in servers that work at first; and
// nobody else is restarted.
func TestHangs(t *testing.T) {
	t.Parallel()
	const times = `"period":3,"timeout":2.5,"grace":0,"jitter":0,"maxBad":1`
	const http, tcp = `"ncolony.httpcheck":{"url":"http://%s/","body":"ok",` + times + `}`, `"ncolony.tcpcheck":{"address":"%s",` + times + `}`
	client := fmt.Sprintf(`"env":{"%s":"http://%%s/"},"ncolony.execcheck":{"args":[%q],"period":5,"timeout":4,"grace":0,"jitter":0,"maxBad":1}`, beClient, os.Args[0])
	c := newColony(t)
	type service struct {
		keys   string
		signal syscall.Signal // makes it bad; 0 = it works
		want   string         // of the reason
	}
	services := map[string]service{
		"http-works":    {http, 0, ""},
		"tcp-works":     {tcp, 0, ""},
		"exec-works":    {client, 0, ""},
		"http-stopped":  {http, syscall.SIGSTOP, "no answer within 2.5s (the request is sent, no answer has begun)"},
		"exec-stopped":  {client, syscall.SIGSTOP, "no answer within 4s ("},
		"http-deadlock": {http, syscall.SIGUSR1, "no answer within 2.5s (the request is sent, no answer has begun)"},
		"exec-deadlock": {client, syscall.SIGUSR1, "no answer within 4s ("},
		"http-500":      {http, syscall.SIGUSR2, "status 500, not 100-499"},
		"exec-500":      {client, syscall.SIGUSR2, "ended with exit status 1"},
		"http-slow":     {http, syscall.SIGHUP, "no answer within 2.5s (the answer has begun, its body has not ended)"},
		"http-refused":  {http, syscall.SIGKILL, "connection refused"},
		"tcp-refused":   {tcp, syscall.SIGKILL, "connection refused"},
	}
	processes := map[string]*os.Process{}
	add := func(name, address string) {
		c.config(name, `{"args":["x"],`+services[name].keys+`}`, address)
		c.status(name, spec.Running, 1)
	}
	for name := range services {
		process, address := newServer(t)
		processes[name] = process
		add(name, address)
	}
	c.start(Options{})
	for name := range services {
		what, _, _ := strings.Cut(name, "-")
		fixture.Eventually(t, name+" is well", func() bool {
			p, ok := c.result(name, what)
			return ok && p.OK
		})
	}
	if got := c.messages(); got != nil {
		t.Fatalf("messages %q before anything is bad", got)
	}
	for name, s := range services {
		if s.signal != 0 {
			processes[name].Signal(s.signal)
		}
	}
	hole := blackHole(t)
	for name, keys := range map[string]string{"http-hole": http, "tcp-hole": tcp} {
		services[name] = service{keys, 1, "no answer within 2.5s (not connected)"}
		add(name, hole)
	}
	reasons := map[string]string{}
	for name, s := range services {
		if s.signal == 0 {
			continue
		}
		fixture.Eventually(t, name+" is restarted", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, m := range c.sent {
				if m.Type != spec.RestartService || *m.Generation != 1 {
					t.Fatalf("message %+v", m)
				}
				reasons[m.Name] = m.Reason
			}
			return reasons[name] != ""
		})
	}
	for name, s := range services {
		if got := reasons[name]; (got == "") != (s.signal == 0) || !strings.Contains(got, s.want) {
			t.Errorf("%s: restarted because of %q, want %q", name, got, s.want)
		}
	}
}

// A prober that has a processor only now and then blames nobody.
func TestStarved(t *testing.T) {
	t.Parallel()
	var begun, over atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		begun.Add(1)
		time.Sleep(60 * time.Millisecond) // so that the prober is often stopped meanwhile
		w.Header().Set("Content-Length", "0")
		w.(http.Flusher).Flush()
		over.Add(1)
	}))
	defer server.Close()
	c := newColony(t)
	c.config("web", `{"args":["x"],"ncolony.httpcheck":{"url":%q,"period":0.5,"grace":0,"jitter":0,"maxBad":0}}`, server.URL)
	c.status("web", spec.Running, 1)
	process := c.startProgram()
	for over.Load() < 6 {
		process.Signal(syscall.SIGSTOP)
		time.Sleep(600 * time.Millisecond)
		for over.Load() < begun.Load() { // it is the prober that is starved, not the server
			time.Sleep(time.Millisecond)
		}
		process.Signal(syscall.SIGCONT)
		time.Sleep(30 * time.Millisecond)
	}
	if list, err := os.ReadDir(c.places.Messages); err == nil && len(list) > 0 {
		b, _ := os.ReadFile(filepath.Join(c.places.Messages, list[0].Name()))
		t.Errorf("%s", b)
	}
}

// A service that ends and is started again by itself, again and again, is not asked
// before it can answer, and not blamed for the life before.
func TestRestartsByItself(t *testing.T) {
	t.Parallel()
	address := fixture.Reserve(t)
	c := newColony(t)
	c.config("web", `{"args":["x"],"ncolony.tcpcheck":{"address":%q,"period":0.1,"grace":8,"jitter":0,"maxBad":9}}`, address)
	c.start(Options{})
	for life := uint64(1); life <= 6; life++ {
		c.status("web", spec.Running, life) // it does not listen yet
		time.Sleep(100 * time.Millisecond)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fixture.Eventually(t, "a good check", func() bool {
			p, ok := c.result("web", "tcp")
			return ok && p.OK && p.Generation == life
		})
		l.Close()
		c.status("web", spec.Backingoff, life)
	}
	if got := c.messages(); got != nil {
		t.Errorf("messages %q", got)
	}
}
