package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	regsyntax "regexp/syntax"
	"slices"
	"strings"
)

// Bounds of what ready and limit may say.
const (
	minReadyFD  = 3   // below are stdin, stdout and stderr
	maxReadyFD  = 255 // a child gets a descriptor for each number below
	maxRestarts = 1000
)

// service reads the name of another service.
func (r *reader) service(n *node, key string) (string, bool) {
	s, ok := r.filled(n, key)
	if !ok {
		return "", false
	}
	name := strings.TrimSuffix(s, ".json")
	if file, number := Instance(name); number > 0 {
		r.add(n.at, "%s: %s is one instance: write %s, of which all have to be ready", key, quoted(s), quoted(file))
		return "", false
	}
	if err := CheckName(name); err != nil {
		r.add(n.at, "%s: no service can be called %s", key, quoted(s))
		return "", false
	}
	return name, true
}

// ready reads the way in which the service becomes ready: one, and its time.
func (r *reader) ready(n *node) {
	var v Readiness
	ways := map[string]func(*node, string){
		"notify": func(n *node, key string) { v.Notify = r.yes(n, key) },
		"beat":   func(n *node, key string) { v.Beat = r.yes(n, key) },
		"fd": func(n *node, key string) {
			fd, _ := r.integer(n, key, minReadyFD, maxReadyFD)
			v.FD = int(fd)
		},
		"file": func(n *node, key string) { v.File, _ = r.path(n, key) },
		"log":  func(n *node, key string) { v.Log = r.pattern(n, key) },
		"http": func(n *node, key string) { v.HTTP = r.readyHTTP(n, key) },
		"tcp":  func(n *node, key string) { v.TCP = r.target(n, key) },
		"exec": func(n *node, key string) { v.Exec, _ = r.argv(n, key) },
	}
	read := maps.Clone(ways)
	read["timeout"] = func(n *node, key string) {
		if d, ok := r.duration(n, key); ok {
			v.Timeout = &d
		}
	}
	if !r.fields(n, "ready", true, read) {
		return
	}
	var given []string
	for _, m := range n.members {
		if ways[m.key] != nil {
			given = append(given, m.key)
		}
	}
	switch {
	case len(given) == 0:
		r.add(n.at, "ready: must have %s", oneOf(slices.Sorted(maps.Keys(ways))))
	case len(given) > 1:
		r.add(n.at, "ready: has %s, give one of them", strings.Join(given, " and "))
	}
	r.spec.Ready = &v
}

// pattern reads a regular expression.
func (r *reader) pattern(n *node, key string) string {
	s, ok := r.filled(n, key)
	if !ok {
		return ""
	}
	if _, err := regsyntax.Parse(s, regsyntax.Perl); err != nil {
		r.add(n.at, "%s: %v", key, err)
	}
	return s
}

// yes reads a boolean that can only be true.
func (r *reader) yes(n *node, key string) bool {
	v, ok := r.boolean(n, key)
	if ok && !v {
		r.add(n.at, "%s: must be true; without it leave the key out", key)
	}
	return v
}

func (r *reader) watchdog(n *node) {
	if d, ok := r.positive(n, "watchdog"); ok {
		r.spec.Watchdog = &d
	}
}

func (r *reader) limit(n *node) {
	var l Limit
	restarts, within := false, false
	ok := r.fields(n, "limit", true, map[string]func(*node, string){
		"restarts": func(n *node, key string) {
			restarts = true
			i, _ := r.integer(n, key, 0, maxRestarts)
			l.Restarts = int(i)
		},
		"within": func(n *node, key string) {
			within = true
			if l.Within, _ = r.duration(n, key); l.Within == 0 {
				r.add(n.at, "%s: must be more than 0", key)
			}
		},
		"then": func(n *node, key string) { l.Then = r.then(n, key) },
	})
	if !ok {
		return
	}
	if !restarts {
		r.add(n.at, "limit.restarts: missing")
	}
	if !within {
		r.add(n.at, "limit.within: missing")
	}
	r.spec.Limit = &l
}

// then reads an action, or {"retry": TIME}.
func (r *reader) then(n *node, key string) (t Then) {
	if n.kind != isObject {
		if r.is(n, key, isString, `"fail", "shutdown" or {"retry": TIME}`) {
			t.Action, _ = r.choice(n, key, ThenFail, ThenShutdown)
		}
		return t
	}
	retry := false
	r.fields(n, key, true, map[string]func(*node, string){
		"retry": func(n *node, key string) {
			retry = true
			t.Retry, _ = r.positive(n, key)
		},
	})
	if !retry {
		r.add(n.at, "%s.retry: missing", key)
	}
	return t
}

// UnmarshalJSON reads an action, or {"retry": TIME}.
func (t *Then) UnmarshalJSON(data []byte) error {
	*t = Then{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &t.Action)
	}
	var retry struct{ Retry Duration }
	if err := json.Unmarshal(data, &retry); err != nil {
		return fmt.Errorf("read limit.then: %w", err)
	}
	t.Retry = retry.Retry
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (t Then) MarshalJSON() ([]byte, error) {
	switch {
	case t.Retry > 0:
		return json.Marshal(map[string]Duration{"retry": t.Retry})
	case t.Action == "":
		return json.Marshal(ThenFail)
	default:
		return json.Marshal(t.Action)
	}
}

// IsZero reports whether nothing is said.
func (t Then) IsZero() bool { return t == Then{} }
