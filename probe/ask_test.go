package probe

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// limit is how long a question may take that hangs, and soon how long one that
// does not: a machine may be busy.
const (
	limit = 100 * time.Millisecond
	soon  = time.Minute
)

// server answers every path in a way of its own.
func server(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			io.WriteString(w, "all is ok\nreally")
		}
	}
	for _, code := range []int{200, 204, 304, 401, 404, 500, 503} {
		mux.HandleFunc(fmt.Sprint("/", code), status(code))
	}
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/slow-body", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/503", http.StatusFound) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/huge-header", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", strings.Repeat("a", 2*maxHeader))
	})
	mux.HandleFunc("/breaks-off", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Host, r.Header.Get("X-Token"), r.Header.Get("User-Agent"), r.Header.Get("Accept-Encoding"))
	})
	return mux
}

// asked asks q with a name and a limit, and checks how that ends.
func asked(t *testing.T, what string, got Answer, want string) {
	t.Helper()
	text := ""
	if got.Err != nil {
		text = got.Err.Error()
	}
	if (want == "") != (text == "") || !strings.Contains(text, want) {
		t.Errorf("%s: %q, want %q", what, text, want)
	}
	if got.Took > soon {
		t.Errorf("%s took %v", what, got.Took)
	}
}

// hanging asks something that hangs, and checks how far it came within the limit.
// A busy machine may need more than one to come there.
func hanging(t *testing.T, what, where string, ask func(limit time.Duration) Answer) {
	t.Helper()
	for limit := limit; ; limit *= 4 {
		got, want := ask(limit), fmt.Sprintf("no answer within %v %s", limit, where)
		if 4*limit > soon || got.Err != nil && strings.Contains(got.Err.Error(), want) {
			asked(t, what, got, want)
			return
		}
	}
}

