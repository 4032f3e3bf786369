package story

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// scheduleStories are those of services with a schedule.
func scheduleStories(now time.Time) []tale {
	before := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	zero, one := 0, 1
	by := func(text string, st spec.Status, t *spec.Timetable) func(*Story) {
		return func(s *Story) {
			sp, err := spec.Parse([]byte(text))
			if err != nil {
				panic(err)
			}
			st.Name, st.SpecSHA256, st.Schedule = "web", sp.Digest(), t
			st.Since, st.Watched.Schedule = *before(9 * time.Hour), t != nil
			s.spec, s.status = sp, &st
		}
	}
	const nightly = `{"args": ["web"], "schedule": {"cron": "0 3 * * *", "zone": "Europe/Berlin"}}`
	const often = `{"args": ["web"], "restart": "on-failure", "schedule": {"every": "10m"}}`
	waits := spec.Status{State: spec.Waiting, WaitingFor: []string{spec.Scheduler}}
	ran := waits
	ran.Generation, ran.LastExit = 4, &spec.Exit{Code: &zero, At: *before(9 * time.Hour), Ran: 30}
	failed := spec.Status{State: spec.Exited, Generation: 4, LastExit: &spec.Exit{Code: &one, At: *before(9 * time.Hour), Ran: 30}}
	next := now.Add(15 * time.Hour)
	soon := now.Add(4 * time.Minute)
	after := func(st spec.Status, t *spec.Timetable) func(*Story) {
		return func(s *Story) {
			by(`{"args": ["web"], "after": ["backup"]}`, spec.Status{State: spec.Waiting, WaitingFor: []string{"backup"}}, nil)(s)
			st.Schedule = t
			s.look = among(map[string]neighbour{"backup": {status: &st, job: true}})
		}
	}
	return []tale{
		{"waiting until it is due", by(nightly, waits, &spec.Timetable{Next: &next})},
		{"waiting until it is due again", by(nightly, ran, &spec.Timetable{Last: before(9 * time.Hour), Next: &next})},
		{"waiting until it is due, and nobody looks", by(nightly, ran, nil)},
		{"a run has failed, and times were skipped and missed", by(often, failed, &spec.Timetable{Last: before(9 * time.Hour), Next: &soon, Skipped: 3, SkippedAt: before(8 * time.Hour),
			SkippedFor: "it still ran", Missed: 1})},
		{"a run could not be started", by(often, failed, &spec.Timetable{Last: before(9 * time.Hour), Next: &soon, Error: "no such file"})},
		{"a run has failed too often", by(often, spec.Status{State: spec.Failed, Generation: 4, LastExit: failed.LastExit, Reason: "more than 5 restarts within 1m0s"}, &spec.Timetable{Next: &soon})},
		{"waiting for one that waits until it is due", after(waits, &spec.Timetable{Next: &next})},
	}
}
