package convert

import (
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// usualCaps are the capabilities of a container that says nothing of them.
var usualCaps = func() (set capSet) {
	for _, name := range strings.Fields(`CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
		NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`) {
		c, _ := capOf(name, true)
		set |= c
	}
	return set
}()

// below is a field of f, named with its path.
func below(f, sub field) field { return field{f.key + "." + sub.key, sub.line, sub.value} }

// number reads a whole number within bounds.
func (s *composeItem) number(f field, least, most int) (*int, bool) {
	text, ok := s.text(f)
	if !ok {
		return nil, false
	}
	n, err := within(text, least, most)
	if err != nil {
		s.lost(f, "%v", err)
	}
	return n, err == nil
}

func (s *composeItem) oomScore(f field) { s.spec.OOMScoreAdj, _ = s.number(f, -1000, 1000) }

// ulimits reads a mapping of names to values, or to {soft, hard}.
func (s *composeItem) ulimits(f field) {
	fields, ok := mapping(f.value)
	if !ok {
		s.lost(f, "not a mapping of names to limits")
	}
	for _, limit := range fields {
		name, f := limit.key, below(f, limit)
		if _, known := spec.Rlimits[name]; !known {
			s.lost(f, "there is no such limit")
			continue
		}
		both := map[string]field{"soft": f, "hard": f}
		if options, ok := mapping(f.value); ok {
			both = map[string]field{}
			for _, o := range options {
				both[o.key] = below(f, o)
			}
		}
		var values [2]spec.Size
		good := true
		for i, key := range []string{"soft", "hard"} {
			value, ok := both[key]
			if !ok {
				s.lost(f, "there is no %s limit", key)
			}
			if good = good && ok; good {
				values[i], good = s.ulimit(value)
			}
		}
		if !good {
			continue
		}
		if err := s.rlimit(name, values[0], values[1]); err != nil {
			s.lost(f, "%v", err)
		}
	}
}

func (s *composeItem) ulimit(f field) (spec.Size, bool) {
	text, ok := s.text(f)
	if !ok {
		return 0, false
	}
	if text == "-1" {
		return spec.Unlimited, true
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		s.lost(f, "%q is no number, or -1", text)
	}
	return spec.Size(n), err == nil
}

// capSet reads a list of capabilities; all is whether ALL is among them.
func (s *composeItem) capSet(f field, set *capSet, all *bool) {
	list, ok := scalars(f.value)
	if !ok {
		if !isNull(f.value) {
			s.lost(f, "not a list of names")
		}
		return
	}
	if f.key == "cap_add" || s.capKey == "" {
		s.capKey = f.key
	}
	for _, text := range list {
		name, ok := s.fixed(f, text)
		if !ok {
			continue
		}
		if strings.EqualFold(name, "ALL") {
			*all = true
			continue
		}
		c, ok := capOf(name, true)
		if !ok {
			s.lost(f, "there is no capability %q", name)
		}
		*set |= c
	}
}

// settleRights brings user, security_opt, cap_add and cap_drop together, and
// cpu_quota and cpu_period.
func (s *composeItem) settleRights() {
	s.cpuQuota()
	if s.capKey == "" || s.privileged {
		return
	}
	r := rights{inverted: s.addAll, root: s.spec.UID == nil || *s.spec.UID == 0}
	if s.spec.User != "" {
		r.root = s.spec.User == "root"
	}
	switch {
	case s.addAll:
		r.bound = allCaps &^ s.dropped
	case s.dropAll:
		r.bound = s.added
	default:
		r.bound = usualCaps&^s.dropped | s.added
	}
	if kind, text := s.capabilities(r); kind != "" {
		s.say(place{s.file.Path, s.lines[s.capKey]}, kind, s.capKey, "%s", text)
	}
}

func (s *composeItem) privilege(f field) {
	text, ok := s.text(f)
	yes, err := strconv.ParseBool(text)
	switch {
	case !ok:
	case err != nil:
		s.lost(f, "%q is neither true nor false", text)
	case yes:
		s.privileged = true
		s.lost(f, "ncolony is no sandbox: the container around it is as privileged as it is")
	}
}

func (s *composeItem) securityOpt(f field) {
	list, ok := scalars(f.value)
	if !ok {
		s.lost(f, "not a list of texts")
	}
	for _, text := range list {
		name, value, given := strings.Cut(text, ":")
		if !given {
			name, value, given = strings.Cut(text, "=")
		}
		if name != "no-new-privileges" {
			s.lost(f, "%s: ncolony is no sandbox: a container around it can be one", name)
		} else if yes, err := strconv.ParseBool(value); given && err != nil {
			s.lost(f, "%s: %q is neither true nor false", name, value)
		} else {
			s.spec.NoNewPrivs = yes || !given
		}
	}
}
