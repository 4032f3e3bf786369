package docs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl/convert"
)

// fence is a block of code with its language.
var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// Each example of the page is what the program makes of it: behind a marker
// "<!-- import FORMAT FILE -->" the file, a spec for each service, and what is
// told. Behind "<!-- by hand -->" a spec is only a good one.
func TestMigratePage(t *testing.T) {
	page, err := os.ReadFile("migrate.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`<!-- (import|by hand)(?: (\w+) (\S+))? -->`).Split(string(page), -1)
	marks := regexp.MustCompile(`<!-- (import|by hand)(?: (\w+) (\S+))? -->`).FindAllStringSubmatch(string(page), -1)
	formats := map[string]bool{}
	for i, m := range marks {
		part, _, _ := strings.Cut(parts[i+1], "\n## ")
		blocks := fence.FindAllStringSubmatch(part, -1)
		if m[1] == "by hand" {
			for _, b := range blocks {
				if s, err := spec.Parse([]byte(b[2])); b[1] == "json" && (err != nil || len(s.Warnings) > 0) {
					t.Errorf("%v in\n%s", err, b[2])
				}
			}
			continue
		}
		formats[m[2]] = true
		r, err := convert.Convert(m[2], []convert.File{{Path: m[3], Text: []byte(blocks[0][2])}})
		if err != nil {
			t.Fatal(err)
		}
		var got, want strings.Builder
		for _, s := range r.Services {
			got.Write(s.Text)
		}
		for _, n := range r.All() {
			fmt.Fprintf(&got, "%s\n", n)
		}
		for _, b := range blocks[1:] {
			want.WriteString(b[2])
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s: -page +program:\n%s", m[3], diff)
		}
	}
	if len(formats) != len(convert.Formats) {
		t.Errorf("examples of %v", formats)
	}
}
