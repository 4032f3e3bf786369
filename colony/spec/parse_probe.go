package spec

import (
	"maps"
	"slices"
	"strings"
)

// The keys that @probe acts on. Their null means absent, as the Python checker
// has it, and their other members are for whoever put them there.
const (
	httpcheck = "ncolony.httpcheck"
	tcpcheck  = "ncolony.tcpcheck"
	execcheck = "ncolony.execcheck"
)

// maxCounted bounds how many checks in a row may be asked for.
const maxCounted = 1000

// checks reads an object with the keys of c and those of read, of which the one
// called what is required.
func (r *reader) checks(n *node, key, what string, c *Checks, read map[string]func(*node, string)) bool {
	if n.kind == isNull {
		return false
	}
	at := map[string]int{}
	number := func(to **float64) func(*node, string) {
		return func(n *node, key string) {
			if f, ok := r.float(n, key, 0); ok {
				*to = &f
			}
		}
	}
	maps.Copy(read, map[string]func(*node, string){
		"period": func(n *node, key string) { c.Period, _ = r.positive(n, key) },
		"timeout": func(n *node, key string) {
			d, _ := r.positive(n, key)
			c.Timeout = &d
		},
		"grace":   number(&c.Grace),
		"maxBad":  func(n *node, key string) { c.MaxBad = r.between(n, key, 0, maxCounted) },
		"minGood": func(n *node, key string) { c.MinGood = r.between(n, key, 1, maxCounted) },
		"jitter": func(n *node, key string) {
			number(&c.Jitter)(n, key)
			if c.Jitter != nil && *c.Jitter > 1 {
				r.add(n.at, "%s: must be at most 1", key)
			}
		},
	})
	if !r.fields(n, key, false, read) {
		return false
	}
	for _, m := range n.members {
		at[m.key] = m.value.at
	}
	for _, must := range []string{what, "period"} {
		if _, ok := at[must]; !ok {
			r.add(n.at, "%s.%s: missing", key, must)
		}
	}
	if c.Grace != nil && *c.Grace*float64(c.Period) > float64(MaxDuration) {
		r.add(at["grace"], "%s.grace: period times grace is longer than 10 years", key)
	}
	return true
}

// question gives the keys of what is asked of a URL.
func (r *reader) question(q *HTTPQuestion) map[string]func(*node, string) {
	return map[string]func(*node, string){
		"url":        func(n *node, key string) { q.URL = r.url(n, key) },
		"socket":     func(n *node, key string) { q.Socket, _ = r.path(n, key) },
		"method":     func(n *node, key string) { q.Method = r.token(n, key) },
		"headers":    func(n *node, key string) { q.Headers = r.headers(n, key) },
		"status":     func(n *node, key string) { q.Status = r.codes(n, key) },
		"body":       func(n *node, key string) { q.Body, _ = r.filled(n, key) },
		"bodyRegexp": func(n *node, key string) { q.BodyRegexp = r.pattern(n, key) },
		"follow":     func(n *node, key string) { q.Follow, _ = r.boolean(n, key) },
		"ca":         func(n *node, key string) { q.CA, _ = r.path(n, key) },
		"insecure":   func(n *node, key string) { q.Insecure, _ = r.boolean(n, key) },
	}
}

// sound checks what a question asks as a whole.
func (r *reader) sound(n *node, key string, q *HTTPQuestion) {
	if q.Socket != "" && strings.HasPrefix(q.URL, "unix:") {
		r.add(n.at, "%s.socket: the URL names a socket already", key)
	}
	if q.Insecure && q.CA != "" {
		r.add(n.at, "%s.ca: is of no use with insecure", key)
	}
}

func (r *reader) httpcheck(n *node) {
	var c HTTPCheck
	if r.checks(n, httpcheck, "url", &c.Checks, r.question(&c.HTTPQuestion)) {
		r.sound(n, httpcheck, &c.HTTPQuestion)
		r.spec.HTTPCheck = &c
	}
}

// readyHTTP reads a URL, or an object that has one.
func (r *reader) readyHTTP(n *node, key string) *ReadyHTTP {
	var v ReadyHTTP
	if n.kind == isString {
		v.URL = r.url(n, key)
		return &v
	}
	if !r.is(n, key, isObject, "a URL, or an object with one") || !r.fields(n, key, true, r.question(&v.HTTPQuestion)) {
		return nil
	}
	if !slices.ContainsFunc(n.members, func(m member) bool { return m.key == "url" }) {
		r.add(n.at, "%s.url: missing", key)
	}
	r.sound(n, key, &v.HTTPQuestion)
	return &v
}

func (r *reader) tcpcheck(n *node) {
	var c TCPCheck
	if r.checks(n, tcpcheck, "address", &c.Checks, map[string]func(*node, string){
		"address": func(n *node, key string) { c.Address = r.target(n, key) },
	}) {
		r.spec.TCPCheck = &c
	}
}

func (r *reader) execcheck(n *node) {
	var c ExecCheck
	if r.checks(n, execcheck, "args", &c.Checks, map[string]func(*node, string){
		"args": func(n *node, key string) { c.Args, _ = r.argv(n, key) },
	}) {
		r.spec.ExecCheck = &c
	}
}

// url reads the URL of a health check.
func (r *reader) url(n *node, key string) string {
	s, ok := r.filled(n, key)
	if !ok {
		return ""
	}
	if _, _, cause := splitURL(s); cause != "" {
		r.add(n.at, "%s: %s: %s", key, quoted(s), cause)
	}
	return s
}

// target reads the address of a health check.
func (r *reader) target(n *node, key string) string {
	s, ok := r.filled(n, key)
	if !ok {
		return ""
	}
	if _, _, cause := splitAddress(s); cause != "" {
		r.add(n.at, "%s: %s: %s", key, quoted(s), cause)
	}
	return s
}

// isToken is what methods and names of headers are (RFC 9110). Like isAddress it does
// without package regexp, which PID 1 would not need but for them.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+.^_`|~-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

func (r *reader) token(n *node, key string) string {
	s, ok := r.filled(n, key)
	if ok && !isToken(s) {
		r.add(n.at, "%s: %s is no request method", key, quoted(s))
	}
	return s
}

func (r *reader) headers(n *node, key string) map[string]string {
	if !r.is(n, key, isObject) {
		return nil
	}
	headers := make(map[string]string, len(n.members))
	for _, m := range n.members {
		at := key + ": " + quoted(m.key)
		if !isToken(m.key) {
			r.add(m.at, "%s: cannot be the name of a header", at)
			continue
		}
		v, ok := r.string(m.value, at)
		if ok && strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			r.add(m.value.at, "%s: contains a control character", at)
		}
		headers[m.key] = v
	}
	return headers
}

// codes reads status codes: one, a range, or a list of both.
func (r *reader) codes(n *node, key string) Codes {
	one := func(n *node, key string) (CodeRange, bool) {
		if n.kind == isNumber {
			code, ok := r.integer(n, key, 100, 599)
			return CodeRange{int(code), int(code)}, ok
		}
		if !r.is(n, key, isString, `a code, or a range ("200-299")`) {
			return CodeRange{}, false
		}
		of, cause := codesOf(n.text)
		if cause != "" {
			r.add(n.at, "%s: %s: %s", key, quoted(n.text), cause)
		}
		return of, cause == ""
	}
	if n.kind != isList {
		of, _ := one(n, key)
		return Codes{of}
	}
	if len(n.items) == 0 {
		r.add(n.at, "%s: must not be empty: no answer would be good", key)
	}
	all, _ := list(r.problems, n, key, one)
	return all
}
