package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEnvFile(t *testing.T) {
	tests := []struct {
		text string
		want []string
		bad  string
	}{
		{text: "", want: nil},
		{text: "\n \t\n# A=1\n  # B=2\n\r\n", want: nil},
		{text: "A=1\nB=2", want: []string{"A=1", "B=2"}},
		{text: "A=1\r\nA=2\r\n", want: []string{"A=1", "A=2"}},
		{text: "A=\nB=''\nC=\"\"\n", want: []string{"A=", "B=", "C="}},
		{text: "  A= x  y \t\n", want: []string{"A=x  y"}},
		{text: "export A=1\nexport\tB=2\n export  C=3", want: []string{"A=1", "B=2", "C=3"}},
		{text: "exported=1\nexport=2", want: []string{"exported=1", "export=2"}},
		{text: "A=x # y\nB=#z", want: []string{"A=x # y", "B=#z"}},
		{text: `A='a "b" $C \n # d'`, want: []string{`A=a "b" $C \n # d`}},
		{text: `A=" a\n\t\r\"\\\$\` + "`" + `$B "`, want: []string{"A= a\n\t\r\"\\$`$B "}},
		{text: `A=a"b"\n$C`, want: []string{`A=a"b"\n$C`}},
		{text: "A=b=c=d", want: []string{"A=b=c=d"}},
		{text: "a.b-c=1", want: []string{"a.b-c=1"}},
		{text: "A=gr\xfc\xdf", want: []string{"A=gr\xfc\xdf"}},

		{text: "A", bad: `line 1 column 1: no "=" in "A"`},
		{text: "A=1\n  export B\n", bad: `line 2 column 10: no "=" in "B"`},
		{text: "=1", bad: "line 1 column 1: the name of a variable must not be empty"},
		{text: "A =1", bad: `line 1 column 1: "A ": the name of a variable must not contain white space or quotes`},
		{text: "'A'=1", bad: `line 1 column 1: "'A'": the name of a variable must not contain white space or quotes`},
		{text: "A='x", bad: `line 1 column 3: "A": the closing quote is missing`},
		{text: `A="x\"`, bad: `line 1 column 3: "A": the closing quote is missing`},
		{text: `A="x\`, bad: `line 1 column 3: "A": the closing quote is missing`},
		{text: `A="x" y`, bad: `line 1 column 3: "A": text after the closing quote`},
		{text: "\n" + `A="\d"` + "\nB\n", bad: `line 2 column 3: "A": unknown escape \d, write it in single quotes; line 3 column 1: no "=" in "B"`},
		{text: "A=1\nB=\x00", bad: "line 2 column 3: not text: a NUL byte"},
		{text: "\xef\xbb\xbfA=1", bad: "line 1 column 1: begins with a byte order mark: save it without one"},
		{text: strings.Repeat("#", MaxEnvFileSize+1), bad: "line 1 column 1048577: too large: more than 1024 KiB"},
	}
	for _, tt := range tests {
		got, err := ParseEnvFile([]byte(tt.text))
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.bad, said); diff != "" {
			t.Errorf("%.60q: %s", tt.text, diff)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%.60q: %s", tt.text, diff)
		}
	}
}
