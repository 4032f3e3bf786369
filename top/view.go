package top

import (
	"context"
	"time"

	"github.com/gdamore/tcell/v3"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// view is all that is shown. It is the loop's alone.
type view struct {
	places  spec.Places
	command string // how a command about this colony begins
	screen  tcell.Screen
	ctx     context.Context // ends with the loop
	news    chan func()     // from beside the loop
	now     time.Time
	ended   bool // q was typed
	stop    bool // Ctrl-Z was

	seen    found  // by the last look; the statuses are in rows
	summary string // of them
	rows    []*row // all services, by name, and helpers behind them
	wrong   []*row // those that are not well, the worst first

	pages    []page // the last is shown, the first is the overview
	question *question
	notice   notice

	machine  machine
	sampler  sampler
	sampling bool
	next     time.Time // not before then is sampled again
}

// page is what fills the window between the head and the last line.
type page interface {
	draw(v *view, c canvas)
	key(v *view, k key)
	tick(v *view) // once a second, and when something has been seen
	keys() string // what one can type, for the last line
	leave()       // nobody comes back to it
}

// notice is the last thing that one should know, on the last line.
type notice struct {
	text  string
	wrong bool
}

func newView(ctx context.Context, o Options, screen tcell.Screen) *view {
	return &view{places: o.Places, command: o.Command, screen: screen, news: make(chan func()), pages: []page{newOverview()},
		ctx: ctx, now: time.Now(), machine: thisMachine()}
}

func (v *view) page() page { return v.pages[len(v.pages)-1] }

// open shows another page, from which one comes back.
func (v *view) open(p page) {
	v.pages = append(v.pages, p)
	p.tick(v)
}

// back leaves a page.
func (v *view) back() {
	if last := len(v.pages) - 1; last > 0 {
		v.page().leave()
		v.pages = v.pages[:last]
		v.page().tick(v)
	}
}

// take takes in what a look has found.
func (v *view) take(f found) {
	v.seen = f
	if f.fresh {
		v.rows, v.summary = updated(v.rows, f), words.Summary(f.statuses)
		v.seen.statuses = nil
		v.tick()
	}
}

// tick brings what depends on the time up to date.
func (v *view) tick() {
	v.now = time.Now()
	v.judge()
	v.page().tick(v)
}

// key takes a key: the question first, then what every page knows, then the page.
func (v *view) key(k key) {
	typing := false
	if t, ok := v.page().(interface{ typing() bool }); ok {
		typing = t.typing()
	}
	switch {
	case k == "":
	case k == interrupt, k == "q" && !typing && v.question == nil:
		v.ended = true
	case k == suspend:
		v.stop = true
	case k == redraw:
		v.screen.Sync()
	case v.question != nil:
		q := v.question
		v.question = nil
		if k == "y" || k == "Y" {
			q.yes()
		}
	case typing:
		v.page().key(v, k)
	default:
		v.notice = notice{}
		if k == "?" || k == "h" {
			if _, open := v.page().(*help); !open {
				v.open(newHelp())
			}
			return
		}
		v.page().key(v, k)
	}
}

// draw draws the whole window; what was there already is not sent again.
func (v *view) draw() {
	v.screen.Clear()
	width, height := v.screen.Size()
	c := canvas{v.screen, 0, 0, width, height}
	v.screen.HideCursor()
	tone := plain
	if !v.seen.alive {
		tone = bad
	}
	c.text(0, 0, words.Headline(v.places, v.seen.colony, v.seen.alive, v.now, width), width, tone)
	if height > 2 {
		v.page().draw(v, c.below(1, height-2))
	}
	last := c.below(height-1, 1)
	switch {
	case height < 2:
	case v.question != nil:
		last.text(0, 0, v.question.text+"  y = yes, any other key = no", width, strong)
	case v.notice.text != "":
		tone := strong
		if v.notice.wrong {
			tone = bad
		}
		last.text(0, 0, v.notice.text, width, tone)
	default:
		last.text(0, 0, v.page().keys(), width, quiet)
	}
	v.screen.Show()
}
