package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // of this test, wherever it runs

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const layout = "2006-01-02 15:04:05"

// act is what happens at a time of the clock on the wall. Unless it says so, the
// supervisor knows the service and it does not run.
type act struct {
	at   string
	do   string // in words, for there are few: see play
	want string // what follows: "start", or what is counted
}

// play looks at a service once for each act. What is remembered goes through JSON
// in between, as when the helper is killed.
func play(t *testing.T, s spec.Schedule, zone string, acts []act) {
	t.Helper()
	p, err := planOf(&s)
	if err != nil {
		t.Fatal(err)
	}
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	tab := &table{}
	another := false
	for i, a := range acts {
		now, err := time.ParseInLocation(layout, a.at, z)
		if err != nil {
			t.Fatal(err)
		}
		if first := now.Add(-time.Hour); first.Format(layout) == a.at {
			now = first
		}
		see := seen{now: now, known: true, another: another}
		another = false
		for _, word := range strings.Fields(a.do) {
			word, value, _ := strings.Cut(word, "=")
			switch word {
			case "new":
				tab.begin(p, now)
			case "again": // the clock shows this for the second time
				see.now = now.Add(time.Hour)
				if see.now.In(z).Format(layout) != a.at {
					t.Fatalf("%s does not come again", a.at)
				}
			case "runs", "stopped":
				see.busy = word
			case "unknown":
				see.known = false
			case "lost":
				see.lost = true
			case "boot":
				see.another = true
			case "began":
				if see.began, err = time.ParseInLocation(layout, a.at[:11]+value, z); err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatalf("what is %q?", word)
			}
		}
		before := *tab
		v := tab.judge(p, see)
		var got []string
		if v.start {
			got = append(got, "start")
		}
		if n := tab.Skipped - before.Skipped; n > 0 {
			got = append(got, fmt.Sprintf("skipped %d", n))
		}
		if n := tab.Missed - before.Missed; n > 0 {
			got = append(got, fmt.Sprintf("missed %d", n))
		}
		if diff := cmp.Diff(a.want, strings.Join(got, ", ")); diff != "" {
			t.Fatalf("act %d, %s %s (-want +got):\n%s", i, a.at, a.do, diff)
		}
		if tab.Next != nil && !tab.Next.After(see.now) && !(v.start || see.busy == "" && !see.known) {
			t.Errorf("act %d, %s: next is %s", i, a.at, tab.Next)
		}
		// A second look at the same moment finds nothing more to do.
		if v.start {
			twice := *tab
			see.lost, see.another = false, false
			if v := twice.judge(p, see); v.start {
				t.Errorf("act %d, %s: started twice", i, a.at)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	cron := func(line string) spec.Schedule { return spec.Schedule{Cron: line, Zone: "Europe/Berlin"} }
	every := func(d time.Duration) spec.Schedule { return spec.Schedule{Every: spec.Duration(d)} }
	for name, tc := range map[string]struct {
		schedule spec.Schedule
		acts     []act
	}{
		"every night": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-11 02:59:59", "", ""},
			{"2026-01-11 03:00:00", "", "start"},
			{"2026-01-11 03:00:01", "", ""},
			{"2026-01-12 03:00:00", "", "start"},
		}},
		"it still ran": {cron("*/10 * * * *"), []act{
			{"2026-01-10 12:00:01", "new", ""},
			{"2026-01-10 12:10:00", "", "start"},
			{"2026-01-10 12:20:00", "runs", "skipped 1"},
			{"2026-01-10 12:20:01", "", ""},
			{"2026-01-10 12:30:00", "", "start"},
		}},
		"stopped": {cron("*/10 * * * *"), []act{
			{"2026-01-10 12:00:01", "new", ""},
			{"2026-01-10 12:10:00", "stopped", "skipped 1"},
			{"2026-01-10 12:20:00", "stopped", "skipped 1"},
			{"2026-01-10 12:25:00", "", ""},
			{"2026-01-10 12:30:00", "", "start"},
		}},
		"the supervisor does not speak of it yet": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new unknown", ""},
			{"2026-01-11 03:00:00", "unknown", ""},
			{"2026-01-11 03:00:02", "", "start"},
			{"2026-01-11 03:00:03", "", ""},
		}},
		"asleep for an hour: once, and nine are counted": {cron("*/6 * * * *"), []act{
			{"2026-01-10 12:00:01", "new", ""},
			{"2026-01-10 13:01:00", "", "start, missed 9"},
			{"2026-01-10 13:05:00", "", ""},
			{"2026-01-10 13:06:00", "", "start"},
		}},
		"asleep while it ran": {cron("*/6 * * * *"), []act{
			{"2026-01-10 12:00:01", "new", ""},
			{"2026-01-10 13:01:00", "runs", "skipped 1, missed 9"},
			{"2026-01-10 13:01:01", "", ""},
		}},
		"nobody was there, in this boot": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-13 09:00:00", "", "start, missed 2"},
			{"2026-01-13 09:00:01", "", ""},
			{"2026-01-14 03:00:00", "", "start"},
		}},
		"another boot": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-13 09:00:00", "boot", "missed 3"},
			{"2026-01-13 09:00:01", "", ""},
			{"2026-01-14 03:00:00", "", "start"},
		}},
		"another boot, and nothing was due": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:05:00", "boot", ""},
			{"2026-01-11 03:00:00", "", "start"},
		}},
		"the clock is set back over a run": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-11 03:00:00", "", "start"},
			{"2026-01-11 02:30:00", "", ""},
			{"2026-01-11 03:00:00", "", ""},
			{"2026-01-12 03:00:00", "", "start"},
		}},
		"by less than a minute, with one each minute": {cron("* * * * *"), []act{
			{"2026-01-10 12:00:30", "new", ""},
			{"2026-01-10 12:01:00", "", "start"},
			{"2026-01-10 12:00:20", "", ""},
			{"2026-01-10 12:01:00", "", ""},
			{"2026-01-10 12:02:00", "", "start"},
		}},
		"by an hour, with one each minute": {cron("* * * * *"), []act{
			{"2026-01-10 12:00:30", "new", ""},
			{"2026-01-10 12:01:00", "", "start"},
			{"2026-01-10 11:01:30", "", ""},
			{"2026-01-10 11:02:00", "", "start"},
		}},
		"it was wrong by years": {cron("0 3 * * *"), []act{
			{"2035-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:00:00", "", ""},
			{"2026-01-11 03:00:00", "", "start"},
		}},
		"the clock is set forward": {cron("0 3 * * *"), []act{
			{"1970-01-01 12:00:00", "new", ""},
			{"2026-01-10 12:00:00", "", "start, missed 9999"},
			{"2026-01-10 12:00:01", "", ""},
			{"2026-01-11 03:00:00", "", "start"},
		}},
		"summer time comes": {cron("30 2 * * *"), []act{
			{"2026-03-28 12:00:00", "new", ""},
			{"2026-03-29 01:59:59", "", ""},
			{"2026-03-29 03:00:00", "", "start"},
			{"2026-03-29 03:30:00", "", ""},
			{"2026-03-30 02:30:00", "", "start"},
		}},
		"summer time goes": {cron("30 2 * * *"), []act{
			{"2026-10-24 12:00:00", "new", ""},
			{"2026-10-25 02:29:59", "", ""},
			{"2026-10-25 02:30:00", "", "start"},
			{"2026-10-25 02:30:00", "again", ""},
			{"2026-10-26 02:30:00", "", "start"},
		}},
		"every half hour as summer time goes": {cron("*/30 * * * *"), []act{
			{"2026-10-25 01:45:00", "new", ""},
			{"2026-10-25 02:00:00", "", "start"},
			{"2026-10-25 02:30:00", "", "start"},
			{"2026-10-25 02:00:00", "again", "start"},
			{"2026-10-25 02:30:00", "again", "start"},
			{"2026-10-25 03:00:00", "", "start"},
		}},

		"every ten minutes": {every(10 * time.Minute), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:09:59", "", ""},
			{"2026-01-10 12:10:02", "", "start"},
			{"2026-01-10 12:20:01", "", ""},
			{"2026-01-10 12:20:02", "", "start"},
		}},
		"somebody has started it": {every(10 * time.Minute), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:07:05", "runs began=12:07:00", ""},
			{"2026-01-10 12:10:00", "began=12:07:00", ""},
			{"2026-01-10 12:17:00", "began=12:07:00", "start"},
		}},
		"it still runs, by a time": {every(10 * time.Minute), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:10:00", "", "start"},
			{"2026-01-10 12:20:00", "runs began=12:10:00", "skipped 1"},
			{"2026-01-10 12:29:59", "began=12:10:00", ""},
			{"2026-01-10 12:30:00", "began=12:10:00", "start"},
		}},
		"asleep, by a time": {every(10 * time.Minute), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 13:05:00", "", "start, missed 5"},
			{"2026-01-10 13:14:59", "", ""},
			{"2026-01-10 13:15:00", "", "start"},
		}},
		"another boot, by a time": {every(24 * time.Hour), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-11 11:00:00", "boot", ""},
			{"2026-01-11 13:00:00", "boot", "start"},
		}},
		"set back, by a time": {every(10 * time.Minute), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-10 12:10:00", "", "start"},
			{"2026-01-10 12:05:00", "", ""},
			{"2026-01-10 12:20:00", "", "start"},
			{"2026-01-10 09:00:00", "began=12:20:00", ""},
			{"2026-01-10 09:10:00", "", "start"},
		}},

		"a start is lost": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-11 03:00:00", "", "start"},
			{"2026-01-11 03:00:05", "lost unknown", ""},
			{"2026-01-11 03:00:06", "lost", "start"},
			{"2026-01-11 03:00:07", "", ""},
		}},
		"a start is lost, and it runs all the same": {cron("0 3 * * *"), []act{
			{"2026-01-10 12:00:00", "new", ""},
			{"2026-01-11 03:00:00", "", "start"},
			{"2026-01-11 03:00:05", "lost runs", ""},
		}},
	} {
		t.Run(name, func(t *testing.T) { play(t, tc.schedule, "Europe/Berlin", tc.acts) })
	}
}

// TestAnotherSchedule: what comes after a change is due, whatever was before.
func TestAnotherSchedule(t *testing.T) {
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	tab := &table{}
	hourly, err := planOf(&spec.Schedule{Every: spec.Duration(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	tab.begin(hourly, now)
	tab.Skipped = 3
	often, err := planOf(&spec.Schedule{Cron: "*/20 * * * *", Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	tab.begin(often, now.Add(50*time.Minute))
	if want := now.Add(time.Hour); !tab.Next.Equal(want) || tab.Skipped != 3 || tab.Schedule != "cron */20 * * * * UTC" {
		t.Errorf("%+v", tab)
	}
}
