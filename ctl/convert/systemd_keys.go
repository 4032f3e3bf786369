package convert

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// unitKeys read the keys that have a counterpart. Which of them is read first
// makes no difference; what follows from several is up to settle.
var unitKeys map[string]func(s *unitService, key string, lines []unitLine)

func init() { // they refer to each other through the methods of unitService
	unitKeys = map[string]func(s *unitService, key string, lines []unitLine){
		"Service.ExecStart":                (*unitService).execStart,
		"Service.ExecStop":                 (*unitService).execStop,
		"Service.Type":                     (*unitService).kind,
		"Service.Restart":                  func(s *unitService, key string, lines []unitLine) { s.wants = s.last(key, lines) },
		"Service.RestartSec":               (*unitService).restartSec,
		"Service.SuccessExitStatus":        (*unitService).successes,
		"Service.RestartPreventExitStatus": (*unitService).successes,
		"Service.User":                     (*unitService).user,
		"Service.Group":                    (*unitService).group,
		"Service.SupplementaryGroups":      (*unitService).groups,
		"Service.WorkingDirectory":         (*unitService).directory,
		"Service.Environment":              (*unitService).environment,
		"Service.EnvironmentFile":          (*unitService).environmentFile,
		"Service.PassEnvironment":          (*unitService).passEnvironment,
		"Service.WatchdogSec":              (*unitService).watchdog,
		"Service.WatchdogSignal":           func(s *unitService, key string, lines []unitLine) { s.signal(&s.spec.Stop.Dump, key, lines) },
		"Service.KillSignal":               func(s *unitService, key string, lines []unitLine) { s.signal(&s.spec.Stop.Signal, key, lines) },
		"Service.KillMode":                 (*unitService).killMode,
		"Service.TimeoutSec":               func(s *unitService, key string, lines []unitLine) { s.startTime(key, lines); s.stopTime(key, lines) },
		"Service.TimeoutStartSec":          (*unitService).startTime,
		"Service.TimeoutStopSec":           (*unitService).stopTime,
		"Service.StandardOutput":           (*unitService).output,
		"Service.StandardError":            (*unitService).output,
		"Service.StandardInput":            (*unitService).input,
		"Service.RuntimeDirectory":         func(s *unitService, key string, lines []unitLine) { s.noDirectory("/run", key, lines) },
		"Service.StateDirectory":           func(s *unitService, key string, lines []unitLine) { s.noDirectory("/var/lib", key, lines) },
		"Service.CacheDirectory":           func(s *unitService, key string, lines []unitLine) { s.noDirectory("/var/cache", key, lines) },
		"Service.LogsDirectory":            func(s *unitService, key string, lines []unitLine) { s.noDirectory("/var/log", key, lines) },
		"Service.ConfigurationDirectory":   func(s *unitService, key string, lines []unitLine) { s.noDirectory("/etc", key, lines) },
		"Unit.StartLimitBurst":             (*unitService).startLimit,
		"Unit.StartLimitIntervalSec":       (*unitService).startLimit,
		"Unit.StartLimitInterval":          (*unitService).startLimit,
		"Service.StartLimitBurst":          (*unitService).startLimit,
		"Service.StartLimitInterval":       (*unitService).startLimit,
		"Service.StartLimitIntervalSec":    (*unitService).startLimit,
	}
	unitRights(unitKeys)
}

// commands reads all lines of a key of commands.
func (s *unitService) commands(key string, lines []unitLine) (all []unitCommand) {
	for _, line := range lines {
		commands, err := splitCommands(line.value, func(text string) string { return s.specifyWord(key, line.at, text) })
		if err != nil {
			s.say(line.at, Lost, key, "%v", err)
		}
		all = append(all, commands...)
	}
	return all
}

func (s *unitService) execStart(key string, lines []unitLine) { s.start = s.commands(key, lines) }

