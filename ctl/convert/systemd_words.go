package convert

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

func hexByte(s string) (byte, bool) {
	n, err := strconv.ParseUint(s, 16, 8)
	return byte(n), err == nil
}

// unitEscapes are the escapes of one letter.
var unitEscapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': `\`, '"': `"`, '\'': `'`, 's': " ",
}

// unescape reads the escape at the beginning of s, behind its backslash. One that
// is none stands for itself.
func unescape(s string) (text, rest string) {
	if s == "" {
		return `\`, ""
	}
	if text, ok := unitEscapes[s[0]]; ok {
		return text, s[1:]
	}
	for _, form := range []struct {
		first  string
		digits int
		base   int
	}{{"x", 2, 16}, {"u", 4, 16}, {"U", 8, 16}, {"", 3, 8}} {
		digits, ok := strings.CutPrefix(s, form.first)
		if !ok || len(digits) < form.digits {
			continue
		}
		n, err := strconv.ParseUint(digits[:form.digits], form.base, 32)
		if err != nil || n == 0 || !utf8.ValidRune(rune(n)) || form.digits < 4 && n > 0x7f {
			continue // a spec is UTF-8, and has no NUL
		}
		return string(rune(n)), digits[form.digits:]
	}
	return `\`, s
}

var (
	bracedVariable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
	bareVariable   = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)$`)
)

// splitUnit splits a value in words, as systemd does: with quotes, and escapes
// in and out of them. commands are parted by a semicolon that is a word.
func splitUnit(s string) (commands [][]string, err error) {
	var words []string
	var w strings.Builder
	quote, in, plain := byte(0), false, true
	end := func() {
		switch {
		case in && plain && w.String() == ";":
			commands, words = append(commands, words), nil
		case in:
			words = append(words, w.String())
		}
		w.Reset()
		in, plain = false, true
	}
	for s != "" {
		c := s[0]
		s = s[1:]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			end()
		case quote == 0 && (c == '\'' || c == '"'):
			quote, in, plain = c, true, false
		case c == quote:
			quote = 0
		case c == '\\':
			var text string
			if strings.HasPrefix(s, ";") && !in {
				text, s = ";", s[1:]
			} else {
				text, s = unescape(s)
			}
			in, plain = true, false
			w.WriteString(text)
		default:
			in = true
			w.WriteByte(c)
		}
	}
	if quote != 0 {
		return nil, errors.New("a quotation that does not end")
	}
	end()
	return append(commands, words), nil
}

// variables finds those of a word of a command: ${NAME} anywhere, which stays
// one word, and $NAME as a word, which is split. $$ is a dollar sign.
func variables(s string) word {
	if m := bareVariable.FindStringSubmatch(s); m != nil {
		return word{{variable: m[1], split: true}}
	}
	w := word{{}}
	for s != "" {
		if variable, rest, ok := cutMark(s); ok {
			w, s = append(w, part{variable: variable}), rest
			continue
		}
		if m := bracedVariable.FindStringSubmatch(s); m != nil {
			w, s = append(w, part{variable: m[1]}), s[len(m[0]):]
			continue
		}
		if rest, ok := strings.CutPrefix(s, "$$"); ok {
			w, s = w.add("$"), rest
			continue
		}
		w, s = w.add(s[:1]), s[1:]
	}
	return w
}

// unitCommand is one command of ExecStart and its like.
type unitCommand struct {
	words    []word
	prefixes string // of "@-:+!|"
}

// splitCommands reads the value of ExecStart and its like. specify fills in the
// specifiers of a word, which do not split it.
func splitCommands(s string, specify func(string) string) (commands []unitCommand, err error) {
	split, err := splitUnit(s)
	if err != nil {
		return nil, err
	}
	for _, words := range split {
		if len(words) == 0 {
			continue
		}
		path := strings.TrimLeft(words[0], "@-:+!|")
		c := unitCommand{prefixes: words[0][:len(words[0])-len(path)]}
		words[0] = path
		if strings.Contains(c.prefixes, "@") && len(words) > 1 {
			words = append(words[:1:1], words[2:]...) // the name that it is called by
		}
		if path == "" {
			return nil, errors.New("there is no program")
		}
		for i, text := range words {
			text = specify(text)
			if i == 0 || strings.Contains(c.prefixes, ":") {
				c.words = append(c.words, literal(text))
			} else {
				c.words = append(c.words, variables(text))
			}
		}
		commands = append(commands, c)
	}
	return commands, nil
}

// script runs commands one after the other as a unit of type oneshot does: the
// first that fails ends it, unless it may. The last becomes the process itself.
func script(commands []unitCommand) string {
	var all []string
	for i, c := range commands {
		line := shellLine(c.words)
		mayFail := strings.Contains(c.prefixes, "-")
		switch {
		case mayFail:
			line = "{ " + line + " || true; }"
		case i == len(commands)-1:
			line = "exec " + line
		}
		all = append(all, line)
	}
	return strings.Join(all, " && ")
}
