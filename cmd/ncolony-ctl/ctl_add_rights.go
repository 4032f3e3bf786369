package main

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// The kinds of value that say what a service may have.
type (
	limits  members // of rlimits
	files   members // of credentials
	granted struct {
		names []string
		none  bool
	}
)

func newLimits() key  { return new(limits) }
func newFiles() key   { return new(files) }
func newGranted() key { return &granted{names: []string{}} }

// limitNames are those of the limits that may be set, as one gives them to
// --rlimit.
func limitNames() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(spec.Rlimits)) {
		names = append(names, name+"=")
	}
	return names
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// bound is a limit as JSON has it: a number, or a size with a unit, or
// "unlimited".
func bound(s string) any {
	if digits.MatchString(s) {
		return json.Number(s)
	}
	return s
}

// Set reads NAME=VALUE or NAME=SOFT:HARD.
func (l *limits) Set(s string) error {
	name, value, _ := strings.Cut(s, "=")
	soft, hard, both := strings.Cut(value, ":")
	if name == "" || soft == "" || both && hard == "" {
		return errors.New("must be NAME=VALUE or NAME=SOFT:HARD, as in nofile=65536")
	}
	if *l == nil {
		*l = limits{}
	}
	(*l)[name] = bound(soft)
	if both {
		(*l)[name] = []any{bound(soft), bound(hard)}
	}
	return nil
}

func (l *limits) String() string { return "" }
func (l *limits) Type() string   { return "limit" }
func (l *limits) json() any      { return members(*l) }

// Set reads NAME=PATH.
func (f *files) Set(s string) error {
	name, path, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("must be NAME=PATH")
	}
	if *f == nil {
		*f = files{}
	}
	(*f)[name] = path
	return nil
}

func (f *files) String() string { return "" }
func (f *files) Type() string   { return "file" }
func (f *files) json() any      { return members(*f) }

// noCapability says that there are none at all, which is not the same as a flag
// that is not given.
const noCapability = "none"

// Set reads a name, or none.
func (g *granted) Set(s string) error {
	if s == noCapability {
		g.none = true
	} else {
		g.names = append(g.names, s)
	}
	if g.none && len(g.names) > 0 {
		return errors.New("none stands alone")
	}
	return nil
}

func (g *granted) String() string { return "" }
func (g *granted) Type() string   { return "string" }
func (g *granted) json() any      { return g.names }
