package convert

import (
	"regexp"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// compose reads files of Docker Compose.
func (c *conversion) compose(files []File) error {
	all := make([][]field, len(files))
	secrets := map[string]composeSecret{}
	for i, f := range files {
		fields, err := readYAML(f)
		if err != nil {
			return err
		}
		all[i] = fields
		for _, top := range fields {
			if top.key == "secrets" {
				c.composeSecrets(f, top, secrets)
			}
		}
	}
	for i, f := range files {
		for _, top := range all[i] {
			at := place{f.Path, top.line}
			switch {
			case top.key == "services":
				services, ok := mapping(top.value)
				if !ok {
					c.note(at, Skipped, "services", "not a mapping of names to services")
				}
				for _, s := range services {
					c.composeService(f, s, secrets)
				}
			case top.key == "version" || top.key == "name" || top.key == "secrets" || strings.HasPrefix(top.key, "x-"):
			case top.key == "include":
				c.note(at, Skipped, "include", "no file is looked for: give 'docker compose config' instead, which puts all together")
			default:
				c.note(at, Lost, top.key, "%s", composeTop(top.key))
			}
		}
	}
	return nil
}

func composeTop(key string) string {
	switch key {
	case "volumes", "configs":
		return "services use the files that ncolony itself sees"
	case "networks":
		return "services are in the network of the supervisor: they reach each other at 127.0.0.1, and not by name"
	}
	return "nothing here is its counterpart"
}

// composeItem is a service in the making.
type composeItem struct {
	*draft
	file       File
	entrypoint []word // nil = not given
	cmd        []word
	lines      map[string]int
	secrets    map[string]composeSecret // of all files
	added      capSet
	dropped    capSet
	addAll     bool
	dropAll    bool
	capKey     string  // cap_add or cap_drop, where one was read
	privileged bool    // and they say nothing
	period     float64 // of cpu_quota, in us
	quota      field
}

func (c *conversion) composeService(f File, top field, secrets map[string]composeSecret) {
	at := place{f.Path, top.line}
	fields, ok := mapping(top.value)
	if !ok {
		c.note(at, Skipped, "services."+top.key, "not a mapping")
		return
	}
	s := &composeItem{draft: c.add(top.key, at), file: f, lines: map[string]int{}, secrets: secrets, period: usualPeriod}
	s.once = true // the default of restart
	for _, field := range fields {
		s.lines[field.key] = field.line
		read := composeKeys[field.key]
		switch {
		case read != nil:
			read(s, field)
		case strings.HasPrefix(field.key, "x-") || composeSilent[field.key]:
		case composeLost[field.key] != "":
			s.lost(field, "%s", composeLost[field.key])
		default:
			s.lost(field, "nothing here is its counterpart")
		}
	}
	s.command()
	s.settleRights()
	if s.env["PATH"] == nil {
		s.inherit("PATH")
	}
	if s.spec.Stop.Grace == nil {
		s.spec.Stop.Grace = span(10 * second)
	}
}

func (s *composeItem) lost(f field, format string, args ...any) {
	s.say(place{s.file.Path, f.line}, Lost, f.key, format, args...)
}

func (s *composeItem) about(f field, format string, args ...any) {
	s.say(place{s.file.Path, f.line}, About, f.key, format, args...)
}

// command puts entrypoint and command together. What the image has is unknown.
func (s *composeItem) command() {
	s.args = append(append([]word{}, s.entrypoint...), s.cmd...)
	switch {
	case len(s.args) == 0:
		s.why = "the image has a command that is not known here: give the service one (docker image inspect)"
	case s.entrypoint == nil && s.lines["image"]+s.lines["build"] > 0:
		s.say(place{s.file.Path, s.lines["command"]}, About, "command", "if the image has an entrypoint, it belongs in front of it")
	}
}

var composeVariable = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^}]*))?\})`)

// interpolate fills in what Compose would take from its environment: defaults as
// they are, all else as a mark.
func (s *composeItem) interpolate(f field, text string) string {
	var b strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '$')
		if at < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		if strings.HasPrefix(text, "$$") {
			b.WriteByte('$')
			text = text[2:]
			continue
		}
		m := composeVariable.FindStringSubmatch(text)
		if m == nil {
			b.WriteByte('$')
			text = text[1:]
			continue
		}
		text = text[len(m[0]):]
		switch {
		case strings.HasSuffix(m[3], "-"):
			b.WriteString(m[4])
			s.about(f, "%s is taken to be %q", m[2], m[4])
		case strings.HasSuffix(m[3], "+"):
			s.about(f, "%s is taken to be unset", m[2])
		default:
			b.WriteString(mark(m[1] + m[2]))
		}
	}
	return b.String()
}

// fixed is text without variables, which alone can stand outside of args and
// env.
func (s *composeItem) fixed(f field, text string) (string, bool) {
	text = s.interpolate(f, text)
	if strings.Contains(text, "\x00") {
		s.lost(f, "it depends on the environment, which a spec can only have in args and env")
		return "", false
	}
	return text, true
}

// words reads a command: a list, or a text that is split as a shell does.
func (s *composeItem) words(f field) (words []word, ok bool) {
	if list, isList := scalars(f.value); isList {
		words = []word{}
		for _, text := range list {
			words = append(words, literal(s.interpolate(f, text)))
		}
		return words, true
	}
	text, isText := scalar(f.value)
	if !isText {
		if !isNull(f.value) {
			s.lost(f, "neither a text nor a list of texts")
		}
		return nil, false
	}
	words, err := splitWords(s.interpolate(f, text))
	if err != nil {
		s.lost(f, "%v", err)
		return nil, false
	}
	return append([]word{}, words...), true
}

// limit bounds restarts as restart: on-failure:N does.
func (s *composeItem) limit(f field, restarts int) {
	longest := 60 * second
	s.spec.Backoff.Max = &longest
	s.spec.Limit = &spec.Limit{Restarts: restarts, Within: timeOf(restarts, longest, 10*second)}
	s.about(f, "Docker counts failures in a row, between lives of less than 10 s; limit counts restarts within the time that these take here")
}
