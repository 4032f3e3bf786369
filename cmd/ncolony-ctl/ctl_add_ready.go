package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// members is the JSON of a flag that sets several keys of one object, or one that
// depends on what was given.
type members map[string]any

// The kinds of value that say how a service is kept.
type (
	way  struct{ kind, value string } // of ready
	rate struct {                     // of limit
		restarts int
		within   spec.Duration
	}
	then spec.Then
)

func newWay() key  { return new(way) }
func newRate() key { return new(rate) }
func newThen() key { return new(then) }

// readyKinds are the ways to become ready, as one gives them to --ready.
var readyKinds = []string{"notify", "fd=", "beat", "file=", "log=", "http=", "tcp=", "exec="}

// Set reads KIND or KIND=VALUE. Which kinds want a value is known here, so that
// a mistake is told in the words of the flag.
func (w *way) Set(s string) error {
	if w.kind != "" {
		return errors.New("a service becomes ready in one way")
	}
	kind, value, valued := strings.Cut(s, "=")
	for _, known := range readyKinds {
		name, wants := strings.CutSuffix(known, "=")
		switch {
		case name != kind:
			continue
		case wants && value == "":
			return fmt.Errorf("must be %s=VALUE", kind)
		case !wants && valued:
			return fmt.Errorf("%s has no value", kind)
		case kind == "fd":
			if _, err := strconv.Atoi(value); err != nil {
				return errors.New("fd is the number of a descriptor")
			}
		}
		w.kind, w.value = kind, value
		return nil
	}
	return errors.New("must be notify, fd=N, beat, file=PATH, log=REGEX, http=URL, tcp=ADDRESS or exec=COMMAND")
}

func (w *way) String() string { return w.kind }
func (w *way) Type() string   { return "way" }

func (w *way) json() any {
	switch w.kind {
	case "notify", "beat":
		return members{w.kind: true}
	case "fd":
		return members{w.kind: json.Number(w.value)}
	case "exec":
		return members{w.kind: argvOf(w.value)}
	}
	return members{w.kind: w.value}
}

// argvOf are the words of a command: a JSON list of strings, else what white space
// separates. Nothing is a quote; who needs one gives the list.
func argvOf(s string) (argv []string) {
	if json.Unmarshal([]byte(s), &argv) == nil && len(argv) > 0 {
		return argv
	}
	return strings.Fields(s)
}

// Set reads N/TIME.
func (r *rate) Set(s string) error {
	restarts, within, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(restarts)
	if !ok || err != nil || n < 0 {
		return errors.New("must be N/TIME, as in 5/1m")
	}
	r.restarts = n
	return r.within.Set(within)
}

func (r *rate) String() string { return "" }
func (r *rate) Type() string   { return "rate" }
func (r *rate) json() any      { return members{"restarts": r.restarts, "within": r.within} }

// Set reads an action, or retry=TIME.
func (t *then) Set(s string) error {
	after, retry := strings.CutPrefix(s, "retry=")
	switch {
	case retry:
		if err := t.Retry.Set(after); err != nil {
			return err
		}
		if t.Retry == 0 {
			return errors.New("retry: must be more than 0")
		}
	case s == spec.ThenFail, s == spec.ThenShutdown:
		t.Action = s
	default:
		return errors.New("must be fail, shutdown or retry=TIME")
	}
	return nil
}

func (t *then) String() string { return "" }
func (t *then) Type() string   { return "what" }
func (t *then) json() any      { return spec.Then(*t) }

// output is what becomes of a service's output.
type output string

func newOutput() key { return new(output) }

// Set reads null or files.
func (o *output) Set(s string) error {
	if s != "null" && s != "files" {
		return errors.New("must be null or files")
	}
	*o = output(s)
	return nil
}

func (o *output) String() string { return string(*o) }
func (o *output) Type() string   { return "what" }

func (o *output) json() any {
	if *o == "files" {
		return map[string]any{}
	}
	return string(*o)
}
