package story

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted, to be read over")

// utc has times printed the same on every machine.
func utc(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

// tale is what a story is of.
type tale struct {
	what string
	with func(*Story)
}

// Every state, and what can be said beside it, as a stranger reads it: see
// testdata/stories.txt.
func TestStories(t *testing.T) {
	utc(t)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	parse := func(text string) *spec.Spec {
		s, err := spec.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain := parse(`{"args": ["web"]}`)
	three := 3
	zero := 0
	soon := now.Add(4 * time.Second)
	crash := &spec.Exit{Code: &three, At: before(2 * time.Second), Ran: 0.2}
	status := func(state spec.State, more func(*spec.Status)) *spec.Status {
		st := &spec.Status{Name: "web", State: state, Since: before(2 * time.Second), Generation: 1, SpecSHA256: plain.Digest()}
		if state == spec.Running || state == spec.Stopping {
			st.PID = 4711
		}
		if more != nil {
			more(st)
		}
		return st
	}
	bad := func(s *Story) {
		s.spec, s.specErr = nil, errors.New("bad")
		s.problems = []string{"/c/config/web:3:12: uid: must be a number", "/c/config/web:4:3: args: missing"}
	}
	stories := []tale{
		{"running", func(s *Story) {
			s.status = status(spec.Running, func(st *spec.Status) { st.Since = before(26 * time.Hour) })
		}},
		{"running again, with a spec that broke, and events", func(s *Story) {
			s.status = status(spec.Running, func(st *spec.Status) {
				st.Restarts, st.LastExit = 2, crash
				st.SpecError = &spec.Problem{Line: 3, Column: 12, Message: "uid: must be a number"}
			})
			bad(s)
			s.events = []spec.Event{
				{Time: before(3 * time.Second), Type: spec.EventStarted, PID: 4700},
				{Time: before(2 * time.Second), Type: spec.EventExited, PID: 4700, Exit: crash},
				{Time: before(time.Second), Type: spec.EventStarted, PID: 4711},
			}
		}},
		{"running, with all that a policy can have", func(s *Story) {
			s.spec = parse(`{"args": ["web"], "restart": "on-failure", "success_codes": [0, 7], "group": ["front", "all"], "main": true,
				"backoff": {"min": 0.5, "max": "5m", "factor": 1.5, "threshold": 3}, "stop": {"signal": "INT", "grace": 30, "command": ["bye", "now"], "scope": "group"},
				"ncolony.beatcheck": {"period": 10, "grace": 3, "status": "/beat/web"}, "retsart": 1}`)
			s.status = status(spec.Running, func(st *spec.Status) {
				st.SpecSHA256 = s.spec.Digest()
				st.Warnings = s.spec.Warnings
			})
		}},
		{"running, and removed", func(s *Story) {
			s.status, s.path, s.spec, s.specErr = status(spec.Running, nil), "", nil, ctl.ErrNoService
		}},
		{"running, with two specs", func(s *Story) {
			s.status, s.path, s.spec = status(spec.Running, func(st *spec.Status) {
				st.SpecError = &spec.Problem{Message: "both web and web.json are there; remove one"}
			}), "", nil
			s.specErr = fmt.Errorf(`"web" and "web.json" both stand in /c/config: %w`, ctl.ErrClash)
		}},
		{"not seen, with a spec that cannot be read", func(s *Story) {
			s.spec, s.specErr = nil, errors.New("read /c/config/web: not a regular file")
		}},
		{"running, with a spec that is newer", func(s *Story) { s.status = status(spec.Running, nil); s.spec = parse(`{"args": ["newer"]}`) }},
		{"starting", func(s *Story) { s.status = status(spec.Starting, nil) }},
		{"stopping, because somebody asked", func(s *Story) {
			s.status = status(spec.Stopping, nil)
			s.stop = &spec.StopNote{At: before(2 * time.Second), By: "17-1 (uid 0)", Reason: "disk is being replaced"}
		}},
		{"stopping, for something is left", func(s *Story) {
			s.status = status(spec.Stopping, func(st *spec.Status) { st.PID, st.LastExit = 0, crash })
		}},
		{"stopping, for the colony ends", func(s *Story) { s.status = status(spec.Stopping, nil); s.draining = true }},
		{"backoff", func(s *Story) {
			s.status = status(spec.Backingoff, func(st *spec.Status) { st.LastExit, st.NextStart, st.Restarts = crash, &soon, 4 })
			s.spec = parse(`{"args": ["web"], "backoff": {"factor": 1, "jitter": 0}, "stop": {"scope": "main", "grace": 1}}`)
			s.status.SpecSHA256 = s.spec.Digest()
		}},
		{"backoff, for it cannot be started", func(s *Story) {
			s.status = status(spec.Backingoff, func(st *spec.Status) {
				st.LastExit, st.NextStart = &spec.Exit{SpawnError: "execute /no/such: no such file", At: before(2 * time.Second)}, &soon
			})
		}},
		{"waiting", func(s *Story) {
			s.status = status(spec.Waiting, func(st *spec.Status) { st.Generation, st.WaitingFor = 0, []string{"db", "mq"} })
		}},
		{"stopped", func(s *Story) {
			s.status = status(spec.Stopped, func(st *spec.Status) {
				st.LastExit = &spec.Exit{Signal: "TERM", At: before(2 * time.Second), Ran: 7200}
			})
			s.stop = &spec.StopNote{At: before(40 * time.Hour), By: "17-1 (uid 0)"}
		}},
		{"exited, never to start", func(s *Story) {
			s.spec = parse(`{"args": ["web"], "restart": "never"}`)
			s.status = status(spec.Exited, func(st *spec.Status) { st.LastExit = crash; st.SpecSHA256 = s.spec.Digest() })
		}},
		{"exited, well", func(s *Story) {
			s.spec = parse(`{"args": ["web"], "restart": "on-failure", "backoff": {"min": 0}}`)
			s.status = status(spec.Exited, func(st *spec.Status) {
				st.LastExit = &spec.Exit{Code: &zero, At: before(2 * time.Second), Ran: 90}
				st.SpecSHA256 = s.spec.Digest()
			})
		}},
		{"failed", func(s *Story) { s.status = status(spec.Failed, func(st *spec.Status) { st.LastExit = crash }) }},
		{"invalid", func(s *Story) {
			s.status = status(spec.Invalid, func(st *spec.Status) {
				st.Generation, st.SpecSHA256 = 0, ""
				st.SpecError = &spec.Problem{Line: 3, Column: 12, Message: "uid: must be a number"}
			})
			bad(s)
		}},
		{"invalid, though the file is good by itself", func(s *Story) {
			s.status = status(spec.Invalid, func(st *spec.Status) {
				st.Generation, st.SpecSHA256 = 0, ""
				st.SpecError = &spec.Problem{Message: `user: no user "www"`}
			})
		}},
		{"not seen yet", func(s *Story) {}},
		{"not seen by anybody", func(s *Story) { s.alive = false }},
		{"stale", func(s *Story) { s.alive = false; s.status = status(spec.Running, nil) }},
		{"a helper", func(s *Story) {
			s.name, s.helper, s.path, s.spec = "@heartcheck", true, "", nil
			s.status = status(spec.Running, func(st *spec.Status) { st.SpecSHA256 = "" })
		}},
	}
	stories = append(append(stories, newStories(now)...), append(scheduleStories(now), healthStories(now)...)...)
	told := map[spec.State]bool{}
	var got txtar.Archive
	for _, tc := range stories {
		s := &Story{name: "web", now: now, alive: true, ctl: "ncolony ctl ", path: "/c/config/web", spec: plain}
		tc.with(s)
		if s.status != nil {
			told[s.status.State] = true
		}
		text := s.Tell(80)
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 80 && !strings.Contains(line, "  20") { // events are a line each
				t.Errorf("%s: line of %d characters: %q", tc.what, len(line), line)
			}
		}
		got.Files = append(got.Files, txtar.File{Name: tc.what, Data: []byte(text)})
	}
	for _, state := range spec.States {
		if !told[state] {
			t.Errorf("there is no story of a service that is %s", state)
		}
	}
	const path = "testdata/stories.txt"
	if *update {
		if err := os.WriteFile(path, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(&got))); diff != "" {
		t.Errorf("stories (-want +got):\n%s", diff)
	}
}
