package operations

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/logs"
)

// LogQuery says which lines of a service's output to read; the zero value means the
// last ones. A position is GENERATION:OFFSET, as it is in each line.
type LogQuery struct {
	Stream string    `json:"stream,omitempty"` // "stdout" or "stderr", where the spec keeps them apart; "" = both
	From   string    `json:"from,omitempty"`   // position of the first byte: lines that begin there or later
	After  string    `json:"after,omitempty"`  // position of a line that was seen: lines that begin later
	Since  time.Time `json:"since,omitzero"`   // not older
	Until  time.Time `json:"until,omitzero"`   // not younger
	Grep   string    `json:"grep,omitempty"`   // that match this regular expression (RE2)
	Limit  int       `json:"limit,omitempty"`  // at most so many; 0 = DefaultLimit. Not for FollowLog, but for how many of the past
}

// LogLine is a line of output.
type LogLine struct {
	Time    time.Time `json:"time"`              // when its first byte came
	Service string    `json:"service"`           // whose it is
	Stream  string    `json:"stream,omitempty"`  // "stderr" if that is kept apart and it is of it
	Line    string    `json:"line"`              // without its end; what is no UTF-8 is replaced
	Partial bool      `json:"partial,omitempty"` // it has no end yet, or goes on in the next
	At      string    `json:"at"`                // position of its first byte
}

// LogPage is a part of the output, the oldest line first.
type LogPage struct {
	Lines []LogLine `json:"lines"`
	Next  string    `json:"next,omitempty"` // After for what comes behind; "" = no line, or of several streams
}

// logBytes is how much text a page has at most, but for its last line.
const logBytes = 1 << 20

// Log returns lines of a service's output, or of that of all instances of a spec: with
// From, After or Since the first of them, else the last.
func (c *Colony) Log(ctx context.Context, name string, q LogQuery) (*LogPage, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	query, one, err := c.logQuery(name, &q)
	if err != nil {
		return nil, err
	}
	if query.From == (logs.Position{}) && q.Since.IsZero() {
		query.Last = &q.Limit
	}
	page := &LogPage{Lines: []LogLine{}}
	enough := errors.New("enough")
	size := 0
	err = logs.Read(ctx, c.places, query, func(s logs.Shown) error {
		if q.seen(s) {
			return nil
		}
		if len(page.Lines) == q.Limit || size >= logBytes {
			return enough
		}
		size += len(s.Text)
		page.Lines = append(page.Lines, lineOf(s))
		return nil
	})
	if err != nil && err != enough {
		return nil, explain(err, "read the output of", name)
	}
	if page.Next = q.After; one && len(page.Lines) > 0 {
		page.Next = page.Lines[len(page.Lines)-1].At
	}
	return page, nil
}

// LogFollowing is somebody who follows the output of a service.
type LogFollowing struct {
	c     *Colony
	q     LogQuery
	query logs.Query
	// Resumable: the lines are of one stream, so that After can be used with where
	// they are.
	Resumable bool
}

// FollowLog checks which lines somebody wants to follow.
func (c *Colony) FollowLog(ctx context.Context, name string, q LogQuery) (*LogFollowing, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if !q.Until.IsZero() {
		return nil, refuse(Invalid, "until", "until: what is to come has no end")
	}
	query, one, err := c.logQuery(name, &q)
	if err != nil {
		return nil, err
	}
	if query.From == (logs.Position{}) && q.Since.IsZero() {
		query.Last = &q.Limit
	}
	query.Follow = true
	return &LogFollowing{c, q, query, one}, nil
}

// Each calls each with lines of a service's output: with the last Limit, or those
// behind From, After or Since, and then with what comes, until ctx is done, which is no
// error. pause is called when there is none for now. An error of either ends it, and is
// returned as it is.
func (f *LogFollowing) Each(ctx context.Context, each func(LogLine) error, pause func() error) error {
	query := f.query
	query.Pause = pause
	return logs.Read(ctx, f.c.places, query, func(s logs.Shown) error {
		if f.q.seen(s) {
			return nil
		}
		return each(lineOf(s))
	})
}

// seen says whether the caller has had the line before.
func (q *LogQuery) seen(s logs.Shown) bool {
	after, err := logs.ParsePosition(q.After)
	return err == nil && s.At.Compare(after) <= 0
}

func lineOf(s logs.Shown) LogLine {
	l := LogLine{Time: s.Time.UTC(), Service: s.Name, Line: string(s.Text), Partial: !s.Whole, At: s.At.String()}
	if s.Stderr {
		l.Stream = "stderr"
	}
	if !utf8.ValidString(l.Line) {
		l.Line = string([]rune(l.Line)) // with U+FFFD for what is none
	}
	return l
}

// logQuery checks a query. one: the lines are those of one stream, so that positions
// say where one is.
func (c *Colony) logQuery(name string, q *LogQuery) (query logs.Query, one bool, err error) {
	fail := func(err error) (logs.Query, bool, error) { return logs.Query{}, false, err }
	if err := checkTarget(name); err != nil {
		return fail(err)
	}
	query = logs.Query{Names: ctl.Services(c.places, name), Since: q.Since, Until: q.Until, Trouble: func(err error) {
		c.log.Warn("output not read", "service", name, "err", err)
	}}
	kept := false
	for _, service := range query.Names {
		has, err := logs.Kept(c.places, service)
		if err != nil {
			return fail(explain(err, "read the output of", service))
		}
		kept = kept || has
	}
	if known := ctl.Known(c.places, name); known != nil && !kept {
		return fail(explain(known, "read the output of", name))
	}
	switch q.Stream {
	case "":
	case "stdout":
		query.Stdout = true
	case "stderr":
		query.Stderr = true
	default:
		return fail(refuse(Invalid, "stream", "stream: %q is neither stdout nor stderr", q.Stream))
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return fail(refuse(Invalid, "limit", "limit: must be between 1 and %d", MaxLimit))
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Grep != "" {
		if query.Grep, err = regexp.Compile(q.Grep); err != nil {
			return fail(refuse(Invalid, "grep", "grep: %v", err))
		}
	}
	one = len(query.Names) == 1 && (q.Stream != "" || !c.apart(query.Names[0]))
	return c.positions(q, query, one)
}

// positions puts the positions of q into the query.
func (c *Colony) positions(q *LogQuery, query logs.Query, one bool) (logs.Query, bool, error) {
	for _, p := range []struct{ field, text string }{{"from", q.From}, {"after", q.After}} {
		if p.text == "" {
			continue
		}
		if !one {
			return query, one, refuse(Invalid, p.field, "%s: positions are those of one stream: name one instance, and a stream if they are kept apart", p.field)
		}
		at, err := logs.ParsePosition(p.text)
		if err != nil {
			return query, one, refuse(Invalid, p.field, "%s: %v", p.field, err)
		}
		if at.Compare(query.From) > 0 {
			query.From = at
		}
	}
	return query, one, nil
}

// apart says whether there is a second stream of a service.
func (c *Colony) apart(service string) bool {
	_, err := os.Stat(filepath.Join(c.places.LogDir(), service, "stderr"))
	return err == nil
}
