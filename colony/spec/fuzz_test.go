package spec

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkPlaces holds what every error of this package promises: problems in the
// order of the text, each at a place that the text has.
func checkPlaces(t *testing.T, data []byte, err error) {
	t.Helper()
	lines := strings.Split(string(data), "\n")
	last := Problem{Line: 1}
	for i, p := range each(t, err) {
		switch {
		case p.Message == "":
			t.Fatal("a problem without a message")
		case p.Line == 0:
			if i != maxProblems {
				t.Fatalf("%v has no place", p)
			}
			continue
		case p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1:
			t.Fatalf("%v is outside the text", p)
		case p.Line < last.Line || p.Line == last.Line && p.Column < last.Column:
			t.Fatalf("%v comes after %v", p, last)
		}
		last = p
	}
	if p := AsProblem(err); p != nil && p.Line == 0 {
		t.Fatalf("%v has no place", p)
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, pattern := range []string{"good/*.json", "bad/*.json"} {
		for _, data := range glob(f, pattern) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if (s == nil) != (err != nil) {
			t.Fatalf("Parse = %v, %v", s, err)
		}
		again, err2 := Parse(data)
		if diff := cmp.Diff(s, again); diff != "" || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("two readings differ: %s\n%v\n%v", diff, err, err2)
		}
		if err != nil {
			checkPlaces(t, data, err)
			return
		}
		if !json.Valid(data) {
			t.Fatal("invalid JSON is read")
		}
		checkValues(t, s)

		var pretty, compact bytes.Buffer
		if json.Indent(&pretty, data, "", "  ") != nil || json.Compact(&compact, data) != nil {
			t.Fatal("valid JSON cannot be indented")
		}
		for _, text := range [][]byte{pretty.Bytes(), compact.Bytes()} {
			if other, err := Parse(text); err == nil && other.Identity != s.Identity {
				t.Fatalf("white space changes the identity:\n%s", text)
			} else if err != nil && len(text) <= MaxSpecSize {
				t.Fatalf("white space makes it bad: %v", err)
			}
		}

		written, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if len(written) > MaxSpecSize {
			return
		}
		back, err := Parse(written)
		if err != nil {
			t.Fatalf("what was marshalled is bad: %v\n%s", err, written)
		}
		derived := cmpopts.IgnoreFields(Spec{}, "Raw", "SHA256", "Identity", "Common", "Warnings")
		if diff := cmp.Diff(s, back, derived); diff != "" {
			t.Fatalf("a round trip changes it: %s\n%s", diff, written)
		}
		rewritten, err := back.Marshal()
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("marshalled twice, %v:\n%s\n%s", err, written, rewritten)
		}
		if len(back.Warnings) > 0 {
			t.Fatalf("what was marshalled has warnings: %q", back.Warnings)
		}
	})
}

// checkValues holds what the rest of the program relies on in a good spec.
func checkValues(t *testing.T, s *Spec) {
	t.Helper()
	if len(s.Args) == 0 || s.Args[0] == "" {
		t.Fatal("no program")
	}
	all := append(append(append([]string{}, s.Args...), s.Stop.Command...), s.Cwd)
	for k, v := range s.Env {
		if k == "" || strings.Contains(k, "=") {
			t.Fatalf("variable %q", k)
		}
		all = append(all, k, v)
	}
	if strings.Contains(strings.Join(all, ""), "\x00") {
		t.Fatal("a NUL reaches the kernel")
	}
	if s.UID != nil && (s.User != "" || *s.UID < 0 || *s.UID > maxID) {
		t.Fatalf("uid %d, user %q", *s.UID, s.User)
	}
	for _, d := range []*Duration{s.Backoff.Min, s.Backoff.Max, s.Backoff.Threshold, s.Stop.Grace} {
		if d != nil && (*d < 0 || *d > MaxDuration) {
			t.Fatalf("duration %v", *d)
		}
	}
	if f := s.Backoff.Factor; f != nil && !(*f >= 1 && *f <= maxFactor) {
		t.Fatalf("factor %v", *f)
	}
	if j := s.Backoff.Jitter; j != nil && !(*j >= 0 && *j <= 1) {
		t.Fatalf("jitter %v", *j)
	}
	if h := s.Heart; h != nil && !(h.Period > 0 && h.Grace >= 0 && h.Status[0] == '/') {
		t.Fatalf("beatcheck %v", *h)
	}
	if s.Stop.Signal < 0 || s.Stop.Signal > maxSignal {
		t.Fatalf("signal %d", s.Stop.Signal)
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, pattern := range []string{"messages/*.json", "bad/*.json"} {
		for _, data := range glob(f, pattern) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if (m == nil) != (err != nil) {
			t.Fatalf("ParseMessage = %v, %v", m, err)
		}
		if err != nil {
			checkPlaces(t, data, err)
			return
		}
		written, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(written) > MaxMessageSize {
			return
		}
		if back, err := ParseMessage(written); err != nil || !cmp.Equal(m, back) {
			t.Fatalf("a round trip changes it: %v\n%s", err, written)
		}
	})
}

func FuzzParseEnvFile(f *testing.F) {
	f.Add([]byte("A=1\nexport B='x y'\n# c\nC=\"\\n\"\n"))
	f.Add([]byte("A\n='\nB=\"\\x\"\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := ParseEnvFile(data)
		if err != nil {
			if vars != nil {
				t.Fatal("variables beside an error")
			}
			checkPlaces(t, data, err)
			return
		}
		if len(vars) > bytes.Count(data, []byte("=")) {
			t.Fatalf("%d variables", len(vars))
		}
		// Written in full quotes, every value reads back as it is.
		plain := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`)
		var text strings.Builder
		text.WriteString("\n") // a name may begin with the bytes of a byte order mark
		for _, v := range vars {
			name, value, ok := strings.Cut(v, "=")
			if !ok || name == "" || strings.ContainsRune(v, 0) {
				t.Fatalf("variable %q", v)
			}
			text.WriteString(name + `="` + plain.Replace(value) + "\"\n")
		}
		if text.Len() > MaxEnvFileSize {
			return
		}
		again, err := ParseEnvFile([]byte(text.String()))
		if diff := cmp.Diff(vars, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%v %s\n%s", err, diff, text.String())
		}
	})
}
