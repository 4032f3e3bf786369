package story

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// among has the story happen among others.
func among(others map[string]neighbour) func(string) neighbour {
	return func(name string) neighbour {
		if n, ok := others[name]; ok {
			return n
		}
		return neighbour{none: true}
	}
}

// newStories are those of dependencies, readiness, watchdogs and limits.
func newStories(now time.Time) []tale {
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	moment := func(d time.Duration) *time.Time { at := now.Add(d); return &at }
	one := 1
	by := func(text string, st spec.Status, more func(*Story)) func(*Story) {
		return func(s *Story) {
			sp, err := spec.Parse([]byte(text))
			if err != nil {
				panic(err)
			}
			st.Name, st.SpecSHA256 = "web", sp.Digest()
			if st.Since.IsZero() {
				st.Since = before(2 * time.Second)
			}
			s.spec, s.status = sp, &st
			if more != nil {
				more(s)
			}
		}
	}
	waiting := func(reason string, names ...string) spec.Status {
		return spec.Status{State: spec.Waiting, Since: before(time.Minute), WaitingFor: names, Reason: reason}
	}
	is := func(st spec.Status) neighbour { return neighbour{status: &st} }
	stopped := neighbour{
		status: &spec.Status{State: spec.Stopped, Since: before(time.Hour)},
		stop:   &spec.StopNote{At: before(time.Hour), By: "17-1 (uid 0)", Reason: "disk is being replaced"},
	}
	const afterAPI = `{"args": ["web"], "after": ["api"]}`
	chainTo := func(end neighbour) func(*Story) {
		return func(s *Story) { s.look = among(map[string]neighbour{"api": is(waiting("", "db")), "db": end}) }
	}
	failed := spec.Status{State: spec.Failed, Reason: "more than 5 restarts within 1m0s; the last time: exit 1",
		LastExit: &spec.Exit{Code: &one, At: before(2 * time.Second), Ran: 0.2}}
	retried := failed
	retried.NextStart = moment(8 * time.Minute)
	unready := &spec.Exit{Signal: "TERM", Reason: "not ready after 10s", At: before(time.Minute), Ran: 10}
	const notifies = `{"args": ["web"], "ready": {"notify": true, "timeout": 30}, "watchdog": 2, "stop": {"dump": "QUIT"}}`
	return []tale{
		{"waiting for one that waits for one that is stopped", by(afterAPI, waiting(`"api" waits for what does not come by itself`, "api"), chainTo(stopped))},
		{"waiting for one that waits for a service that there is not", by(afterAPI, waiting(`"api" waits for what does not come by itself`, "api"), func(s *Story) {
			s.look = among(map[string]neighbour{"api": is(waiting(`there is no service "db"`, "db"))})
		})},
		{"waiting for one that starts", by(afterAPI, waiting("", "api"), chainTo(is(spec.Status{State: spec.Starting, PID: 7, Since: before(5 * time.Second)})))},
		{"waiting for one in backoff", by(afterAPI, waiting("", "api"), chainTo(is(spec.Status{
			State: spec.Backingoff, NextStart: moment(4 * time.Second), LastExit: unready})))},
		{"waiting for one with a bad spec", by(afterAPI, waiting(`"api" waits for what does not come by itself`, "api"), chainTo(is(spec.Status{
			State: spec.Invalid, SpecError: &spec.Problem{Line: 2, Column: 1, Message: "args: missing"}})))},
		{"waiting for one in a cycle", by(afterAPI, waiting("", "api"), chainTo(is(spec.Status{
			State: spec.Invalid, SpecError: &spec.Problem{Message: "cycle: db -> mq -> db"}})))},
		{"waiting for one that has reached its limit", by(afterAPI, waiting(`"api" waits for what does not come by itself`, "api"), chainTo(is(failed)))},
		{"waiting for one that has reached its limit, and is tried again", by(afterAPI, waiting("", "api"), chainTo(is(retried)))},
		{"waiting for a job that runs", by(afterAPI, waiting("", "api"), chainTo(neighbour{
			status: &spec.Status{State: spec.Running, PID: 7, Since: before(5 * time.Second)}, job: true}))},
		{"waiting for several, of which one does not come", by(`{"args": ["web"], "after": ["a", "b", "c", "d", "e"]}`,
			waiting(`"d" is stopped`, "a", "b", "c", "d", "e"), func(s *Story) {
				ok := is(spec.Status{State: spec.Starting, Since: before(time.Second)})
				s.look = among(map[string]neighbour{"a": ok, "b": ok, "c": ok, "d": stopped, "e": ok})
			})},
		{"failed, for the job before it has", by(afterAPI, spec.Status{State: spec.Failed, WaitingFor: []string{"api"}, Reason: `"api" has failed: exit 1`}, func(s *Story) {
			s.look = among(map[string]neighbour{"api": {job: true, status: &spec.Status{State: spec.Exited,
				LastExit: &spec.Exit{Code: &one, At: before(time.Minute), Ran: 3}}}})
		})},
		{"invalid, for it depends on itself", by(afterAPI, spec.Status{State: spec.Invalid, SpecError: &spec.Problem{Message: "cycle: api -> web -> api"}, Reason: "cycle: api -> web -> api"}, nil)},
		{"running, though it depends on itself", by(afterAPI, spec.Status{State: spec.Running, PID: 7, SpecError: &spec.Problem{Message: "cycle: web -> web"}}, nil)},
		{"stopping, for what it requires is stopped", by(`{"args": ["web"], "requires": ["db"]}`, spec.Status{State: spec.Stopping, PID: 7}, func(s *Story) {
			s.look = among(map[string]neighbour{"db": stopped})
		})},
		{"stopping, for what it requires is gone", by(`{"args": ["web"], "requires": ["db"]}`, spec.Status{State: spec.Stopping, PID: 7}, func(s *Story) { s.look = among(nil) })},
		{"starting, not ready yet", by(notifies, spec.Status{State: spec.Starting, PID: 7, Since: before(5 * time.Second), Started: moment(-5 * time.Second), StatusText: "reading the journal, 30 %"}, nil)},
		{"starting, with all the time, and nobody who looks", by(`{"args": ["web"], "ready": {"http": "http://127.0.0.1/", "timeout": 0}}`,
			spec.Status{State: spec.Starting, PID: 7, Since: before(5 * time.Second), Started: moment(-5 * time.Second)}, nil)},
		{"running and ready, after a miss of its watchdog", by(notifies, spec.Status{
			State: spec.Running, PID: 7, Ready: true, Started: moment(-time.Hour), ReadyAt: moment(-time.Hour + 1200*time.Millisecond), Restarts: 1, Reloading: true,
			LastExit: &spec.Exit{Signal: "QUIT", Core: true, Reason: "no WATCHDOG=1 for 2s", At: before(61 * time.Minute), Ran: 300}}, nil)},
		{"backoff, for it was not ready in time, and near its limit", by(`{"args": ["web"], "ready": {"fd": 3, "timeout": 10}, "limit": {"restarts": 5, "within": "1m", "then": {"retry": "10m"}}}`,
			spec.Status{State: spec.Backingoff, LastExit: unready, NextStart: moment(4 * time.Second),
				Failures: []time.Time{before(90 * time.Second), before(20 * time.Second), before(2 * time.Second)}}, nil)},
		{"failed, with a reason", by(`{"args": ["web"], "limit": {"restarts": 1, "within": "1m"}}`, withFailures(failed, before(9*time.Second), before(2*time.Second)), nil)},
		{"failed, and tried again", by(`{"args": ["web"], "limit": {"restarts": 1, "within": "1m", "then": {"retry": "10m"}}}`, withFailures(retried, before(9*time.Second), before(2*time.Second)), nil)},
	}
}

func withFailures(st spec.Status, at ...time.Time) spec.Status {
	st.Failures = at
	return st
}
