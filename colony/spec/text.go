package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"
)

// maxDepth is how deep objects and lists may nest. No key needs more than four
// levels; the bound keeps recursion over the tree shallow.
const maxDepth = 64

// text is the bytes of one file with the offsets at which its lines begin.
type text struct {
	data  []byte
	lines []int
}

func newText(data []byte) *text {
	t := &text{data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// place turns a byte offset into a line and a column, both from 1.
func (t *text) place(at int) (line, column int) {
	line = sort.Search(len(t.lines), func(i int) bool { return t.lines[i] > at })
	return line, at - t.lines[line-1] + 1
}

// check says what keeps the bytes from being one JSON object at all, with the
// offset of it. At most one such problem is named: what follows the first would
// be a guess.
func (t *text) check(limit int) (at int, message string) {
	data := t.data
	if len(data) > limit { // callers may stop reading at limit+1, so the size is not said
		return limit, fmt.Sprintf("too large: more than %d KiB", limit>>10)
	}
	if len(data) == 0 {
		return 0, "empty file"
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return 0, "begins with a byte order mark: save it as UTF-8 without one"
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return 0, "begins with a UTF-16 byte order mark: save it as UTF-8"
	}
	if at := notText(data); at >= 0 {
		if data[at] == 0 {
			return at, "not text: a NUL byte"
		}
		return at, "not text: invalid UTF-8"
	}
	begin := skipSpace(data, 0)
	if begin == len(data) {
		return 0, "empty file: nothing but white space"
	}
	deep := tooDeep(data)
	at, message, end := syntax(data)
	if deep >= 0 && (message == "" || deep <= at) {
		return deep, fmt.Sprintf("nested too deep: more than %d levels", maxDepth)
	}
	if message != "" {
		return at, message
	}
	if data[begin] != '{' {
		return begin, "not an object: it must begin with {"
	}
	if rest := skipSpace(data, end); rest < len(data) {
		return rest, "trailing data after the object"
	}
	return 0, ""
}

// notText returns the offset of the first NUL or byte that is no UTF-8, or -1.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if data[i] == 0 || r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// skipSpace returns the offset of the first byte from at on that is no JSON
// white space.
func skipSpace(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

// tooDeep returns the offset of the bracket that opens level maxDepth+1, or -1.
func tooDeep(data []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// syntax returns where the first value of data ends, or what is wrong with it.
func syntax(data []byte) (at int, message string, end int) {
	var raw json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&raw)
	if err == nil {
		return 0, "", int(d.InputOffset())
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		// The decoder counts the offending byte as read.
		at = max(int(wrong.Offset)-1, 0)
		return at, wrong.Error() + hint(data, at), 0
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return len(data), "truncated: the text ends inside " + unclosed(data), 0
	}
	return 0, err.Error(), 0
}

// unclosed names what data, whose end is missing, ends in.
func unclosed(data []byte) string {
	var open []byte
	inString := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			open = append(open, c)
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	switch {
	case inString:
		return "a string"
	case len(open) == 0:
		return "a value"
	case open[len(open)-1] == '[':
		return "a list"
	}
	return "an object"
}

// hint explains the slips that people make when they write JSON by hand.
func hint(data []byte, at int) string {
	if at >= len(data) {
		return ""
	}
	before := byte(0)
	for i := at - 1; i >= 0 && before == 0; i-- {
		if skipSpace(data[i:i+1], 0) == 0 {
			before = data[i]
		}
	}
	switch c := data[at]; {
	case (c == '}' || c == ']') && before == ',':
		return " (a comma too many)"
	case c == '\'':
		return " (strings are written in double quotes)"
	case c == '/' || c == '#':
		return " (JSON has no comments)"
	case c == 'T' || c == 'F':
		return " (true and false are written in lower case)"
	case c == 'N' || c == 'I':
		return " (JSON has no None, NaN or Infinity)"
	case c < ' ':
		return " (inside a string, write \\n for a line break and \\t for a tab)"
	case c == '"' && before != ',' && before != ':':
		return " (is a comma missing?)"
	}
	return ""
}
