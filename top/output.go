package top

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/story"
	"github.com/ncolony/ncolony-go/logs"
)

const (
	firstLines = 500   // of what is there already
	mostLines  = 10000 // are kept
	mostShown  = 4096  // bytes of one
)

// output is what a service writes, as it comes.
type output struct {
	pager
	name   string
	all    []string // the last of it
	filter line
	note   string // why there is nothing, or not all
	cancel context.CancelFunc
}

func newOutput(v *view, name string) *output {
	o := &output{name: name, pager: pager{tail: true}}
	ctx, cancel := context.WithCancel(v.ctx)
	o.cancel = cancel
	v.beside(func() { o.follow(ctx, v) })
	return o
}

func (o *output) typing() bool { return o.filter.open }
func (o *output) tick(*view)   {}
func (o *output) leave()       { o.cancel() }
func (o *output) keys() string {
	if o.filter.open {
		return "type what to look for; Enter keeps it, Escape shows all"
	}
	return "Escape back  / filter  arrows move  G end, and follow  ? help  q quit"
}

// follow reads until ctx ends. It hands over what there is in one piece each time
// there is nothing more for now, and waits for it to be taken.
func (o *output) follow(ctx context.Context, v *view) {
	say := func(note string) { v.post(func() { o.note = note }) }
	if err := story.Uncaptured(v.places, o.name); err != nil {
		say(told(err))
		return
	}
	var batch []string
	flush := func() error {
		if lines := batch; len(lines) > 0 {
			v.post(func() { o.add(lines) })
			batch = nil
		}
		return ctx.Err()
	}
	last := firstLines
	q := logs.Query{Names: ctl.Services(v.places, o.name), Last: &last, Follow: true, Pause: flush,
		Trouble: func(err error) { say(fmt.Sprintf("some of it cannot be read: %v", err)) }}
	err := logs.Read(ctx, v.places, q, func(s logs.Shown) error {
		batch = append(batch, readable(s.Text))
		if len(batch) == firstLines {
			return flush()
		}
		return nil
	})
	flush()
	if err != nil && ctx.Err() == nil {
		say(told(err))
	}
}

// sequences are what programs write to colour their output.
var sequences = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[()*+].|[@-Z\\^_])`)

// readable is a line as it can be shown.
func readable(text []byte) string {
	s := strings.ToValidUTF8(string(text[:min(len(text), mostShown)]), "?")
	return strings.ReplaceAll(sequences.ReplaceAllString(s, ""), "\t", "    ")
}

func (o *output) add(lines []string) {
	o.all = append(o.all, lines...)
	if more := len(o.all) - mostLines; more > 0 {
		o.all = append([]string(nil), o.all[more:]...)
		o.first = max(0, o.first-more)
	}
	o.choose()
}

// choose picks the lines that match the filter.
func (o *output) choose() {
	o.lines = o.all
	if o.filter.text == "" {
		return
	}
	o.lines = nil
	for _, line := range o.all {
		if strings.Contains(strings.ToLower(line), strings.ToLower(o.filter.text)) {
			o.lines = append(o.lines, line)
		}
	}
}

func (o *output) key(v *view, k key) {
	switch {
	case o.filter.key(k):
		o.tail = true
		o.choose()
	case k == "/":
		o.filter.open = true
	case k == escape && o.filter.text != "":
		o.filter = line{}
		o.choose()
	case k == escape, k == backspace:
		v.back()
	default:
		o.pager.key(k)
	}
}

func (o *output) draw(v *view, c canvas) {
	c.fill(0, 0, inverse)
	head := "output of " + o.name
	if st := v.status(o.name); st != nil {
		head += "  " + string(st.State)
	}
	if !o.tail {
		head += "  not followed: G goes to the end"
	}
	if o.filter.open || o.filter.text != "" {
		head += "  filter: " + o.filter.text
	}
	end := c.text(0, 0, head, c.width, inverse)
	if o.filter.open {
		c.screen.ShowCursor(c.x+min(end, c.width-1), c.y)
	}
	top := 1
	if o.note != "" {
		for _, text := range folded(o.note, c.width) {
			c.text(0, top, text, c.width, bad)
			top++
		}
	}
	o.pager.draw(c.below(top, c.height-top))
}
