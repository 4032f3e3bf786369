package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// Sizes of the drawing, in pixels.
const (
	rowHeight  = 22
	barHeight  = 14
	chartTop   = 64
	nameColumn = 190
	barColumn  = 620
	noteColumn = 190
	nameLength = 26 // characters that fit the column
	noteLength = 30
)

// drawStart draws a as a waterfall: a row for each service, in the order in which
// they started. What reads it may be dark or light.
func drawStart(a *ctl.Analysis, now time.Time) string {
	w := &waterfall{a: a, now: now}
	w.span = w.longest()
	width, height := nameColumn+barColumn+noteColumn, chartTop+rowHeight*len(a.Services)+16
	fmt.Fprintf(&w.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	w.out.WriteString(drawingStyle)
	w.out.WriteString(`<rect class="ground" width="100%" height="100%"/>` + "\n")
	fmt.Fprintf(&w.out, `<text x="8" y="20" font-weight="bold">%s</text>`+"\n", html.EscapeString(startInWords(a)))
	w.legend()
	w.scale(height - 12)
	for i := range a.Services {
		w.row(&a.Services[i], chartTop+rowHeight*i)
	}
	w.out.WriteString("</svg>\n")
	return w.out.String()
}

// drawingStyle has the colours in both lights. A reader that knows no dark has
// the light ones.
const drawingStyle = `<style>
.ground { fill: #ffffff } text { fill: #24292f } .faint { fill: #656d76 } .grid { stroke: #d8dee4 }
.waiting { fill: #d0d7de } .starting { fill: #8a97a5 } .ready { fill: #9fd0b0 } .edge { fill: none; stroke: #bc4c00; stroke-width: 2 } .critical { fill: #bc4c00; font-weight: bold }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } text { fill: #e6edf3 } .faint { fill: #8d96a0 } .grid { stroke: #30363d }
.waiting { fill: #30363d } .starting { fill: #6e7f91 } .ready { fill: #2f7d4f } .edge { stroke: #f0883e } .critical { fill: #f0883e }
}
</style>
`

type waterfall struct {
	a    *ctl.Analysis
	now  time.Time
	span float64 // seconds that the columns of bars stand for
	out  strings.Builder
}

// longest is how many seconds the drawing has to show: until everything was
// ready that the start was about. What takes longer goes on to the edge.
func (w *waterfall) longest() float64 {
	span, others := 0.0, 0.0
	for i := range w.a.Services {
		s := &w.a.Services[i]
		switch {
		case s.Life == "" && s.ReadyAt != nil:
			span = max(span, w.from(s)+s.Waited+s.Starting)
		case s.Life == "" && s.Started != nil:
			span = max(span, w.from(s)+s.Waited)
		case s.ReadyAt != nil:
			others = max(others, s.Waited+s.Starting)
		}
	}
	if span == 0 {
		span = others
	}
	if span == 0 {
		span = w.now.Sub(w.a.Started).Seconds()
	}
	return max(span*1.08, 0.001)
}

// from is where the row of s begins: for a life that is no part of the start, at
// the left.
func (w *waterfall) from(s *ctl.Timing) float64 {
	if s.Life != "" {
		return 0
	}
	return max(s.Wanted.Sub(w.a.Started).Seconds(), 0)
}

func (w *waterfall) x(seconds float64) float64 {
	return nameColumn + barColumn*min(max(seconds, 0)/w.span, 1)
}

func (w *waterfall) legend() {
	x := nameColumn
	for _, phase := range []struct{ class, name string }{{"waiting", "waits for others"}, {"starting", "starts"}, {"ready", "is ready, or done"}} {
		fmt.Fprintf(&w.out, `<rect class="%s" x="%d" y="30" width="12" height="12"/><text x="%d" y="40">%s</text>`+"\n", phase.class, x, x+17, phase.name)
		x += 130
	}
	fmt.Fprintf(&w.out, `<rect class="edge" x="%d" y="31" width="12" height="10"/><text x="%d" y="40">on the critical chain</text>`+"\n", x, x+17)
}

// scale draws lines at round times.
func (w *waterfall) scale(bottom int) {
	step := math.Pow(10, math.Floor(math.Log10(w.span)))
	for _, finer := range []float64{0.5, 0.4, 0.5} { // 5, 2, 1
		if w.span/step < 5 {
			step *= finer
		}
	}
	for i := 0; float64(i)*step < w.span; i++ {
		x := w.x(float64(i) * step)
		fmt.Fprintf(&w.out, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, chartTop-4, bottom)
		fmt.Fprintf(&w.out, `<text class="faint" x="%.1f" y="%d" text-anchor="middle" font-size="10">%s</text>`+"\n", x, chartTop-8, words.Span(words.Seconds(float64(i)*step)))
	}
}

func (w *waterfall) row(s *ctl.Timing, y int) {
	class := ""
	if s.Critical {
		class = ` class="critical"`
	}
	note := w.note(s)
	pale := ""
	if s.Life != "" {
		pale = ` opacity="0.6"`
	}
	fmt.Fprintf(&w.out, `<g%s><title>%s</title>`, pale, html.EscapeString(strings.TrimSuffix(words.OneLine(s.Name)+": "+note, ": ")))
	fmt.Fprintf(&w.out, `<text%s x="%d" y="%d" text-anchor="end">%s</text>`, class, nameColumn-8, y+12, html.EscapeString(words.Cut(words.OneLine(s.Name), nameLength)))
	at := w.from(s)
	begin := at
	bar := func(class string, until float64) {
		if left, right := w.x(at), w.x(until); right > left {
			fmt.Fprintf(&w.out, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`, class, left, y+1, right-left, barHeight)
		}
		at = until
	}
	if s.Life != ctl.LifeEarlier {
		if s.Started != nil || s.State == spec.Waiting {
			bar("waiting", at+s.Waited)
		}
		if s.Started != nil {
			bar("starting", at+s.Starting)
		}
	}
	end := at
	if s.ReadyAt != nil {
		bar("ready", w.span)
	}
	if s.Critical && w.x(end) > w.x(begin) {
		fmt.Fprintf(&w.out, `<rect class="edge" x="%.1f" y="%d" width="%.1f" height="%d"/>`, w.x(begin), y+1, w.x(end)-w.x(begin), barHeight)
	}
	fmt.Fprintf(&w.out, `<text class="faint" x="%d" y="%d">%s</text></g>`+"\n", nameColumn+barColumn+8, y+12, html.EscapeString(words.Cut(note, noteLength)))
}

// note is what stands behind the bar of s: how long it took, or why it does not
// count.
func (w *waterfall) note(s *ctl.Timing) string {
	var parts []string
	if s.ReadyAt == nil {
		parts = append(parts, string(s.State))
	} else if text := took(s.Starting); text != "-" {
		parts = append(parts, text)
	}
	for _, note := range timingNotes(s) {
		if note != "critical" { // that is drawn
			parts = append(parts, note)
		}
	}
	return words.OneLine(strings.Join(parts, ", "))
}
