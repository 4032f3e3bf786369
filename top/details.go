package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/internal/story"
)

// details are one service: its row, and its story in words.
type details struct {
	pager
	name    string
	text    string
	width   int       // of the window
	telling bool      // somebody is about to read it
	next    time.Time // not before then
}

func newDetails(name string) *details { return &details{name: name} }

func (d *details) leave() {}
func (d *details) keys() string {
	return "Escape back  l log  r restart  s start  x stop  arrows move  ? help  q quit"
}

func (d *details) key(v *view, k key) {
	switch {
	case k == escape, k == backspace, k == left:
		v.back()
	case k == enter, k == right:
	case !d.pager.key(k):
		v.act(k, d.name)
	}
}

// tellEvery is how often the story is told anew: there are times in it.
const tellEvery = time.Second

func (d *details) tick(v *view) {
	for _, r := range v.rows {
		if r.status.Name == d.name {
			v.sample([]*row{r})
		}
	}
	if d.telling || d.width == 0 || v.now.Before(d.next) {
		return
	}
	d.telling = true
	alive, width := v.seen.alive, d.width
	v.beside(func() {
		began := time.Now()
		text := ""
		s, err := story.Gather(v.places, d.name, alive, v.command)
		if err != nil {
			text = fmt.Sprintf("%s cannot be read: %s", d.name, told(err))
		} else {
			text = s.Tell(width)
		}
		took := time.Since(began)
		v.post(func() {
			d.text, d.telling, d.next = text, false, time.Now().Add(max(tellEvery, share*took))
			if d.width != width { // of another window
				d.next = time.Time{}
				d.tick(v)
			}
		})
	})
}

func (d *details) draw(v *view, c canvas) {
	c.fill(0, 0, inverse)
	head := d.name
	for _, r := range v.rows {
		if r.status.Name == d.name {
			head = fmt.Sprintf("%s  %s  cpu %s %%  mem %s", d.name, r.status.State, r.usage.percent(), r.usage.bytes())
		}
	}
	c.text(0, 0, head, c.width, inverse)
	if d.width != c.width {
		d.width, d.next = c.width, time.Time{} // it is told anew, with other lines
		d.tick(v)
	}
	d.lines = folded(strings.TrimRight(d.text, "\n"), c.width)
	d.pager.draw(c.below(1, c.height-1))
}
