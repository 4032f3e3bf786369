package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const (
	// maxBody is how much of an answer is read, and maxHeader of what comes before.
	maxBody   = 1 << 20
	maxHeader = 64 << 10

	maxRedirects = 10
)

// asksHTTP asks a URL.
type asksHTTP struct {
	check *spec.HTTPQuestion
	good  spec.Codes
	agent string // who asks
}

func newHTTP(c *spec.HTTPQuestion, good spec.Codes, agent string) *asksHTTP {
	if c.Status != nil {
		good = c.Status
	}
	return &asksHTTP{c, good, agent}
}

func (a *asksHTTP) String() string { return a.check.URL + " answers well" }

func (a *asksHTTP) ask(ctx context.Context, of about) error {
	target, socket, err := spec.SplitURL(a.check.URL)
	if err != nil {
		return err
	}
	of.progress.set("not connected")
	request, err := http.NewRequestWithContext(ctx, cmp.Or(a.check.Method, http.MethodGet), target, nil)
	if err != nil {
		return err
	}
	request.Close = true
	request.Header.Set("User-Agent", a.agent)
	for name, value := range a.check.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	client := http.Client{Transport: &route{a.check, cmp.Or(a.check.Socket, socket), of.progress}, CheckRedirect: a.redirected}
	response, err := client.Do(request)
	if err != nil {
		return plainly(err)
	}
	defer response.Body.Close()
	of.progress.set("the answer has begun, its body has not ended")
	if !a.good.Has(response.StatusCode) {
		return fmt.Errorf("status %d, not %s", response.StatusCode, a.good)
	}
	return a.judge(response.Body)
}

// redirected is asked whether to go where an answer points.
func (a *asksHTTP) redirected(_ *http.Request, via []*http.Request) error {
	switch {
	case !a.check.Follow:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// route is an http.RoundTripper that connects anew each time, to see that one can,
// and directly: a proxy would answer for the service.
type route struct {
	check    *spec.HTTPQuestion
	socket   string // to ask on; "" = the host and port of the URL
	progress *progress
}

func (r *route) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" {
		return direct{r.socket, r.progress}.RoundTrip(request)
	}
	authorities, err := r.authorities()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DisableKeepAlives:      true,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true, // there are servers that speak nothing else
		MaxResponseHeaderBytes: maxHeader,
		TLSClientConfig:        &tls.Config{RootCAs: authorities, InsecureSkipVerify: r.check.Insecure},
	}
	if r.socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", r.socket)
		}
	}
	return transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { r.progress.set("connected, no request sent") },
		WroteRequest:         func(httptrace.WroteRequestInfo) { r.progress.set("the request is sent, no answer has begun") },
		GotFirstResponseByte: func() { r.progress.set("the answer has begun") },
	})))
}

// authorities may have signed the server's certificate; nil = the system's. The
// file is read each time: it may have been replaced.
func (r *route) authorities() (*x509.CertPool, error) {
	if r.check.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(r.check.CA)
	if err != nil {
		return nil, fmt.Errorf("read ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca: no certificate in %s", r.check.CA)
	}
	return pool, nil
}

// judge reads a body if something is expected of it.
func (a *asksHTTP) judge(from io.Reader) error {
	if a.check.Body == "" && a.check.BodyRegexp == "" {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(from, maxBody))
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	if !strings.Contains(string(body), a.check.Body) {
		return fmt.Errorf("the body has no %q%s", a.check.Body, beginning(body))
	}
	if a.check.BodyRegexp == "" {
		return nil
	}
	re, err := regexp.Compile(a.check.BodyRegexp)
	if err == nil && !re.Match(body) {
		err = fmt.Errorf("the body does not match %q%s", a.check.BodyRegexp, beginning(body))
	}
	return err
}

// beginning tells how a text begins, in one line.
func beginning(text []byte) string {
	const most = 200
	if len(text) == 0 {
		return "; it is empty"
	}
	cut := ""
	if len(text) > most {
		text, cut = text[:most], "..."
	}
	return fmt.Sprintf("; it begins with %q%s", strings.ToValidUTF8(string(text), "?"), cut)
}

// plainly takes away what the reader knows already: method and URL.
func plainly(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err
	}
	return err
}
