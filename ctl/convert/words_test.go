package convert

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// texts are words with their variables as a shell would have them.
func texts(words []word) []string {
	out := []string{}
	for _, w := range words {
		var b strings.Builder
		for _, p := range w {
			switch {
			case p.variable == "":
				b.WriteString(p.text)
			case p.split:
				b.WriteString("$" + p.variable)
			default:
				b.WriteString("${" + p.variable + "}")
			}
		}
		out = append(out, b.String())
	}
	return out
}

// The expectations are those of Python's shlex.split.
func TestSplitWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                             {},
		" \t\n ":                       {},
		"a  b\tc\nd":                   {"a", "b", "c", "d"},
		`a"b c"d 'e f'`:                {"ab cd", "e f"},
		`"" ''`:                        {"", ""},
		`a\ b \\ \"`:                   {"a b", `\`, `"`},
		`"a\"b" "a\\b" "a\nb" '\n'`:    {`a"b`, `a\b`, `a\nb`, `\n`},
		`nginx -g "daemon off;" # x`:   {"nginx", "-g", "daemon off;", "#", "x"},
		`é$HOME`:                       {"é$HOME"},
		"a" + mark("X") + "b":          {"a$Xb"},
		`"a ` + mark("X") + `" ''`:     {"a ${X}", ""},
		mark("X") + " " + mark("LONG"): {"$X", "$LONG"},
	} {
		got, err := splitWords(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", in, diff)
		}
	}
	for _, in := range []string{`"a`, `'`, `a\`, `"\"`} {
		if got, err := splitWords(in); err == nil {
			t.Errorf("%q is split into %q", in, texts(got))
		}
	}
}

