package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// poster sends batches as HTTP requests. One that is answered well is settled.
type poster struct {
	client *http.Client
	url    *url.URL
	s      Settings
	serial uint64
	encode func(*Settings, []record) ([]byte, error)
	partly func(answer []byte) (rejected int64, why string) // nil: it is all or nothing
}

// mostRequests bounds how many requests are spent on finding the lines of a batch
// that the receiver does not want.
const mostRequests = 64

func newPoster(u *url.URL, config *tls.Config, s Settings, encode func(*Settings, []record) ([]byte, error), partly func([]byte) (int64, string)) sink {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = config
	return &poster{
		client: &http.Client{Transport: t, Timeout: s.Timeout},
		url:    u, s: s, encode: encode, partly: partly,
	}
}

func (p *poster) close() { p.client.CloseIdleConnections() }

func (p *poster) settled() (uint64, error) { return p.serial, nil }

func (p *poster) send(ctx context.Context, b *batch) (uint64, error) {
	budget := mostRequests
	rejected, why, err := p.push(ctx, b.records, &budget)
	b.rejected, b.why = rejected, why
	if err != nil {
		return 0, err
	}
	p.serial++
	return p.serial, nil
}

// refusal is that the receiver does not want what it was sent, and will not want
// it later either.
type refusal struct{ error }

func (e *refusal) Unwrap() error { return e.error }

// push sends records. What is refused is sent in halves, so that what is wrong
// with one line, or with so many, keeps no other.
func (p *poster) push(ctx context.Context, records []record, budget *int) (rejected int64, why string, err error) {
	*budget--
	rejected, why, err = p.post(ctx, records)
	no, ok := errors.AsType[*refusal](err)
	if !ok {
		return rejected, why, err
	}
	if len(records) == 1 || *budget < 2 {
		return int64(len(records)), no.Error(), nil
	}
	for _, half := range [][]record{records[:len(records)/2], records[len(records)/2:]} {
		n, reason, err := p.push(ctx, half, budget)
		if rejected += n; reason != "" {
			why = reason
		}
		if err != nil {
			return rejected, why, err
		}
	}
	return rejected, why, nil
}

// post makes one request.
func (p *poster) post(ctx context.Context, records []record) (rejected int64, why string, err error) {
	body, err := p.encode(&p.s, records)
	if err != nil {
		return 0, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for name, values := range p.s.Headers {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // it names the URL, which is known and may have a password
		}
		return 0, "", &retryLater{error: err}
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch code := resp.StatusCode; {
	case code/100 == 2:
		if p.partly != nil {
			rejected, why = p.partly(answer)
		}
		return rejected, why, nil
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return 0, "", &refusal{answered(resp, answer)}
	default:
		return 0, "", &retryLater{answered(resp, answer), retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
}

// answered says how a request was answered.
func answered(resp *http.Response, answer []byte) error {
	text := strings.ToValidUTF8(string(answer[:min(len(answer), 200)]), "")
	return fmt.Errorf("answered %s: %q", resp.Status, strings.TrimSpace(text))
}

// retryAfter reads the header; 0 = there is none that makes sense.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(value); err == nil {
		return max(0, min(time.Duration(n), time.Duration(againLongest/time.Second))*time.Second)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
