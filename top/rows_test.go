package top

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func named(rows []*row) (names []string) {
	for _, r := range rows {
		names = append(names, r.status.Name)
	}
	return names
}

// What has not changed stays the same row, with what was measured of it.
func TestUpdated(t *testing.T) {
	rows := updated(nil, found{statuses: []spec.Status{{Name: "a", PID: 1}, {Name: "b", PID: 2}, {Name: "c", PID: 3}}})
	for _, r := range rows {
		r.usage = usage{known: true, cpu: 1}
	}
	a, b := rows[0], rows[1]
	rows = updated(rows, found{statuses: []spec.Status{{Name: "a", PID: 1, State: spec.Running}, {Name: "b", PID: 4}, {Name: "d"}}})
	if diff := cmp.Diff([]string{"a", "b", "d"}, named(rows)); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
	if rows[0] != a || rows[1] != b {
		t.Error("a row that goes on is another")
	}
	if !a.usage.known || b.usage.known {
		t.Errorf("usage known %v of the same process, %v of another; want true, false", a.usage.known, b.usage.known)
	}
}

func TestOrder(t *testing.T) {
	now := time.Now()
	five := 5
	rows := updated(nil, found{statuses: []spec.Status{
		{Name: "api", State: spec.Running, PID: 30, Restarts: 2, Since: now.Add(-time.Hour), Ready: true},
		{Name: "db", State: spec.Failed, Reason: "more than 5 restarts", Since: now, LastExit: &spec.Exit{Code: &five}},
		{Name: "web@1", State: spec.Running, PID: 10, Since: now.Add(-time.Minute)},
		{Name: "web@2", State: spec.Running, PID: 20, Since: now.Add(-time.Second), Ready: true},
	}})
	rows[1].trouble, rows[0].trouble, rows[2].trouble, rows[3].trouble = failed, fine, fine, fine
	rows[0].usage, rows[2].usage = usage{cpu: 1, memory: 5}, usage{cpu: 3, memory: 4}
	column := func(title string) int {
		return slices.IndexFunc(columns, func(c column) bool { return c.title == title })
	}
	for _, tc := range []struct {
		order order
		want  []string
	}{
		{order{}, []string{"api", "db", "web@1", "web@2"}},
		{order{reverse: true}, []string{"web@2", "web@1", "db", "api"}},
		{order{filter: "WEB"}, []string{"web@1", "web@2"}},
		{order{filter: "run web"}, []string{"web@1", "web@2"}},
		{order{filter: "restarts"}, []string{"db"}}, // its reason
		{order{filter: "nothing"}, nil},
		{order{wrong: true}, []string{"db"}},
		{order{column: column("STATE")}, []string{"db", "api", "web@1", "web@2"}},
		{order{column: column("PID")}, []string{"api", "web@2", "web@1", "db"}},
		{order{column: column("SINCE")}, []string{"db", "web@2", "web@1", "api"}},
		{order{column: column("RST")}, []string{"api", "db", "web@1", "web@2"}},
		{order{column: column("RDY")}, []string{"web@1", "db", "api", "web@2"}},
		{order{column: column("EXIT")}, []string{"db", "api", "web@1", "web@2"}},
		{order{column: column("CPU%")}, []string{"web@1", "api", "db", "web@2"}},
		{order{column: column("MEM")}, []string{"api", "web@1", "db", "web@2"}},
		{order{column: column("NOTE")}, []string{"db", "api", "web@1", "web@2"}},
		{order{column: column("CPU%"), reverse: true}, []string{"db", "web@2", "api", "web@1"}},
	} {
		if diff := cmp.Diff(tc.want, named(tc.order.of(rows))); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.order, diff)
		}
	}
}

// However narrow the window, what is shown fits in; however wide, it is used.
func TestFit(t *testing.T) {
	for _, longest := range []int{1, 9, 255} {
		for _, stale := range []bool{false, true} {
			for width := 1; width < 300; width++ {
				chosen, widths := fit(width, longest, stale)
				used := 0
				for _, i := range chosen {
					used += widths[i] + 1
				}
				what := fmt.Sprintf("width %d, names of %d, stale %v: columns %v, %v", width, longest, stale, chosen, widths)
				if used > width && len(chosen) > 2 {
					t.Fatalf("%s take %d", what, used)
				}
				if slices.Contains(chosen, noteColumn) && widths[noteColumn] < leastNote {
					t.Fatalf("%s: no room for the note", what)
				}
				if !slices.Contains(chosen, nameColumn) || !slices.Contains(chosen, stateColumn) {
					t.Fatalf("%s: not even name and state", what)
				}
				if slices.Contains(chosen, noteColumn) && used != width {
					t.Fatalf("%s take %d", what, used)
				}
				if width >= 80 && longest < 10 && !stale && len(chosen) != len(columns) {
					t.Fatalf("%s: not all", what)
				}
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for u, want := range map[usage]string{
		{}:                             "- -",
		{memory: 300 << 10}:            "- 300K",
		{known: true, memory: 1 << 20}: "0.0 1.0M",
		{known: true, cpu: 12.34}:      "12.3 -",
		{known: true, cpu: 250, memory: 1<<40 - 1}: "250 1.0T",
		{memory: 999 << 20}:                        "- 999M",
		{memory: 11 << 30}:                         "- 11G",
	} {
		if got := u.percent() + " " + u.bytes(); got != want {
			t.Errorf("%+v: %q, want %q", u, got, want)
		}
	}
}
