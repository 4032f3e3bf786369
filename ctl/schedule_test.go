package ctl

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A timetable comes with the status of its service; one that cannot be read does
// not hide it.
func TestTimetable(t *testing.T) {
	p := spec.Places{State: t.TempDir()}
	for _, dir := range []string{p.StatusDir(), p.ScheduleDir()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	next := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	write(t, p.Status("job"), `{"name": "job", "state": "waiting", "waiting_for": ["@schedule"]}`)
	if tab, err := Timetable(p, "job"); tab != nil || err != nil {
		t.Errorf("without one: %+v, %v", tab, err)
	}
	look := func() *spec.Timetable {
		t.Helper()
		st, err := StatusOf(p, "job")
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := new(Seen).Look(p)
		if err != nil || len(all) != 1 || (all[0].Schedule == nil) != (st.Schedule == nil) {
			t.Errorf("%+v, %v", all, err)
		}
		return st.Schedule
	}
	if got := look(); got != nil {
		t.Errorf("%+v", got)
	}
	write(t, p.Schedule("job"), `{"name": "job", "next": "2026-01-31T12:00:00Z"}`)
	if got := look(); got == nil || !got.Next.Equal(next) {
		t.Errorf("%+v", got)
	}
	write(t, p.Schedule("job"), "{")
	if got := look(); got != nil {
		t.Errorf("%+v", got)
	}
	if _, err := Timetable(p, "job"); err == nil {
		t.Error("nonsense is a timetable")
	}
	if _, err := Timetable(p, "../job"); err == nil {
		t.Error("a name that leads out of the directory")
	}
}

// A service that waits until it is due has been added, and has ended if it has
// run.
func TestWaitForScheduled(t *testing.T) {
	sp, err := spec.Parse([]byte(`{"args": ["x"], "schedule": {"every": 60}}`))
	if err != nil {
		t.Fatal(err)
	}
	st := &spec.Status{State: spec.Waiting, WaitingFor: []string{spec.Scheduler}, SpecSHA256: sp.Digest()}
	if verdict, settled := judge(st, sp); verdict != nil || !settled {
		t.Errorf("added: %v, %v", verdict, settled)
	}
	if reached, hopeless := GoalExited.judge(st); reached || hopeless != nil {
		t.Errorf("never run: %v, %v", reached, hopeless)
	}
	st.LastExit = &spec.Exit{Code: new(int)}
	if reached, _ := GoalExited.judge(st); !reached {
		t.Error("it has run, and has not ended")
	}
	if reached, hopeless := GoalReady.judge(st); reached || hopeless != nil {
		t.Errorf("ready: %v, %v", reached, hopeless)
	}
}

// The zone of a schedule is looked for where files may be read.
func TestReportZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job")
	write(t, path, `{"args": ["x"], "schedule": {"cron": "@daily", "zone": "Europe/Berln"}}`)
	var r Report
	r.File(path)
	if len(r.Findings) != 1 || r.Errors() != 1 {
		t.Fatalf("%v", r.Findings)
	}
}
