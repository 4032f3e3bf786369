package schedule

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// site is a colony without a supervisor: its files, a clock, and a helper that is
// asked to turn.
type site struct {
	t    *testing.T
	p    spec.Places
	k    *keeper
	now  time.Time
	mono time.Duration
	sent []string // what was due, by service and request
	fail error    // of sending
	boot string
}

func newSite(t *testing.T) *site {
	root := t.TempDir()
	s := &site{t: t, now: time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC), boot: "first",
		p: spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}}
	for _, dir := range []string{s.p.Config, s.p.Messages, s.p.State, s.p.StatusDir(), s.p.ResultsDir()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.again()
	return s
}

// again is another helper, in place of one that was killed.
func (s *site) again() {
	s.t.Helper()
	var err error
	s.k, err = newKeeper(Options{Places: s.p, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), clock: func() time.Time { return s.now }, epoch: s.boot,
		Send: func(file string, m spec.Message) error {
			if s.fail != nil {
				return s.fail
			}
			if m.Type != spec.StartService || m.Reason == "" {
				s.t.Errorf("sent %+v", m)
			}
			s.sent = append(s.sent, m.Name)
			s.put(filepath.Join(s.p.Messages, file), m)
			return nil
		}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// put writes a file as the supervisor does: under another name first.
func (s *site) put(path string, v any) {
	s.t.Helper()
	data, ok := v.(string)
	if !ok {
		text, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		data = string(text)
	}
	temp := filepath.Join(filepath.Dir(path), ".temp")
	if err := os.WriteFile(temp, []byte(data), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) spec(name, schedule string) {
	s.t.Helper()
	s.put(filepath.Join(s.p.Config, name), `{"args":["x"],"schedule":`+schedule+`}`)
}

func (s *site) says(name string, st spec.Status) {
	s.t.Helper()
	st.Name = name
	s.put(s.p.Status(name), st)
}

// waits is the status of one that has run so often.
func waits(generation uint64) spec.Status {
	return spec.Status{State: spec.Waiting, WaitingFor: []string{spec.Scheduler}, Generation: generation}
}

// turn lets time pass, and returns who was started.
func (s *site) turn(d time.Duration) []string {
	s.t.Helper()
	s.now, s.mono = s.now.Add(d), s.mono+d
	s.sent = nil
	s.k.scanAt = 0 // files that are edited in place, too
	if next := s.k.turn(s.mono); next <= s.mono || next > s.mono+longestTurn {
		s.t.Errorf("at %v the next turn is at %v", s.mono, next)
	}
	return s.sent
}

func (s *site) want(d time.Duration, names ...string) {
	s.t.Helper()
	if diff := cmp.Diff(names, s.turn(d)); diff != "" {
		s.t.Fatalf("at %s (-want +got):\n%s", s.now.Format(layout), diff)
	}
}

func (s *site) table(name string) *spec.Timetable {
	s.t.Helper()
	data, err := os.ReadFile(s.p.Schedule(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	t := &spec.Timetable{}
	if err == nil {
		err = json.Unmarshal(data, t)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// take has the supervisor take the last START, and answer it.
func (s *site) take(name string, r spec.Result) {
	s.t.Helper()
	file := s.table(name).Request
	if file == "" {
		s.t.Fatal("there is no request")
	}
	s.put(s.p.Result(file), r)
	if err := os.Remove(filepath.Join(s.p.Messages, file)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) done(error string) spec.Result {
	return spec.Result{Type: spec.StartService, OK: error == "", Error: error, Finished: &s.now}
}

// A service is started when it is due, and what was done is written down.
func TestKeeper(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"every":60}`)
	s.put(filepath.Join(s.p.Config, "web"), `{"args":["x"]}`)
	s.says("job", waits(0))
	s.want(0)
	if tab := s.table("job"); tab == nil || tab.Last != nil || !tab.Next.Equal(s.now.Add(time.Minute)) || tab.Epoch != "first" {
		t.Fatalf("%+v", tab)
	}
	s.want(59 * time.Second)
	s.want(time.Second, "job")
	s.want(time.Second) // it is not taken yet
	tab := s.table("job")
	if tab.Last == nil || !tab.Last.Equal(s.now.Add(-time.Second)) || tab.Request == "" || tab.Skipped != 0 {
		t.Errorf("%+v", tab)
	}
	s.take("job", s.done(""))
	s.says("job", waits(1))
	s.want(time.Second)
	if tab := s.table("job"); tab.Request != "" {
		t.Errorf("%+v", tab)
	}
	s.says("job", spec.Status{State: spec.Running, PID: 7, Generation: 2, Since: s.now}) // by hand
	s.want(58 * time.Second)
	s.want(2 * time.Second)
	s.want(10 * time.Second)
	if tab := s.table("job"); tab.Skipped != 1 || tab.SkippedFor != "it still ran" {
		t.Errorf("%+v", tab)
	}
}

// A helper that is killed is followed by one that goes on, wherever that was.
func TestKilledHelper(t *testing.T) {
	for name, c := range map[string]struct {
		kill func(s *site) // at the moment when the start was requested
		want []string
	}{
		"before anything was done":          {func(s *site) { s.forget(true) }, []string{"job"}},
		"before it was written down":        {func(s *site) { s.forget(false) }, nil},
		"and the message was taken":         {func(s *site) { s.take("job", s.done("")); s.forget(false) }, nil},
		"after it was written down":         {func(s *site) {}, nil},
		"after, and the message was taken":  {func(s *site) { s.take("job", s.done("")) }, nil},
		"and its notes are broken":          {func(s *site) { s.put(s.p.Schedule("job"), "{") }, nil},
		"and the supervisor was killed too": {func(s *site) { s.take("job", s.done(spec.Interrupted)) }, []string{"job"}},
		"and the colony has shut down":      {func(s *site) { s.take("job", s.done(spec.ShuttingDown)) }, []string{"job"}},
		"and the start was refused":         {func(s *site) { s.take("job", s.done("no such file")) }, nil},
		"and it has run before we looked": {func(s *site) {
			s.take("job", s.done(spec.Interrupted))
			s.says("job", waits(5))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.spec("job", `{"cron":"0 * * * *","zone":"UTC"}`)
			s.says("job", waits(4))
			s.want(0)
			s.want(time.Hour, "job")
			c.kill(s)
			s.again()
			s.want(time.Second, c.want...)
			s.want(time.Second)
			if s.table("job").Request != "" { // it is about the last start
				s.take("job", s.done(""))
			}
			s.want(time.Hour-2*time.Second, "job")
		})
	}
}

// forget puts the notes of a service back to those from before the last start,
// and if it was not sent that too.
func (s *site) forget(unsent bool) {
	s.t.Helper()
	tab := s.table("job")
	if unsent {
		if err := os.Remove(filepath.Join(s.p.Messages, tab.Request)); err != nil {
			s.t.Fatal(err)
		}
	}
	due := *tab.Last
	tab.Done, tab.Last, tab.Request, tab.Generation, tab.Next = due.Add(-time.Hour), nil, "", 0, &due
	s.put(s.p.Schedule("job"), tab)
}

// What was due in another boot is left, and what was requested in it too.
func TestAnotherBoot(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"cron":"0 * * * *","zone":"UTC"}`)
	s.says("job", waits(4))
	s.want(0)
	s.want(time.Hour, "job")
	s.take("job", s.done(spec.Interrupted))
	s.boot = "second"
	s.again()
	s.want(90 * time.Minute)
	if tab := s.table("job"); tab.Missed != 1 || tab.Request != "" || tab.Epoch != "second" {
		t.Errorf("%+v", tab)
	}
	s.want(30*time.Minute, "job")
}

// What cannot be sent is sent when it can.
func TestSendFails(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"every":60}`)
	s.says("job", waits(0))
	s.want(0)
	s.fail = errors.New("no space left")
	s.want(time.Minute)
	s.want(2 * time.Minute)
	s.fail = nil
	s.want(time.Second, "job")
	if tab := s.table("job"); tab.Missed != 2 {
		t.Errorf("%+v", tab)
	}
}

// Why a start was refused is written down, until one is not.
func TestRefused(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"every":60}`)
	s.says("job", waits(0))
	s.want(0)
	s.want(time.Minute, "job")
	s.take("job", s.done("stopped meanwhile"))
	s.want(time.Second)
	if tab := s.table("job"); tab.Error != "stopped meanwhile" {
		t.Errorf("%+v", tab)
	}
	s.want(time.Minute, "job")
	if tab := s.table("job"); tab.Error != "" {
		t.Errorf("%+v", tab)
	}
}

// A schedule is changed, spoilt, and taken away.
func TestEdits(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"every":60}`)
	s.spec("other", `{"every":3600}`)
	s.says("job", waits(0))
	s.says("other", waits(0))
	s.want(0)
	s.want(50 * time.Second)
	s.spec("job", `{"every":30}`) // counted from now
	s.want(time.Second)
	s.want(29 * time.Second)
	s.want(time.Second, "job")
	s.take("job", s.done(""))
	s.spec("job", `{"every":`)
	s.want(29 * time.Second)
	s.want(time.Second, "job") // what was good goes on
	s.take("job", s.done(""))
	s.spec("job", `{"cron":"@hourly","zone":"Nowhere/City"}`)
	s.want(30*time.Second, "job")
	s.put(filepath.Join(s.p.Config, "job"), `{"args":["x"]}`)
	s.want(time.Hour, "other")
	if s.table("job") != nil {
		t.Error("it has no schedule, and a timetable")
	}

	// Its file is gone, and the supervisor has not forgotten it.
	if err := os.Remove(filepath.Join(s.p.Config, "other")); err != nil {
		t.Fatal(err)
	}
	s.want(2 * time.Hour)
	if s.table("other") == nil {
		t.Error("forgotten too early")
	}
	if err := os.Remove(s.p.Status("other")); err != nil {
		t.Fatal(err)
	}
	s.want(time.Second)
	if s.table("other") != nil {
		t.Error("it is gone, and has a timetable")
	}
}

// What is left of services that are none any more is removed; other files are
// not.
func TestSweep(t *testing.T) {
	s := newSite(t)
	s.spec("job", `{"every":60}`)
	if err := os.Mkdir(s.p.ScheduleDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gone.json", "job.json", "README"} {
		s.put(filepath.Join(s.p.ScheduleDir(), name), "{}")
	}
	s.want(0)
	entries, err := os.ReadDir(s.p.ScheduleDir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"README", "job.json"}, names); diff != "" {
		t.Error(diff)
	}
}

// Where nothing can be written down, services are started all the same.
func TestNothingIsKept(t *testing.T) {
	s := newSite(t)
	s.put(s.p.ScheduleDir(), "in the way")
	s.spec("job", `{"every":60}`)
	s.says("job", waits(0))
	s.want(0)
	s.want(time.Minute, "job")
	s.want(time.Second)
	// The directory of specs cannot be read: what was known goes on.
	if err := os.Rename(s.p.Config, s.p.Config+".away"); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.k.entries {
		s.put(s.p.Result(e.table.Request), s.done(""))
	}
	s.want(time.Minute, "job")
}

// What statuses mean to somebody who may start the service.
func TestTells(t *testing.T) {
	began := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	code := 0
	exit := &spec.Exit{Code: &code, At: began.Add(90 * time.Second), Ran: 90}
	for _, tc := range []struct {
		status spec.Status
		busy   string
		began  time.Time
	}{
		{spec.Status{State: spec.Exited, LastExit: exit}, "", began},
		{spec.Status{State: spec.Failed, LastExit: exit}, "", began},
		{spec.Status{State: spec.Backingoff, LastExit: &spec.Exit{SpawnError: "no", At: began}}, "", time.Time{}},
		{waits(0), "", time.Time{}},
		{spec.Status{State: spec.Waiting, WaitingFor: []string{"db"}}, "it was to start already, and waited for db", time.Time{}},
		{spec.Status{State: spec.Stopped}, "it was stopped", time.Time{}},
		{spec.Status{State: spec.Invalid}, "its spec was refused", time.Time{}},
		{spec.Status{State: spec.Starting}, "it still ran", time.Time{}},
		{spec.Status{State: spec.Running, PID: 7, Since: began}, "it still ran", began},
		{spec.Status{State: spec.Starting, PID: 7, Started: &began}, "it still ran", began},
		{spec.Status{State: spec.Stopping, PID: 7, LastExit: exit}, "it still ran", began},
	} {
		f := statusFile{there: true, status: tc.status}
		known, busy, began := f.tells()
		if !known || busy != tc.busy || !began.Equal(tc.began) {
			t.Errorf("%+v: %v, %q, %v", tc.status, known, busy, began)
		}
	}
}
