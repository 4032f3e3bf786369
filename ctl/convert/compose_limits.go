package convert

import (
	"strconv"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// size reads a size; 0 is none.
func (s *composeItem) size(f field) (spec.Size, bool) {
	text, ok := s.text(f)
	if !ok {
		return 0, false
	}
	n, err := sizeIn(composeSize, text)
	if err == nil && n > 0 {
		err = memory(n)
	}
	if err != nil {
		s.lost(f, "%v", err)
	}
	return n, err == nil
}

func (s *composeItem) memLimit(f field) {
	if n, ok := s.size(f); ok && n > 0 {
		s.cgroup().MemoryMax = &n
		s.about(f, "who needs more ends the whole life, and not one of its processes alone")
	}
}

func (s *composeItem) memReservation(f field) {
	if n, ok := s.size(f); ok && n > 0 {
		s.lost(f, "%s", noReserve)
	}
}

func (s *composeItem) memSwap(f field) {
	if text, _ := scalar(f.value); text == "-1" {
		return // there is no limit here either
	}
	if n, ok := s.size(f); ok && n > 0 {
		s.lost(f, "swap has no limit: memory_max is of memory alone")
	}
}

func (s *composeItem) processors(f field) {
	text, ok := s.text(f)
	if !ok {
		return
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		s.lost(f, "%q is no number of processors", text)
	case n != 0:
		if err := s.cpus(n); err != nil {
			s.lost(f, "%v", err)
		}
	}
}

// usualPeriod is that of cpu_quota, and of cpu_max, in us.
const usualPeriod = 100000

func (s *composeItem) cpuPeriod(f field) {
	n, ok := s.number(f, 0, 1000000)
	if !ok || *n == 0 {
		return
	}
	if *n != usualPeriod {
		s.about(f, "cpu_max holds within 100 ms")
	}
	s.period = float64(*n)
}

// cpuQuota makes cpu_max of the time within a period.
func (s *composeItem) cpuQuota() {
	f := s.quota
	if f.key == "" {
		return
	}
	n, ok := s.number(f, -1, 1<<40)
	switch {
	case !ok || *n <= 0:
	case s.spec.Cgroup != nil && s.spec.Cgroup.CPUMax != nil:
		s.lost(f, "cpus says it already")
	default:
		if err := s.cpus(float64(*n) / s.period); err != nil {
			s.lost(f, "%v", err)
		}
	}
}

func (s *composeItem) pidsLimit(f field) {
	text, ok := s.text(f)
	if !ok || text == "-1" || text == "0" { // none
		return
	}
	if err := s.pids(text); err != nil {
		s.lost(f, "%v", err)
	}
}

// deploy reads the limits in it. All else is for swarms.
func (s *composeItem) deploy(f field) {
	fields, ok := mapping(f.value)
	if !ok {
		s.lost(f, "not a mapping")
	}
	for _, sub := range fields {
		at := below(f, sub)
		switch sub.key {
		case "resources":
			s.resources(at)
		case "labels":
		case "replicas":
			s.instances(at, sub.value)
		case "mode":
			if mode, _ := scalar(sub.value); mode != "replicated" {
				s.lost(at, "nothing is deployed")
			}
		case "restart_policy":
			s.lost(at, `it is restarted as "restart" says`)
		default:
			s.lost(at, "nothing is deployed")
		}
	}
}

func (s *composeItem) resources(f field) {
	fields, _ := mapping(f.value)
	for _, sub := range fields {
		limits, _ := mapping(sub.value)
		for _, limit := range limits {
			at := below(below(f, sub), limit)
			switch read := composeLimits[limit.key]; {
			case sub.key == "reservations":
				s.lost(at, "nothing is kept for it: %s", hasLimits)
			case sub.key != "limits" || read == nil:
				s.lost(at, "nothing here is its counterpart")
			default:
				read(s, at)
			}
		}
	}
}

// composeLimits are those of deploy.resources.limits.
var composeLimits = map[string]func(s *composeItem, f field){
	"memory": (*composeItem).memLimit,
	"cpus":   (*composeItem).processors,
	"pids":   (*composeItem).pidsLimit,
}
