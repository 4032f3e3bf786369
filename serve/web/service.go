package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/story"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

const (
	historyEvents = 200
	shownEvents   = 20
	shownCrashes  = 5
	logLines      = 100
)

type serviceContent struct {
	*operations.Service
	Helper   bool
	What     string
	Parts    []story.Part
	Timeline timeline
	Events   []happening // the youngest first
	CPU      *chart      // nil: nothing is known
	Memory   *chart
	Heart    *spec.Heartbeat
	Log      logContent
	Graph    drawing
	Crashes  []crash
	Signals  []string
}

// logContent is the output that is shown, and which part of it.
type logContent struct {
	Name, Stream, Grep string
	Lines              []operations.LogLine
	Wrong              string // why there is none
	Source             string // URL of what follows
}

// happening is an event as people are told of it.
type happening struct {
	spec.Event
	Text string
}

// crash is a report about a bad end.
type crash struct {
	spec.Crash
	Text string
}

// usualSignals are those that services know what to do with.
var usualSignals = []string{"HUP", "USR1", "USR2", "INT", "TERM", "QUIT", "KILL"}

func (s *Site) service(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	service, err := s.colony.Get(r.Context(), name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := serviceContent{Service: service, Helper: isHelper(name), Signals: usualSignals, Log: s.output(r, name)}
	if service.Status != nil || len(service.Instances) == 0 {
		told, err := s.colony.Story(r.Context(), name)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c.What, c.Parts = told.What(), told.Parts()
	} else {
		c.What = name + " has " + words.Counted(len(service.Instances), "instance") + "."
	}
	history, err := s.colony.History(r.Context(), name, historyEvents)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	now := time.Now()
	c.Heart, _ = s.colony.Heart(r.Context(), name) // whose absence tells as much
	c.Timeline = timelineOf(name, history, service.Status, c.Heart, now)
	for _, e := range slices.Backward(history[max(len(history)-shownEvents, 0):]) {
		c.Events = append(c.Events, happening{e, words.OneLine(words.Event(&e))})
	}
	c.CPU, c.Memory = chartsOf(s.usage.Hour(name))
	if ties, err := s.colony.Ties(r.Context()); err == nil {
		c.Graph = drawAround(ties, service.File)
	}
	reports, err := s.colony.Crashes(r.Context(), name, shownCrashes)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, one := range reports {
		c.Crashes = append(c.Crashes, crash{one, words.Exit(one.Exit)})
	}
	s.show(w, r, http.StatusOK, "service", page{Title: name, Here: "services", Slow: true,
		Stream: "/v1/events?" + url.Values{"service": {name}}.Encode(), Content: c})
}

// output are the last lines that a service has written, as the query asks for them.
func (s *Site) output(r *http.Request, name string) logContent {
	q := r.URL.Query()
	c := logContent{Name: name, Stream: q.Get("stream"), Grep: q.Get("grep")}
	page, err := s.colony.Log(r.Context(), name, operations.LogQuery{Stream: c.Stream, Grep: c.Grep, Limit: logLines})
	if err != nil {
		c.Wrong = err.Error()
	} else {
		c.Lines = page.Lines
	}
	c.Source = "/v1/logs/" + url.PathEscape(name)
	return c
}

type eventsContent struct {
	Service, Type string
	Types         []string
	Events        []happening // the youngest first
	Wrong         string
}

const eventsShown = 200

func (s *Site) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c := eventsContent{Service: strings.TrimSpace(q.Get("service")), Type: q.Get("type"), Types: spec.EventTypes}
	ask := operations.EventQuery{Limit: eventsShown}
	follow := url.Values{}
	if c.Service != "" {
		ask.Names = []string{c.Service}
		follow.Set("service", c.Service)
	}
	if c.Type != "" {
		ask.Types = []string{c.Type}
		follow.Set("type", c.Type)
	}
	stream := "/v1/events?" + follow.Encode()
	found, err := s.colony.Events(r.Context(), ask)
	if err != nil {
		c.Wrong, stream = err.Error(), ""
	} else {
		for _, text := range slices.Backward(found.Events) {
			var e spec.Event
			if json.Unmarshal(text, &e) == nil {
				c.Events = append(c.Events, happening{e, words.OneLine(words.Event(&e))})
			}
		}
	}
	s.show(w, r, http.StatusOK, "events", page{Title: "Events", Here: "events", Stream: stream, Content: c})
}
