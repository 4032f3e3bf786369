package top

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// column is one of the table of services.
type column struct {
	title   string
	width   int // 0: as much as there is
	right   bool
	text    func(r *row, now time.Time, stale bool) (string, tone)
	compare func(a, b *row) int // nil: by name
}

// columns stand in this order. A cell says little, for 80 characters have to do for
// all of them; what there is to say stands below the table for the selected row.
var columns = []column{
	{title: "NAME", text: func(r *row, _ time.Time, _ bool) (string, tone) { return r.status.Name, plain }},
	{title: "STATE", width: 8, text: stateCell, compare: func(a, b *row) int {
		return cmp.Compare(words.Urgency(a.status.State), words.Urgency(b.status.State))
	}},
	{title: "PID", width: 7, right: true, compare: largest(func(r *row) int { return r.status.PID }),
		text: func(r *row, _ time.Time, _ bool) (string, tone) { return number(r.status.PID), plain }},
	{title: "SINCE", width: 6, right: true, compare: func(a, b *row) int { return b.status.Since.Compare(a.status.Since) },
		text: func(r *row, now time.Time, _ bool) (string, tone) { return words.Ago(now.Sub(r.status.Since)), plain }},
	{title: "RST", width: 4, right: true, compare: largest(func(r *row) int { return r.status.Restarts }),
		text: func(r *row, _ time.Time, _ bool) (string, tone) { return strconv.Itoa(r.status.Restarts), plain }},
	{title: "RDY", width: 3, text: readyCell, compare: largest(func(r *row) int {
		text, _ := readyCell(r, time.Time{}, false)
		return slices.Index([]string{"yes", "-", "no"}, text)
	})},
	{title: "EXIT", width: 5, text: exitCell, compare: func(a, b *row) int {
		return cmp.Compare(badly(b.status.LastExit), badly(a.status.LastExit))
	}},
	{title: "CPU%", width: 5, right: true, compare: largest(func(r *row) float64 { return r.usage.cpu }),
		text: func(r *row, _ time.Time, _ bool) (string, tone) { return r.usage.percent(), plain }},
	{title: "MEM", width: 5, right: true, compare: largest(func(r *row) int64 { return r.usage.memory }),
		text: func(r *row, _ time.Time, _ bool) (string, tone) { return r.usage.bytes(), plain }},
	{title: "NOTE", text: noteCell, compare: func(a, b *row) int { return cmp.Compare(a.trouble, b.trouble) }},
}

// Those by which others are chosen or left out.
const (
	nameColumn  = 0
	stateColumn = 1
	cpuColumn   = 7
	memColumn   = 8
	noteColumn  = 9
)

// dispensable are the columns that a narrow window does without, the first first.
var dispensable = []int{5, 2, memColumn, cpuColumn, 6, 4, 3, noteColumn}

// leastNote is how wide a note has to be at least to be worth its place; widestName
// is the part of the window that names may take.
const (
	leastNote  = 12
	widestName = 3
)

// fit chooses the columns that a window of that width has room for, and how wide
// they are. longest is the longest of the names.
func fit(width, longest int, stale bool) (chosen, widths []int) {
	widths = make([]int, len(columns))
	for i, c := range columns {
		widths[i] = c.width
	}
	if stale {
		widths[stateColumn] += len(staleMark)
	}
	widths[nameColumn] = max(len(columns[nameColumn].title), min(longest, max(leastNote, width/widestName)))
	widths[noteColumn] = leastNote
	for i := range columns {
		chosen = append(chosen, i)
	}
	used := func() (n int) {
		for _, i := range chosen {
			n += widths[i] + 1 // and the mark before, or the gap
		}
		return n
	}
	for _, i := range dispensable {
		if used() <= width {
			break
		}
		chosen = slices.DeleteFunc(chosen, func(c int) bool { return c == i })
	}
	if slices.Contains(chosen, noteColumn) {
		widths[noteColumn] += width - used()
	}
	return chosen, widths
}

// staleMark stands behind the states that nobody keeps up to date.
const staleMark = " (stale)"

func stateCell(r *row, _ time.Time, stale bool) (string, tone) {
	text := string(r.status.State)
	switch {
	case stale:
		return text + staleMark, quiet
	case r.status.State == spec.Running:
		return text, good
	case r.trouble <= broken:
		return text, bad
	case r.status.State == spec.Stopped, r.status.State == spec.Exited:
		return text, quiet
	}
	return text, odd
}

func readyCell(r *row, _ time.Time, _ bool) (string, tone) {
	switch {
	case r.status.PID == 0:
		return "-", plain
	case r.status.Ready:
		return "yes", plain
	}
	return "no", odd
}

// exitCell is how the last life ended, in a word.
func exitCell(r *row, _ time.Time, _ bool) (string, tone) {
	switch e := r.status.LastExit; {
	case e == nil:
		return "-", plain
	case e.Code != nil:
		return strconv.Itoa(*e.Code), plain
	case e.OOM:
		return "OOM", bad
	case e.Signal != "":
		return e.Signal, plain
	case e.SpawnError != "":
		return "spawn", bad
	}
	return "?", plain
}

// badly orders how lives end: the worse the larger.
func badly(e *spec.Exit) int {
	switch {
	case e == nil:
		return -1
	case e.Code != nil:
		return *e.Code
	case e.SpawnError != "":
		return 1000
	}
	return 500
}

func noteCell(r *row, now time.Time, _ bool) (string, tone) {
	if r.trouble != fine {
		return r.describe(now), bad
	}
	text, _ := words.Notes(&r.status, now)
	return text, plain
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// percent is the part of a CPU that the processes of a service take.
func (u usage) percent() string {
	switch {
	case !u.known:
		return "-"
	case u.cpu >= 99.95:
		return fmt.Sprintf("%.0f", u.cpu)
	}
	return fmt.Sprintf("%.1f", u.cpu)
}

// bytes is how much memory they hold, in at most five characters.
func (u usage) bytes() string {
	if u.memory == 0 {
		return "-"
	}
	n, unit := float64(u.memory)/1024, 'K'
	for _, next := range "MGT" {
		if n < 999.5 {
			break
		}
		n, unit = n/1024, next
	}
	if n < 9.95 && unit != 'K' {
		return fmt.Sprintf("%.1f%c", n, unit)
	}
	return fmt.Sprintf("%.0f%c", n, unit)
}
