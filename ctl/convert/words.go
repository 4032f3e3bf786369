package convert

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// word is one argument of a command, or the value of a variable: text, and
// variables whose values are known when the service starts.
type word []part

type part struct {
	text     string
	variable string // instead of text
	split    bool   // its value is split at white space
}

// mark stands for a variable in a text that is yet to be split in words. No text
// that we read has a NUL in it.
func mark(variable string) string { return "\x00" + variable + "\x00" }

// cutMark takes the mark off the beginning of s.
func cutMark(s string) (variable, rest string, ok bool) {
	if !strings.HasPrefix(s, "\x00") {
		return "", s, false
	}
	return strings.Cut(s[1:], "\x00")
}

// text adds to the last part of w.
func (w word) add(text string) word {
	if n := len(w); n > 0 && w[n-1].variable == "" {
		w[n-1].text += text
		return w
	}
	return append(w, part{text: text})
}

// literal is s as one word, with its marks.
func literal(s string) (w word) {
	w = word{{}}
	for s != "" {
		if variable, rest, ok := cutMark(s); ok {
			w, s = append(w, part{variable: variable}), rest
			continue
		}
		end := len(s)
		if at := strings.IndexByte(s, 0); at > 0 {
			end = at
		}
		w, s = w.add(s[:end]), s[end:]
	}
	return w
}

// plain is the text of w, if it has no variables.
func (w word) plain() (string, bool) {
	var b strings.Builder
	for _, p := range w {
		if p.variable != "" {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// alone is the name of the variable that is all of w, or "".
func (w word) alone() string {
	name := ""
	for _, p := range w {
		switch {
		case p.variable != "" && name == "":
			name = p.variable
		case p.variable != "" || p.text != "":
			return ""
		}
	}
	return name
}

// splitWords splits a command as shlex.split of Python does, and a POSIX shell
// that expands nothing.
func splitWords(s string) (words []word, err error) {
	var w word // nil = between words
	quote := byte(0)
	for s != "" {
		if variable, rest, ok := cutMark(s); ok {
			w, s = append(w, part{variable: variable, split: quote == 0}), rest
			continue
		}
		c := s[0]
		s = s[1:]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if w != nil {
				words, w = append(words, w), nil
			}
		case quote == 0 && (c == '\'' || c == '"'):
			quote, w = c, w.add("")
		case c == quote:
			quote = 0
		case c == '\\' && quote != '\'':
			if s == "" {
				return nil, errors.New("a backslash with nothing behind it")
			}
			if quote == '"' && s[0] != '"' && s[0] != '\\' {
				w = w.add(`\`)
				continue
			}
			w, s = w.add(s[:1]), s[1:]
		default:
			w = w.add(string([]byte{c}))
		}
	}
	if quote != 0 {
		return nil, errors.New("a quotation that does not end")
	}
	if w != nil {
		words = append(words, w)
	}
	return words, nil
}

var (
	harmless     = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./=-]+$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// shell writes w for /bin/sh.
func (w word) shell() string {
	var b strings.Builder
	for _, p := range w {
		switch {
		case p.variable != "" && p.split:
			b.WriteString("${" + p.variable + "}")
		case p.variable != "":
			b.WriteString(`"${` + p.variable + `}"`)
		case harmless.MatchString(p.text):
			b.WriteString(p.text)
		case p.text != "":
			b.WriteString("'" + strings.ReplaceAll(p.text, "'", `'\''`) + "'")
		}
	}
	if b.Len() == 0 {
		return "''"
	}
	return b.String()
}

func shellLine(words []word) string {
	var all []string
	for i, w := range words {
		text := w.shell()
		if i == 0 && strings.Contains(text, "=") { // else it would be an assignment
			if plain, ok := w.plain(); ok {
				text = "'" + strings.ReplaceAll(plain, "'", `'\''`) + "'"
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// write puts args and env into the spec. ncolony expands nothing; where a
// variable is in the way, a shell does it, which then becomes the program.
func (d *draft) write() {
	var exports []string
	for _, name := range slices.Sorted(maps.Keys(d.env)) {
		value := d.env[name]
		text, plain := value.plain()
		switch {
		case plain:
			if d.spec.Env == nil {
				d.spec.Env = map[string]string{}
			}
			d.spec.Env[name] = text
		case value.alone() == name:
			d.inherit(name)
		default:
			exports = append(exports, "export "+name+"="+value.shell()+"; ")
			d.inheritFrom(value, func(name string) bool { // its own old value, as in PATH=/opt/bin:$PATH
				other, set := d.env[name]
				_, plain := other.plain()
				return set && plain
			})
		}
	}
	args := make([]string, len(d.args))
	plain := len(exports) == 0
	for i, w := range d.args {
		text, ok := w.plain()
		args[i], plain = text, plain && ok
		d.inheritFrom(w, func(name string) bool { return d.env[name] != nil })
	}
	if !plain {
		args = []string{"/bin/sh", "-c", strings.Join(exports, "") + "exec " + shellLine(d.args)}
		d.say(d.at, About, "", "its command has variables, which are expanded by /bin/sh")
	}
	d.spec.Args = args
}

// inherit takes a variable from the environment of the supervisor.
func (d *draft) inherit(name string) {
	if !contains(d.spec.EnvInherit, name) {
		d.spec.EnvInherit = append(d.spec.EnvInherit, name)
	}
}

// inheritFrom takes those that w has, and that nobody has set by then.
func (d *draft) inheritFrom(w word, set func(name string) bool) {
	for _, p := range w {
		if p.variable != "" && !d.closed && !set(p.variable) {
			d.inherit(p.variable)
		}
	}
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// without leaves out of list what is in others.
func without(list, others []string) []string {
	var left []string
	for _, s := range list {
		if !contains(others, s) {
			left = append(left, s)
		}
	}
	return left
}

// second is a duration of one.
const second = spec.Duration(1e9)

// span makes a duration a value of a spec.
func span(d spec.Duration) *spec.Duration { return &d }
