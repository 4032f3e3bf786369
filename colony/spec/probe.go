package spec

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Checks is how often a health check is made and what follows from it, whatever
// it asks.
type Checks struct {
	// Time between two checks.
	Period Duration `json:"period"`
	// A check that takes longer is a bad one; at most the period, which is the
	// default.
	Timeout *Duration `json:"timeout,omitempty"`
	// Number of periods after each start of the service, with ready from when it
	// is ready, before the first check.
	Grace *float64 `json:"grace,omitempty"`
	// So many bad checks in a row are well; with one more the service is
	// restarted.
	MaxBad *int `json:"maxBad,omitempty"`
	// So many good checks in a row make bad ones forgotten.
	MinGood *int `json:"minGood,omitempty"`
	// The first check of a life comes later by a random share of a period, up to
	// this.
	Jitter *float64 `json:"jitter,omitempty"`
}

// The values of keys of Checks that are left out.
const (
	DefaultGrace   = 1.0
	DefaultMaxBad  = 2
	DefaultMinGood = 1
	DefaultSpread  = 1.0
)

// Limit is the time that one check may take.
func (c *Checks) Limit() time.Duration {
	if c.Timeout == nil {
		return c.Period.D()
	}
	return min(*c.Timeout, c.Period).D()
}

// HTTPQuestion is what a URL is asked, and which answers are good.
type HTTPQuestion struct {
	// http or https URL. Or unix:///run/x.sock:/path, which is /path of the
	// server that listens on /run/x.sock.
	URL string `json:"url"`
	// Absolute path of the socket that the server listens on, whatever host the
	// URL names.
	Socket string `json:"socket,omitempty"`
	// Request method.
	Method string `json:"method,omitempty"`
	// Request headers.
	Headers map[string]string `json:"headers,omitzero"`
	// Status codes that are good: a code, a range ("200-299"), or a list of them.
	Status Codes `json:"status,omitzero"`
	// Text that the body has to have in its first MiB.
	Body string `json:"body,omitempty"`
	// Regular expression (RE2) that the first MiB of the body has to match.
	BodyRegexp string `json:"bodyRegexp,omitempty"`
	// True: redirects are followed, up to 10 of them.
	Follow bool `json:"follow,omitempty"`
	// Absolute path of a PEM file with the authorities that the server's
	// certificate may be signed by, instead of the system's.
	CA string `json:"ca,omitempty"`
	// True: the server's certificate is not verified.
	Insecure bool `json:"insecure,omitempty"`
}

// HTTPCheck is the key "ncolony.httpcheck": a URL that has to answer.
type HTTPCheck struct {
	HTTPQuestion
	Checks
}

// TCPCheck is the key "ncolony.tcpcheck": an address that has to accept
// connections.
type TCPCheck struct {
	// HOST:PORT, unix:///run/x.sock or unix://@abstract.
	Address string `json:"address"`
	Checks
}

// ExecCheck is the key "ncolony.execcheck": a program that has to end with code
// 0.
type ExecCheck struct {
	// A program and its arguments, run as the service, in its directory and with
	// its environment.
	Args []string `json:"args"`
	Checks
}

// Probed reports whether s asks for what @probe does.
func (s *Spec) Probed() bool {
	return s.HTTPCheck != nil || s.TCPCheck != nil || s.ExecCheck != nil ||
		s.Ready != nil && (s.Ready.HTTP != nil || s.Ready.TCP != "" || s.Ready.Exec != nil)
}

// CodeRange are the status codes from First to Last.
type CodeRange struct{ First, Last int }

// Codes are status codes. In a file a range of one code is a number, another a
// string: "200-299"; one element may stand without a list.
type Codes []CodeRange

// AnswersAtAll are the codes of a server that works, whatever it thinks of the
// request: all that do not begin with 5. They are what is good in a health check
// that does not say.
var AnswersAtAll = Codes{{100, 499}}

// AnswersWell are the codes of a request that was fulfilled, or redirected.
var AnswersWell = Codes{{200, 399}}

// Has reports whether code is among c.
func (c Codes) Has(code int) bool {
	for _, r := range c {
		if r.First <= code && code <= r.Last {
			return true
		}
	}
	return false
}

