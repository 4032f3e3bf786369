package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
	"github.com/ncolony/ncolony-go/serve/usage"
)

func code(n int) *spec.Exit { return &spec.Exit{Code: &n} }

func TestPulse(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 30, 0, time.UTC)
	var p pulse
	for _, e := range []spec.Event{
		{Type: spec.EventStarted, Name: "web", Generation: 1, Time: now.Add(-2 * time.Hour)}, // too old
		{Type: spec.EventStarted, Name: "web", Generation: 2, Time: now.Add(-59 * time.Minute)},
		{Type: spec.EventExited, Name: "web", Generation: 2, Exit: code(1), Time: now.Add(-10 * time.Minute)},
		{Type: spec.EventStarted, Name: "web", Generation: 3, Time: now.Add(-10 * time.Minute)},
		{Type: spec.EventTerminating, Name: "web", Generation: 3, Time: now},
		{Type: spec.EventExited, Name: "web", Generation: 3, Exit: &spec.Exit{Signal: "TERM"}, Time: now}, // asked for
		{Type: spec.EventStarted, Name: "web", Generation: 4, Time: now},
		{Type: spec.EventExited, Name: "web", Generation: 4, Exit: code(0), Time: now},
		{Type: spec.EventSpawnFailed, Name: "web", Time: now},
	} {
		p.take(&e, now)
	}
	hour := p.hour(now)
	want := map[int]beat{0: {1, 0}, 49: {1, 1}, 59: {1, 1}}
	for i, b := range hour {
		if b != want[i] {
			t.Errorf("minute %d: %+v, want %+v", i, b, want[i])
		}
	}
	// The minute of an hour ago has the place of this one.
	again := pulse{beats: p.beats, of: p.of}
	again.take(&spec.Event{Type: spec.EventStarted, Name: "web", Time: now.Add(time.Hour)}, now.Add(time.Hour))
	if got := again.hour(now.Add(time.Hour))[59]; got != (beat{1, 0}) {
		t.Errorf("an hour later: %+v", got)
	}
	if later := p.hour(now.Add(30 * time.Minute)); later[29] != want[59] || later[59] != (beat{}) {
		t.Errorf("half an hour later: %+v", later)
	}
	if c := chartPulse(hour, now); c.Starts != 3 || c.Failures != 2 || c.Most != 1 || len(c.Bars) != 3 {
		t.Errorf("%+v", c)
	}
	if c := chartPulse([minutes]beat{}, now); len(c.Bars) != 0 {
		t.Errorf("nothing has happened: %+v", c)
	}
}

func TestTimeline(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	beat := at(-10)
	tl := timelineOf("web", []spec.Event{
		{Type: spec.EventStarted, Name: "web@2", Generation: 9, Time: at(-900)}, // of another
		{Type: spec.EventStarted, Name: "web", Generation: 1, Time: at(-200)},
		{Type: spec.EventReady, Name: "web", Generation: 1, Time: at(-150)},
		{Type: spec.EventExited, Name: "web", Generation: 1, Exit: code(3), Time: at(-100)},
		{Type: spec.EventStarted, Name: "web", Generation: 2, Time: at(-50)},
		{Type: spec.EventOverdue, Name: "web", Generation: 2, Time: at(-20), Reason: "no beat"},
	}, &spec.Status{State: spec.Running}, &spec.Heartbeat{LastBeat: &beat}, now)
	var said []string
	for _, b := range tl.Bars {
		said = append(said, fmt.Sprintf("%s %.0f+%.0f", b.Class, b.X, b.Width))
	}
	for _, m := range tl.Marks {
		said = append(said, fmt.Sprintf("%s %.0f", m.Class, m.X))
	}
	if got, want := strings.Join(said, ", "), "starting 0+250, up 250+250, up 750+250, bad 500, ready 250, bad 900, beat 950"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.HasPrefix(tl.Summary, "2 starts") || !strings.HasSuffix(tl.Summary, "1 bad end; now running") {
		t.Error(tl.Summary)
	}
	if none := timelineOf("web", nil, nil, nil, now); len(none.Bars) != 0 {
		t.Errorf("%+v", none)
	}
}

func TestChart(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	cpu, memory := chartsOf([]usage.Point{{Time: now.Add(-30 * time.Minute), Sample: usage.Sample{CPU: 12, Memory: 1024}}, {Time: now, Sample: usage.Sample{CPU: 3, Memory: 4096}}})
	if cpu.Line != "300.0,42.4 600.0,85.6" || cpu.Top != "20 %" || cpu.Most != "12 %" || cpu.Now != "3.0 %" {
		t.Errorf("%+v", cpu)
	}
	if memory.Now != "4.0 MB" || !strings.HasPrefix(memory.Area, "300.0,100 ") {
		t.Errorf("%+v", memory)
	}
	if cpu, memory := chartsOf(nil); cpu != nil || memory != nil {
		t.Error("there is a chart of nothing")
	}
	for v, want := range map[float64]float64{0: 1, 1: 1, 1.5: 2, 2: 2, 3: 5, 7: 10, 11: 20, 999: 1000} {
		if got := round(v); got != want {
			t.Errorf("round(%v) = %v, want %v", v, got, want)
		}
	}
}

func ties(text string) (all []operations.Tie) {
	for part := range strings.FieldsSeq(text) {
		name, needs, _ := strings.Cut(part, ":")
		t := operations.Tie{Name: name, State: spec.Running}
		if needs != "" {
			t.Needs = strings.Split(needs, ",")
		}
		all = append(all, t)
	}
	return all
}

