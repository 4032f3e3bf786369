package serve

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// certificate makes one for a name, and returns its files and who believes it.
func certificate(t *testing.T, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{cert: certText, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certText)
	return cert, key, pool
}

// With a certificate its names are ours, by HTTP/1 and HTTP/2, also for streams.
func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t, "colony.example")
	w := newWorld(t, func(o *Options) { o.Cert, o.Key = cert, key })
	journal := w.journal()
	for i, h2 := range []bool{false, true} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetHTTP2(h2)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{RootCAs: pool},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", w.tcp)
			}}}
		defer client.CloseIdleConnections()
		ask := func(status int, headers ...string) {
			t.Helper()
			got := send(t, client, newRequest(t, "GET", "https://colony.example/v1/colony", "", headers...))
			if got.StatusCode != status || (got.ProtoMajor == 2) != h2 {
				t.Errorf("%v: %s %d, want %d\n%s", headers, got.Proto, got.StatusCode, status, got.text)
			}
		}
		token := "Authorization: Bearer " + w.token("read")
		ask(200, token)
		ask(200, token, "Origin: https://colony.example")
		ask(403, token, "Origin: http://colony.example")
		ask(403, token, "Host: other.example")
		ask(401)

		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r := newRequest(t, "GET", "https://colony.example/v1/events", "", token, "Accept: text/event-stream")
		res, err := client.Do(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		s := &subscription{t, res.Body, bufio.NewReader(res.Body)}
		if _, err := s.in.Peek(1); err != nil { // it listens
			t.Fatal(err)
		}
		happen(journal, i+1, "web", "started")
		if e := s.next(); e.event != "started" {
			t.Errorf("%+v", e)
		}
		cancel()
	}
	fixture.Eventually(t, "the end of the HTTP/2 stream, whose client is gone", func() bool { return w.server.streams.Load() <= 1 })
	// Without TLS nobody gets an answer.
	if res, err := w.web.Get("http://" + w.tcp + "/healthz"); err == nil && res.StatusCode == 200 {
		t.Error("answered without TLS")
	}
}

// What is not to be is not listened on.
func TestRefusedListening(t *testing.T) {
	cert, key, _ := certificate(t, "x")
	file := func(network, address string) *os.File {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"all addresses", func(o *Options) { o.TCP = []string{":0"} }, "not without TLS"},
		{"all IPv4 addresses", func(o *Options) { o.TCP = []string{"127.0.0.1:0", "0.0.0.0:0"} }, "not without TLS"},
		{"inherited", func(o *Options) { o.Inherited = []*os.File{file("tcp", "0.0.0.0:0")} }, "not without TLS"},
		{"no key", func(o *Options) { o.Cert = cert }, "both"},
		{"no certificate", func(o *Options) { o.Key = key }, "both"},
		{"no PEM", func(o *Options) { o.Cert, o.Key = key, key }, "listen with TLS"},
		{"no port", func(o *Options) { o.TCP = []string{"localhost"} }, "missing port"},
		{"no socket", func(o *Options) {
			fixture.Put(t, filepath.Join(o.Places.State, "serve.sock"), "a file")
		}, "no socket"},
		{"bad token", func(o *Options) {
			o.TCP = []string{"127.0.0.1:0"}
			fixture.Put(t, filepath.Join(o.Places.State, "serve.token.admin"), "a token that others may read")
		}, "must be 0600"},
	} {
		p := fixture.Places(t)
		o := Options{Places: p, Log: testLog(&fixture.Log{}), Most: Most{Connections: 1, Streams: 1}, Ready: func([]net.Addr) { t.Errorf("%s: listens", tt.name) }}
		o.SocketGroup = -1
		tt.change(&o)
		err := New(o, operations.New(p, o.Log)).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if fi, err := os.Lstat(filepath.Join(p.State, "serve.sock")); err == nil && !fi.Mode().IsRegular() {
			t.Errorf("%s: the socket is left", tt.name)
		}
	}
}

// A socket that a killed server has left is replaced; a panic is answered.
func TestLeftAndPanics(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(o.Places.State, "serve.sock"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
	}, Route{Pattern: "GET /panic", Needs: operations.Reader, Serve: func(http.ResponseWriter, *http.Request) { panic("oops") }})
	w.call(500, "GET", "/panic", "").problem(t)
	if !strings.Contains(w.log.String(), "oops") || !strings.Contains(w.log.String(), "tls_test.go") {
		t.Errorf("%s", w.log)
	}
	w.call(200, "GET", "/healthz", "")
}
