package top

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// row is a service.
type row struct {
	status  spec.Status
	heart   *spec.Heartbeat // nil: nothing is known
	trouble trouble
	usage   usage
	search  string // what a filter is looked for in
}

// updated are the rows after a look. Those of which nothing has changed are the
// same ones.
func updated(rows []*row, f found) []*row {
	known := make(map[string]*row, len(rows))
	for _, r := range rows {
		known[r.status.Name] = r
	}
	now := make([]*row, len(f.statuses))
	for i := range f.statuses {
		st := &f.statuses[i]
		r := known[st.Name]
		if r == nil {
			r = &row{}
		}
		if r.status.PID != st.PID {
			r.usage = usage{}
		}
		if r.status.State != st.State || r.status.Reason != st.Reason || r.search == "" {
			r.search = strings.ToLower(st.Name + " " + string(st.State) + " " + st.Reason)
		}
		r.status, r.heart = *st, f.hearts[st.Name]
		now[i] = r
	}
	return now
}

// order is which rows are shown, and how.
type order struct {
	filter  string
	wrong   bool // only those that are not well
	column  int
	reverse bool
}

// of returns the rows that are shown in their order. Those that are equal stay in
// the order of their names.
func (o order) of(rows []*row) (shown []*row) {
	parts := strings.Fields(strings.ToLower(o.filter))
	for _, r := range rows {
		if o.wrong && r.trouble == fine {
			continue
		}
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(r.search, part) }) {
			shown = append(shown, r)
		}
	}
	compare := columns[o.column].compare
	if compare == nil { // they are in that order
		if o.reverse {
			slices.Reverse(shown)
		}
		return shown
	}
	slices.SortStableFunc(shown, func(a, b *row) int {
		if o.reverse {
			return compare(b, a)
		}
		return compare(a, b)
	})
	return shown
}

// largest compares so that the larger one stands first.
func largest[T cmp.Ordered](of func(*row) T) func(a, b *row) int {
	return func(a, b *row) int { return cmp.Compare(of(b), of(a)) }
}
