package top

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// overview is what is wrong, and the table of services.
type overview struct {
	order    order
	filter   line
	selected string // name of the service
	at       int    // and where it was last
	first    int    // row in the window
	fits     int    // so many rows do
	shown    []*row // all rows of the table, in their order
	longest  int    // of the names
}

func newOverview() *overview { return &overview{} }

func (o *overview) typing() bool { return o.filter.open }
func (o *overview) leave()       {}
func (o *overview) keys() string {
	if o.filter.open {
		return "type what to look for; Enter keeps it, Escape shows all"
	}
	return "Enter details  l log  r restart  s start  x stop  / filter  ? more keys  q quit"
}

func (o *overview) tick(v *view) {
	o.arrange(v)
	// Those that nobody sees are not measured, unless they are sorted by it.
	rows := o.visible()
	if o.order.column == cpuColumn || o.order.column == memColumn {
		rows = o.shown
	}
	v.sample(rows)
}

// arrange puts the rows in order, and finds the selected one again.
func (o *overview) arrange(v *view) {
	o.order.filter = o.filter.text
	o.shown = o.order.of(v.rows)
	o.longest = 0
	for _, r := range o.shown {
		o.longest = max(o.longest, utf8.RuneCountInString(r.status.Name))
	}
	if i := slices.IndexFunc(o.shown, func(r *row) bool { return r.status.Name == o.selected }); i >= 0 {
		o.at = i
	}
	o.choose(o.at)
}

// choose selects a row, or the nearest one that there is.
func (o *overview) choose(at int) {
	o.at = max(0, min(at, len(o.shown)-1))
	if len(o.shown) > 0 {
		o.selected = o.shown[o.at].status.Name
	}
}

// visible are the rows in the window.
func (o *overview) visible() []*row {
	first := min(o.first, len(o.shown))
	return o.shown[first:min(first+o.fits, len(o.shown))]
}

func (o *overview) current() *row {
	if len(o.shown) == 0 {
		return nil
	}
	return o.shown[o.at]
}

func (o *overview) key(v *view, k key) {
	if o.filter.key(k) {
		o.at, o.selected = 0, "" // the best match is the first
		o.arrange(v)
		return
	}
	if at, ok := moved(k, o.at, o.fits, len(o.shown)); ok {
		o.choose(at)
		return
	}
	switch k {
	case "/":
		o.filter.open = true
	case "!":
		o.order.wrong = !o.order.wrong
		o.arrange(v)
	case escape:
		o.filter, o.order.wrong = line{}, false
		o.arrange(v)
	case "<", ">":
		step := 1
		if k == "<" {
			step = len(columns) - 1
		}
		o.order.column, v.next = (o.order.column+step)%len(columns), time.Time{}
		o.tick(v)
	case "-":
		o.order.reverse = !o.order.reverse
		o.arrange(v)
	default:
		if r := o.current(); r != nil {
			v.act(k, r.status.Name)
		}
	}
}

// act does what a key says with one service.
func (v *view) act(k key, name string) {
	switch k {
	case enter, right:
		v.open(newDetails(name))
	case "l":
		v.open(newOutput(v, name))
	case "r":
		v.ask(spec.RestartService, name)
	case "s":
		v.ask(spec.StartService, name)
	case "x":
		v.ask(spec.StopService, name)
	}
}

// How high the page has to be for what is wrong to have lines of its own, and for
// the note of the selected row. Below that the marks and the table have to do.
const (
	roomForWrong = 9
	roomForNote  = 7
)

// draw draws what is wrong, and the table below it.
func (o *overview) draw(v *view, c canvas) {
	c.text(0, 0, v.summary, c.width, plain)
	y := 1
	if c.height >= roomForWrong {
		y += o.drawWrong(v, c.below(1, c.height/3))
	}
	o.drawOrder(c, y)
	table := c.below(y+1, c.height-y-1)
	if r := o.current(); r != nil && c.height >= roomForNote { // what there was no room for
		table.height--
		text, tone := noteCell(r, v.now, false)
		if text != "" {
			c.text(0, c.height-1, r.status.Name+": "+text, c.width, tone)
		}
	}
	o.drawTable(v, table)
}

