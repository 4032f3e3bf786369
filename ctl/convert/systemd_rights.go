package convert

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// unitRights adds what reads the keys of rights and limits.
func unitRights(keys map[string]func(s *unitService, key string, lines []unitLine)) {
	for key, read := range map[string]func(s *unitService, text string) error{
		"UMask":           func(s *unitService, text string) (err error) { s.spec.Umask, err = mode(text); return err },
		"Nice":            func(s *unitService, text string) (err error) { s.spec.Nice, err = within(text, -20, 19); return err },
		"OOMScoreAdjust":  (*unitService).oomScore,
		"NoNewPrivileges": (*unitService).noNewPrivileges,
		"MemoryMax":       (*unitService).memoryMax,
		"MemoryHigh":      (*unitService).memoryHigh,
		"MemoryLimit":     (*unitService).memoryLimit,
		"CPUQuota":        (*unitService).cpuQuota,
		"TasksMax":        (*unitService).tasksMax,
		"OOMPolicy":       (*unitService).oomPolicy,
		"CPUQuotaPeriodSec": func(_ *unitService, text string) error {
			if d, _, err := timespan(text); err != nil || d != second/10 {
				return errors.New("cpu_max holds within 100 ms")
			}
			return nil
		},
	} {
		keys["Service."+key] = func(s *unitService, key string, lines []unitLine) {
			if err := read(s, s.last(key, lines)); err != nil {
				s.lost(key, lines, "%v", err)
			}
		}
	}
	for name := range spec.Rlimits {
		keys["Service.Limit"+strings.ToUpper(name)] = func(s *unitService, key string, lines []unitLine) {
			soft, hard, err := unitLimit(name, s.last(key, lines))
			if err == nil {
				err = s.rlimit(name, soft, hard)
			}
			if err != nil {
				s.lost(key, lines, "%v", err)
			}
		}
	}
	keys["Service.LoadCredential"] = (*unitService).loadCredential
	keys["Service.CapabilityBoundingSet"] = func(s *unitService, key string, lines []unitLine) { s.rights.bound = s.capSet(key, lines, allCaps) }
	keys["Service.AmbientCapabilities"] = func(s *unitService, key string, lines []unitLine) { s.rights.ambient = s.capSet(key, lines, 0) }
}

func (s *unitService) oomScore(text string) (err error) {
	s.spec.OOMScoreAdj, err = within(text, -1000, 1000)
	return err
}

func (s *unitService) noNewPrivileges(text string) error {
	yes, ok := iniBool(text) // systemd spells it as supervisord does
	if !ok {
		return fmt.Errorf("%q is neither yes nor no", text)
	}
	s.spec.NoNewPrivs = yes
	return nil
}

func (s *unitService) memoryMax(text string) error {
	n, err := unitMemory(text)
	if n != nil {
		s.cgroup().MemoryMax = n
	}
	return err
}

func (s *unitService) memoryHigh(text string) error {
	n, err := unitMemory(text)
	if n != nil {
		s.cgroup().MemoryHigh = n
	}
	return err
}

// memoryLimit is the old name of MemoryMax, which wins over it.
func (s *unitService) memoryLimit(text string) error {
	if now := s.unit.value("Service.MemoryMax"); now != "" && now != "infinity" {
		return nil
	}
	return s.memoryMax(text)
}

// unitMemory reads a size; nil without an error is no limit.
func unitMemory(text string) (*spec.Size, error) {
	if text == "infinity" {
		return nil, nil
	}
	if strings.HasSuffix(text, "%") {
		return nil, fmt.Errorf("%s of the machine's memory: name a size", text)
	}
	n, err := sizeIn(unitSize, text)
	if err == nil {
		err = memory(n)
	}
	if err != nil {
		return nil, err
	}
	return &n, nil
}

