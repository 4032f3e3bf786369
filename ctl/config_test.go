package ctl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// newPlaces returns the places of a colony of which no directory exists yet.
func newPlaces(t *testing.T) Places {
	root := t.TempDir()
	return Places{
		Config:   filepath.Join(root, "config"),
		Messages: filepath.Join(root, "messages"),
		State:    filepath.Join(root, "state"),
	}
}

// write makes path with content, and its directory.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree returns the files of dir, by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(content)
	}
	return files
}

const (
	good  = `{"args": ["sleep", "60"]}`
	other = `{"args": ["sleep", "61"]}`
)

func TestAdd(t *testing.T) {
	for _, tc := range []struct {
		what    string
		before  map[string]string
		name    string
		content string
		after   map[string]string
		err     string // part of it; "" = none
	}{
		{what: "new", name: "web", content: good, after: map[string]string{"web": good}},
		{what: "replace", before: map[string]string{"web": other}, name: "web", content: good, after: map[string]string{"web": good}},
		{what: "replace with suffix", before: map[string]string{"web.json": other}, name: "web", content: good,
			after: map[string]string{"web.json": good}},
		{what: "clash", before: map[string]string{"web": other, "web.json": other}, name: "web", content: good,
			after: map[string]string{"web": other, "web.json": other}, err: `"web" and "web.json" both stand in`},
		{what: "bad spec", before: map[string]string{"web": other}, name: "web", content: `{"args": 1}`,
			after: map[string]string{"web": other}, err: "args"},
		{what: "bad JSON", name: "web", content: `{"args": ["a"]`, after: map[string]string{}, err: "line 1"},
		{what: "slash", name: "a/b", content: good, after: map[string]string{}, err: `"a/b"`},
		{what: "parent", name: "../web", content: good, after: map[string]string{}, err: `"../web"`},
		{what: "empty", name: "", content: good, after: map[string]string{}, err: "name"},
		{what: "another's file", name: "web.json", content: good, after: map[string]string{}, err: `"web.json"`},
		{what: "ignored file", name: "web.bak", content: good, after: map[string]string{}, err: `"web.bak"`},
		{what: "hidden", name: ".web", content: good, after: map[string]string{}, err: `".web"`},
		{what: "helper", name: "@log", content: good, after: map[string]string{}, err: `"@log"`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			p := newPlaces(t)
			for file, content := range tc.before {
				write(t, filepath.Join(p.Config, file), content)
			}
			checkErr(t, Add(p, tc.name, []byte(tc.content)), tc.err)
			if diff := cmp.Diff(tc.after, tree(t, p.Config)); diff != "" {
				t.Errorf("config directory (-want +got):\n%s", diff)
			}
		})
	}
}

func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestAddNameError(t *testing.T) {
	if _, ok := errors.AsType[*NameError](Add(newPlaces(t), "a/b", []byte(good))); !ok {
		t.Error("a bad name is no *NameError")
	}
}

func TestAddMode(t *testing.T) {
	p := newPlaces(t)
	if err := Add(p, "web", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{p.Config: fs.ModeDir | 0o755, filepath.Join(p.Config, "web"): 0o644} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode()&^0o022 != want&^0o022 || fi.Mode()&0o022 != 0 {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
		}
	}
}

func TestAddOverDirectory(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.Config, "web", "file"), "")
	checkErr(t, Add(p, "web", []byte(good)), "not a regular file")
}

// The directory cannot be made, whoever we are: there is a file in its place.
func TestAddNoDirectory(t *testing.T) {
	p := newPlaces(t)
	write(t, p.Config, "")
	checkErr(t, Add(p, "web", []byte(good)), "not a directory")
}

