package words

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// OneLine keeps what others wrote from breaking the table, or the terminal.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// Ago is a time span as people say it: the two largest units, whole seconds. A
// clock that was set back makes no negative time.
func Ago(d time.Duration) string {
	s := int64(max(d, 0).Round(time.Second) / time.Second)
	for _, unit := range []struct {
		seconds, small int64
		name, below    string
	}{{86400, 3600, "d", "h"}, {3600, 60, "h", "m"}, {60, 1, "m", "s"}} {
		if s >= unit.seconds {
			return fmt.Sprintf("%d%s%d%s", s/unit.seconds, unit.name, s%unit.seconds/unit.small, unit.below)
		}
	}
	return fmt.Sprintf("%ds", s)
}

// Cut is s with at most width characters, the last of which then says that some
// are missing.
func Cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}

// Wrapped breaks text between words into lines of at most width characters, the
// first of which begins with first, the others with rest.
func Wrapped(text, first, rest string, width int) string {
	var out strings.Builder
	line, filled := first, false
	for _, word := range strings.Fields(OneLine(text)) {
		if filled && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out.WriteString(strings.TrimRight(line, " ") + "\n")
			line, filled = rest, false
		}
		if filled {
			line += " "
		}
		line, filled = line+word, true
	}
	return out.String() + line
}

// TimeFormat is a time for people, in their zone.
const TimeFormat = "2006-01-02 15:04:05"
