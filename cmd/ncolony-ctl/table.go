package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// table is text in columns as wide as their widest cell.
type table struct {
	rows [][]cell
}

// cell is one text and the colour, if any, that draws the eye to it.
type cell struct {
	text   string
	colour colour
}

// colour is an ANSI attribute; 0 = none.
type colour int

const (
	bold   colour = 1
	faint  colour = 2
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// write prints t.
func (t *table) write(w io.Writer, coloured bool) error {
	var out strings.Builder
	for _, line := range t.lines(0, coloured) {
		out.WriteString(line)
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// lines are the rows of t, two spaces between columns and none at the end of a
// line. Lines wider than width are cut; 0 = none is.
func (t *table) lines(width int, coloured bool) (lines []string) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	if width <= 0 {
		width = math.MaxInt
	}
	for _, row := range t.rows {
		last := len(row) - 1
		for last > 0 && row[last].text == "" {
			last--
		}
		var out strings.Builder
		left := width
		for i, c := range row[:last+1] {
			text := words.Cut(c.text, left)
			left -= utf8.RuneCountInString(text)
			if coloured && c.colour != 0 && text != "" {
				text = fmt.Sprintf("\x1b[%dm%s\x1b[0m", c.colour, text)
			}
			out.WriteString(text)
			if gap := widths[i] - utf8.RuneCountInString(c.text) + 2; i < last && gap < left {
				out.WriteString(strings.Repeat(" ", gap))
				left -= gap
			} else {
				break
			}
		}
		lines = append(lines, out.String())
	}
	return lines
}

// statusTable shows statuses in their order. Stale ones are of a supervisor
// that is gone, and how long ago anything was is counted all the same.
func statusTable(statuses []spec.Status, now time.Time, stale bool) *table {
	t := &table{}
	t.add(cell{"NAME", bold}, cell{"STATE", bold}, cell{"PID", bold}, cell{"SINCE", bold},
		cell{"RESTARTS", bold}, cell{"LAST EXIT", bold}, cell{"NOTE", bold})
	for i := range statuses {
		st := &statuses[i]
		t.add(cell{text: st.Name}, stateCell(st, stale), cell{text: number0(st.PID)}, cell{text: words.Ago(now.Sub(st.Since))},
			cell{text: strconv.Itoa(st.Restarts)}, cell{text: words.LastExit(st.LastExit)}, noteCell(st, now))
	}
	return t
}

// noteCell is what one should know beyond the state.
func noteCell(st *spec.Status, now time.Time) cell {
	text, wrong := words.Notes(st, now)
	if wrong {
		return cell{text, red}
	}
	return cell{text: text}
}

func stateCell(st *spec.Status, stale bool) cell {
	if stale {
		return cell{string(st.State) + " (stale)", faint}
	}
	return cell{string(st.State), colours[st.State]}
}

// exitColumn is where statusTable has the last exit.
const exitColumn = 5

var colours = map[spec.State]colour{
	spec.Running: green, spec.Starting: yellow, spec.Stopping: yellow, spec.Backingoff: red,
	spec.Failed: red, spec.Invalid: red, spec.Waiting: yellow, spec.Stopped: faint, spec.Exited: faint,
}

func number0(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
