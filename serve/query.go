package serve

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// query reads the parameters of a URL, and keeps the first that is wrong.
type query struct {
	values url.Values
	err    error
}

// queryOf begins to read; unless it is done with, an unknown parameter is an error.
func queryOf(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.err = problem(operations.Invalid, "", "read query: "+err.Error())
	}
	return q
}

func (q *query) wrong(name, format string, args ...any) {
	if q.err == nil {
		q.err = problem(operations.Invalid, name, name+": "+fmt.Sprintf(format, args...))
	}
}

// all returns every value of a parameter.
func (q *query) all(name string) []string {
	values := q.values[name]
	delete(q.values, name)
	return values
}

// text returns a parameter that is given once at most.
func (q *query) text(name string) string {
	values := q.all(name)
	switch len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	q.wrong(name, "given %d times", len(values))
	return ""
}

// list returns the values of a parameter that may be given several times and with
// commas.
func (q *query) list(name string) (all []string) {
	for _, value := range q.all(name) {
		all = append(all, strings.Split(value, ",")...)
	}
	return all
}

// limit is how many items are asked for; 0 = the caller does not say.
func (q *query) limit() int {
	s := q.text("limit")
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > operations.MaxLimit {
		q.wrong("limit", "%q is no number between 1 and %d", s, operations.MaxLimit)
	}
	return n
}

// number is a parameter that counts; nil = it is not given.
func (q *query) number(name string) *uint64 {
	s := q.text(name)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		q.wrong(name, "%q is no number", s)
		return nil
	}
	return &n
}

// span is a time to wait for.
func (q *query) span(name string, otherwise time.Duration) time.Duration {
	s := q.text(name)
	if s == "" {
		return otherwise
	}
	d, err := spec.ParseDuration(s)
	if err != nil {
		q.wrong(name, "%v", err)
	}
	return min(d.D(), operations.MaxWait)
}

// time is a point in time.
func (q *query) time(name string) (t time.Time) {
	s := q.text(name)
	if s == "" {
		return t
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		q.wrong(name, "%q is no time as in 2026-01-31T12:00:00Z", s)
	}
	return t
}

// done returns what is wrong with the query: also a parameter that nobody has asked
// for, which is more likely misspelt than meant to be of no effect.
func (q *query) done() error {
	for name := range q.values {
		q.wrong(name, "unknown parameter")
	}
	return q.err
}