func TestAddSpec(t *testing.T) {
	one := 1
	for _, tc := range []struct {
		what   string
		params Params
		want   string
		err    string
	}{
		{what: "command", params: Params{Cmd: "sleep", Args: []string{"60"}}, want: `{"args":["sleep","60"]}`},
		{what: "all", params: Params{
			Cmd: "a", Env: map[string]string{"A": "<b>"}, EnvInherit: []string{"HOME"}, UID: &one, GID: new(int),
			Extras: map[string]any{"mycompany.check": map[string]any{"period": 5}},
		}, want: `{"args":["a"],"env":{"A":"<b>"},"env_inherit":["HOME"],"gid":0,"mycompany.check":{"period":5},"uid":1}`},
		{what: "all in extras", params: Params{Extras: map[string]any{"args": []string{"a"}}}, want: `{"args":["a"]}`},
		{what: "twice", params: Params{Cmd: "a", Extras: map[string]any{"args": []string{"b"}}}, err: `"args" is given twice`},
		{what: "no command", params: Params{Extras: map[string]any{"cwd": "/"}}, err: "args"},
		{what: "no JSON", params: Params{Cmd: "a", Extras: map[string]any{"x": func() {}}}, err: "unsupported type"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			p := newPlaces(t)
			checkErr(t, AddSpec(p, "web", tc.params), tc.err)
			want := map[string]string{}
			if tc.err == "" {
				want["web"] = tc.want
			}
			got := tree(t, p.Config)
			for file := range got {
				got[file] = compact(t, got[file])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("config directory (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	for _, tc := range []struct {
		what   string
		before []string
		name   string
		after  []string
		err    error
	}{
		{what: "plain", before: []string{"web", "web2"}, name: "web", after: []string{"web2"}},
		{what: "suffix", before: []string{"web.json"}, name: "web"},
		{what: "both", before: []string{"web", "web.json"}, name: "web"},
		{what: "unknown", before: []string{"web"}, name: "nope", after: []string{"web"}, err: fs.ErrNotExist},
		{what: "no directory", name: "web", err: ErrNoService},
	} {
		t.Run(tc.what, func(t *testing.T) {
			p := newPlaces(t)
			for _, file := range tc.before {
				write(t, filepath.Join(p.Config, file), good)
			}
			if err := Remove(p, tc.name); !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			var after []string
			for file := range tree(t, p.Config) {
				after = append(after, file)
			}
			if diff := cmp.Diff(tc.after, after); diff != "" {
				t.Errorf("config directory (-want +got):\n%s", diff)
			}
		})
	}
}

// A sub-directory is no spec, whatever its name.
func TestRemoveDirectory(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.Config, "web", "file"), "")
	if err := Remove(p, "web"); err != ErrNoService {
		t.Errorf("error %v, want %v", err, ErrNoService)
	}
}

func TestSpec(t *testing.T) {
	p := newPlaces(t)
	if _, _, err := Spec(p, "web"); err != ErrNoService {
		t.Errorf("error %v, want %v", err, ErrNoService)
	}
	write(t, filepath.Join(p.Config, "web.json"), "not even JSON")
	content, path, err := Spec(p, "web")
	if string(content) != "not even JSON" || path != filepath.Join(p.Config, "web.json") || err != nil {
		t.Errorf("got %q, %q, %v", content, path, err)
	}
	write(t, filepath.Join(p.Config, "web"), good)
	if _, _, err := Spec(p, "web"); !errors.Is(err, ErrClash) {
		t.Errorf("error %v, want %v", err, ErrClash)
	}
}

// What is no file is not opened, for a FIFO would make us wait; and what the
// supervisor looks past is no spec.
func TestSpecOfNoFile(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.Config, "dir", "file"), "")
	for name, make := range map[string]func(path string) error{
		"fifo":   func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"broken": func(path string) error { return os.Symlink("nowhere", path) },
		"link":   func(path string) error { return os.Symlink("dir", path) },
	} {
		if err := make(filepath.Join(p.Config, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"fifo":   "read " + p.Config + "/fifo: not a regular file",
		"broken": "read " + p.Config + "/broken: dangling symbolic link to nowhere",
		"link":   ErrNoService.Error(),
		"dir":    ErrNoService.Error(),
	} {
		if _, _, err := Spec(p, name); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

func TestCheckTarget(t *testing.T) {
	for name, ok := range map[string]bool{
		"web": true, "web@2": true, "@heartcheck": true, "@log": true,
		"": false, "@": false, "web@": false, "web@x": false, "@@log": false, "../web": false, ".web": false, "a b": false,
	} {
		if err := checkTarget(name); (err == nil) != ok {
			t.Errorf("checkTarget(%q) = %v, want ok: %v", name, err, ok)
		}
	}
}

// What Add writes is what the supervisor reads.
func TestAddIsParsed(t *testing.T) {
	p := newPlaces(t)
	if err := AddSpec(p, "web", Params{Cmd: "sleep", Extras: map[string]any{"stop": map[string]any{"grace": spec.Duration(1500e6)}}}); err != nil {
		t.Fatal(err)
	}
	content, _, err := Spec(p, "web")
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if s.Stop.Grace == nil || s.Stop.Grace.D().Seconds() != 1.5 {
		t.Errorf("grace %v, want 1.5s", s.Stop.Grace)
	}
}
