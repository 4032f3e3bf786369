// Package docs holds the documentation against the code.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the page names is there, and every mistake of others has one.
func TestReliabilityPage(t *testing.T) {
	page, err := os.ReadFile("reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(src, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllSubmatch(page, -1) {
		switch name := string(m[1]); {
		case regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`).MatchString(name):
			if named[name] = true; !tests[name] {
				t.Errorf("no test is called %s", name)
			}
		case regexp.MustCompile(`^[\w-]+\.txt$`).MatchString(name):
			if _, err := os.Stat(filepath.Join("..", "testdata", "script", name)); err != nil {
				t.Error(err)
			}
		}
	}
	for name := range tests {
		if strings.HasPrefix(name, "Fuzz") && !named[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
	_, mistakes, _ := strings.Cut(string(page), "## Mistakes that others have made")
	mistakes, _, _ = strings.Cut(mistakes, "\n## ")
	rows := 0
	for line := range strings.Lines(mistakes) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| the mistake") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if rows++; len(cells) != 3 || !strings.Contains(cells[2], "`") {
			t.Errorf("a row without a test: %s", line)
		}
	}
	if rows < 38 || len(named) < 80 {
		t.Errorf("found %d mistakes and %d tests: is the page another?", rows, len(named))
	}
}
