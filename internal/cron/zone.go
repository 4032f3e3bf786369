package cron

import (
	"fmt"
	"sort"
	"time"
)

// Zone finds a zone by its name, as in "Europe/Berlin"; "" and "Local" are that
// of this process. The error names it and the way out.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		return zone, nil
	}
	if _, err := time.LoadLocation("Europe/London"); err != nil {
		return nil, fmt.Errorf("%q: no zones are known here: install tzdata, set ZONEINFO to its zoneinfo.zip or directory, or use UTC", name)
	}
	return nil, fmt.Errorf("%q: there is no such zone; names are like Europe/Berlin", name)
}

// wall is what a clock shows at t, as a time of UTC.
func wall(t time.Time) time.Time { return t.UTC().Add(ahead(t)) }

// ahead is how far the clock at t is ahead of UTC.
func ahead(t time.Time) time.Duration {
	_, offset := t.Zone()
	return time.Duration(offset) * time.Second
}

const (
	day = 26 * time.Hour // more than any clock is ahead of UTC, or behind

	// calm is shorter than the time between two changes of any clock.
	calm = 12 * time.Hour
)

// change is the first moment after t, and not after end, at which the clock is
// put forward or back. Time.ZoneBounds cannot be asked: for the last day of a leap
// year it may name a change that is over (Go 1.26).
func change(t, end time.Time) (at time.Time, found bool) {
	for t.Before(end) {
		next := t.Add(calm)
		if next.After(end) {
			next = end
		}
		if was := ahead(t); ahead(next.In(t.Location())) != was {
			begin := t.Unix() + 1
			n := sort.Search(int(next.Unix()-begin), func(i int) bool {
				return ahead(time.Unix(begin+int64(i), 0).In(t.Location())) != was
			})
			return time.Unix(begin+int64(n), 0).In(t.Location()), true
		}
		t = next
	}
	return time.Time{}, false
}

// first is the first moment at which a clock of the zone shows w or, if it never
// does because it is put forward, the moment when that happens.
func first(w time.Time, zone *time.Location) time.Time {
	t := w.Add(-day).In(zone) // by then no clock shows as much
	for {
		at := w.Add(-ahead(t)).In(zone)
		if at.Before(t) {
			return t // of the change
		}
		put, found := change(t, w.Add(day))
		if !found || at.Before(put) {
			return at
		}
		t = put
	}
}
