package convert

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var iniExpansion = regexp.MustCompile(`^%(?:%|\((\w+)\)(0?)([0-9]{0,2})([sd]))`)

// expand fills in the %(NAME)s of supervisord. ENV_NAME that vars has not is a
// variable of the supervisor's environment and becomes a mark.
func expand(s string, vars map[string]string) (string, error) {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:at])
		s = s[at:]
		m := iniExpansion.FindStringSubmatch(s)
		if m == nil {
			return "", errors.New("a % that begins no %(NAME)s; a plain one is written %%")
		}
		s = s[len(m[0]):]
		name := m[1]
		if name == "" {
			b.WriteByte('%')
			continue
		}
		value, known := vars[name]
		variable, fromEnv := strings.CutPrefix(name, "ENV_")
		switch {
		case known:
		case fromEnv && variableName.MatchString(variable):
			value = mark(variable)
		default:
			return "", fmt.Errorf("%%(%s)s is not known here", name)
		}
		if m[4] == "d" {
			n, err := strconv.Atoi(value)
			if err != nil {
				return "", fmt.Errorf("%%(%s)d is no number", name)
			}
			value = strconv.Itoa(n)
		}
		if width, _ := strconv.Atoi(m[3]); width > len(value) && !strings.Contains(value, "\x00") {
			fill := " "
			if m[2] == "0" && m[4] == "d" {
				fill = "0"
			}
			value = strings.Repeat(fill, width-len(value)) + value
		}
		b.WriteString(value)
	}
}

// iniWordChars may stand in a name or value of environment without quotes.
var iniWordChars = regexp.MustCompile(`^[\w/.+\-():\x00]+`)

// variable is one of a list of variables, in its order.
type variable struct {
	name  string
	value string
}

// iniEnvironment reads KEY="value",KEY2=value2.
func iniEnvironment(s string) (vars []variable, err error) {
	token := func() (string, bool) {
		s = strings.TrimSpace(s)
		if s == "" {
			return "", false
		}
		if s[0] == '\'' || s[0] == '"' {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return "", false
			}
			quoted := s[:end+2]
			s = s[end+2:]
			return quoted, true
		}
		t := iniWordChars.FindString(s)
		if t == "" {
			if s[0] == '#' { // a comment, with which nobody ends a list
				return "", false
			}
			t = s[:1]
		}
		s = s[len(t):]
		return t, true
	}
	for strings.TrimSpace(s) != "" {
		name, _ := token()
		equals, _ := token()
		value, ok := token()
		if !ok || equals != "=" || !variableName.MatchString(name) {
			return nil, errors.New("not KEY=value,KEY=value; a value with other characters than letters and digits has quotes")
		}
		vars = append(vars, variable{name, strings.Trim(value, `'"`)})
		comma, more := token()
		if more && comma != "," {
			return nil, errors.New("a comma is missing, or the quotes of a value")
		}
	}
	return vars, nil
}
