package web

import (
	"cmp"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// table is which services are shown, and in what order.
type table struct {
	Text  string
	State spec.State // "" = any
	Sort  string     // one of columns
	Down  bool       // the largest first
}

// columns are what services can be sorted by.
var columns = []string{"name", "state", "since", "restarts", "cpu", "memory"}

var headings = map[string]string{"name": "Name", "state": "State", "since": "Since", "restarts": "Restarts", "cpu": "CPU", "memory": "Memory"}

func tableOf(q url.Values) table {
	t := table{Text: q.Get("text"), State: spec.State(q.Get("state")), Sort: q.Get("sort"), Down: q.Get("down") != ""}
	if !slices.Contains(columns, t.Sort) {
		t.Sort = "name"
	}
	if !slices.Contains(spec.States, t.State) {
		t.State = ""
	}
	return t
}

// Query is the URL query of a table, without what it has anyway.
func (t table) Query() string {
	q := url.Values{}
	for key, value := range map[string]string{"text": t.Text, "state": string(t.State), "sort": t.Sort} {
		if value != "" && value != "name" {
			q.Set(key, value)
		}
	}
	if t.Down {
		q.Set("down", "1")
	}
	return q.Encode()
}

// By is the query of the same table in another order: that of a column or, if it
// is that already, the other way round.
func (t table) By(column string) template.URL {
	t.Down = t.Sort == column && !t.Down || t.Sort != column && (column == "restarts" || column == "cpu" || column == "memory")
	t.Sort = column
	return template.URL(t.Query())
}

// In is the query of the same table for another state.
func (t table) In(state spec.State) template.URL {
	t.State = state
	return template.URL(t.Query())
}

// Order is what aria-sort has for a column.
func (t table) Order(column string) string {
	switch {
	case t.Sort != column:
		return "none"
	case t.Down:
		return "descending"
	}
	return "ascending"
}

// row is a line of the table.
type row struct {
	Name     string     `json:"name"`
	State    spec.State `json:"state"`
	Since    string     `json:"since"` // as "3m10s"
	PID      int        `json:"pid"`
	Restarts int        `json:"restarts"`
	CPU      string     `json:"cpu"` // "" = not known
	Memory   string     `json:"memory"`
	Note     string     `json:"note"`
	Wrong    bool       `json:"wrong"`
}

// selected are the services of a table in its order, and how many there are in each
// state whatever the table is for.
func (s *Site) selected(r *http.Request, t table) (items []operations.Item, all []count, total int, err error) {
	items, err = s.colony.Matching(r.Context(), operations.ListQuery{Text: t.Text})
	if err != nil {
		return nil, nil, 0, err
	}
	all, total = counts(items, true)
	if t.State != "" {
		items = slices.DeleteFunc(items, func(it operations.Item) bool { return stateOf(it.Status) != t.State })
	}
	s.sort(items, t)
	return items, all, total, nil
}

// sort puts items in order; those that are alike stay in that of their names.
func (s *Site) sort(items []operations.Item, t table) {
	if t.Sort == "name" {
		if t.Down {
			slices.Reverse(items)
		}
		return
	}
	type keyed struct {
		key  float64
		item operations.Item
	}
	all := make([]keyed, len(items))
	for i, it := range items {
		all[i] = keyed{s.key(it, t.Sort), it}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		if t.Down {
			return cmp.Compare(b.key, a.key)
		}
		return cmp.Compare(a.key, b.key)
	})
	for i := range all {
		items[i] = all[i].item
	}
}

func (s *Site) key(it operations.Item, column string) float64 {
	st := it.Status
	if st == nil {
		return -1
	}
	used, _ := s.usage.Now(it.Name)
	switch column {
	case "state":
		return float64(words.Urgency(st.State)*len(spec.States) + slices.Index(spec.States, st.State))
	case "since":
		return -float64(st.Since.Unix()) // as it reads: the shortest time first
	case "restarts":
		return float64(st.Restarts)
	case "cpu":
		return float64(used.CPU)
	}
	return float64(used.Memory)
}

func (s *Site) row(it operations.Item, now time.Time) row {
	r := row{Name: it.Name, State: stateOf(it.Status)}
	if st := it.Status; st != nil {
		r.Since, r.PID, r.Restarts = words.Ago(now.Sub(st.Since)), st.PID, st.Restarts
		r.Note, r.Wrong = words.Notes(st, now)
	}
	if used, ok := s.usage.Now(it.Name); ok {
		r.CPU, r.Memory = percent(used.CPU), size(used.Memory)
	}
	return r
}

// window are the rows from one on.
func (s *Site) window(items []operations.Item, from, n int) []row {
	from = min(max(from, 0), len(items))
	rows := make([]row, 0, n)
	now := time.Now()
	for _, it := range items[from:min(from+n, len(items))] {
		rows = append(rows, s.row(it, now))
	}
	return rows
}

const pageRows = 100 // of a page that is read without the module

type servicesContent struct {
	Table       table
	Rows        []row
	Total       int // that match
	Counts      []count
	All         int // of the counts
	Page, Pages int
	Previous    template.URL // query; "" = there is none
	Next        template.URL
}

func (s *Site) services(w http.ResponseWriter, r *http.Request) {
	t := tableOf(r.URL.Query())
	items, all, total, err := s.selected(r, t)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := servicesContent{Table: t, Total: len(items), Counts: all, All: total, Pages: max((len(items)+pageRows-1)/pageRows, 1)}
	c.Page, _ = strconv.Atoi(r.URL.Query().Get("page"))
	c.Page = min(max(c.Page, 1), c.Pages)
	c.Rows = s.window(items, (c.Page-1)*pageRows, pageRows)
	query := func(page int) template.URL {
		if page < 1 || page > c.Pages {
			return ""
		}
		q, _ := url.ParseQuery(t.Query()) // which is ours
		q.Set("page", strconv.Itoa(page))
		return template.URL(q.Encode())
	}
	c.Previous, c.Next = query(c.Page-1), query(c.Page+1)
	s.show(w, r, http.StatusOK, "services", page{Title: "Services", Here: "services", Content: c})
}

// mostRows is how many the module may ask for at a time.
const mostRows = 500

// rows is a part of the table, for the module.
func (s *Site) rows(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	items, all, total, err := s.selected(r, tableOf(q))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	from, _ := strconv.Atoi(q.Get("from"))
	n, _ := strconv.Atoi(q.Get("n"))
	text, err := json.Marshal(map[string]any{"total": len(items), "counts": countsByName(all, total), "rows": s.window(items, from, min(max(n, 1), mostRows))})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(text)
}

func countsByName(all []count, total int) map[spec.State]int {
	of := map[spec.State]int{"": total}
	for _, c := range all {
		of[c.State] = c.N
	}
	return of
}