// drawWrong draws what is wrong: services, then the colony, for which there is
// always room. It returns how many lines that took.
func (o *overview) drawWrong(v *view, c canvas) int {
	notes := v.notes()
	if o.order.wrong { // the table has the services
		notes = notes[:min(len(notes), c.height)]
		for i, text := range notes {
			c.text(0, i, "! "+text, c.width, bad)
		}
		return len(notes)
	}
	services := len(v.wrong)
	room := max(c.height-len(notes), (c.height+1)/2)
	y := 0
	for i, r := range v.wrong {
		if y == room-1 && services > room {
			c.text(0, y, fmt.Sprintf("! and %d more; press ! to see them", services-i), c.width, bad)
			y++
			break
		}
		c.text(0, y, "! "+r.status.Name+": "+r.describe(v.now), c.width, bad)
		y++
	}
	for i, text := range notes {
		if y == c.height-1 && i < len(notes)-1 {
			text = fmt.Sprintf("and %d more: ncolony ctl status", len(notes)-i)
		}
		if y < c.height {
			c.text(0, y, "! "+text, c.width, bad)
			y++
		}
	}
	return y
}

// drawOrder says what is shown, if it is not simply all.
func (o *overview) drawOrder(c canvas, y int) {
	var parts []string
	if o.filter.open || o.filter.text != "" {
		parts = append(parts, "filter: "+o.filter.text)
	}
	if o.order.wrong {
		parts = append(parts, "what is wrong")
	}
	if o.order.column != nameColumn || o.order.reverse {
		by := "by " + strings.ToLower(columns[o.order.column].title)
		if o.order.reverse {
			by += ", reversed"
		}
		parts = append(parts, by)
	}
	if parts == nil {
		return
	}
	end := c.text(0, y, parts[0], c.width, strong)
	if o.filter.open && y < c.height {
		c.screen.ShowCursor(c.x+min(end, c.width-1), c.y+y)
	}
	c.text(end+1, y, " "+strings.Join(append(parts[1:], words.Counted(len(o.shown), "row")), ", "), c.width, plain)
}

// drawTable draws the rows that there is room for, so that the selected one is
// among them.
func (o *overview) drawTable(v *view, c canvas) {
	stale := !v.seen.alive
	chosen, widths := fit(c.width, o.longest, stale)
	draw := func(y int, mark string, cell func(i int) (string, tone), over tone) {
		c.text(0, y, mark, 1, over)
		x := 1
		for _, i := range chosen {
			text, t := cell(i)
			if over != plain {
				t = over
			}
			at := x
			if n := utf8.RuneCountInString(text); columns[i].right && n < widths[i] {
				at += widths[i] - n
			}
			c.text(at, y, text, x+widths[i]-at, t)
			x += widths[i] + 1
		}
	}
	c.fill(0, 0, inverse)
	draw(0, "", func(i int) (string, tone) { return columns[i].title, plain }, inverse)
	o.fits = max(c.height-1, 0)
	o.first = max(0, min(o.first, o.at, len(o.shown)-o.fits))
	o.first = max(o.first, o.at-o.fits+1, 0)
	for i, r := range o.visible() {
		mark, over := " ", plain
		if r.trouble != fine {
			mark = "!"
		}
		if o.first+i == o.at {
			mark, over = ">", inverse
			c.fill(0, i+1, inverse)
		}
		draw(i+1, mark, func(n int) (string, tone) { return columns[n].text(r, v.now, stale) }, over)
	}
	if len(o.shown) == 0 {
		c.text(1, 1, "no services to show", c.width, quiet)
	}
}
