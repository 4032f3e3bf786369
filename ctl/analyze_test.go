package ctl

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// start is a colony of which everything is known but how it came up.
type start struct {
	t     *testing.T
	p     Places
	began time.Time
}

func newStart(t *testing.T) *start {
	s := &start{t, newPlaces(t), time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	publish(t, s.p.Colony(), spec.ColonyStatus{Started: s.began})
	return s
}

// at is so many seconds after the start.
func (s *start) at(seconds float64) time.Time {
	return s.began.Add(time.Duration(seconds * float64(time.Second)))
}

func (s *start) service(name, content string, st spec.Status) {
	st.Name = name
	publish(s.t, s.p.Status(name), st)
	write(s.t, filepath.Join(s.p.Config, name), content)
}

// up is the status of a service that was wanted, started and ready so many
// seconds after the start.
func (s *start) up(wanted, started, ready float64) spec.Status {
	w, b, r := s.at(wanted), s.at(started), s.at(ready)
	return spec.Status{State: spec.Running, PID: 7, Since: r, Wanted: &w, Started: &b, ReadyAt: &r}
}

func (s *start) analyze(after float64) *Analysis {
	s.t.Helper()
	a, err := Analyze(s.p, s.at(after))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestAnalyze(t *testing.T) {
	s := newStart(t)
	zero, one := 0, 1
	s.service("db", `{"args": ["a"], "ready": {"notify": true}}`, s.up(0, 0, 2))
	s.service("migrate", `{"args": ["a"], "restart": "never", "after": ["db"]}`, spec.Status{
		State: spec.Exited, Since: s.at(5), LastExit: &spec.Exit{Code: &zero, At: s.at(5), Ran: 3}})
	s.service("cache", `{"args": ["a"]}`, spec.Status{State: spec.Running, Since: s.at(1), PID: 7})
	s.service("api", needing("db migrate cache", ""), s.up(0, 5, 6))
	s.service("web", needing("api", ""), s.up(0, 6, 6.5))
	s.service("bad", `{"args": ["a"], "restart": "never"}`, spec.Status{
		State: spec.Exited, Since: s.at(1), LastExit: &spec.Exit{Code: &one, At: s.at(1), Ran: 1}})
	s.service("slow", `{"args": ["a"], "ready": {"notify": true}}`, spec.Status{State: spec.Starting, PID: 8, Since: s.at(1)})
	wanted := s.at(0)
	s.service("lost", needing("nobody", ""), spec.Status{State: spec.Waiting, Since: s.at(0), Wanted: &wanted, WaitingFor: []string{"nobody"}})
	again := s.up(100, 101, 103)
	again.Restarts = 2
	s.service("again", needing("db", ""), again)
	s.service("added", needing("db", ""), spec.Status{State: spec.Running, Since: s.at(60), PID: 9})
	s.service("before", `{"args": ["a"]}`, spec.Status{State: spec.Running, Since: s.at(-60), PID: 9})
	publish(t, s.p.Status("@heartcheck"), spec.Status{Name: "@heartcheck", State: spec.Running, Since: s.at(200)})

	a := s.analyze(300)
	if diff := cmp.Diff([]string{"db", "migrate", "api", "web"}, a.Critical); diff != "" {
		t.Errorf("critical chain (-want +got):\n%s", diff)
	}
	if a.ReadyAt == nil || !a.ReadyAt.Equal(s.at(6.5)) {
		t.Errorf("the last was ready at %v", a.ReadyAt)
	}
	type row struct {
		Name             string
		Waited, Starting float64
		Ready            bool
		Life             string
		Critical         bool
	}
	var got []row
	for _, svc := range a.Services {
		got = append(got, row{svc.Name, svc.Waited, svc.Starting, svc.ReadyAt != nil, svc.Life, svc.Critical})
	}
	want := []row{ // in the order in which they started
		{"before", 0, 0, true, LifeEarlier, false},
		{"bad", 0, 0, false, "", false},
		{"db", 0, 2, true, "", true},
		{"cache", 0, 0, true, "", false},
		{"slow", 0, 299, false, "", false},
		{"migrate", 2, 3, true, "", true},
		{"api", 5, 1, true, "", true},
		{"web", 6, 0.5, true, "", true},
		{"added", 0, 0, true, LifeLater, false},
		{"again", 1, 2, true, LifeRestarted, false},
		{"lost", 300, 0, false, "", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

// The chain ends where nobody was waited for, and where nobody knows any more.
func TestCriticalChainEnds(t *testing.T) {
	s := newStart(t)
	s.service("db", `{"args": ["a"]}`, s.up(0, 0, 2))
	s.service("web", needing("db", ""), s.up(3, 3, 4)) // came later, and found it ready
	if diff := cmp.Diff([]string{"web"}, s.analyze(9).Critical); diff != "" {
		t.Errorf("nobody was waited for (-want +got):\n%s", diff)
	}
	again := s.up(1, 1, 8)
	again.Restarts = 1
	s.service("db", `{"args": ["a"]}`, again)
	s.service("web", needing("db", ""), s.up(0, 3, 4))
	if diff := cmp.Diff([]string{"web"}, s.analyze(9).Critical); diff != "" {
		t.Errorf("restarted since (-want +got):\n%s", diff)
	}
	again = s.up(1, 1, 2)
	again.Restarts = 1
	s.service("db", `{"args": ["a"]}`, again)
	if diff := cmp.Diff([]string{"db", "web"}, s.analyze(9).Critical); diff != "" {
		t.Errorf("restarted while it was waited for (-want +got):\n%s", diff)
	}
	s.service("db", needing("web", ""), s.up(0, 4, 4)) // nonsense must not hang it
	s.service("web", needing("db", ""), s.up(0, 4, 4))
	if got := s.analyze(9).Critical; len(got) > 2 {
		t.Errorf("a circle is walked round: %v", got)
	}
}

func TestAnalyzeNothing(t *testing.T) {
	if _, err := Analyze(newPlaces(t), time.Now()); err != ErrNoSupervisor {
		t.Errorf("error %v, want %v", err, ErrNoSupervisor)
	}
	a := newStart(t).analyze(1)
	if text, _ := json.Marshal(a); string(text) != `{"started":"2026-01-31T12:00:00Z","ready_at":null,"services":[],"critical":[]}` {
		t.Errorf("JSON of nothing: %s", text)
	}
}