func TestHTTP(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // which we do not ask
	s := httptest.NewServer(server(t))
	defer s.Close()
	for _, tt := range []struct {
		check spec.HTTPQuestion
		want  string // of the error; "" = good
	}{
		{spec.HTTPQuestion{URL: "/200"}, ""},
		{spec.HTTPQuestion{URL: "/204"}, ""},
		{spec.HTTPQuestion{URL: "/304"}, ""},
		{spec.HTTPQuestion{URL: "/404"}, "status 404, not 200-399"},
		{spec.HTTPQuestion{URL: "/500"}, "status 500, not 200-399"},
		{spec.HTTPQuestion{URL: "/500", Status: spec.Codes{{First: 400, Last: 404}, {First: 500, Last: 500}}}, ""},
		{spec.HTTPQuestion{URL: "/200", Status: spec.Codes{{First: 201, Last: 204}, {First: 301, Last: 301}}}, "status 200, not 201-204, 301"},
		{spec.HTTPQuestion{URL: "/200", Body: "is ok", BodyRegexp: "(?m)^really$"}, ""},
		{spec.HTTPQuestion{URL: "/200", Body: "is bad"}, `the body has no "is bad"; it begins with "all is ok\nreally"`},
		{spec.HTTPQuestion{URL: "/200", BodyRegexp: "^really"}, `the body does not match "^really"; it begins with`},
		{spec.HTTPQuestion{URL: "/204", Body: "x"}, "it is empty"},
		{spec.HTTPQuestion{URL: "/hangs"}, "no answer within (the request is sent, no answer has begun)"},
		{spec.HTTPQuestion{URL: "/slow-body"}, ""}, // nothing is expected of it
		{spec.HTTPQuestion{URL: "/slow-body", Body: "begin"}, "no answer within (the answer has begun, its body has not ended)"},
		{spec.HTTPQuestion{URL: "/endless"}, ""},
		{spec.HTTPQuestion{URL: "/endless", Body: "x"}, `the body has no "x"; it begins with`},
		{spec.HTTPQuestion{URL: "/redirect"}, ""},
		{spec.HTTPQuestion{URL: "/redirect", Follow: true}, "status 503"},
		{spec.HTTPQuestion{URL: "/circle", Follow: true}, "more than 10 redirects"},
		{spec.HTTPQuestion{URL: "/huge-header"}, "header"},
		{spec.HTTPQuestion{URL: "/breaks-off"}, "closed without an answer"},
		{spec.HTTPQuestion{URL: "/echo", BodyRegexp: "^GET 127.0.0.1:[0-9]+  agent/1 $"}, ""},
		{spec.HTTPQuestion{URL: "/echo", Method: "PURGE", Headers: map[string]string{"hOST": "example.org", "X-Token": "t"}, BodyRegexp: "^PURGE example.org t agent/1 $"}, ""},
	} {
		c := tt.check
		c.URL = s.URL + c.URL
		if where, hangs := strings.CutPrefix(tt.want, "no answer within "); hangs {
			hanging(t, tt.check.URL, where, func(limit time.Duration) Answer { return HTTP(t.Context(), &c, limit, "agent/1") })
			continue
		}
		asked(t, tt.check.URL, HTTP(t.Context(), &c, soon, "agent/1"), tt.want)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(server(t))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of those that do not believe it
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := put("own.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	empty := put("empty.pem", nil)
	for _, tt := range []struct {
		check spec.HTTPQuestion
		want  string
	}{
		{spec.HTTPQuestion{URL: s.URL + "/200"}, "certificate"},
		{spec.HTTPQuestion{URL: s.URL + "/200", CA: own}, ""},
		{spec.HTTPQuestion{URL: s.URL + "/200", CA: empty}, "no certificate in " + empty},
		{spec.HTTPQuestion{URL: s.URL + "/200", CA: "/nowhere"}, "read ca: open /nowhere"},
		{spec.HTTPQuestion{URL: s.URL + "/200", Insecure: true}, ""},
		{spec.HTTPQuestion{URL: strings.Replace(s.URL, "https", "http", 1) + "/200"}, "status 400"},
		{spec.HTTPQuestion{URL: strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/200", CA: own}, "certificate"},
	} {
		asked(t, fmt.Sprintf("%+v", tt.check), HTTP(t.Context(), &tt.check, soon, "x"), tt.want)
	}
	// A certificate is replaced while we run.
	c := spec.HTTPQuestion{URL: s.URL + "/200", CA: empty}
	put("empty.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	asked(t, "replaced", HTTP(t.Context(), &c, soon, "x"), "")
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "p") // a short path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: server(t)}}
	s.Start()
	defer s.Close()
	for url, want := range map[string]string{
		"unix://" + path + ":/200": "", "unix://" + path + ":/500?x=y": "status 500", "unix://" + path + "x:/": "no such file",
	} {
		asked(t, url, HTTP(t.Context(), &spec.HTTPQuestion{URL: url}, soon, "x"), want)
	}
	c := spec.HTTPQuestion{URL: "http://example.invalid/echo", Socket: path, Body: "GET example.invalid"}
	asked(t, "socket", HTTP(t.Context(), &c, soon, "x"), "")
	asked(t, "tcp", TCP(t.Context(), "unix://"+path, soon), "")
	asked(t, "tcp", TCP(t.Context(), "unix://"+path+"x", soon), "no such file")
}

// blackHole is an address that takes no connections, and refuses none: its backlog
// is full.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { syscall.Close(fd) })
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	full := 0
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, limit)
		if err == nil {
			full = 0
			t.Cleanup(func() { conn.Close() })
		} else if full++; full == 2 { // one may have had no time
			return address
		}
	}
	t.Skip("the backlog of a socket does not get full here")
	return ""
}

func TestBlackHole(t *testing.T) {
	address := blackHole(t)
	asked(t, "tcp", TCP(t.Context(), address, limit), "no answer within 100ms (not connected)")
	asked(t, "http", HTTP(t.Context(), &spec.HTTPQuestion{URL: "http://" + address + "/"}, limit, "x"), "no answer within 100ms (not connected)")
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	asked(t, "listens", TCP(t.Context(), address, soon), "")
	asked(t, "by name", TCP(t.Context(), strings.Replace(address, "127.0.0.1", "localhost", 1), soon), "")
	l.Close()
	asked(t, "closed", TCP(t.Context(), fixture.Reserve(t), soon), "connection refused")
	// TLS is not what is asked for, and hangs.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked(t, "silent", TCP(t.Context(), silent.Addr().String(), soon), "")
	c := spec.HTTPQuestion{URL: "https://" + silent.Addr().String()}
	asked(t, "silent", HTTP(t.Context(), &c, limit, "x"), "no answer within 100ms")
	s := httptest.NewServer(server(t))
	defer s.Close()
	if a := HTTP(t.Context(), &spec.HTTPQuestion{URL: strings.Replace(s.URL, "http", "https", 1)}, soon, "x"); a.Err == nil {
		t.Errorf("TLS with a server that speaks none is good")
	}
}

// A check by the times of its spec.
func TestService(t *testing.T) {
	s := httptest.NewServer(server(t))
	defer s.Close()
	text := fmt.Sprintf(`{"args":["x"],"ncolony.httpcheck":{"url":"%s/404","period":60},"ncolony.tcpcheck":{"address":%q,"period":60},
		"ncolony.execcheck":{"args":["/bin/sh","-c","exit 3"],"period":60},"ready":{"http":{"url":"%s/404","status":[404,500],"body":"is bad"}}}`, s.URL, s.Listener.Addr().String(), s.URL)
	sp, err := spec.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Service(context.Background(), spec.Places{}, "web", sp, nil, "x")
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []struct{ what, err string }{{"http", ""}, {"tcp", ""}, {"exec", "/bin/sh ended with exit status 3"}, {"ready", `the body has no "is bad"`}} {
		if got[i].What != want.what {
			t.Errorf("check %d is %s, want %s", i, got[i].What, want.what)
		}
		asked(t, want.what, got[i], want.err)
	}
	if _, err := Service(context.Background(), spec.Places{}, "web", &spec.Spec{}, nil, "x"); err != ErrNothing {
		t.Errorf("no checks: %v", err)
	}
}
