package top

import (
	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"

	"github.com/ncolony/ncolony-go/internal/words"
)

// canvas is a part of the screen. What does not fit in is left out.
type canvas struct {
	screen        tcell.Screen
	x, y          int
	width, height int
}

// tone is how text wants to be seen. Nothing is said by a tone alone, for there may
// be none.
type tone int

const (
	plain tone = iota
	strong
	quiet
	good
	odd
	bad
	inverse
)

// style is a tone on this screen. A terminal without colours would be sent others
// that come near them.
func (c canvas) style(t tone) tcell.Style {
	s := tcell.StyleDefault
	if dumb() {
		return s
	}
	coloured := c.screen.Colors() > 0
	switch t {
	case strong:
		return s.Bold(true)
	case inverse:
		return s.Reverse(true)
	case quiet:
		if coloured {
			return s.Dim(true)
		}
	case good:
		if coloured {
			return s.Foreground(color.Green)
		}
	case odd:
		if coloured {
			return s.Foreground(color.Olive)
		}
	case bad:
		if coloured {
			return s.Foreground(color.Maroon)
		}
		return s.Bold(true)
	}
	return s
}

// text writes s at a place of the canvas, in at most width cells, and returns how
// many it took. What is cut off is told by the last of them.
func (c canvas) text(x, y int, s string, width int, t tone) int {
	width = min(width, c.width-x)
	if x < 0 || y < 0 || y >= c.height || width <= 0 {
		return 0
	}
	style := c.style(t)
	at, last := x, x
	for s = words.OneLine(s); s != ""; {
		if at < x+width {
			rest, w := c.screen.Put(c.x+at, c.y+y, s, style)
			if w == 0 { // outside of the window, or nothing to be seen
				break
			}
			if at+w <= x+width {
				last, at, s = at, at+w, rest
				continue
			}
		}
		for at = last; at < x+width; at++ {
			c.screen.Put(c.x+at, c.y+y, " ", style)
		}
		c.screen.Put(c.x+last, c.y+y, "…", style)
		break
	}
	return at - x
}

// fill gives the rest of a line from x on a tone.
func (c canvas) fill(x, y int, t tone) {
	if y >= 0 && y < c.height && x < c.width {
		c.screen.FillArea(c.x+x, c.y+y, c.width-x, 1, ' ', c.style(t))
	}
}

// below is the canvas without its first n lines, and at most so many lines high.
func (c canvas) below(n, height int) canvas {
	c.y += n
	c.height = max(0, min(height, c.height-n))
	return c
}
