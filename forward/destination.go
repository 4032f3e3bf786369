package forward

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// Settings are what is to be known of a receiver beside its URL.
type Settings struct {
	Labels   map[string]string // for each line, beside our own
	Headers  http.Header       // of each request
	CA       string            // PEM file of the authorities to believe instead of the system's; "" = none
	Insecure bool              // the receiver's certificate is not verified
	Timeout  time.Duration     // of a connection, a request, a write; 0 means 10 s
	Host     string            // that we say we are; "" = os.Hostname

	hold time.Duration // what was sent in this time before a connection breaks is sent again; 0 = holdFor
}

const defaultTimeout = 10 * time.Second

// Destination is where lines go.
type Destination struct {
	url  *url.URL
	s    Settings
	open func() sink
}

// sink is a connection to a receiver.
type sink interface {
	// send sends a batch. Batches are numbered, and each has a higher number than
	// those before. After an error what is not settled may be lost.
	send(ctx context.Context, b *batch) (serial uint64, err error)
	// settled returns the number of the last batch that the receiver has for good.
	// With an error, what was sent after it may be lost.
	settled() (serial uint64, err error)
	close()
}

// retryLater is a failure that may pass.
type retryLater struct {
	error
	after time.Duration // that the receiver asked for; 0 = it did not
}

func (e *retryLater) Unwrap() error { return e.error }

// label is what Loki takes for one, and everybody else does too.
var label = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Parse reads where lines are to go:
//
//	syslog://HOST[:PORT]       RFC 5424 over UDP, port 514
//	syslog+tcp://HOST[:PORT]   over TCP, with octet counting, port 514
//	syslog+tls://HOST[:PORT]   over TLS, port 6514
//	syslog+unix://PATH         to a datagram socket, as /dev/log
//	loki+http://HOST[:PORT], loki+https://
//	otlp+http://HOST[:PORT], otlp+https://
//
// Without a path those over HTTP go where the receiver expects them.
func Parse(raw string, s Settings) (*Destination, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // else a password is in it
		}
		return nil, fmt.Errorf("read URL: %w", err)
	}
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.hold <= 0 {
		s.hold = holdFor
	}
	if s.Host == "" {
		s.Host, _ = os.Hostname()
	}
	for name := range s.Labels {
		if !label.MatchString(name) {
			return nil, fmt.Errorf("label %q: must be letters, digits and _", name)
		}
	}
	d := &Destination{url: u, s: s}
	kind, transport, _ := strings.Cut(u.Scheme, "+")
	if u.Host == "" && u.Scheme != "syslog+unix" {
		return nil, fmt.Errorf("read URL %q: it has no host", d)
	}
	secure := transport == "tls" || transport == "https"
	var config *tls.Config
	if secure {
		if config, err = s.tls(); err != nil {
			return nil, err
		}
	}
	switch u.Scheme {
	case "syslog", "syslog+udp":
		d.open = func() sink { return newDatagrams("udp", withPort(u, "514"), s) }
	case "syslog+unix":
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("read URL %q: must be syslog+unix:///PATH", d)
		}
		d.open = func() sink { return newDatagrams("unixgram", u.Path, s) }
	case "syslog+tcp":
		d.open = func() sink { return newConnection(withPort(u, "514"), nil, s) }
	case "syslog+tls":
		config.ServerName = u.Hostname()
		d.open = func() sink { return newConnection(withPort(u, "6514"), config, s) }
	case "loki+http", "loki+https":
		d.open = func() sink { return newPoster(httpURL(u, transport, "/loki/api/v1/push"), config, s, encodeLoki, nil) }
	case "otlp+http", "otlp+https":
		d.open = func() sink { return newPoster(httpURL(u, transport, "/v1/logs"), config, s, encodeOTLP, partlyOTLP) }
	default:
		return nil, fmt.Errorf("read URL %q: %q is none of syslog, syslog+tcp, syslog+tls, syslog+unix, loki+http, loki+https, otlp+http, otlp+https", d, u.Scheme)
	}
	if len(s.Headers) > 0 && kind == "syslog" {
		return nil, fmt.Errorf("read URL %q: syslog has no headers", d)
	}
	return d, nil
}

// String is the URL, without a password.
func (d *Destination) String() string { return d.url.Redacted() }

// id is a name for files: one that a person recognizes, and different for
// different receivers. It does not depend on a password.
func (d *Destination) id() string {
	bare := *d.url
	bare.User = nil
	sum := sha256.Sum256([]byte(bare.String()))
	plain := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9.]+`).ReplaceAllString(bare.String(), "-"), "-.")
	return plain[:min(len(plain), 80)] + "-" + hex.EncodeToString(sum[:4])
}

func withPort(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// httpURL is the URL of requests, with the path that is usual if it has none.
func httpURL(u *url.URL, scheme, path string) *url.URL {
	real := *u
	real.Scheme = scheme
	if real.Path == "" || real.Path == "/" {
		real.Path = path
	}
	return &real
}

func (s *Settings) tls() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: s.Insecure}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read authorities %q: no certificate in it", s.CA)
		}
	}
	return c, nil
}
