package metrics

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/internal/procstat"
)

// TestWhose: whose processes are, of a colony on paper.
func TestWhose(t *testing.T) {
	p := newPaper(t)
	// Started at 1700000000, which is when the machine was, too. The clock was set
	// since 100 began.
	p.runs("web", 3, 100)
	p.runs("job", 1, 110) // adopted: our parent was another supervisor
	p.runs("old", 1, 120) // its number is that of a stranger by now
	p.runs("wait", 2, 0)
	p.runs("main", 1, 140) // on our terminal
	for _, of := range []struct {
		process
		token string
	}{
		{process: process{pid: 1}},
		{process: process{pid: paperPID, parent: 111, group: paperPID, session: 110}}, // started from a shell that it has adopted then
		{process{pid: 100, parent: paperPID, group: 100, session: 100, begun: 100000}, "c0ffee:web:3"},
		{process{pid: 101, parent: 100, group: 100, session: 100}, ""},
		{process{pid: 102, parent: paperPID, group: 100, session: 100}, ""}, // its parent has died
		{process{pid: 103, parent: 101, group: 103, session: 103}, ""},      // has left the session
		{process{pid: 104, parent: 103, group: 103, session: 103}, ""},
		{process{pid: 105, parent: paperPID, group: 105, session: 105}, "c0ffee:web:3"}, // and has lost its parent
		{process{pid: 106, parent: 105, group: 105, session: 105}, ""},
		{process{pid: 107, parent: paperPID, group: 107, session: 107}, "c0ffee:web:2"}, // of another life
		{process{pid: 108, parent: paperPID, group: 108, session: 108}, "decade:web:3"}, // of another colony
		{process{pid: 109, parent: paperPID, group: paperPID, session: paperPID}, ""},   // the supervisor's own
		{process{pid: 110, parent: 1, group: 110, session: 110, begun: 300}, ""},
		{process{pid: 111, parent: 1, group: 111, session: 110}, ""},
		{process{pid: 120, parent: 1, group: 120, session: 120, begun: 100000}, ""},
		{process{pid: 121, parent: 120, group: 120, session: 120}, ""},
		{process{pid: 140, parent: paperPID, group: 140, session: paperPID}, ""},
		{process{pid: 141, parent: paperPID, group: 140, session: paperPID}, ""}, // its parent has died
		{process{pid: 130, parent: 131}, ""},                                     // were read at different moments
		{process{pid: 131, parent: 130}, ""},
	} {
		p.process(of.process, 1, "A=b", tokenKey+of.token)
	}
	r := p.reader()
	want := func(counts map[string]int) {
		t.Helper()
		got := map[string]int{}
		for _, s := range r.read().services {
			if s.usage != nil {
				got[s.name] = s.usage.processes
			}
		}
		if diff := cmp.Diff(counts, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	want(map[string]int{"web": 7, "job": 2, "main": 2})
	p.write(filepath.Join(p.proc, "105", "environ"), "") // it was asked already
	want(map[string]int{"web": 7, "job": 2, "main": 2})
	r.machine.tokens, r.machine.aside.done = nil, make(chan struct{}) // it hangs
	want(map[string]int{"web": 5, "job": 2, "main": 2})
}

// TestMeter: processor time only grows, through children that are waited for, and
// those that nobody waits for; through lives; and when it is read at a bad moment.
func TestMeter(t *testing.T) {
	at := func(pid, parent int, seconds uint64) process {
		return process{pid: pid, parent: parent, begun: uint64(pid), cpu: seconds * procstat.Ticks}
	}
	type look struct {
		generation uint64
		members    []process
		want       float64
	}
	for name, looks := range map[string][]look{
		"grows": {{1, []process{at(1, 0, 1)}, 1}, {1, []process{at(1, 0, 2)}, 2}},
		"a child is waited for": {
			{1, []process{at(1, 0, 1), at(2, 1, 5)}, 6},
			{1, []process{at(1, 0, 7)}, 7},
		},
		"a child of a child is, by both": {
			{1, []process{at(1, 0, 1), at(2, 1, 5), at(3, 2, 4)}, 10},
			{1, []process{at(1, 0, 10)}, 10},
		},
		"an orphan's time is kept": {
			{1, []process{at(1, 0, 1), at(2, 0, 5)}, 6},
			{1, []process{at(1, 0, 2)}, 7},
		},
		"an orphan's child, too": {
			{1, []process{at(1, 0, 1), at(2, 0, 5), at(3, 2, 4)}, 10},
			{1, []process{at(1, 0, 2)}, 11},
		},
		"a number is used again": {
			{1, []process{at(1, 0, 1), at(2, 0, 5)}, 6},
			{1, []process{at(1, 0, 1), {pid: 2, parent: 1, begun: 99, cpu: 1 * procstat.Ticks}}, 7},
		},
		"a child counts twice for a moment": {
			{1, []process{at(1, 0, 1), at(2, 1, 5)}, 6},
			{1, []process{at(1, 0, 6), at(2, 1, 5)}, 11},
			{1, []process{at(1, 0, 7)}, 11},
			{1, []process{at(1, 0, 12)}, 12},
		},
		"lives add up": {
			{1, []process{at(1, 0, 3)}, 3},
			{2, []process{at(5, 0, 1)}, 4},
			{2, []process{at(5, 0, 2)}, 5},
			{4, []process{at(9, 0, 0)}, 5},
		},
	} {
		var m meter
		for i, l := range looks {
			var members []*process
			for _, p := range l.members {
				members = append(members, &p)
			}
			if m.take(l.generation, members); m.told != l.want {
				t.Errorf("%s: look %d tells %v, want %v", name, i+1, m.told, l.want)
			}
		}
	}
	var m meter
	var told []float64
	for _, seconds := range []float64{1, 2, 1.5, 4} {
		m.read(1, seconds)
		told = append(told, m.told)
	}
	m.read(2, 1)
	if told = append(told, m.told); !slices.Equal(told, []float64{1, 2, 2, 4, 5}) {
		t.Errorf("of a control group: %v", told)
	}
}
