package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage: docs/metrics.md has what a real scrape has, in the same words.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, e := full(t)
	told := rowsOf(e.text())
	var written []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `ncolony_") {
			written = append(written, strings.TrimSpace(line))
		}
	}
	slices.Sort(written)
	if diff := cmp.Diff(told, written); diff != "" {
		t.Errorf("(-scrape +page):\n%s", diff)
	}
	if len(told) != len(table) {
		t.Errorf("%d of %d metrics are told", len(told), len(table))
	}
}

// rowsOf makes a table of what a scrape says of itself.
func rowsOf(text string) (rows []string) {
	label := regexp.MustCompile(`(\w+)="`)
	help := map[string]string{}
	kind := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, text, _ := strings.Cut(rest, " ")
			help[name] = text
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, text, _ := strings.Cut(rest, " ")
			kind[name] = text
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		if kind[name] == "" {
			continue // it has its row
		}
		var labels []string
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			labels = append(labels, "`"+m[1]+"`")
		}
		rows = append(rows, "| `"+name+"` | "+kind[name]+" | "+strings.Join(labels, ", ")+" | "+help[name]+" |")
		kind[name] = ""
	}
	slices.Sort(rows)
	return rows
}