// execStop makes stop.command of ExecStop. $MAINPID is in NCOLONY_PID here.
func (s *unitService) execStop(key string, lines []unitLine) {
	commands := s.commands(key, lines)
	if len(commands) == 0 {
		return
	}
	plain := len(commands) == 1
	var args []string
	for _, c := range commands {
		for i, w := range c.words {
			for j := range w {
				if w[j].variable == "MAINPID" {
					w[j].variable = "NCOLONY_PID"
				}
			}
			text, ok := c.words[i].plain()
			args, plain = append(args, text), plain && ok
		}
	}
	if !plain {
		args = []string{"/bin/sh", "-c", script(commands)}
		s.about(key, lines, "its variables, or its several commands, are a script of /bin/sh here")
	}
	s.spec.Stop.Command = args
}

func (s *unitService) kind(key string, lines []unitLine) {
	switch s.typ = s.last(key, lines); s.typ {
	case "simple", "exec", "oneshot":
	case "idle":
		s.about(key, lines, "idle: it does not wait for others to have started")
	case "notify":
		s.notifies()
	case "notify-reload":
		s.notifies()
		s.about(key, lines, "notify-reload: 'ncolony ctl signal NAME HUP' is how to have it reload")
	case "forking":
		s.lost(key, lines, "forking: nothing may go into the background here; run it in the foreground (-D, -F, --nodaemon, \"daemon off;\")")
	case "dbus":
		s.about(key, lines, "dbus: the bus is not watched, it is ready when it runs")
	default:
		s.lost(key, lines, "%q is unknown", s.typ)
	}
}

func (s *unitService) notifies() {
	r := &spec.Readiness{Notify: true}
	if old := s.spec.Ready; old != nil {
		r.Timeout = old.Timeout
	}
	s.spec.Ready = r
}

// time reads a time span.
func (s *unitService) time(key string, lines []unitLine) (d spec.Duration, infinite, ok bool) {
	d, infinite, err := timespan(s.last(key, lines))
	if err != nil {
		s.lost(key, lines, "%v", err)
	}
	return d, infinite, err == nil
}

func (s *unitService) restartSec(key string, lines []unitLine) {
	d, infinite, ok := s.time(key, lines)
	if !ok {
		return
	}
	if infinite {
		s.lost(key, lines, "a restart cannot be put off for ever: stop the service instead")
		return
	}
	one, none := 1.0, 0.0
	s.spec.Backoff = spec.Backoff{Min: &d, Max: span(d), Factor: &one, Jitter: &none}
	if d > 0 {
		s.about(key, lines, "the delay comes before the next start only after a life shorter than backoff.threshold (1 s)")
	}
}

func (s *unitService) startTime(key string, lines []unitLine) {
	d, infinite, ok := s.time(key, lines)
	if !ok {
		return
	}
	if infinite || d == 0 {
		d = 0
	}
	if typ := s.unit.value("Service.Type"); typ != "notify" && typ != "notify-reload" {
		if d > 0 && key == "Service.TimeoutStartSec" {
			s.lost(key, lines, "the time of a start is bounded only where a service says that it is ready")
		}
		return
	}
	if s.spec.Ready == nil {
		s.spec.Ready = &spec.Readiness{Notify: true}
	}
	s.spec.Ready.Timeout = &d
}

func (s *unitService) stopTime(key string, lines []unitLine) {
	if d, infinite, ok := s.time(key, lines); ok {
		if infinite || d == 0 {
			d = spec.MaxDuration
			s.about(key, lines, "no end to its time to stop: 10 years is the longest")
		}
		s.spec.Stop.Grace = &d
	}
}

func (s *unitService) watchdog(key string, lines []unitLine) {
	if d, infinite, ok := s.time(key, lines); ok && d > 0 && !infinite {
		s.spec.Watchdog = &d
	}
}

func (s *unitService) signal(to *spec.Signal, key string, lines []unitLine) {
	sig, err := spec.ParseSignal(s.last(key, lines))
	if err != nil {
		s.lost(key, lines, "%v", err)
	} else if sig.String() != "TERM" || key != "Service.KillSignal" {
		*to = sig
	}
}

func (s *unitService) killMode(key string, lines []unitLine) {
	switch mode := s.last(key, lines); mode {
	case "control-group":
		s.spec.Stop.Scope = spec.ScopeGroup
	case "mixed":
		s.about(key, lines, "mixed: what the main process leaves behind gets TERM, and KILL only at the end of the grace")
	case "process":
		s.spec.Stop.Scope = spec.ScopeMain
	case "none":
		s.spec.Stop.Scope = spec.ScopeMain
		s.about(key, lines, "none: the main process is stopped all the same")
	default:
		s.lost(key, lines, "%q is unknown", mode)
	}
}

