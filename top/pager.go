package top

import (
	"strings"
	"unicode/utf8"
)

// pager shows lines of which there may be more than fit.
type pager struct {
	lines []string
	first int  // in the window
	fits  int  // so many lines do
	tail  bool // the end is kept in the window
	shift int  // so many characters of each line are left of the window
}

// key moves in the lines, and says whether the key was for that.
func (p *pager) key(k key) bool {
	switch k { // there is no selection to be moved
	case home, "g":
		p.first = 0
	case end, "G":
		p.first = len(p.lines)
	case left:
		p.shift = max(0, p.shift-8)
		return true
	case right:
		p.shift += 8
		return true
	default:
		to, ok := moved(k, p.first, p.fits, len(p.lines))
		if !ok {
			return false
		}
		p.first = to
	}
	last := max(0, len(p.lines)-p.fits)
	p.first = min(p.first, last)
	p.tail = p.first == last
	return true
}

// draw draws the lines that fit.
func (p *pager) draw(c canvas) {
	p.fits = c.height
	last := max(0, len(p.lines)-p.fits)
	if p.tail || p.first > last {
		p.first = last
	}
	for i, line := range p.lines[p.first:min(p.first+p.fits, len(p.lines))] {
		if p.shift > 0 {
			runes := []rune(line)
			line = string(runes[min(p.shift, len(runes)):])
		}
		c.text(0, i, line, c.width, plain)
	}
}

// folded breaks lines that are wider than width, between words where it can. What
// goes on stands a little to the right of where the text of the line began, which
// may be behind a label.
func folded(text string, width int) (lines []string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		begin := len(line) - len(strings.TrimLeft(line, " "))
		if label, rest, ok := strings.Cut(line, "  "); begin == 0 && ok && len(label) < longestLabel {
			begin = len(line) - len(strings.TrimLeft(rest, " "))
		}
		indent := strings.Repeat(" ", min(begin+2, width/2))
		for utf8.RuneCountInString(line) > width && width > 1 {
			runes := []rune(line)
			cut := width
			if space := strings.LastIndexByte(string(runes[:width+1]), ' '); strings.TrimSpace(line[:max(space, 0)]) != "" {
				cut = utf8.RuneCountInString(line[:space])
			}
			lines = append(lines, strings.TrimRight(string(runes[:cut]), " "))
			line = indent + strings.TrimLeft(string(runes[cut:]), " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// longestLabel is how long a word may be behind which a paragraph stands.
const longestLabel = 9
