package image

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stage is a part of a Dockerfile that begins with FROM.
type stage struct {
	name string // "" = none
	from string
	rest []string // its further instructions
}

// parseDockerfile splits a Dockerfile in stages. Comments and line breaks are
// gone; what stands in front of the first FROM is left out.
func parseDockerfile(text string) (stages []stage) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(strings.Join(lines, "\n"), "\\\n", " ")) {
		words := strings.Fields(line)
		if !strings.EqualFold(words[0], "FROM") {
			if n := len(stages); n > 0 {
				stages[n-1].rest = append(stages[n-1].rest, strings.Join(words, " "))
			}
			continue
		}
		s := stage{from: words[1]}
		if len(words) == 4 {
			s.name = words[3]
		}
		stages = append(stages, s)
	}
	return stages
}

func TestParseDockerfile(t *testing.T) {
	got := parseDockerfile("# c\nARG X\nFROM a AS b\n\nRUN x \\\n  # c\n  y\nfrom d\nCOPY a  b\n")
	want := []stage{{"b", "a", []string{"RUN x y"}}, {"", "d", []string{"COPY a b"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stage{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The image is the same whichever way it is built: but for where the binary
// comes from, and the stage with a compiler in it is neither.
func TestBothImagesAreOne(t *testing.T) {
	b, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages := parseDockerfile(string(b))
	if len(stages) != 3 || stages[0].name != "local" || stages[1].name != "build" {
		t.Fatalf("stages %+v, want local, build and a last one", stages)
	}
	local, last := stages[0], stages[2]
	for _, c := range []struct {
		s    stage
		copy string
	}{{local, "COPY dist/ncolony dist/ncolony-ctl dist/ncolony-heartcheck dist/ncolony-log dist/ncolony-probe dist/ncolony-schedule dist/ncolony-serve dist/ncolony-top /"}, {last, "COPY --from=build /out/ncolony /out/ncolony-ctl /out/ncolony-heartcheck /out/ncolony-log /out/ncolony-probe /out/ncolony-schedule /out/ncolony-serve /out/ncolony-top /"}} {
		if c.s.from != "scratch" {
			t.Errorf("stage %q is from %q, want scratch", c.s.name, c.s.from)
		}
		if c.s.rest[0] != c.copy {
			t.Errorf("stage %q begins with %q, want %q", c.s.name, c.s.rest[0], c.copy)
		}
	}
	if diff := cmp.Diff(local.rest[1:], last.rest[1:]); diff != "" {
		t.Errorf("-local +last:\n%s", diff)
	}
}
