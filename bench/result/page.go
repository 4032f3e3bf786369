package result

import (
	"fmt"
	"os"
	"strings"
)

// Run is what is to be known of a run beside its figures.
type Run struct {
	Machine string `json:"machine"`
	Date    string `json:"date"`
	Version string `json:"version"` // of ncolony
	Rounds  int    `json:"rounds"`
	Notes   Notes  `json:"notes"`
}

// The table of a page is between these lines.
const (
	tableBegins = "<!-- figures: made by go run ./bench/measure -table FILE -->"
	tableEnds   = "<!-- end of figures -->"
)

// Between replaces what is between the two lines of a page.
func Between(page, text string) (string, error) {
	before, rest, ok := strings.Cut(page, tableBegins)
	_, after, also := strings.Cut(rest, tableEnds)
	if !ok || !also {
		return "", fmt.Errorf("find the place of the table: no %q with %q behind it", tableBegins, tableEnds)
	}
	return before + tableBegins + "\n\n" + strings.TrimSpace(text) + "\n\n" + tableEnds + after, nil
}

// Page is what stands between the lines.
func (r Results) Page(run Run) string {
	var b strings.Builder
	rounds := "rounds"
	if run.Rounds == 1 {
		rounds = "round"
	}
	fmt.Fprintf(&b, "%s; ncolony %s; %s; %d %s.\n", run.Machine, run.Version, run.Date, run.Rounds, rounds)
	fmt.Fprintf(&b, "\n%s\n%s", r.Figures(run.Notes).Markdown(), "\nMedian (p99), and how many times ncolony's median it is.\n")
	fmt.Fprintf(&b, "\n%s\n%s", r.Verdicts().Markdown(), "\n"+r.Legend().Markdown())
	return b.String()
}

// UpdatePage puts the tables into a file.
func (r Results) UpdatePage(file string, run Run) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := Between(string(page), r.Page(run))
	if err != nil {
		return fmt.Errorf("update %s: %w", file, err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
