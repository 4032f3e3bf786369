package convert

import (
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// output reads StandardOutput and StandardError. What the second does not say
// follows the first.
func (s *unitService) output(key string, lines []unitLine) {
	where := s.last(key, lines)
	kind, _, _ := strings.Cut(where, ":")
	switch kind {
	case "inherit", "journal", "syslog", "kmsg", "journal+console", "kmsg+console", "syslog+console":
	case "null":
		out, err := s.unit.value("Service.StandardOutput"), s.unit.value("Service.StandardError")
		if out == "null" && (err == "null" || err == "" || err == "inherit") {
			s.spec.Log = spec.NoLog()
		} else {
			s.lost(key, lines, `only both streams can be thrown away (log "null"): neither is`)
		}
	case "file", "append", "truncate":
		s.lost(key, lines, "captured logs are not supported yet: the output goes where the supervisor's goes")
	default:
		s.lost(key, lines, "the output goes where the supervisor's goes")
	}
}

func (s *unitService) input(key string, lines []unitLine) {
	if where := s.last(key, lines); where != "null" {
		s.lost(key, lines, `%s: it is /dev/null here, or the supervisor's with "stdin": "inherit"`, where)
	}
}

// noDirectory says which directories systemd would have made.
func (s *unitService) noDirectory(below, key string, lines []unitLine) {
	var dirs []string
	for _, line := range lines {
		for _, dir := range strings.Fields(s.specify(key, line.at, line.value)) {
			dir, _, _ = strings.Cut(dir, ":")
			dirs = append(dirs, below+"/"+dir)
		}
	}
	s.lost(key, lines, "no directory is made: %s has to be there, with the right owner, before the start", strings.Join(dirs, ", "))
}

// startLimit reads StartLimitBurst and StartLimitIntervalSec, which stand in
// [Unit] now and stood in [Service] once.
func (s *unitService) startLimit(key string, lines []unitLine) {
	s.limited, s.limitKey = lines[len(lines)-1].at, key
	if strings.HasSuffix(key, "Burst") {
		n, err := strconv.Atoi(s.last(key, lines))
		if err != nil || n < 0 || n > 1000 {
			s.lost(key, lines, "not a number from 0 to 1000")
			return
		}
		s.burst = n
		return
	}
	if d, infinite, ok := s.time(key, lines); ok && !infinite {
		s.within, s.endless = d, d == 0
	}
}
