// Package cron says when a crontab line is due next. The parser is a library's;
// what becomes of the hours that a day has twice or not at all is decided here.
//
// It is pure: a zone is passed in, and no clock is looked at.
package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	parser "github.com/netresearch/go-cron"
)

// Times are the moments that a line like "0 3 * * *" names.
type Times struct {
	line *parser.SpecSchedule
}

// fields are what a line has, in this order, and nothing else. As in crontab(5) a
// day is meant if either of its two fields names it, unless one begins with *.
const fields = parser.Minute | parser.Hour | parser.Dom | parser.Month | parser.Dow | parser.Descriptor | parser.DowOrDom

// searchYears is how far ahead a day is looked for. 29 February comes after 8
// years at the latest (1896, 1904), and on a given day of the week after 40.
const searchYears = 41

// lines parses them. A field may hold names (MON, JAN), lists, ranges and steps.
var lines = parser.MustNewParser(fields).WithMaxSearchYears(searchYears)

// Parse reads five fields (minute, hour, day of month, month, day of week) or one
// of @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually. The
// error says what is wrong with the line and does not repeat it.
func Parse(text string) (*Times, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return nil, errors.New("must not be empty")
	case strings.HasPrefix(words[0], "@every"):
		return nil, errors.New(`write it with the key "every"`)
	case strings.HasPrefix(words[0], "@reboot"):
		return nil, errors.New("@reboot: a service without schedule is started when the colony is")
	case words[0][0] == '@' && len(words) > 1:
		return nil, fmt.Errorf("nothing may follow %s", words[0])
	case words[0][0] != '@' && len(words) != 5:
		return nil, fmt.Errorf("must have 5 fields (minute, hour, day of month, month, day of week), not %d", len(words))
	}
	for _, w := range words {
		if strange(w) {
			return nil, fmt.Errorf("%q: has no meaning in a field", w)
		}
	}
	s, err := lines.Parse(strings.Join(words, " "))
	if err != nil {
		return nil, err
	}
	line, ok := s.(*parser.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q: is no times of day", words[0])
	}
	line.Location = time.UTC
	t := &Times{line}
	if t.after(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("names a day that never comes")
	}
	return t, nil
}

// names are the words that a field may hold.
const names = " jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat "

// strange reports whether a field holds more than numbers, names and "*,-/". What
// the library can do beyond that is not ours to promise: L, W, #, and zones.
func strange(field string) bool {
	if field[0] == '@' {
		return false // the library knows them all
	}
	for _, word := range strings.FieldsFunc(field, func(c rune) bool { return strings.ContainsRune("*,-/", c) }) {
		if strings.Trim(word, "0123456789") != "" && !strings.Contains(names, " "+strings.ToLower(word)+" ") {
			return true
		}
	}
	return false
}

// after is the first time after t in a place whose clock is never changed.
func (c *Times) after(t time.Time) time.Time { return c.line.Next(t) }

// allHours has the bits of the hours of a day.
const allHours = 1<<24 - 1

// often reports whether the line names every hour of its days. Such runs go by
// the time that passes; others, by what the clock on the wall shows.
func (c *Times) often() bool { return c.line.Hour&allHours == allHours }

// Next is the first moment after t at which the line is due in a zone; zero =
// never.
//
// Where the clock is put forward, what was due in the time that is left out is
// due once, right after it. Where it is put back, what is due in the time that
// comes twice is due the first time only. Lines that name every hour go on as if
// nothing were: by the clock, whenever it shows a time that they name.
func (c *Times) Next(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	if c.often() {
		return c.nextByTime(t)
	}
	for w := c.after(wall(t)); !w.IsZero(); w = c.after(w) {
		if at := first(w, zone); at.After(t) {
			return at
		}
	}
	return time.Time{}
}

// nextByTime goes from one change of the clock to the next.
func (c *Times) nextByTime(t time.Time) time.Time {
	from := wall(t)
	for {
		w := c.after(from)
		if w.IsZero() {
			return w
		}
		at := t.Add(w.Sub(wall(t)))
		put, found := change(t, at)
		if !found {
			return at
		}
		t = put
		from = wall(t).Add(-time.Nanosecond) // the moment of the change may be due
	}
}