func TestDrawing(t *testing.T) {
	everything := func(string) bool { return true }
	d := draw(ties("a b:a c:b,a d:absent"), everything, "")
	x := map[string]int{}
	for _, n := range d.Nodes {
		x[n.Name] = (n.X - edgeOfDrawing) / (nodeWidth + layerGap)
		if n.Absent != (n.Name == "absent") {
			t.Errorf("%+v", n)
		}
		for _, other := range d.Nodes {
			if n.Name != other.Name && n.X == other.X && n.Y == other.Y {
				t.Errorf("%s and %s are at one place", n.Name, other.Name)
			}
		}
	}
	for name, want := range map[string]int{"a": 0, "b": 1, "c": 2, "absent": 0, "d": 1} {
		if x[name] != want {
			t.Errorf("%s is in column %d, want %d", name, x[name], want)
		}
	}
	if len(d.Edges) != 4 || d.Edges[0].Title != "b needs a" {
		t.Errorf("%+v", d.Edges)
	}
	// A line that passes a column has room in it.
	for _, e := range d.Edges {
		if want := 1; e.Title == "c needs a" {
			want = 2
			if got := strings.Count(e.Path, "C"); got != want {
				t.Errorf("%s: %s", e.Title, e.Path)
			}
		}
	}
	round := draw(ties("a:b b:a c:c"), everything, "")
	n := 0
	for _, e := range round.Edges {
		if e.Round {
			n++
		}
	}
	if len(round.Edges) != 3 || n != 2 {
		t.Errorf("of a cycle of two and one of one, %d of %d lines go back", n, len(round.Edges))
	}
	var names []string
	for i := range mostNodes + 10 {
		names = append(names, fmt.Sprint("s", i))
	}
	if d := draw(ties(strings.Join(names, " ")), everything, "s305"); len(d.Nodes) != mostNodes+1 || d.Hidden != 9 || !d.Nodes[mostNodes].Here {
		t.Errorf("%d drawn, %d not", len(d.Nodes), d.Hidden)
	}
}

func TestDrawAround(t *testing.T) {
	all := ties("a b:a c:b d:c e other x:other y:a")
	names := func(d drawing) string {
		var all []string
		for _, n := range d.Nodes {
			all = append(all, n.Name)
		}
		return strings.Join(all, " ")
	}
	for name, want := range map[string]string{"b": "a b c d", "y": "a y", "e": "", "x": "other x"} {
		if got := names(drawAround(all, name)); got != want {
			t.Errorf("around %s: %q, want %q", name, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	for in, want := range map[string]string{"": "", "sort=nonsense&state=none&x=1": "", "text=a&sort=name": "text=a", "sort=cpu&down=1&state=failed": "down=1&sort=cpu&state=failed"} {
		q, err := url.ParseQuery(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := tableOf(q).Query(); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	by := table{Sort: "name"}
	for column, want := range map[string]string{"name": "down=1", "cpu": "down=1&sort=cpu", "state": "sort=state"} {
		if got := string(by.By(column)); got != want {
			t.Errorf("by %s: %q, want %q", column, got, want)
		}
	}
	if got := (table{Sort: "cpu", Down: true}).By("cpu"); got != "sort=cpu" {
		t.Errorf("the other way round: %q", got)
	}
}

func TestNoticesAreBounded(t *testing.T) {
	var n notices
	first := n.put(notice{Text: "first"})
	last := ""
	for range mostNotices {
		last = n.put(notice{Text: "later"})
	}
	if n.take(first) != nil || n.take(last) == nil || len(n.all) != mostNotices || len(n.ids) != mostNotices || n.take("") != nil {
		t.Errorf("%d kept", len(n.all))
	}
}

func TestEffects(t *testing.T) {
	for _, do := range []string{"restart", "start", "stop"} {
		for _, state := range append([]spec.State{"unknown"}, spec.States...) {
			if effect(do, state) == "" {
				t.Errorf("nothing is said of %s for %s", do, state)
			}
		}
	}
	for _, c := range []struct {
		do    string
		state spec.State
		want  string
	}{{"stop", spec.Running, "ended, and not started again"}, {"start", spec.Stopped, "started"}, {"start", spec.Running, "left alone: they run"}, {"restart", spec.Failed, "started"}, {"stop", spec.Failed, "kept from being started"}, {"start", spec.Invalid, "left alone: there is no good spec"}} {
		if got := effect(c.do, c.state); got != c.want {
			t.Errorf("%s %s: %s", c.do, c.state, got)
		}
	}
}

func TestLooping(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		since time.Duration // ago
		exit  *spec.Exit
		want  bool
	}{
		"up for a second, crashed before": {time.Second, code(1), true},
		"up for long":                     {time.Hour, code(1), false},
		"ended well before":               {time.Second, code(0), false},
		"was restarted by somebody":       {time.Second, &spec.Exit{Signal: "TERM"}, false},
		"hung before":                     {time.Second, &spec.Exit{Signal: "KILL", Reason: "watchdog"}, true},
		"had lived for long":              {time.Second, &spec.Exit{Code: code(1).Code, Ran: 3600}, false},
		"has its first life":              {time.Second, nil, false},
	} {
		st := &spec.Status{State: spec.Running, PID: 7, Since: now.Add(-c.since), LastExit: c.exit}
		if got := looping(st, now); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
