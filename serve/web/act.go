package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// patience is how long a form is waited for. What is not done then goes on.
const patience = 10 * time.Second

// verbs are what can be done with a service, or with many.
var verbs = map[string]spec.Type{"restart": spec.RestartService, "start": spec.StartService, "stop": spec.StopService}

// pathOf is the page of a service.
func pathOf(name string) string { return "/services/" + url.PathEscape(name) }

// act does one thing with one service.
func (s *Site) act(w http.ResponseWriter, r *http.Request) {
	name, do := r.PathValue("name"), r.PostForm.Get("do")
	m := spec.Message{Type: verbs[do], Name: name}
	switch {
	case do == "remove":
		if err := s.colony.Delete(r.Context(), name, operations.Condition{}, patience); err != nil {
			s.back(w, r, pathOf(name), "", err)
			return
		}
		s.back(w, r, "/services", fmt.Sprintf("%s is removed, and has ended.", name), nil)
		return
	case do == "signal":
		sig, err := spec.ParseSignal(r.PostForm.Get("signal"))
		if err != nil {
			s.fail(w, r, &operations.Error{Code: operations.Invalid, Field: "signal", Detail: err.Error(), Err: err})
			return
		}
		m.Type, m.Signal = spec.SendSignal, sig
	case m.Type == "":
		s.fail(w, r, &operations.Error{Code: operations.Invalid, Field: "do", Detail: fmt.Sprintf("do: %q is nothing that can be done", do)})
		return
	}
	sent, err := s.send(r.Context(), m)
	if err != nil {
		s.back(w, r, pathOf(name), "", err)
		return
	}
	s.back(w, r, pathOf(name), words.Outcome(m, sent.Result), nil)
}

// send sends what is said about a service, and waits for the result.
func (s *Site) send(ctx context.Context, m spec.Message) (*operations.Sent, error) {
	do := map[spec.Type]func(context.Context, operations.Request) (*operations.Sent, error){
		spec.RestartService: s.colony.Restart, spec.StartService: s.colony.Start, spec.StopService: s.colony.Stop, spec.SendSignal: s.colony.Signal,
	}[m.Type]
	return do(ctx, operations.Request{Message: m, Wait: patience})
}

// manyContent is what is about to be done with many services.
type manyContent struct {
	Do    string
	Names []string
	Shown []operations.Item // the first of them
	More  int               // so many others
	// How many there are of each state, and what comes of it.
	Parts []part
}

type part struct {
	count
	Effect string
}

const (
	mostAtOnce = 1000 // services
	mostShown  = 100
)

// many does one thing with many services; unless it is sure, it says with which, and
// what will come of it.
func (s *Site) many(w http.ResponseWriter, r *http.Request) {
	do, names := r.PostForm.Get("do"), r.PostForm["name"]
	wrong := func(format string, args ...any) {
		s.fail(w, r, &operations.Error{Code: operations.Invalid, Detail: fmt.Sprintf(format, args...)})
	}
	if verbs[do] == "" {
		wrong("do: %q is nothing that can be done with many", do)
		return
	}
	items, err := s.chosen(r, names)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case len(items) == 0:
		wrong("no service was chosen")
	case len(items) > mostAtOnce:
		wrong("%d services were chosen, and at most %d can be dealt with at once", len(items), mostAtOnce)
	case r.PostForm.Get("sure") == "":
		s.show(w, r, http.StatusOK, "many", page{Title: "Really?", Here: "services", Content: preview(do, items)})
	default:
		done, err := s.doMany(r.Context(), do, items)
		s.back(w, r, "/services", done, err)
	}
}

// chosen are the services that a form is about: those that it names, or all that
// its table has.
func (s *Site) chosen(r *http.Request, names []string) ([]operations.Item, error) {
	if r.PostForm.Get("all") != "" {
		items, _, _, err := s.selected(r, tableOf(r.PostForm))
		return slices.DeleteFunc(items, func(it operations.Item) bool { return isHelper(it.Name) }), err
	}
	items, err := s.colony.Matching(r.Context(), operations.ListQuery{})
	chosen := make(map[string]bool, len(names))
	for _, name := range names {
		chosen[name] = true
	}
	return slices.DeleteFunc(items, func(it operations.Item) bool { return !chosen[it.Name] }), err
}

func preview(do string, items []operations.Item) manyContent {
	c := manyContent{Do: do, Shown: items[:min(len(items), mostShown)], More: max(len(items)-mostShown, 0)}
	of := map[spec.State]int{}
	for _, it := range items {
		c.Names = append(c.Names, it.Name)
		of[stateOf(it.Status)]++
	}
	for _, state := range append(slices.Clone(spec.States), "unknown") {
		if of[state] > 0 {
			c.Parts = append(c.Parts, part{count{state, of[state]}, effect(do, state)})
		}
	}
	return c
}

// effect is what comes of a request in a state.
func effect(do string, state spec.State) string {
	up := state == spec.Running || state == spec.Starting
	switch {
	case do == "restart" && up:
		return "ended, and started again"
	case do == "restart" && state == spec.Stopping, do == "start" && state == spec.Stopping:
		return "started again when they have ended"
	case do == "stop" && up:
		return "ended, and not started again"
	case do == "stop" && state == spec.Stopping:
		return "not started again"
	case do == "stop":
		return "kept from being started"
	case state == spec.Invalid:
		return "left alone: there is no good spec"
	case do == "start" && up:
		return "left alone: they run"
	}
	return "started"
}

// doMany sends all messages and then waits for the results.
func (s *Site) doMany(ctx context.Context, do string, items []operations.Item) (done string, err error) {
	var files []string
	for _, it := range items {
		sent, err := s.colony.Send(ctx, operations.Request{Message: spec.Message{Type: verbs[do], Name: it.Name}})
		if err != nil {
			return "", fmt.Errorf("%d of %d asked for: %w", len(files), len(items), err)
		}
		files = append(files, sent.Request)
	}
	if err := s.colony.Ready(ctx); err != nil {
		return "", fmt.Errorf("%s: %w; what was asked for waits for one", words.Counted(len(files), "request"), err)
	}
	good, late, bad := 0, 0, map[string]int{}
	end := time.Now().Add(patience)
	for _, file := range files {
		res, err := s.result(ctx, file, end)
		switch {
		case err != nil:
			return "", err
		case res == nil:
			late++
		case res.OK:
			good++
		default:
			bad[res.Error]++
		}
	}
	done = fmt.Sprintf("%s: %d of %d done", do, good, len(files))
	if late > 0 {
		done += "; " + strconv.Itoa(late) + " not yet"
	}
	if len(bad) == 0 {
		return done + ".", nil
	}
	for why, n := range bad {
		done += fmt.Sprintf("; %d refused: %s", n, why)
	}
	return "", fmt.Errorf("%s", done)
}

// result is that of a message; nil = there is none at the end.
func (s *Site) result(ctx context.Context, file string, end time.Time) (*spec.Result, error) {
	for {
		sent, err := s.colony.Result(ctx, file)
		if err != nil {
			return nil, err
		}
		if sent.Result != nil && sent.Result.Finished != nil {
			return sent.Result, nil
		}
		if time.Now().After(end) {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
