package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

type colonyContent struct {
	*operations.Report
	Version  string // of this program
	Helpers  []operations.Item
	Degraded []pair
	BadFiles []string
	Upgrades []happening // the youngest first
	Counts   []count
	Total    int
}

// pair is a name and what there is to say of it.
type pair struct{ Name, Text string }

// whole is the page about the colony as a whole.
func (s *Site) whole(w http.ResponseWriter, r *http.Request) {
	report, err := s.colony.Status(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	items, err := s.colony.Matching(r.Context(), operations.ListQuery{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := colonyContent{Report: report, Version: s.version}
	c.Counts, c.Total = counts(items, false)
	for _, it := range items {
		if isHelper(it.Name) {
			c.Helpers = append(c.Helpers, it)
		}
	}
	if said := report.Colony; said != nil {
		for _, what := range slices.Sorted(maps.Keys(said.Degraded)) {
			c.Degraded = append(c.Degraded, pair{what, said.Degraded[what]})
		}
		for _, file := range slices.Sorted(maps.Keys(said.BadFiles)) {
			c.BadFiles = append(c.BadFiles, words.BadFile(file, said.BadFiles[file]))
		}
	}
	past, err := s.colony.Events(r.Context(), operations.EventQuery{Limit: 10,
		Types: []string{spec.EventColonyStarted, spec.EventColonyEnded, spec.EventUpgraded, spec.EventUpgradeFailed}})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, text := range slices.Backward(past.Events) {
		var e spec.Event
		if json.Unmarshal(text, &e) == nil {
			c.Upgrades = append(c.Upgrades, happening{e, words.OneLine(words.Event(&e))})
		}
	}
	s.show(w, r, http.StatusOK, "colony", page{Title: "Colony", Here: "colony", Stream: "/v1/events", Content: c})
}

// colonyVerbs are what can be asked of a supervisor.
var colonyVerbs = map[string]spec.Type{"upgrade": spec.Upgrade, "rescan": spec.Rescan}

func (s *Site) actOnColony(w http.ResponseWriter, r *http.Request) {
	m := spec.Message{Type: colonyVerbs[r.PostForm.Get("do")]}
	if m.Type == "" {
		s.fail(w, r, &operations.Error{Code: operations.Invalid, Field: "do", Detail: fmt.Sprintf("do: %q is nothing that can be done", r.PostForm.Get("do"))})
		return
	}
	if err := s.colony.Ready(r.Context()); err != nil {
		s.back(w, r, "/colony", "", err)
		return
	}
	sent, err := s.colony.Send(r.Context(), operations.Request{Message: m, Wait: patience})
	if err != nil {
		s.back(w, r, "/colony", "", err)
		return
	}
	s.back(w, r, "/colony", words.Outcome(m, sent.Result), nil)
}
