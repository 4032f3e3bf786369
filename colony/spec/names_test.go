package spec

import (
	"strings"
	"testing"
)

func TestNameOf(t *testing.T) {
	long := strings.Repeat("n", MaxNameLength)
	tests := []struct {
		file, name string
		kind       FileKind
	}{
		{"web", "web", FileSpec},
		{"web.json", "web", FileSpec},
		{"_", "_", FileSpec},
		{"0", "0", FileSpec},
		{"Web-1.2+b_c", "Web-1.2+b_c", FileSpec},
		{"web.conf", "web.conf", FileSpec},
		{"a..b", "a..b", FileSpec},
		{"json", "json", FileSpec},
		{"jsonjson", "jsonjson", FileSpec},
		{long, long, FileSpec},
		{long + ".json", long, FileSpec},

		{"", "", FileBad},
		{long + "n", long + "n", FileBad},
		{"@heartcheck", "@heartcheck", FileBad},
		{"web@1", "web@1", FileBad},
		{"-web", "-web", FileBad},
		{"+web.json", "+web", FileBad},
		{"a b", "a b", FileBad},
		{"a/b", "a/b", FileBad},
		{"wäb", "wäb", FileBad},
		{"a\nb", "a\nb", FileBad},
		{"a\x00", "a\x00", FileBad},
		{"a\xff", "a\xff", FileBad},
		{"a.json.json", "a.json", FileBad},
		{"a.JSON", "a.JSON", FileBad},
		{"web.bak.json", "web.bak", FileBad}, // a copy must not start a second web
		{"web~.json", "web~", FileBad},

		{".json", "", FileIgnored},
		{".", "", FileIgnored},
		{"..", "", FileIgnored},
		{".web.json", "", FileIgnored},
		{"..data", "", FileIgnored},
		{"#web#", "", FileIgnored},
		{"web~", "", FileIgnored},
		{"web.json~", "", FileIgnored},
		{"web.new", "", FileIgnored},
		{"web.tmp", "", FileIgnored},
		{"web.json.swp", "", FileIgnored},
		{"web.swx", "", FileIgnored},
		{"web.bak", "", FileIgnored},
		{"web.orig", "", FileIgnored},
		{"web.rej", "", FileIgnored},
		{"web.json.dpkg-old", "", FileIgnored},
		{"web.dpkg-new.json", "", FileIgnored},
		{"web.rpmsave", "", FileIgnored},
		{"web.json.rpmnew", "", FileIgnored},
	}
	for _, tt := range tests {
		name, kind := NameOf(tt.file)
		if name != tt.name || kind != tt.kind {
			t.Errorf("NameOf(%q) = %q, %v; want %q, %v", tt.file, name, kind, tt.name, tt.kind)
		}
		switch kind {
		case FileBad:
			if CheckName(name) == nil {
				t.Errorf("%q: bad without a reason", tt.file)
			}
		case FileSpec:
			for _, file := range []string{name, name + ".json"} {
				if again, kind := NameOf(file); again != name || kind != FileSpec {
					t.Errorf("service %q in file %q is %q, %v", name, file, again, kind)
				}
			}
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"":        `name "": must not be empty`,
		"@probe":  `name "@probe": names that begin with "@" are the helpers'`,
		"web@2":   `name "web@2": must not contain '@', only letters, digits and . _ + -`,
		"../etc":  `name "../etc": begins with ".", files of such names are ignored`,
		"web.tmp": `name "web.tmp": ends in ".tmp", files of such names are ignored`,
		"-x":      `name "-x": must begin with a letter, a digit or _`,
		"a/b":     `name "a/b": must not contain '/', only letters, digits and . _ + -`,
		"a.json":  `name "a.json": must not end in ".json", which only the file may, once and in lower case`,
		strings.Repeat("n", 101): `name "` + strings.Repeat("n", 64) +
			`"...: 101 bytes long, at most 100`,
	} {
		if err := CheckName(name); err == nil || err.Error() != want {
			t.Errorf("CheckName(%q) = %v; want %s", name, err, want)
		}
	}
}

func FuzzNameOf(f *testing.F) {
	f.Add("web.json")
	f.Add("a.json.json")
	f.Fuzz(func(t *testing.T, file string) {
		name, kind := NameOf(file)
		if (kind == FileSpec) != (kind != FileIgnored && CheckName(name) == nil) {
			t.Fatalf("%q: %v, CheckName = %v", file, kind, CheckName(name))
		}
		if again, k := NameOf(name); kind == FileSpec && (again != name || k != FileSpec || strings.ContainsAny(name, "/\x00\n @")) {
			t.Fatalf("%q: service %q is no good name of a file", file, name)
		}
	})
}