var percents = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,2})?%$`)

func (s *unitService) cpuQuota(text string) error {
	if !percents.MatchString(text) {
		return fmt.Errorf(`%q are no percents of a processor, as in "50%%"`, text)
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return err
	}
	return s.cpus(n / 100)
}

func (s *unitService) tasksMax(text string) error {
	switch {
	case text == "infinity":
		return nil
	case strings.HasSuffix(text, "%"):
		return fmt.Errorf("%s of what the machine can have: name a number", text)
	}
	return s.pids(text)
}

func (s *unitService) oomPolicy(text string) error {
	if text == "continue" {
		return errors.New("continue: with memory_max the whole life is ended")
	}
	return nil
}

// unitLimit reads a value of Limit*: one for both limits, or SOFT:HARD.
func unitLimit(name, text string) (soft, hard spec.Size, err error) {
	first, second, both := strings.Cut(text, ":")
	if soft, err = unitLimitValue(name, first); err != nil || !both {
		return soft, soft, err
	}
	hard, err = unitLimitValue(name, second)
	return soft, hard, err
}

var digits = regexp.MustCompile(`^[0-9]+$`)

func unitLimitValue(name, text string) (spec.Size, error) {
	if text == "infinity" {
		return spec.Unlimited, nil
	}
	switch name {
	case "cpu", "rttime": // seconds, and microseconds: other units are turned into them
		unit := spec.Duration(1000)
		if name == "cpu" {
			unit = second
		} else if digits.MatchString(text) {
			text += "us"
		}
		d, infinite, err := timespan(text)
		if infinite {
			return spec.Unlimited, nil
		}
		return spec.Size((d + unit - 1) / unit), err
	case "nice": // 20 - the priority that it may reach
		var n *int
		var err error
		if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
			if n, err = within(text, -20, 19); err == nil {
				return spec.Size(20 - *n), nil
			}
			return 0, err
		}
		if n, err = within(text, 0, 40); err != nil {
			return 0, err
		}
		return spec.Size(*n), nil
	case "as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack":
		return sizeIn(unitSize, text)
	}
	if !digits.MatchString(text) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		n = uint64(mostOf + 1)
	}
	return spec.Size(n), nil
}

// capSet reads a set of capabilities that is initial at first. The first line
// replaces that, by all others if it begins with ~; more add to it, or take away.
func (s *unitService) capSet(key string, lines []unitLine, initial capSet) capSet {
	set := initial
	for _, line := range lines {
		text, invert := strings.CutPrefix(s.specify(key, line.at, line.value), "~")
		var sum capSet
		for _, name := range strings.Fields(text) {
			c, ok := capOf(name, false)
			if !ok {
				s.say(line.at, Lost, key, "there is no capability %q", name)
			}
			sum |= c
		}
		if invert {
			s.rights.inverted = true
		}
		switch {
		case (sum == 0 || set == initial) && invert:
			set = allCaps &^ sum
		case sum == 0 || set == initial:
			set = sum
		case invert:
			set &^= sum
		default:
			set |= sum
		}
	}
	return set
}

// settleRights brings User, NoNewPrivileges and both sets of capabilities
// together.
func (s *unitService) settleRights() {
	if s.privileged { // whatever these say
		s.spec.NoNewPrivs = false
		return
	}
	s.rights.root = slices.Contains([]string{"", "root", "0"}, s.spec.User) && len(s.unit.all["Service.DynamicUser"]) == 0
	kind, text := s.capabilities(s.rights)
	if kind == "" {
		return
	}
	key := "Service.CapabilityBoundingSet"
	lines := s.unit.all[key]
	if len(lines) == 0 {
		key = "Service.AmbientCapabilities"
		lines = s.unit.all[key]
	}
	s.say(lines[len(lines)-1].at, kind, key, "%s", text)
}

// loadCredential reads NAME:PATH. What stands in systemd's own store of
// credentials, without a path, only the machine knows.
func (s *unitService) loadCredential(key string, lines []unitLine) {
	for _, line := range lines {
		name, path, _ := strings.Cut(s.specify(key, line.at, line.value), ":")
		if !filepath.IsAbs(path) {
			s.say(line.at, Lost, key, "%s: a credential is a file here: name its absolute path", name)
			continue
		}
		if err := s.credential(name, path); err != nil {
			s.say(line.at, Lost, key, "%v", err)
		}
	}
}

// credential adds a secret file.
func (d *draft) credential(name, path string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%q cannot be the name of a file", name)
	}
	if d.spec.Credentials == nil {
		d.spec.Credentials = map[string]string{}
	}
	d.spec.Credentials[name] = path
	return nil
}
