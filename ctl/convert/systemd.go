package convert

import (
	"path"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// unitService is a .service in the making.
type unitService struct {
	*draft
	unit     *unit
	start    []unitCommand
	typ      string // of Type
	wants    string // of Restart
	file     bool   // it has an EnvironmentFile
	burst    int    // of StartLimitBurst, 0 = not given
	within   spec.Duration
	limited  place // of one of them
	limitKey string
	endless  bool // the interval is 0

	rights     rights
	privileged bool // + stands in front of its command
}

// systemd reads units.
func (c *conversion) systemd(files []File) error {
	units := readUnits(files)
	services := map[string]*unitService{}
	var order []*unitService
	var sockets []*unit
	for _, u := range units {
		base, isService := strings.CutSuffix(u.name, ".service")
		switch {
		case path.Ext(u.name) == ".socket":
			sockets = append(sockets, u)
			continue
		case !isService:
			c.note(u.at, Skipped, "", "%s", otherUnit(path.Ext(u.name)))
			continue
		case strings.HasSuffix(base, "@"):
			c.note(u.at, Skipped, "", "a template: name an instance in its place, as in %sNAME.service", base)
			continue
		}
		name := base
		if prefix, instance, ok := strings.Cut(base, "@"); ok {
			name = goodName(prefix + "-" + unescapeUnit(instance))
		}
		s := &unitService{draft: c.add(name, u.at), unit: u}
		s.closed, s.rights.bound = true, allCaps
		services[u.name] = s
		order = append(order, s)
	}
	for _, s := range order {
		s.read()
	}
	for _, s := range order {
		s.depend(services)
	}
	for _, u := range sockets {
		c.socket(u, order)
	}
	return nil
}

// otherUnit says why a unit that is no service is not converted.
func otherUnit(ext string) string {
	switch ext {
	case ".timer":
		return `timers are not converted: write the key "schedule" into the spec of what it starts`
	case ".target", ".slice", ".scope":
		return `services are not grouped in units of their own: dependencies name services, and "group" those to restart together`
	}
	return "only units that end in .service are services"
}

// read translates what the unit says of itself.
func (s *unitService) read() {
	for _, line := range s.unit.bad {
		s.say(line.at, Lost, "", "%q is neither KEY=VALUE nor a section", line.value)
	}
	for _, key := range s.unit.keys {
		lines := s.unit.all[key]
		if len(lines) == 0 {
			continue // taken back by an empty assignment
		}
		section, name, _ := strings.Cut(key, ".")
		switch read := unitKeys[key]; {
		case read != nil:
			read(s, key, lines)
		case strings.HasPrefix(section, "X-") || strings.HasPrefix(name, "X-") || section == "Install" || unitSilent[key]:
		case unitOrder[key]: // see depend
		case unitLost[name] != "":
			s.lost(key, lines, "%s", unitLost[name])
		case strings.HasPrefix(name, "Condition") || strings.HasPrefix(name, "Assert"):
			s.lost(key, lines, "what has a spec is started, without conditions")
		default:
			s.lost(key, lines, "nothing here is its counterpart")
		}
	}
	s.settle()
}

func (s *unitService) lost(key string, lines []unitLine, format string, args ...any) {
	s.say(lines[len(lines)-1].at, Lost, key, format, args...)
}

func (s *unitService) about(key string, lines []unitLine, format string, args ...any) {
	s.say(lines[len(lines)-1].at, About, key, format, args...)
}

// specify fills in specifiers, and says which cannot be.
func (s *unitService) specify(key string, at place, text string) string {
	return s.specifyWith("", key, at, text)
}

// specifyWord does so where a variable may stand: the directory of credentials is
// another in each life.
func (s *unitService) specifyWord(key string, at place, text string) string {
	directory := ""
	if len(s.unit.all["Service.LoadCredential"]) > 0 {
		directory = mark(credentialsDirectory)
	}
	return s.specifyWith(directory, key, at, text)
}

func (s *unitService) specifyWith(directory, key string, at place, text string) string {
	text, unknown := s.unit.specify(text, directory)
	if unknown != "" {
		s.say(at, Lost, key, "only the machine knows what %s is: it stands there as it is", unknown)
	}
	return text
}

// credentialsDirectory is set for a service with credentials, here as there.
const credentialsDirectory = "CREDENTIALS_DIRECTORY"

// last is the value of a key that has one.
func (s *unitService) last(key string, lines []unitLine) string {
	line := lines[len(lines)-1]
	return s.specify(key, line.at, line.value)
}

// settle says what follows from several keys, or from none.
func (s *unitService) settle() {
	s.command()
	s.settleRights()
	if _, set := s.env["PATH"]; !set {
		s.env["PATH"] = literal(unitPath)
	}
	if s.file {
		s.say(s.at, About, "Service.EnvironmentFile", "systemd lets the file win over Environment and its own PATH; here env wins over env_file")
	}
	if s.spec.Stop.Grace == nil {
		s.spec.Stop.Grace = span(90 * second)
	}
	if s.spec.Stop.Scope == "" && s.unit.value("Service.KillMode") == "" {
		s.spec.Stop.Scope = spec.ScopeGroup
	}
	s.restart()
	if r := s.spec.Ready; r != nil && r.Timeout == nil {
		r.Timeout = span(90 * second)
	}
	if s.burst > 0 || s.within > 0 {
		l := &spec.Limit{Restarts: 5, Within: 10 * second}
		if s.burst > 0 {
			l.Restarts = s.burst
		}
		if s.within > 0 {
			l.Within = s.within
		}
		if !s.once && !s.endless {
			s.spec.Limit = l
			s.say(s.limited, About, s.limitKey, "systemd counts starts; limit counts those that are restarts")
		}
	}
}

// unitPath is what systemd sets where nobody else does.
const unitPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// restart brings Type and Restart together.
func (s *unitService) restart() {
	at := s.at
	if lines := s.unit.all["Service.Restart"]; len(lines) > 0 {
		at = lines[len(lines)-1].at
	}
	const key = "Service.Restart"
	s.job = s.typ == "oneshot"
	switch s.wants {
	case "always":
		s.spec.Restart = spec.RestartAlways
	case "on-failure":
		s.spec.Restart = spec.RestartOnFailure
	case "on-abnormal", "on-abort", "on-watchdog":
		s.spec.Restart = spec.RestartOnFailure
		s.say(at, About, key, "%s: here any failure restarts it", s.wants)
	case "on-success":
		s.spec.Restart = spec.RestartAlways
		s.say(at, About, key, "on-success: here a failure restarts it too")
	case "", "no":
		s.once = true
	default:
		s.once = true
		s.say(at, Lost, key, "%q is unknown", s.wants)
	}
	if s.job && !s.once {
		s.say(at, About, key, "others do not wait for its end, as they do for a job, which has restart never")
	}
}

// command makes args of ExecStart.
func (s *unitService) command() {
	const key = "Service.ExecStart"
	if len(s.start) == 0 {
		return
	}
	at := s.unit.all[key][len(s.unit.all[key])-1].at
	flags := ""
	for _, c := range s.start {
		flags += c.prefixes
	}
	if strings.Contains(flags, "@") {
		s.say(at, About, key, "@: args cannot give a program another name for itself, it has its own")
	}
	if strings.ContainsAny(flags, "+!") {
		s.spec.User, s.spec.UID, s.spec.GID, s.spec.Groups = "", nil, nil, nil
		s.say(at, About, key, "+ or !: it runs as the supervisor's user, without User and Group")
	}
	s.privileged = strings.Contains(flags, "+")
	if strings.Contains(flags, "|") {
		s.say(at, About, key, "|: no login shell is put in front of it")
	}
	for i, c := range s.start {
		s.start[i].words = s.known(c.words)
	}
	if len(s.start) > 1 {
		s.args = []word{literal("/bin/sh"), literal("-c"), literal(script(s.start))}
		s.say(at, About, key, "its commands are a script of /bin/sh here")
		return
	}
	if strings.Contains(flags, "-") {
		s.say(at, Lost, key, "-: a failure is a failure; success_codes can name exit codes that are none")
	}
	s.args = s.start[0].words
}

// known fills in the variables that Environment sets; one that nobody sets is
// empty. What a file, the supervisor or the user's entry sets is left to a shell.
func (s *unitService) known(words []word) (out []word) {
	for _, w := range words {
		filled := word{{}}
		for _, p := range w {
			value, set := s.env[p.variable]
			text, plain := value.plain()
			elsewhere := s.file || contains(s.spec.EnvInherit, p.variable) || s.spec.User != "" && unitUserVariables[p.variable] ||
				p.variable == credentialsDirectory && s.spec.Credentials != nil
			switch {
			case p.variable == "":
				filled = filled.add(p.text)
			case elsewhere && !(set && !s.file), set && !plain:
				filled = append(filled, p)
			case p.split: // such a one is a word by itself
				filled = nil
				for _, field := range strings.Fields(text) {
					out = append(out, word{{text: field}})
				}
			default:
				filled = filled.add(text)
			}
		}
		if filled != nil {
			out = append(out, filled)
		}
	}
	return out
}

// unitUserVariables are set, here as there, for a service that has a User.
var unitUserVariables = map[string]bool{"HOME": true, "USER": true, "LOGNAME": true, "SHELL": true}
