package result

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	barHeight = 22
	nameWidth = 150
	barsWidth = 520
	textWidth = 150
)

// SVG draws the medians of one measurement as bars, with a line at the p99. The
// scale is logarithmic if the figures are far apart.
func (r Results) SVG(name string) string {
	peers := Results{name: r[name]}.peers(nil)
	m := Describe(name)
	low, high := math.Inf(1), 0.0
	for _, p := range peers {
		s := r[name][p]
		high = max(high, s.P50, s.P99)
		if s.P50 > 0 {
			low = min(low, s.P50)
		}
	}
	logarithmic := high > 50*low
	length := func(f float64) float64 {
		switch {
		case f <= 0 || high <= 0:
			return 0
		case logarithmic: // a decade more than the smallest, so that it has a bar
			from := math.Log10(low) - 0.5
			return barsWidth * max(0, math.Log10(f)-from) / (math.Log10(high) - from)
		default:
			return barsWidth * f / high
		}
	}
	var b strings.Builder
	width, height := nameWidth+barsWidth+textWidth, 50+barHeight*len(peers)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	title := m.Title
	if m.Unit != "" {
		title += ", " + m.Unit
	}
	if logarithmic {
		title += " (logarithmic)"
	}
	fmt.Fprintf(&b, `<text x="8" y="20" font-weight="bold">%s</text>`+"\n", html.EscapeString(title))
	for i, p := range peers {
		s, y := r[name][p], 36+barHeight*i
		color := "#9aa7b4"
		if p == Ours {
			color = "#2f7d4f"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth-8, y+14, html.EscapeString(p))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, nameWidth, y, length(s.P50), barHeight-6, color)
		at := nameWidth + length(s.P99)
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#333"/>`, at, at, y, y+barHeight-6)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", nameWidth+max(length(s.P50), length(s.P99))+6, y+14, html.EscapeString(r.cell(name, p, nil)))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
