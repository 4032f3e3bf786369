package cron

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // of this test, wherever it runs
)

const layout = "2006-01-02 15:04 MST"

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestNext walks from one due time to the next.
func TestNext(t *testing.T) {
	for _, tc := range []struct {
		name, line, zone, from string
		want                   []string
	}{
		{"every night", "0 3 * * *", "Europe/Berlin", "2026-01-10 02:59 CET",
			[]string{"2026-01-10 03:00 CET", "2026-01-11 03:00 CET"}},
		{"at the moment itself the next one", "0 3 * * *", "UTC", "2026-01-10 03:00 UTC", []string{"2026-01-11 03:00 UTC"}},
		{"macros", "@daily", "UTC", "2026-01-10 03:00 UTC", []string{"2026-01-11 00:00 UTC"}},
		{"names", "30 4 * JAN MON-FRI", "UTC", "2026-01-30 05:00 UTC", []string{"2027-01-01 04:30 UTC", "2027-01-04 04:30 UTC"}},
		{"7 is Sunday", "0 0 * * 7", "UTC", "2026-01-10 03:00 UTC", []string{"2026-01-11 00:00 UTC", "2026-01-18 00:00 UTC"}},
		{"day of month or of week", "0 0 13 * FRI", "UTC", "2026-01-10 03:00 UTC",
			[]string{"2026-01-13 00:00 UTC", "2026-01-16 00:00 UTC", "2026-01-23 00:00 UTC"}},
		{"29 February", "0 0 29 2 *", "UTC", "2096-03-01 00:00 UTC", []string{"2104-02-29 00:00 UTC"}},

		// 29 March 2026: 02:00 CET is 03:00 CEST.
		{"the time that is left out: once, after it", "30 2 * * *", "Europe/Berlin", "2026-03-28 12:00 CET",
			[]string{"2026-03-29 03:00 CEST", "2026-03-30 02:30 CEST"}},
		{"many of them: once", "*/10 2 * * *", "Europe/Berlin", "2026-03-29 00:00 CET",
			[]string{"2026-03-29 03:00 CEST", "2026-03-30 02:00 CEST", "2026-03-30 02:10 CEST"}},
		{"and what is due then anyway: once", "30 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00 CET",
			[]string{"2026-03-29 03:00 CEST", "2026-03-29 03:30 CEST", "2026-03-30 02:30 CEST"}},
		{"every second hour", "0 */2 * * *", "Europe/Berlin", "2026-03-29 00:00 CET",
			[]string{"2026-03-29 03:00 CEST", "2026-03-29 04:00 CEST"}},
		{"every hour by the time that passes", "0 * * * *", "Europe/Berlin", "2026-03-29 00:30 CET",
			[]string{"2026-03-29 01:00 CET", "2026-03-29 03:00 CEST", "2026-03-29 04:00 CEST"}},
		{"half past every hour", "30 * * * *", "Europe/Berlin", "2026-03-29 01:00 CET",
			[]string{"2026-03-29 01:30 CET", "2026-03-29 03:30 CEST"}},

		// 25 October 2026: 03:00 CEST is 02:00 CET.
		{"the time that comes twice: the first one", "30 2 * * *", "Europe/Berlin", "2026-10-24 12:00 CEST",
			[]string{"2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"}},
		{"from within the second one", "*/30 2 * * *", "Europe/Berlin", "2026-10-25 02:10 CET", []string{"2026-10-26 02:00 CET"}},
		{"its end comes once", "0 3 * * *", "Europe/Berlin", "2026-10-25 02:59 CEST", []string{"2026-10-25 03:00 CET"}},
		{"every half hour, through it", "*/30 * * * *", "Europe/Berlin", "2026-10-25 01:40 CEST",
			[]string{"2026-10-25 02:00 CEST", "2026-10-25 02:30 CEST", "2026-10-25 02:00 CET", "2026-10-25 02:30 CET", "2026-10-25 03:00 CET"}},

		{"no midnight", "@daily", "America/Sao_Paulo", "2018-11-03 12:00 -03",
			[]string{"2018-11-04 01:00 -02", "2018-11-05 00:00 -02"}},
		{"half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-04 01:00 +1030",
			[]string{"2026-10-04 02:30 +11", "2026-10-05 02:15 +11"}},
		{"a day that is left out", "0 12 30 12 *", "Pacific/Apia", "2011-12-29 13:00 -10", []string{"2011-12-31 00:00 +14"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			times, err := Parse(tc.line)
			if err != nil {
				t.Fatal(err)
			}
			z := zone(t, tc.zone)
			from, clock := tc.from[:len("2006-01-02 15:04")], tc.from[len("2006-01-02 15:04 "):]
			at, err := time.ParseInLocation("2006-01-02 15:04", from, z)
			if err != nil {
				t.Fatal(err)
			}
			if at.Format("MST") != clock { // that time comes twice
				at = at.Add(-time.Hour)
			}
			if at.Format(layout) != tc.from {
				t.Fatalf("%s, want %s", at.Format(layout), tc.from)
			}
			for _, want := range tc.want {
				at = times.Next(at, z)
				if got := at.Format(layout); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
		})
	}
}

// TestNextIsLater: whatever the zone does, time goes on, and a line that names
// single hours is due once for each time of day that it names.
func TestNextIsLater(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "UTC"} {
		z := zone(t, name)
		for _, line := range []string{"30 2 * * *", "*/17 1-3 * * *", "7 * * * *", "* * * * *", "0 0 * * *", "59 23 * * MON"} {
			times, err := Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Unix(r.Int64N(1<<31), r.Int64N(1e9))
			for range 500 {
				next := times.Next(at, z)
				// Nothing is due in between, wherever one begins to look.
				between := at.Add(time.Duration(r.Int64N(int64(next.Sub(at)))))
				if !next.After(at) || !times.Next(between, z).Equal(next) {
					t.Fatalf("%s in %s: after %s comes %s, and after %s comes %s", line, name, at.In(z), next, between.In(z), times.Next(between, z))
				}
				at = next
			}
		}
	}
}

