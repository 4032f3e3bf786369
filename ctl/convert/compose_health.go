package convert

import (
	"cmp"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// health is what Compose asks a service, and how often.
type health struct {
	at       place
	key      string
	args     []string
	interval spec.Duration
	timeout  spec.Duration // 0 = not given
	start    spec.Duration // start_period
	retries  int
}

// What Docker takes for the options that are left out, or 0.
const (
	usualInterval = spec.Duration(30 * time.Second)
	usualRetries  = 3
	maxRetries    = 1000
)

// healthcheck reads a health check. What becomes of it depends on whether the
// service is restarted, and on whether others wait for it: see settleHealth.
func (s *composeItem) healthcheck(f field) {
	h := &health{at: place{s.file.Path, f.line}, key: f.key, interval: usualInterval, retries: usualRetries}
	options, ok := mapping(f.value)
	if !ok {
		s.lost(f, "not a mapping")
		return
	}
	for _, o := range options {
		o := field{key: f.key + "." + o.key, value: o.value, line: o.line}
		switch o.key[len(f.key)+1:] {
		case "disable":
			if text, _ := scalar(o.value); text == "true" {
				return
			}
		case "test":
			if !s.test(o, h) {
				return
			}
		case "interval":
			d, _ := s.span(o)
			h.interval = cmp.Or(d, usualInterval)
		case "timeout":
			h.timeout, _ = s.span(o)
		case "start_period":
			h.start, _ = s.span(o)
		case "start_interval":
			s.lost(o, "until it is ready a service is asked after 100 ms and then more and more seldom, up to once a second")
		case "retries":
			if text, ok := s.text(o); ok {
				n, err := strconv.Atoi(text)
				if err != nil || n < 0 || n > maxRetries {
					s.lost(o, "%q is no number from 0 to %d", text, maxRetries)
				} else if n > 0 {
					h.retries = n
				}
			}
		default:
			s.lost(o, "nothing here is its counterpart")
		}
	}
	if h.args == nil {
		s.lost(f, "the image has a test that is not known here")
		return
	}
	s.check = h
}

// test reads what is executed. It reports whether there is something.
func (s *composeItem) test(f field, h *health) bool {
	list, isList := scalars(f.value)
	if !isList {
		text, ok := s.text(f)
		h.args = []string{"/bin/sh", "-c", text}
		return ok
	}
	switch {
	case len(list) > 0 && list[0] == "NONE":
		return false
	case len(list) > 1 && list[0] == "CMD-SHELL":
		h.args = []string{"/bin/sh", "-c"}
		list = list[:2]
	case len(list) < 2 || list[0] != "CMD":
		s.lost(f, "neither NONE, nor CMD or CMD-SHELL and a command")
		return false
	}
	for _, text := range list[1:] {
		text, ok := s.fixed(f, text)
		if !ok {
			return false
		}
		h.args = append(h.args, text)
	}
	return true
}

// span reads a time.
func (s *composeItem) span(f field) (spec.Duration, bool) {
	text, ok := s.text(f)
	if !ok {
		return 0, false
	}
	d, _, err := timespan(text)
	if err != nil {
		s.lost(f, "%v", err)
	}
	return d, err == nil
}

// settleHealth makes of a health check what is restarted for it, and what others
// wait for.
func (d *draft) settleHealth(awaited bool) {
	h := d.check
	if h == nil {
		return
	}
	if awaited {
		each := min(h.interval+cmp.Or(h.timeout, usualInterval), spec.MaxDuration/maxRetries)
		d.spec.Ready = &spec.Readiness{Exec: h.args, Timeout: span(min(h.start+spec.Duration(h.retries)*each, spec.MaxDuration))}
	}
	if d.once {
		if !awaited {
			d.say(h.at, Lost, h.key, "nobody waits for it to be healthy, and it is not restarted")
		}
		return
	}
	d.say(h.at, About, h.key, "Docker would only say that it is unhealthy; here it is restarted for it")
	maxBad := h.retries - 1
	check := &spec.ExecCheck{Args: h.args, Checks: spec.Checks{Period: h.interval, MaxBad: &maxBad}}
	switch {
	case h.timeout > h.interval:
		d.say(h.at, Lost, h.key+".timeout", "a check that takes as long as the interval is a bad one")
	case h.timeout > 0:
		check.Timeout = span(h.timeout)
	}
	if h.start > h.interval {
		grace := float64(h.start) / float64(h.interval)
		check.Grace = &grace
	}
	d.spec.ExecCheck = check
}