// successes reads exit codes that are no failure, by number or name.
func (s *unitService) successes(key string, lines []unitLine) {
	prevent := key == "Service.RestartPreventExitStatus"
	codes := s.spec.SuccessCodes
	if codes == nil {
		codes = []int{0}
	}
	var others []string
	for _, line := range lines {
		for _, text := range strings.Fields(line.value) {
			code, err := strconv.Atoi(text)
			if named, ok := exitNames[text]; ok {
				code, err = named, nil
			}
			if err != nil || code < 0 || code > 255 {
				others = append(others, text)
			} else if !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
	}
	if len(others) > 0 {
		s.lost(key, lines, "only exit codes can be told apart, not %s", strings.Join(others, ", "))
	}
	if prevent && s.unit.value("Service.Restart") == "always" {
		s.lost(key, lines, "with restart always every end is followed by a start")
		return
	}
	if prevent && len(codes) > 1 {
		s.about(key, lines, "these exit codes count as success, so that they are not followed by a restart")
	}
	if len(codes) > 1 {
		s.spec.SuccessCodes = codes
	}
}

func (s *unitService) user(key string, lines []unitLine) {
	name := s.last(key, lines)
	if strings.ContainsAny(name, ":\n") {
		s.lost(key, lines, "%q is no name of a user", name)
		return
	}
	s.spec.User = name
}

// group reads the primary group, which a spec has as a number.
func (s *unitService) group(key string, lines []unitLine) {
	name := s.last(key, lines)
	id, err := strconv.Atoi(name)
	switch {
	case err == nil && id >= 0:
		s.spec.GID = &id
	case name == s.unit.value("Service.User"):
		s.about(key, lines, "it runs in the user's own group, which is probably that one")
	default:
		s.lost(key, lines, `it runs in the user's own group; "gid" has the number of another (getent group %s)`, name)
	}
}

func (s *unitService) groups(key string, lines []unitLine) {
	for _, line := range lines {
		s.spec.Groups = append(s.spec.Groups, strings.Fields(s.specify(key, line.at, line.value))...)
	}
	s.about(key, lines, "groups has all supplementary groups: those that the user is in are not added")
}

func (s *unitService) directory(key string, lines []unitLine) {
	dir := s.last(key, lines)
	if rest, ok := strings.CutPrefix(dir, "-"); ok {
		dir = rest
		s.about(key, lines, "-: the directory has to be there")
	}
	if !filepath.IsAbs(dir) {
		s.lost(key, lines, "%q is no absolute path: name it", dir)
		return
	}
	s.spec.Cwd = dir
}

func (s *unitService) environment(key string, lines []unitLine) {
	for _, line := range lines {
		commands, err := splitUnit(line.value)
		if err != nil {
			s.say(line.at, Lost, key, "%v", err)
		}
		for _, words := range commands {
			for _, text := range words {
				name, value, ok := strings.Cut(s.specifyWord(key, line.at, text), "=")
				if !ok || !variableName.MatchString(name) {
					s.say(line.at, Lost, key, "%q is no NAME=value", text)
					continue
				}
				s.env[name] = literal(value)
			}
		}
	}
}

func (s *unitService) environmentFile(key string, lines []unitLine) {
	for _, line := range lines {
		path := s.specify(key, line.at, line.value)
		switch {
		case strings.ContainsAny(path, "*?["):
			s.say(line.at, Lost, key, "env_file has no patterns: name each file")
		case !filepath.IsAbs(strings.TrimPrefix(path, "-")):
			s.say(line.at, Lost, key, "%q is no absolute path", path)
		default:
			s.spec.EnvFile = append(s.spec.EnvFile, path)
			s.file = true
		}
	}
}

func (s *unitService) passEnvironment(_ string, lines []unitLine) {
	for _, line := range lines {
		for _, name := range strings.Fields(line.value) {
			if variableName.MatchString(name) {
				s.inherit(name)
			}
		}
	}
}
