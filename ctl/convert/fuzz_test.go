package convert

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// seed adds the inputs of the archives of a format.
func seed(f *testing.F, format string) {
	paths, _ := filepath.Glob("testdata/" + format + "-*.txtar")
	if len(paths) == 0 {
		f.Fatal("no archives")
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, in := range inputs(a) {
			f.Add(string(in.Text))
		}
	}
}

// converted checks all that holds for any text: specs are good, dependencies are
// there, notes say something, and a second time nothing is different.
func converted(t *testing.T, format string, files ...File) {
	r, err := Convert(format, files)
	if (r == nil) != (err != nil) {
		t.Fatalf("Convert = %v, %v", r, err)
	}
	if err != nil {
		return
	}
	out := check(t, r)
	again, err := Convert(format, files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out, check(t, again)); diff != "" {
		t.Fatalf("two readings differ: %s", diff)
	}
	if _, err := json.Marshal(r.All()); err != nil {
		t.Fatal(err)
	}
}

func FuzzSupervisord(f *testing.F) {
	seed(f, "supervisord")
	f.Fuzz(func(t *testing.T, text string) {
		file := File{"/in/supervisord.conf", []byte(text)}
		Includes(file)
		if strings.Contains(text, "numprocs") && len(text) > 4096 {
			t.Skip("a thousand copies of a long text take long")
		}
		converted(t, "supervisord", file)
	})
}

func FuzzSystemd(f *testing.F) {
	seed(f, "systemd")
	f.Fuzz(func(t *testing.T, text string) {
		converted(t, "systemd", File{"/in/web@a-b.service", []byte(text)}, File{"/in/db.service", []byte("[Unit]\nBefore=web@a-b.service\n[Service]\nExecStart=/bin/db")})
	})
}

func FuzzCompose(f *testing.F) {
	seed(f, "compose")
	f.Fuzz(func(t *testing.T, text string) {
		converted(t, "compose", File{"/in/compose.yaml", []byte(text)})
	})
}

// What is written for a shell is read back as the same words; and both ways to
// read words agree on what is written.
func FuzzWords(f *testing.F) {
	for _, text := range []string{`nginx -g "daemon off;"`, `'it'\''s' "" a\ b`, "A=b 'c\nd' \\\\ é", `\x41 "\t"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\x00") {
			t.Skip("no text has one")
		}
		if words, err := splitWords(text); err == nil {
			line := shellLine(words)
			again, err := splitWords(line)
			if err != nil || !cmp.Equal(texts(words), texts(again)) {
				t.Fatalf("%q is %q, written as %s is %q, %v", text, texts(words), line, texts(again), err)
			}
		}
		if commands, err := splitUnit(text); err == nil {
			for _, words := range commands {
				var plain []word
				for _, w := range words {
					plain = append(plain, word{{text: w}})
				}
				again, err := splitWords(shellLine(plain))
				if err != nil || !cmp.Equal(texts(plain), texts(again)) {
					t.Fatalf("%q is %q, which a shell reads as %q, %v", text, words, texts(again), err)
				}
			}
		}
		if text, err := expand(text, map[string]string{"a": "b"}); err == nil {
			iniEnvironment(text)
		}
		timespan(text)
	})
}
