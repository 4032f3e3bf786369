package result

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		q, want float64
	}{
		{nil, 0.5, 0},
		{[]float64{7}, 0.99, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, 1, 5},
		{[]float64{0, 100}, 0.99, 99},
	} {
		if got := Quantile(c.figures, c.q); got != c.want {
			t.Errorf("the %v quantile of %v is %v, want %v", c.q, c.figures, got, c.want)
		}
	}
}

func TestSummarize(t *testing.T) {
	s := Samples{}
	s.Add("restart", "bare-c", 1, 3)
	s.Add("restart", "bare-c", 2)
	s.Add("throughput", "bare-c", 0, 100)
	want := Results{
		"restart":    {"bare-c": {P50: 2, P99: 2.98, N: 3, Unit: "ms"}},
		"throughput": {"bare-c": {P50: 50, P99: 1, N: 2, Unit: "1/s"}}, // more is better: 99 % are above
	}
	if diff := cmp.Diff(want, s.Summarize()); diff != "" {
		t.Error(diff)
	}
	file := filepath.Join(t.TempDir(), "result.json")
	if err := Write(file, want); err != nil {
		t.Fatal(err)
	}
	var got Results
	if err := Read(file, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, _ := os.ReadFile(file)
	if !strings.Contains(string(text), `"p50": 2,`) || !strings.Contains(string(text), `"unit": "ms"`) {
		t.Errorf("the file has other keys: %s", text)
	}
}

func TestNames(t *testing.T) {
	r := Results{"binary": nil, "start-10000": nil, "restart": nil, "start-1000": nil, "add-10": nil, "strange": nil, "restart-5000": nil}
	want := []string{"strange", "restart", "restart-5000", "start-1000", "start-10000", "add-10", "binary"}
	if diff := cmp.Diff(want, r.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestDescribe(t *testing.T) {
	for name, want := range map[string]string{
		"restart":      "SIGKILL of a child to the replacement's first instruction, 100 children",
		"restart-5000": "SIGKILL of a child to the replacement's first instruction, 5,000 others",
		"start-10000":  "cold start: exec of the supervisor to the first instruction of the last of 10,000 children",
		"memory-0":     "PSS of everything the supervisor needs, 0 children",
		"strange":      "strange",
	} {
		if got := Describe(name).Title; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	r := Results{
		"restart":       {Ours: {P50: 1, P99: 9}, "bare-go": {P50: 0.9, P99: 4}},
		"throughput":    {Ours: {P50: 80}, "bare-go": {P50: 100}},
		"binary":        {Ours: {P50: 5.1}},
		"start-1000":    {Ours: {P50: 100}},
		"start-5000":    {Ours: {P50: 600}},
		"quiet-wakeups": {Ours: {P50: 0}},
	}
	got := map[string]string{}
	for _, target := range Targets {
		if v := target.Judge(r); v.Known {
			got[target.Name+" "+target.String()] = map[bool]string{true: "met", false: "missed"}[v.Met]
		}
	}
	want := map[string]string{
		"restart p50 at most 1.15 x bare-go":            "met",
		"restart p99 at most 2 x bare-go":               "missed",
		"throughput p50 at least 0.75 x bare-go":        "met",
		"binary p50 at most 5 MiB":                      "missed",
		"start-5000 p50 at most 6 x its own start-1000": "met",
		"quiet-wakeups p50 at most 0 1/s":               "met",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTables(t *testing.T) {
	r := Results{
		"restart": {Ours: {P50: 1, P99: 9, N: 5, Unit: "ms"}, "s6": {P50: 1004.4, P99: 1004.4, N: 5, Unit: "ms"}},
		"binary":  {Ours: {P50: 5.123, N: 1, Unit: "MiB"}},
	}
	notes := Notes{}
	notes.Add("start-5000", "runit", "cannot")
	notes.Add("start-5000", "runit", "failed") // the first counts
	want := `measurement  unit  ncolony  s6            runit
restart      ms    1 (9)    1,004 1,004x
start-5000   ms                           cannot
binary       MiB   5.12
`
	if diff := cmp.Diff(want, r.Figures(notes).Text()); diff != "" {
		t.Error(diff)
	}
	if got := r.Figures(notes).Markdown(); !strings.HasPrefix(got, "| measurement | unit | ncolony | s6 | runit |\n|---|---|---|---|---|\n| restart |") {
		t.Error(got)
	}
	verdicts := r.Verdicts().Text()
	for _, line := range []string{"nothing to compare with", "binary       p50 at most 5 MiB", "5.12     no"} {
		if !strings.Contains(verdicts, line) {
			t.Errorf("no %q in\n%s", line, verdicts)
		}
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 3: "3", 0.123: "0.12", 0.0012: "0.0012", 12.34: "12.3", 123.4: "123", 1234567: "1,234,567", -1234: "-1,234", -3.5: "-3.50"} {
		if got := number(f); got != want {
			t.Errorf("%v is written %q, want %q", f, got, want)
		}
	}
}

func TestBetween(t *testing.T) {
	page := "before\n" + tableBegins + "\nold\n" + tableEnds + "\nafter\n"
	got, err := Between(page, "\nnew\n")
	if want := "before\n" + tableBegins + "\n\nnew\n\n" + tableEnds + "\nafter\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if again, _ := Between(got, "new"); again != got {
		t.Errorf("the second time it is %q", again)
	}
	if _, err := Between("no place", "new"); err == nil {
		t.Error("a page without a place is no error")
	}
}

func TestPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte(tableBegins+"\n"+tableEnds), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Results{"binary": {Ours: {P50: 1, N: 1, Unit: "MiB"}}}
	if err := r.UpdatePage(file, Run{Machine: "2 cores", Date: "2026-01-02", Version: "v1", Rounds: 5}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(file)
	for _, want := range []string{"2 cores; ncolony v1; 2026-01-02; 5 rounds.", "| binary | MiB | 1 |", "| binary | p50 at most 5 MiB | 5 | 1 | yes |", "| binary | the programs |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestSVG(t *testing.T) {
	for name, peers := range map[string]map[string]Summary{
		"restart":      {Ours: {P50: 0.9, P99: 2, N: 9, Unit: "ms"}, "s6": {P50: 1004, P99: 1005, N: 9}, "<&>": {P50: 0.5, P99: 0.5, N: 1}},
		"threads-0":    {Ours: {P50: 8, P99: 8, N: 1}},
		"quiet-cpu":    {Ours: {}, "s6": {}},
		"binary":       {},
		"reap-strange": {Ours: {P50: 1}},
	} {
		svg := Results{name: peers}.SVG(name)
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v in\n%s", name, err, svg)
				break
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: a length is no number:\n%s", name, svg)
		}
		if n := strings.Count(svg, "<line "); n != len(peers) {
			t.Errorf("%s: %d bars for %d peers", name, n, len(peers))
		}
	}
	if svg := (Results{"restart": {Ours: {P50: 1}, "s6": {P50: 1000}}}).SVG("restart"); !strings.Contains(svg, "logarithmic") {
		t.Error("figures far apart are not drawn logarithmically")
	}
}
