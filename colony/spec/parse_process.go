package spec

import (
	"maps"
	"slices"
	"strings"
)

// The keys below set what a process has besides its user: limits, priority,
// rights.

func (r *reader) umask(n *node) {
	if m, ok := r.mode(n, "umask"); ok {
		r.spec.Umask = &m
	}
}

// mode reads permission bits, which JSON numbers cannot say.
func (r *reader) mode(n *node, key string) (Mode, bool) {
	if n.kind == isNumber {
		r.add(n.at, `%s: must be a string of octal digits, as in "0022"`, key)
		return 0, false
	}
	if !r.is(n, key, isString) {
		return 0, false
	}
	m, cause := modeOf(n.text)
	if cause != "" {
		r.add(n.at, "%s: %s", key, cause)
	}
	return m, cause == ""
}

// between reads a whole number within bounds.
func (r *reader) between(n *node, key string, least, most int64) *int {
	i, ok := r.integer(n, key, least, most)
	if !ok {
		return nil
	}
	v := int(i)
	return &v
}

// size reads a number, or a string with a unit; noBound is what says that there
// is none.
func (r *reader) size(n *node, key string, noBound ...string) (Size, bool) {
	if n.kind == isNumber {
		i, ok := r.integer(n, key, 0, maxSize)
		return Size(i), ok
	}
	if !r.is(n, key, isString, `a number or a size ("512M")`) {
		return 0, false
	}
	if slices.Contains(noBound, n.text) {
		return Unlimited, true
	}
	s, cause := sizeOf(n.text)
	if cause != "" {
		r.add(n.at, "%s: %s", key, cause)
	}
	return s, cause == ""
}

func (r *reader) rlimits(n *node) {
	if !r.is(n, "rlimits", isObject) {
		return
	}
	limits := make(map[string]Rlimit, len(n.members))
	for _, m := range n.members {
		key := "rlimits." + m.key
		if _, known := Rlimits[m.key]; !known {
			// Not a warning: what was to be limited would not be.
			r.add(m.at, "%s: no such limit%s", key, maybe(m.key, slices.Collect(maps.Keys(Rlimits))))
			continue
		}
		if l, ok := r.rlimit(m.value, key); ok {
			limits[m.key] = l
		}
	}
	r.spec.Rlimits = limits
}

func (r *reader) rlimit(n *node, key string) (Rlimit, bool) {
	if n.kind != isList {
		v, ok := r.size(n, key, "unlimited", "infinity")
		return Rlimit{v, v}, ok
	}
	if len(n.items) != 2 {
		r.add(n.at, "%s: must be a value or [soft, hard]", key)
		return Rlimit{}, false
	}
	soft, sok := r.size(n.items[0], key+"[0]", "unlimited", "infinity")
	hard, hok := r.size(n.items[1], key+"[1]", "unlimited", "infinity")
	if sok && hok && soft > hard {
		r.add(n.items[0].at, "%s: the soft limit must not be more than the hard one", key)
		return Rlimit{}, false
	}
	return Rlimit{soft, hard}, sok && hok
}

// capabilities reads names in any case, with or without CAP_. Each stands once
// and in the order of the numbers, so that its spelling says nothing.
func (r *reader) capabilities(n *node) {
	names, ok := list(r.problems, n, "capabilities", r.capability)
	if !ok {
		return
	}
	r.spec.Capabilities = []string{}
	for _, c := range Capabilities {
		if slices.Contains(names, c) {
			r.spec.Capabilities = append(r.spec.Capabilities, c)
		}
	}
}

func (r *reader) capability(n *node, key string) (string, bool) {
	s, ok := r.filled(n, key)
	if !ok {
		return "", false
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "CAP_")
	if !slices.Contains(Capabilities, name) {
		r.add(n.at, "%s: no such capability: %s%s", key, quoted(s), maybe(name, Capabilities))
		return "", false
	}
	return name, true
}

func (r *reader) cgroup(n *node) {
	var c Cgroup
	size := func(to **Size, least int64) func(*node, string) {
		return func(n *node, key string) {
			s, ok := r.size(n, key)
			if ok && int64(s) < least {
				r.add(n.at, "%s: must be at least %d", key, least)
			}
			*to = &s
		}
	}
	if r.fields(n, "cgroup", true, map[string]func(*node, string){
		"memory_max":  size(&c.MemoryMax, 1),
		"memory_high": size(&c.MemoryHigh, 1),
		"cpu_max":     func(n *node, key string) { c.CPUMax = r.cpus(n, key) },
		"pids_max":    func(n *node, key string) { c.PidsMax = r.between(n, key, 1, 1<<22) },
		"optional":    func(n *node, key string) { c.Optional, _ = r.boolean(n, key) },
	}) {
		r.spec.Cgroup = &c
	}
}

func (r *reader) cpus(n *node, key string) *CPUs {
	if n.kind != isNumber && !r.is(n, key, isString, `a number or percents ("50%")`) {
		return nil
	}
	text := n.text
	if n.kind == isString && !strings.HasSuffix(text, "%") {
		text = "x" // a number that is a string: which unit did its writer have in mind?
	}
	c, cause := cpusOf(text)
	if cause != "" {
		r.add(n.at, "%s: %s", key, strings.Replace(cause, `"x"`, quoted(n.text), 1))
	}
	return &c
}

// credentials reads names and paths. A name becomes that of a file.
func (r *reader) credentials(n *node) {
	if !r.is(n, "credentials", isObject) {
		return
	}
	files := make(map[string]string, len(n.members))
	for _, m := range n.members {
		key := "credentials: " + quoted(m.key)
		if m.key == "" || m.key == "." || m.key == ".." || len(m.key) > 255 || strings.ContainsAny(m.key, "/\x00") {
			r.add(m.at, "%s: cannot be the name of a file", key)
			continue
		}
		if path, ok := r.path(m.value, key); ok {
			files[m.key] = path
		}
	}
	r.spec.Credentials = files
}