func TestSplitCommands(t *testing.T) {
	same := func(s string) string { return s }
	for in, want := range map[string][][]string{
		`/bin/a b`:                            {{"/bin/a", "b"}},
		`/bin/a "b c" 'd "e"' f"g h"i`:        {{"/bin/a", "b c", `d "e"`, "fg hi"}},
		`/bin/a \x41\u00e9\t\s\101 "\"" '\''`: {{"/bin/a", "Aé\t A", `"`, "'"}},
		`/bin/a \q \xff \x00 \xzz \`:          {{"/bin/a", `\q`, `\xff`, `\x00`, `\xzz`, `\`}},
		`/bin/a ; /bin/b ";" \; a;`:           {{"/bin/a"}, {"/bin/b", ";", ";", "a;"}},
		`/bin/a $X ${Y} a${Y}b a$X $$X ${ $`:  {{"/bin/a", "$X", "${Y}", "a${Y}b", "a$X", "$X", "${", "$"}},
		`:/bin/a $X ${Y} $$`:                  {{"/bin/a", "$X", "${Y}", "$$"}},
		`-@/bin/a name b`:                     {{"/bin/a", "b"}},
		`$X/bin`:                              {{"$X/bin"}},
		`/bin/a ""`:                           {{"/bin/a", ""}},
		``:                                    nil,
		` ; `:                                 nil,
	} {
		commands, err := splitCommands(in, same)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		var got [][]string
		for _, c := range commands {
			got = append(got, texts(c.words))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", in, diff)
		}
	}
	for _, in := range []string{`/bin/a "`, `/bin/a '`, `-`, `-@ x`} {
		if _, err := splitCommands(in, same); err == nil {
			t.Errorf("%q is split", in)
		}
	}
	// "$X" is a word that is split; "a $X" in quotes is text, as in systemd.
	commands, _ := splitCommands(`/bin/a $X "a $X"`, same)
	if w := commands[0].words; !w[1][0].split || w[1][0].variable != "X" || len(w[2]) != 1 {
		t.Errorf("words %+v", w)
	}
	commands, _ = splitCommands(`/bin/a %n`, func(s string) string { return strings.ReplaceAll(s, "%n", "x y") })
	if got := texts(commands[0].words); len(got) != 2 || got[1] != "x y" {
		t.Errorf("a specifier makes words %q", got)
	}
}

func TestShell(t *testing.T) {
	for want, w := range map[string]word{
		"''":           {{}},
		"a-b_c/d.e=1":  {{text: "a-b_c/d.e=1"}},
		"'a b'":        {{text: "a b"}},
		`'it'\''s'`:    {{text: "it's"}},
		"'$HOME`x`'":   {{text: "$HOME`x`"}},
		`"${X}"`:       {{variable: "X"}},
		`${X}`:         {{variable: "X", split: true}},
		`a"${X}"'b c'`: {{text: "a"}, {variable: "X"}, {text: "b c"}},
	} {
		if got := w.shell(); got != want {
			t.Errorf("%+v is %s, want %s", w, got, want)
		}
	}
	if got := shellLine([]word{literal("A=b"), literal("c=d")}); got != "'A=b' c=d" {
		t.Errorf("a program with = in its name: %s", got)
	}
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"program_name": "web", "process_num": "7", "ENV_SET": "s"}
	for in, want := range map[string]string{
		"":                         "",
		"100%%":                    "100%",
		"%(program_name)s-x":       "web-x",
		"%(process_num)d":          "7",
		"%(process_num)02d":        "07",
		"%(process_num)3d":         "  7",
		"%(process_num)02s":        " 7",
		"%(ENV_SET)s%(ENV_OTHER)s": "s" + mark("OTHER"),
	} {
		if got, err := expand(in, vars); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"%", "50%", "%x", "%(", "%(nothing)s", "%(program_name)d", "%(ENV_A-B)s", "%(ENV_X)d"} {
		if got, err := expand(in, vars); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
}

// The expectations are those of supervisord.
func TestIniEnvironment(t *testing.T) {
	for in, want := range map[string][]variable{
		"":                       nil,
		`A=b`:                    {{"A", "b"}},
		`A="b,c" , B='d=e',`:     {{"A", "b,c"}, {"B", "d=e"}},
		"A=/x/y.z:1-(2)+3,\nB=e": {{"A", "/x/y.z:1-(2)+3"}, {"B", "e"}},
		`A=""`:                   {{"A", ""}},
		`A="` + mark("X") + `"`:  {{"A", mark("X")}},
	} {
		got, err := iniEnvironment(in)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(variable{})); diff != "" || err != nil {
			t.Errorf("%q: %v -want +got:\n%s", in, err, diff)
		}
	}
	for _, in := range []string{"A", "A=", "A B", "A=b C=d", "=b", `A="b`, "A=#", "1=2"} {
		if got, err := iniEnvironment(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// The expectations are those of supervisord's parser.
func TestReadIni(t *testing.T) {
	text := "; c\n# c\n[a]\nk = v ; c\nK2:v;x # c\nlong = one\n  two ; c\n\n ; c\n  three\nagain=1\n[b:c]\nx==y\n[a]\nagain = 2\nempty =\n"
	sections, err := readIni(File{"f", []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range mergeIni(sections) {
		for _, e := range s.entries {
			got[s.name+" "+e.key] = e.value
		}
	}
	want := map[string]string{"a k": "v", "a k2": "v;x", "a long": "one\ntwo\n\nthree", "a again": "2", "a empty": "", "b:c x": "=y"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if at := sections[0].entries[3].at; at.line != 11 {
		t.Errorf("again stands in line 11, not %d", at.line)
	}
	for _, text := range []string{"a=b\n", "[a]\nb\n", "[a]\n=b\n"} {
		if _, err := readIni(File{"f", []byte(text)}); err == nil || !strings.Contains(err.Error(), "f:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTimespan(t *testing.T) {
	const s = second
	for in, want := range map[string]spec.Duration{
		"0": 0, "5": 5 * s, "0.1": s / 10, "1min 30s": 90 * s, "1h30m": 5400 * s, "500ms": s / 2, "20 us": 20000,
		"2 days": 172800 * s, "1w": 604800 * s, "infinity": spec.MaxDuration, "99999999999y": spec.MaxDuration,
	} {
		if got, infinite, err := timespan(in); got != want || err != nil || infinite != (want == spec.MaxDuration) {
			t.Errorf("%q is %v, %v, %v", in, got, infinite, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "5 parsecs", "1s x", "."} {
		if got, _, err := timespan(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestGoodName(t *testing.T) {
	for in, want := range map[string]string{
		"a b@c": "a-b-c", "-x": "x", "": "_", "é": "_", "x.json": "x.json_", "web.bak": "web.bak_", "a.dpkg-b": "service",
		strings.Repeat("x", 200): strings.Repeat("x", 99),
	} {
		if got := goodName(in); got != want || spec.CheckName(got) != nil {
			t.Errorf("%q becomes %q, want %q: %v", in, got, want, spec.CheckName(got))
		}
	}
}

func TestTextThatIsNone(t *testing.T) {
	for _, format := range Formats {
		for _, text := range []string{"a\x00", "\xff"} {
			if _, err := Convert(format, []File{{"f", []byte(text)}}); err == nil {
				t.Errorf("%s reads %q", format, text)
			}
		}
		if _, err := Convert(format, nil); err == nil {
			t.Errorf("%s reads nothing", format)
		}
	}
	if _, err := Convert("upstart", []File{{"f", nil}}); err == nil {
		t.Error("an unknown format is read")
	}
	for _, text := range []string{"", "a", "- b", "a: [", "a: 1\n\ta: 2"} {
		if _, err := Convert("compose", []File{{"f", []byte(text)}}); err == nil || !strings.HasPrefix(err.Error(), "read f: ") {
			t.Errorf("compose reads %q: %v", text, err)
		}
	}
}

// What is written for /bin/sh means to it what it means here.
func TestShellRuns(t *testing.T) {
	d := &draft{env: map[string]word{}}
	d.args = []word{literal("printf"), literal("[%s]"), literal("a b'c\"$X`"), literal(""), {{variable: "TWO", split: true}}, {{text: "x"}, {variable: "TWO"}}, {{variable: "MADE"}}}
	d.env["MADE"] = word{{text: "$1 "}, {variable: "TWO"}, {text: "'"}}
	d.env["TWO"] = literal("1 2")
	if err := d.assemble(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(d.spec.Args[0], d.spec.Args[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TWO=" + d.spec.Env["TWO"]}
	out, err := cmd.CombinedOutput()
	if want := "[a b'c\"$X`][][1][2][x1 2][$1 1 2']"; err != nil || string(out) != want {
		t.Errorf("%q says %s, %v, want %s", d.spec.Args, out, err, want)
	}
	if len(d.spec.EnvInherit) > 0 {
		t.Errorf("inherits %q", d.spec.EnvInherit)
	}
}

// Aliases that multiply are read in no time.
func TestYAMLThatMultiplies(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0: &a0 {x: 1}\n")
	for i := range 15 {
		fmt.Fprintf(&text, "a%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 20))
	}
	text.WriteString("services: {web: {<<: *a15, command: b}}\n")
	began := time.Now()
	if _, err := Convert("compose", []File{{"f", []byte(text.String())}}); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("%v, after %v", err, time.Since(began))
	}
}