// String lists c for people.
func (c Codes) String() string {
	texts := make([]string, len(c))
	for i, r := range c {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

func (r CodeRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalJSON writes a number or a range.
func (r CodeRange) MarshalJSON() ([]byte, error) {
	if r.First == r.Last {
		return strconv.AppendInt(nil, int64(r.First), 10), nil
	}
	return json.Marshal(r.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *CodeRange) UnmarshalJSON(data []byte) error {
	text, err := plain(data)
	if err != nil {
		return err
	}
	of, cause := codesOf(text)
	if cause != "" {
		return fmt.Errorf("read status codes %s: %s", quoted(text), cause)
	}
	*r = of
	return nil
}

// ParseCodes reads what a flag has: codes and ranges, with commas between them.
func ParseCodes(s string) (all Codes, err error) {
	for part := range strings.SplitSeq(s, ",") {
		r, cause := codesOf(strings.TrimSpace(part))
		if cause != "" {
			return nil, fmt.Errorf("read status codes %s: %s", quoted(part), cause)
		}
		all = append(all, r)
	}
	return all, nil
}

// codesOf reads a code or a range, or says what is wrong with it.
func codesOf(s string) (CodeRange, string) {
	const wrong = `must be a code from 100 to 599, or a range ("200-299")`
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	code := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil || len(s) != 3 || n < 100 || n > 599 {
			return 0
		}
		return n
	}
	r := CodeRange{code(first), code(last)}
	switch {
	case r.First == 0 || r.Last == 0:
		return CodeRange{}, wrong
	case r.First > r.Last:
		return CodeRange{}, "the range ends before it begins"
	}
	return r, ""
}

// SplitURL takes a URL of a health check apart: what to ask for, and the socket
// to ask it on; "" = the host and port in the URL.
func SplitURL(s string) (target, socket string, err error) {
	target, socket, cause := splitURL(s)
	if cause != "" {
		return "", "", fmt.Errorf("read URL %s: %s", quoted(s), cause)
	}
	return target, socket, nil
}

func splitURL(s string) (target, socket, cause string) {
	if rest, ok := strings.CutPrefix(s, "unix://"); ok {
		socket, request, ok := strings.Cut(rest, ":")
		if !ok || !path.IsAbs(socket) || !path.IsAbs(request) {
			return "", "", "must be as in unix:///run/x.sock:/path"
		}
		target, _, cause = splitURL("http://localhost" + request)
		return target, socket, cause
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", "", strings.TrimPrefix(err.Error(), "parse "+strconv.Quote(s)+": ")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", "must begin with http://, https:// or unix:///"
	case u.Hostname() == "":
		return "", "", "names no host"
	case u.Port() != "" && !isPort(u.Port()):
		return "", "", "the port must be from 1 to 65535"
	}
	return s, "", ""
}

// SplitAddress takes the address of a health check apart, as for net.Dial.
func SplitAddress(s string) (network, address string, err error) {
	network, address, cause := splitAddress(s)
	if cause != "" {
		return "", "", fmt.Errorf("read address %s: %s", quoted(s), cause)
	}
	return network, address, nil
}

// isAddress says whether s is HOST:PORT, and returns the port, which may be too big. An
// IPv6 host is in brackets.
func isAddress(s string) (port string, is bool) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 || colon == len(s)-1 || strings.Trim(s[colon+1:], "0123456789") != "" {
		return "", false
	}
	host, port := s[:colon], s[colon+1:]
	if in, ok := strings.CutPrefix(host, "["); ok {
		in, ok = strings.CutSuffix(in, "]")
		in, zone, zoned := strings.Cut(in, "%")
		return port, ok && in != "" && strings.Trim(in, "0123456789abcdefABCDEF:.") == "" && zoned == (zone != "") && !strings.Contains(zone, "]")
	}
	return port, host != "" && !strings.ContainsAny(host, "[]:/ \t\n\f\r")
}

func splitAddress(s string) (network, address, cause string) {
	if socket, ok := strings.CutPrefix(s, "unix://"); ok {
		if len(socket) < 2 || socket[0] != '/' && socket[0] != '@' {
			return "", "", "must be as in unix:///run/x.sock or unix://@abstract"
		}
		return "unix", socket, ""
	}
	port, is := isAddress(s)
	switch {
	case !is:
		return "", "", `must be HOST:PORT ("127.0.0.1:80", "[::1]:80"), unix:///run/x.sock or unix://@abstract`
	case !isPort(port):
		return "", "", "the port must be from 1 to 65535"
	}
	return "tcp", s, ""
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// Probes is state/probe/NAME.json: what @probe has found out about a service.
type Probes struct {
	Name   string           `json:"name"`   // The service.
	Checks map[string]Probe `json:"checks"` // By what is asked: http, tcp, exec; ready: whether it is ready.
}

// Probe is how a health check went last.
type Probe struct {
	OK         bool       `json:"ok"`              // Whether it was good.
	Error      string     `json:"error,omitempty"` // Why not.
	Since      time.Time  `json:"since"`           // Since when it has been so, in this life.
	At         time.Time  `json:"at"`              // When it was made.
	Took       float64    `json:"took"`            // For how many seconds.
	Generation uint64     `json:"generation"`      // Number of the life that it is about.
	Good       int        `json:"good"`            // So many good ones in a row.
	Bad        int        `json:"bad"`             // So many bad ones that are not forgotten.
	Next       *time.Time `json:"next"`            // When the next one is due; null = none is.
}
