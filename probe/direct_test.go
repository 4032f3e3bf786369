package probe

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// answering is the address of a server that answers everything with a text, word
// by word as it is.
func answering(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, text)
			}
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// What servers answer that are old, odd or broken.
func TestAnswers(t *testing.T) {
	const early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	for _, tt := range []struct{ answer, want string }{
		{"HTTP/1.0 200 OK\r\n\r\nall is ok", ""},
		{"HTTP/1.1 200\r\nContent-Length: 9\r\n\r\nall is ok", ""},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n4\r\ns ok\r\n0\r\n\r\n", ""},
		{early + "HTTP/1.1 200 OK\r\n\r\nall is ok", ""},
		{strings.Repeat(early, maxProvisional) + "HTTP/1.1 200 OK\r\n\r\nall is ok", "provisional"},
		{"HTTP/1.1 503 Busy\r\n\r\nall is ok", "status 503"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nall is ok", "read body: unexpected EOF"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "read body: invalid byte in chunk length"},
		{"HTTP/1.1 200 OK\r\n", "unexpected EOF"},
		{"SSH-2.0-OpenSSH_10\r\n", `malformed HTTP response "SSH-2.0-OpenSSH_10"`},
		{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeader), "the header is longer than 65536 bytes"},
		{"", "closed without an answer"},
	} {
		c := spec.HTTPQuestion{URL: answering(t, tt.answer), Body: "all is ok"}
		asked(t, tt.answer[:min(len(tt.answer), 60)], HTTP(t.Context(), &c, soon, "x"), tt.want)
	}
}

// A user and a password in the URL are sent, and a name without a port means 80.
func TestURLs(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		io.WriteString(w, user+" "+password)
	}))
	defer s.Close()
	c := spec.HTTPQuestion{URL: strings.Replace(s.URL, "http://", "http://me:secret@", 1), Body: "me secret"}
	asked(t, "authorization", HTTP(t.Context(), &c, soon, "x"), "")
	if conn, err := net.Dial("tcp", "127.0.0.1:80"); err == nil {
		conn.Close()
		t.Skip("something listens on port 80 here")
	}
	c = spec.HTTPQuestion{URL: "http://127.0.0.1/"}
	asked(t, "no port", HTTP(t.Context(), &c, soon, "x"), "dial tcp 127.0.0.1:80: connect: connection refused")
}

// A server that speaks HTTP/2 alone, over TLS.
func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP2(true)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	asked(t, "HTTP/2", HTTP(t.Context(), &spec.HTTPQuestion{URL: s.URL, Insecure: true, Body: "HTTP/2.0"}, soon, "x"), "")
}
