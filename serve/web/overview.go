package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// trouble is a service with which something is wrong.
type trouble struct {
	Name  string
	Kind  string // in a word or two
	Text  string
	Since time.Time // zero = not known
	State spec.State
	rank  int
}

// mostTroubles is how many of them are shown.
const mostTroubles = 50

type overviewContent struct {
	Colony   []string // what is wrong with it as a whole
	Troubles []trouble
	More     int // so many others
	Counts   []count
	Total    int
	Pulse    pulseChart
	Helpers  []operations.Item
}

// count is how many services are in a state.
type count struct {
	State spec.State
	N     int
}

func (s *Site) overview(w http.ResponseWriter, r *http.Request) {
	items, err := s.colony.Matching(r.Context(), operations.ListQuery{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	report, err := s.colony.Status(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	now := time.Now()
	c := overviewContent{Colony: words.ColonyNotes(report.Colony, report.Supervisor), Pulse: chartPulse(s.pulse.hour(now), now)}
	if !report.Supervisor {
		c.Colony = append([]string{"no supervisor is running; what is shown is what the last one said"}, c.Colony...)
	}
	for _, it := range items {
		if isHelper(it.Name) {
			c.Helpers = append(c.Helpers, it)
		}
		if t, wrong := s.trouble(r, it, now); wrong {
			c.Troubles = append(c.Troubles, t)
		}
	}
	c.Counts, c.Total = counts(items, false)
	slices.SortStableFunc(c.Troubles, func(a, b trouble) int { return cmp.Compare(a.rank, b.rank) })
	if len(c.Troubles) > mostTroubles {
		c.More = len(c.Troubles) - mostTroubles
		c.Troubles = c.Troubles[:mostTroubles]
	}
	s.show(w, r, http.StatusOK, "overview", page{Title: "Overview", Here: "overview", Stream: "/v1/events", Content: c})
}

func isHelper(name string) bool { return strings.HasPrefix(name, "@") }

// counts counts services by state, with or without helpers.
func counts(items []operations.Item, helpers bool) (all []count, total int) {
	of := map[spec.State]int{}
	for _, it := range items {
		if helpers || !isHelper(it.Name) {
			of[stateOf(it.Status)]++
			total++
		}
	}
	for _, state := range append(slices.Clone(spec.States), "unknown") {
		if of[state] > 0 {
			all = append(all, count{state, of[state]})
		}
	}
	return all, total
}

// trouble says what is wrong with a service, if something is.
func (s *Site) trouble(r *http.Request, it operations.Item, now time.Time) (t trouble, wrong bool) {
	st := it.Status
	if st == nil {
		return t, false
	}
	t = trouble{Name: it.Name, State: st.State, Since: st.Since}
	notes, bad := words.Notes(st, now)
	t.Text = notes
	switch {
	case st.State == spec.Failed:
		t.Kind, t.rank = "failed", 0
	case st.SpecError != nil:
		t.Kind, t.rank, t.Text = "invalid spec", 2, st.SpecError.Error()
	case st.State == spec.Backingoff:
		t.Kind, t.rank = "crash loop", 1
		t.Text = strings.Trim(strings.Join([]string{words.LastExit(st.LastExit), notes}, "; "), "; ")
	case looping(st, now):
		t.Kind, t.rank = "crash loop", 1
		t.Text = "between two crashes, the last one: " + words.LastExit(st.LastExit)
	case bad:
		t.Kind, t.rank = "unwell", 4
	}
	if st.Watched.Heart && st.PID != 0 {
		h, err := s.colony.Heart(r.Context(), it.Name)
		if err == nil && h != nil && h.Generation == st.Generation && (h.State == spec.HeartOverdue || h.State == spec.HeartHeld) {
			t.Kind, t.rank, t.Text = "overdue", 3, "no heartbeat"
			if h.LastBeat != nil {
				t.Text += " since " + exact(*h.LastBeat)
			}
			if h.State == spec.HeartHeld {
				t.Text += "; too many of its group are being restarted"
			}
		}
	}
	if isHelper(it.Name) && t.Kind == "" && st.State != spec.Running && st.State != spec.Starting {
		t.Kind, t.rank = "helper", 1
	}
	return t, t.Kind != ""
}

// shortLife is the life of a service that seems to crash again and again.
const shortLife = time.Minute

// looping says whether a service that is up seems to be between two crashes.
func looping(st *spec.Status, now time.Time) bool {
	e := st.LastExit
	if e == nil || st.PID == 0 || st.State == spec.Stopping || now.Sub(st.Since) > shortLife || e.Ran > shortLife.Seconds() {
		return false
	}
	return e.Code != nil && *e.Code != 0 || e.Reason != "" || e.SpawnError != "" || e.Core || e.OOM
}
