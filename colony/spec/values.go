package spec

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// The functions below turn a node into a Go value. Each takes the name under
// which problems are reported ("args", "stop.grace") and reports whether the
// value is good; what is wrong is added to p.

// is reports whether n is of the kind that the key wants. Called names what it
// wants where that is more than one kind.
func (p *problems) is(n *node, key string, want kind, called ...string) bool {
	if n.kind == want {
		return true
	}
	if n.kind == isNull {
		p.add(n.at, "%s: null: leave the key out", key)
		return false
	}
	wanted := string(want)
	if len(called) > 0 {
		wanted = called[0]
	}
	p.add(n.at, "%s: must be %s, not %s", key, wanted, n.kind)
	return false
}

// string reads a string that the kernel can take: without NUL.
func (p *problems) string(n *node, key string) (string, bool) {
	if !p.is(n, key, isString) {
		return "", false
	}
	if strings.Contains(n.text, "\x00") {
		p.add(n.at, "%s: contains a NUL character", key)
		return "", false
	}
	return n.text, true
}

// filled reads a string that is not empty.
func (p *problems) filled(n *node, key string) (string, bool) {
	s, ok := p.string(n, key)
	if ok && s == "" {
		p.add(n.at, "%s: must not be empty", key)
		return "", false
	}
	return s, ok
}

// path reads an absolute path.
func (p *problems) path(n *node, key string) (string, bool) {
	s, ok := p.filled(n, key)
	if ok && !filepath.IsAbs(s) {
		p.add(n.at, "%s: must be an absolute path, not %s", key, quoted(s))
		return "", false
	}
	return s, ok
}

// words turns values that are words into plain strings.
func words[T ~string](values []T) []string {
	plain := make([]string, len(values))
	for i, v := range values {
		plain[i] = string(v)
	}
	return plain
}

// choice reads one of a few words.
func (p *problems) choice(n *node, key string, words ...string) (string, bool) {
	s, ok := p.string(n, key)
	if !ok {
		return "", false
	}
	for _, w := range words {
		if s == w {
			return s, true
		}
	}
	p.add(n.at, "%s: must be %s, not %s", key, oneOf(words), quoted(s))
	return "", false
}

// oneOf lists words for a sentence: "a", "b" or "c".
func oneOf(words []string) string {
	out := ""
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			out += " or "
		default:
			out += ", "
		}
		out += strconv.Quote(w)
	}
	return out
}

// list reads a list, each element with read. A good list is never nil.
func list[T any](p *problems, n *node, key string, read func(n *node, key string) (T, bool)) ([]T, bool) {
	if n.kind == isString {
		p.add(n.at, "%s: must be a list: write [%s]", key, quoted(n.text))
		return nil, false
	}
	if !p.is(n, key, isList) {
		return nil, false
	}
	out, good := make([]T, 0, len(n.items)), true
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", key, i)
		if item.kind == isNull {
			p.add(item.at, "%s: must not be null", at)
			good = false
			continue
		}
		v, ok := read(item, at)
		out, good = append(out, v), good && ok
	}
	return out, good
}

// argv reads a command: a list of strings whose first names a program.
func (p *problems) argv(n *node, key string) ([]string, bool) {
	argv, ok := list(p, n, key, p.string)
	if n.kind == isList && len(n.items) == 0 {
		p.add(n.at, "%s: must name a program", key)
		return nil, false
	}
	if ok && argv[0] == "" {
		p.add(n.items[0].at, "%s[0]: must name a program", key)
		return nil, false
	}
	return argv, ok
}

// number reads a number exactly.
func (p *problems) number(n *node, key string) (decimal, bool) {
	if !p.is(n, key, isNumber) {
		return decimal{}, false
	}
	d, ok := parseDecimal(n.text)
	if !ok {
		p.add(n.at, "%s: number out of range", key)
	}
	return d, ok
}

// integer reads a whole number from least to most.
func (p *problems) integer(n *node, key string, least, most int64) (int64, bool) {
	d, ok := p.number(n, key)
	if !ok {
		return 0, false
	}
	i, ok := d.int64()
	switch {
	case !d.whole():
		p.add(n.at, "%s: must be a whole number, not %s", key, n.text)
		return 0, false
	case !ok || i < least || i > most:
		p.add(n.at, "%s: must be from %d to %d", key, least, most)
		return 0, false
	}
	return i, true
}

// float reads a number that is at least least.
func (p *problems) float(n *node, key string, least float64) (float64, bool) {
	d, ok := p.number(n, key)
	if !ok {
		return 0, false
	}
	f, ok := d.float64()
	switch {
	case !ok:
		p.add(n.at, "%s: number out of range", key)
		return 0, false
	case f < least:
		p.add(n.at, "%s: must be at least %g", key, least)
		return 0, false
	}
	return f, true
}

// boolean reads true or false.
func (p *problems) boolean(n *node, key string) (bool, bool) {
	return n.truth, p.is(n, key, isBool)
}

// duration reads seconds or a Go duration.
func (p *problems) duration(n *node, key string) (Duration, bool) {
	if n.kind != isNumber && n.kind != isString {
		return 0, p.is(n, key, isNumber, `seconds or a duration ("500ms")`)
	}
	d, cause := durationOf(n.text)
	if cause != "" {
		p.add(n.at, "%s: %s", key, cause)
	}
	return d, cause == ""
}

// positive reads a duration that is not 0.
func (p *problems) positive(n *node, key string) (Duration, bool) {
	d, ok := p.duration(n, key)
	if ok && d == 0 {
		p.add(n.at, "%s: must be more than 0", key)
	}
	return d, ok && d > 0
}

// signal reads a signal's name or number.
func (p *problems) signal(n *node, key string) (Signal, bool) {
	if n.kind != isNumber && !p.is(n, key, isString, "a name or a number") {
		return 0, false
	}
	sig, cause := signalOf(n.text)
	if cause != "" {
		p.add(n.at, "%s: %s: %s", key, quoted(n.text), cause)
	}
	return sig, cause == ""
}

// maxID is the largest user and group id. The kernel reads the one above it,
// -1, as "do not change".
const maxID = 1<<32 - 2

// account reads the name or number of a user or group. A number comes back as
// its decimal text.
func (p *problems) account(n *node, key string) (string, bool) {
	if n.kind == isNumber {
		id, ok := p.integer(n, key, 0, maxID)
		return strconv.FormatInt(id, 10), ok
	}
	if !p.is(n, key, isString, "a name or a number") {
		return "", false
	}
	s, ok := p.filled(n, key)
	if ok && strings.ContainsAny(s, ":\n") {
		p.add(n.at, "%s: %s is no name of a user or group", key, quoted(s))
		return "", false
	}
	// Digits are a number unless an account has them for a name.
	if d, isNumber := parseDecimal(s); ok && isNumber {
		if id, fits := d.int64(); d.whole() && (!fits || id < 0 || id > maxID) {
			p.add(n.at, "%s: must be from 0 to %d", key, maxID)
			return "", false
		}
	}
	return s, ok
}
