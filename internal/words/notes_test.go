package words

import (
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestScheduleNotes(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { at := now.Add(d); return &at }
	waits := []string{spec.Scheduler}
	for _, tc := range []struct {
		status spec.Status
		want   string
	}{
		{spec.Status{WaitingFor: waits}, "waits for @schedule"},
		{spec.Status{WaitingFor: waits, Schedule: &spec.Timetable{Next: at(time.Hour)}}, "due in 1h0m"},
		{spec.Status{WaitingFor: waits, Schedule: &spec.Timetable{}}, ""},
		{spec.Status{WaitingFor: []string{"db"}, Schedule: &spec.Timetable{Next: at(-time.Minute), Last: at(-time.Hour), Skipped: 2, Missed: 1}},
			"was due 1m0s ago; last 1h0m ago; skipped 2; missed 1; waits for db"},
	} {
		if got, _ := Notes(&tc.status, now); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
