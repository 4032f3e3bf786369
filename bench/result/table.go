package result

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Notes say why there is no figure, by measurement and peer: "not in 60 s".
type Notes map[string]map[string]string

// Add adds a note; the first one counts.
func (n Notes) Add(measurement, peer, why string) {
	if n[measurement] == nil {
		n[measurement] = map[string]string{}
	}
	if n[measurement][peer] == "" {
		n[measurement][peer] = why
	}
}

// Table is a table of text.
type Table struct {
	Head []string
	Rows [][]string
}

// Figures is the table of medians, p99 and ratios: a row per measurement, a
// column per peer.
func (r Results) Figures(notes Notes) Table {
	peers := r.peers(notes)
	t := Table{Head: append([]string{"measurement", "unit"}, peers...)}
	all := Results{}
	for name := range notes {
		all[name] = nil
	}
	for name := range r {
		all[name] = r[name]
	}
	for _, name := range all.Names() {
		row := []string{name, Describe(name).Unit}
		for _, p := range peers {
			row = append(row, r.cell(name, p, notes))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// cell is a median, its p99 if there is more than one figure, and how many times
// ncolony's it is.
func (r Results) cell(name, peer string, notes Notes) string {
	s, ok := r[name][peer]
	if !ok {
		return notes[name][peer]
	}
	text := number(s.P50)
	if s.N > 1 && number(s.P99) != text {
		text += " (" + number(s.P99) + ")"
	}
	if ratio, ok := r.Ratio(name, peer, Ours); ok && peer != Ours {
		text += " " + number(ratio) + "x"
	}
	return text
}

func (r Results) peers(notes Notes) []string {
	set := map[string]bool{}
	for _, peers := range r {
		for p := range peers {
			set[p] = true
		}
	}
	for _, peers := range notes {
		for p := range peers {
			set[p] = true
		}
	}
	var all []string
	for p := range set {
		all = append(all, p)
	}
	return order(all)
}

// Verdicts is the table of the targets of what was measured.
func (r Results) Verdicts() Table {
	t := Table{Head: []string{"measurement", "target", "limit here", "ncolony", "met"}}
	for _, target := range Targets {
		if _, ok := r[target.Name][Ours]; !ok {
			continue
		}
		v := target.Judge(r)
		row := []string{target.Name, target.String(), "", number(v.Is), "nothing to compare with"}
		if v.Known {
			row[2], row[4] = number(v.Limit), "no"
			if v.Met {
				row[4] = "yes"
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Legend says what the measurements are.
func (r Results) Legend() Table {
	t := Table{Head: []string{"measurement", "what it is"}}
	for _, name := range r.Names() {
		t.Rows = append(t.Rows, []string{name, Describe(name).Title})
	}
	return t
}

// Text is the table for a terminal.
func (t Table) Text() string {
	rows := append([][]string{t.Head}, t.Rows...)
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// Markdown is the table for a page.
func (t Table) Markdown() string {
	var b strings.Builder
	line := func(row []string) { b.WriteString("| " + strings.Join(row, " | ") + " |\n") }
	line(t.Head)
	b.WriteString("|" + strings.Repeat("---|", len(t.Head)) + "\n")
	for _, row := range t.Rows {
		line(row)
	}
	return b.String()
}

// number is a figure with about three digits.
func number(f float64) string {
	switch a := math.Abs(f); {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return "-"
	case a == math.Trunc(a) && a < 1000:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case a >= 100:
		text := strconv.FormatFloat(a, 'f', 0, 64)
		if f < 0 {
			return "-" + thousands(text)
		}
		return thousands(text)
	case a >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	case a < 0.01:
		return strconv.FormatFloat(f, 'g', 2, 64)
	default:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
}
