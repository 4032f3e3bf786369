package spec

import (
	"maps"
	"slices"
	"strings"
)

// beatcheck is the key that @heartcheck acts on.
const beatcheck = "ncolony.beatcheck"

func (r *reader) args(n *node) {
	if n.kind == isNull {
		r.add(n.at, "args: must not be null")
		return
	}
	r.spec.Args, _ = r.argv(n, "args")
}

func (r *reader) env(n *node) {
	if !r.is(n, "env", isObject) {
		return
	}
	env := make(map[string]string, len(n.members))
	for _, m := range n.members {
		key := "env: " + quoted(m.key)
		if cause := notEnvName(m.key); cause != "" {
			r.add(m.at, "%s: %s", key, cause)
			continue
		}
		if m.value.kind == isNumber || m.value.kind == isBool {
			written := m.value.text
			if m.value.kind == isBool {
				written = map[bool]string{true: "true", false: "false"}[m.value.truth]
			}
			r.add(m.value.at, "%s: must be a string: write %s", key, quoted(written))
			continue
		}
		if v, ok := r.string(m.value, key); ok {
			env[m.key] = v
		}
	}
	r.spec.Env = env
}

// notEnvName says why s cannot name an environment variable, or "".
func notEnvName(s string) string {
	switch {
	case s == "":
		return "the name of a variable must not be empty"
	case strings.Contains(s, "="):
		return `the name of a variable must not contain "="`
	case strings.Contains(s, "\x00"):
		return "the name of a variable must not contain a NUL character"
	}
	return ""
}

func (r *reader) envName(n *node, key string) (string, bool) {
	s, ok := r.string(n, key)
	if !ok {
		return "", false
	}
	if cause := notEnvName(s); cause != "" {
		r.add(n.at, "%s: %s", key, cause)
		return "", false
	}
	return s, true
}

// envFile reads a path that "-" in front makes optional.
func (r *reader) envFile(n *node, key string) (string, bool) {
	s, ok := r.filled(n, key)
	if ok && !strings.HasPrefix(strings.TrimPrefix(s, "-"), "/") {
		r.add(n.at, `%s: must be an absolute path, or "-" and an absolute path, not %s`, key, quoted(s))
		return "", false
	}
	return s, ok
}

func (r *reader) id(n *node, key string) *int {
	if n.kind == isString {
		name := map[string]string{"uid": `, a name goes into "user"`}[key]
		r.add(n.at, "%s: must be a number%s", key, name)
		return nil
	}
	id, ok := r.integer(n, key, 0, maxID)
	if !ok {
		return nil
	}
	i := int(id)
	return &i
}

func (r *reader) code(n *node, key string) (int, bool) {
	code, ok := r.integer(n, key, 0, 255)
	return int(code), ok
}

func (r *reader) restart(n *node) {
	word, _ := r.choice(n, "restart", words(Restarts)...)
	r.spec.Restart = Restart(word)
}

// fields reads the members of an object, each with the function of its key.
// Other keys are warned about, or, without warn, left to other programs.
func (r *reader) fields(n *node, key string, warn bool, read map[string]func(n *node, key string)) bool {
	if !r.is(n, key, isObject) {
		return false
	}
	for _, m := range n.members {
		if f := read[m.key]; f != nil {
			f(m.value, key+"."+m.key)
		} else if warn {
			r.stray(m, key+".", slices.Collect(maps.Keys(read)))
		}
	}
	return true
}

func (r *reader) backoff(n *node) {
	b := &r.spec.Backoff
	span := func(to **Duration) func(*node, string) {
		return func(n *node, key string) {
			if d, ok := r.duration(n, key); ok {
				*to = &d
			}
		}
	}
	number := func(to **float64, least, most float64) func(*node, string) {
		return func(n *node, key string) {
			f, ok := r.float(n, key, least)
			if ok && f > most {
				r.add(n.at, "%s: must be at most %g", key, most)
				ok = false
			}
			if ok {
				*to = &f
			}
		}
	}
	maxAt := 0
	r.fields(n, "backoff", true, map[string]func(*node, string){
		"min":       span(&b.Min),
		"max":       func(n *node, key string) { maxAt = n.at; span(&b.Max)(n, key) },
		"factor":    number(&b.Factor, 1, maxFactor),
		"jitter":    number(&b.Jitter, 0, 1),
		"threshold": span(&b.Threshold),
	})
	if b.Min != nil && b.Max != nil && *b.Max < *b.Min {
		r.add(maxAt, "backoff.max: must not be less than backoff.min")
	}
}

// maxFactor bounds backoff.factor: a larger one is a slip of the keyboard.
const maxFactor = 1000

func (r *reader) stop(n *node) {
	s := &r.spec.Stop
	r.fields(n, "stop", true, map[string]func(*node, string){
		"signal": func(n *node, key string) { s.Signal, _ = r.signal(n, key) },
		"grace": func(n *node, key string) {
			if d, ok := r.duration(n, key); ok {
				s.Grace = &d
			}
		},
		"command": func(n *node, key string) { s.Command, _ = r.argv(n, key) },
		"scope": func(n *node, key string) {
			word, _ := r.choice(n, key, words(Scopes)...)
			s.Scope = Scope(word)
		},
		"dump": func(n *node, key string) { s.Dump, _ = r.signal(n, key) },
	})
}

func (r *reader) stdin(n *node) {
	r.spec.Stdin, _ = r.choice(n, "stdin", StdinNull, StdinInherit, StdinFIFO)
}

// heart reads ncolony.beatcheck. Its null means absent, as every reader of the
// key has it; its other members are for whoever put them there.
func (r *reader) heart(n *node) {
	if n.kind == isNull {
		return
	}
	var b Beatcheck
	period, grace := 0, 0
	status := false
	ok := r.fields(n, beatcheck, false, map[string]func(*node, string){
		"period": func(n *node, key string) {
			period = n.at
			b.Period, _ = r.positive(n, key)
		},
		"grace": func(n *node, key string) {
			grace = n.at
			b.Grace, _ = r.float(n, key, 0)
		},
		"status": func(n *node, key string) {
			status = true
			b.Status, _ = r.path(n, key)
		},
	})
	if !ok {
		return
	}
	for _, missing := range []struct {
		key  string
		here bool
	}{{"period", period > 0}, {"grace", grace > 0}, {"status", status}} {
		if !missing.here {
			r.add(n.at, "%s.%s: missing", beatcheck, missing.key)
		}
	}
	if b.Grace*float64(b.Period) > float64(MaxDuration) {
		r.add(grace, "%s.grace: period times grace is longer than 10 years", beatcheck)
	}
	r.spec.Heart = &b
}