func TestBadLines(t *testing.T) {
	for line, want := range map[string]string{
		"":                          "must not be empty",
		"0 3 * *":                   "must have 5 fields (minute, hour, day of month, month, day of week), not 4",
		"0 0 3 * * *":               "must have 5 fields (minute, hour, day of month, month, day of week), not 6",
		"60 3 * * *":                "end of range (60) above maximum (59)",
		"0 3 * * */0":               "step of range must be a positive number",
		"0 3 * FOO *":               `"FOO": has no meaning in a field`,
		"@every 5m":                 `write it with the key "every"`,
		"@reboot":                   "@reboot: a service without schedule is started when the colony is",
		"@fortnightly":              "unrecognized descriptor",
		"@daily 3":                  "nothing may follow @daily",
		"TZ=UTC 3 * * *":            `"TZ=UTC": has no meaning in a field`,
		"0 3 L * *":                 `"L": has no meaning in a field`,
		"0 3 * * 5#3":               `"5#3": has no meaning in a field`,
		"0 0 30 2 *":                "names a day that never comes",
		"0 0 31 4,6 *":              "names a day that never comes",
		"0 3 * * *\x00":             `has no meaning in a field`,
		"99999999999999999 * * * *": "above maximum (59)",
	} {
		if _, err := Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}

func TestZone(t *testing.T) {
	for _, name := range []string{"", "Local", "UTC", "Europe/Berlin"} {
		if _, err := Zone(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := Zone("Europe/Berln"); err == nil || err.Error() != `"Europe/Berln": there is no such zone; names are like Europe/Berlin` {
		t.Error(err)
	}
	if _, err := Zone("../passwd"); err == nil {
		t.Error("a zone outside of where zones are")
	}
}

// FuzzParse: no line panics, and one that is good is due some day.
func FuzzParse(f *testing.F) {
	for _, line := range []string{"0 3 * * *", "@daily", "*/5 1-3,7 1 JAN MON", "0 0 29 2 *", "* * * * SUN-SAT/2", "5-1 * * * *"} {
		f.Add(line, int64(0))
	}
	z := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, line string, from int64) {
		times, err := Parse(line)
		if err != nil {
			return
		}
		at := time.Unix(from%(1<<33), 0)
		if next := times.Next(at, z); !next.After(at) {
			t.Fatalf("%q: after %s comes %s", line, at, next)
		}
	})
}
