package spec

import (
	"bytes"
	"strings"
)

// MaxEnvFileSize is the most bytes an env_file may have. The kernel would not
// pass on an environment that is much larger.
const MaxEnvFileSize = 1 << 20

// ParseEnvFile reads the content of an env_file and returns its variables as
// NAME=value, in order. A later line of the same name follows the earlier one;
// the caller lets it win.
//
// Each line is blank, a comment that begins with #, or NAME=value, which
// "export " may precede. A bare value goes to the end of the line, without the
// white space around it. A value in single quotes is taken as it stands; in
// double quotes \n, \t, \r, \", \\, \$ and \` are escapes. Nothing is expanded,
// nothing continues on the next line. The error names every bad line;
// AsProblem folds it.
func ParseEnvFile(data []byte) ([]string, error) {
	t := newText(data)
	p := &problems{text: t}
	switch nul := bytes.IndexByte(data, 0); {
	case len(data) > MaxEnvFileSize:
		p.add(MaxEnvFileSize, "too large: more than %d KiB", MaxEnvFileSize>>10)
		return nil, p.err()
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		p.add(0, "begins with a byte order mark: save it without one")
		return nil, p.err()
	case nul >= 0:
		p.add(nul, "not text: a NUL byte")
		return nil, p.err()
	}
	var vars []string
	for i, begin := range t.lines {
		end := len(data)
		if i+1 < len(t.lines) {
			end = t.lines[i+1] - 1
		}
		if v := p.envLine(begin, string(data[begin:end])); v != "" {
			vars = append(vars, v)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return vars, nil
}

// blank is the white space that may surround what a line says.
const blank = " \t\r\v\f"

// envLine reads one line, which begins at offset at; "" means that it sets
// nothing.
func (p *problems) envLine(at int, line string) string {
	rest := strings.TrimLeft(line, blank)
	if rest == "" || rest[0] == '#' {
		return ""
	}
	if after, ok := strings.CutPrefix(rest, "export"); ok && after != "" && strings.IndexByte(blank, after[0]) >= 0 {
		rest = strings.TrimLeft(after, blank)
	}
	at += len(line) - len(rest)
	name, value, ok := strings.Cut(rest, "=")
	switch {
	case !ok:
		p.add(at, `no "=" in %s`, quoted(strings.TrimRight(rest, blank)))
		return ""
	case name == "":
		p.add(at, "the name of a variable must not be empty")
		return ""
	case strings.ContainsAny(name, blank+`'"`):
		p.add(at, "%s: the name of a variable must not contain white space or quotes", quoted(name))
		return ""
	}
	at += len(name) + 1
	value = strings.Trim(value, blank)
	if value == "" || value[0] != '\'' && value[0] != '"' {
		return name + "=" + value
	}
	value, cause := unquote(value)
	if cause != "" {
		p.add(at, "%s: %s", quoted(name), cause)
		return ""
	}
	return name + "=" + value
}

// escapes are what may follow a backslash in double quotes.
var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '"': '"', '\\': '\\', '$': '$', '`': '`'}

// unquote takes the quotes off s, which begins with one.
func unquote(s string) (value, cause string) {
	quote := s[0]
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote && i+1 < len(s):
			return "", "text after the closing quote"
		case c == quote:
			return out.String(), ""
		case c == '\\' && quote == '"' && i+1 < len(s):
			i++
			plain, ok := escapes[s[i]]
			if !ok {
				return "", `unknown escape \` + string(rune(s[i])) + ", write it in single quotes"
			}
			c = plain
		}
		out.WriteByte(c)
	}
	return "", "the closing quote is missing"
}
