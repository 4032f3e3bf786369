package places

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestResolve(t *testing.T) {
	// below is the places of a root.
	below := func(root string) spec.Places {
		return spec.Places{Config: root + "/config", Messages: root + "/messages", State: root + "/state"}
	}
	for _, tc := range []struct {
		what      string
		flags     Flags
		env       map[string]string
		uid       int
		noHome    bool
		want      spec.Places
		temporary string
	}{
		{what: "root user", want: below("/var/lib/ncolony")},
		{what: "root user has no home", env: map[string]string{"HOME": "/root", "XDG_STATE_HOME": "/x"}, want: below("/var/lib/ncolony")},
		{what: "home", uid: 7, env: map[string]string{"HOME": "/home/u"}, want: below("/home/u/.local/state/ncolony")},
		{what: "state home", uid: 7, env: map[string]string{"HOME": "/home/u", "XDG_STATE_HOME": "/x"}, want: below("/x/ncolony")},
		{what: "relative state home", uid: 7, env: map[string]string{"HOME": "/home/u", "XDG_STATE_HOME": "x"},
			want: below("/home/u/.local/state/ncolony")},
		{what: "no home", uid: 7, want: below("/tmp/ncolony-7"), temporary: "/tmp/ncolony-7"},
		{what: "relative home", uid: 7, env: map[string]string{"HOME": "u"}, want: below("/tmp/ncolony-7"), temporary: "/tmp/ncolony-7"},
		{what: "unusable home", uid: 7, env: map[string]string{"HOME": "/"}, noHome: true,
			want: below("/tmp/ncolony-7"), temporary: "/tmp/ncolony-7"},
		{what: "env", uid: 7, env: map[string]string{"NCOLONY_ROOT": "/e", "HOME": "/home/u"}, want: below("/e")},
		{what: "relative env", env: map[string]string{"NCOLONY_ROOT": "e/"}, want: below("/cwd/e")},
		{what: "flag beats env", flags: Flags{Root: "/f"}, env: map[string]string{"NCOLONY_ROOT": "/e"}, want: below("/f")},
		{what: "relative flag", flags: Flags{Root: "./f/../g"}, want: below("/cwd/g")},
		{what: "config", flags: Flags{Config: "c"},
			want: spec.Places{Config: "/cwd/c", Messages: "/var/lib/ncolony/messages", State: "/var/lib/ncolony/state"}},
		{what: "messages", flags: Flags{Messages: "/m"},
			want: spec.Places{Config: "/var/lib/ncolony/config", Messages: "/m", State: "/m.state"}},
		{what: "messages with a slash", flags: Flags{Config: "c", Messages: "m/"},
			want: spec.Places{Config: "/cwd/c", Messages: "/cwd/m", State: "/cwd/m.state"}},
		{what: "Python's two need no root", flags: Flags{Config: "/c", Messages: "/m"}, uid: 7,
			want: spec.Places{Config: "/c", Messages: "/m", State: "/m.state"}},
		{what: "messages and root", flags: Flags{Messages: "/m", Root: "/r"},
			want: spec.Places{Config: "/r/config", Messages: "/m", State: "/r/state"}},
		{what: "messages and env", flags: Flags{Messages: "/m"}, env: map[string]string{"NCOLONY_ROOT": "/e"},
			want: spec.Places{Config: "/e/config", Messages: "/m", State: "/e/state"}},
		{what: "messages and state", flags: Flags{Messages: "/m", State: "/s"},
			want: spec.Places{Config: "/var/lib/ncolony/config", Messages: "/m", State: "/s"}},
		{what: "all three", flags: Flags{Config: "/c", Messages: "/m", State: "/s"}, uid: 7,
			want: spec.Places{Config: "/c", Messages: "/m", State: "/s"}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			got, temporary, err := tc.flags.resolve(surroundings{
				getenv: func(name string) string { return tc.env[name] },
				uid:    tc.uid,
				cwd:    "/cwd",
				usable: func(string) bool { return !tc.noHome },
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if temporary != tc.temporary {
				t.Errorf("temporary root %q, want %q", temporary, tc.temporary)
			}
		})
	}
}

func TestResolveNowhere(t *testing.T) {
	s := surroundings{getenv: func(string) string { return "" }, usable: func(string) bool { return true }}
	if _, _, err := (Flags{Root: "r"}).resolve(s); err == nil {
		t.Error("a relative root means something without a working directory")
	}
	if _, _, err := (Flags{Root: "/r"}).resolve(s); err != nil {
		t.Error(err)
	}
}

func TestOwnTemporary(t *testing.T) {
	dir := t.TempDir()
	uid := os.Geteuid()
	check := func(what, path string, uid int, want string) {
		t.Helper()
		err := ownTemporary(path, uid)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", what, err, want)
		}
	}
	own := filepath.Join(dir, "own")
	check("new", own, uid, "")
	if fi, err := os.Stat(own); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("made %v, %v, want mode 0700", fi, err)
	}
	check("ours", own, uid, "")
	check("another's", own, uid+1, "somebody else")
	if err := os.Chmod(own, 0o755); err != nil {
		t.Fatal(err)
	}
	check("open", own, uid, "mode is 0755")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	check("link", link, uid, "not a directory")
	check("cannot be made", filepath.Join(dir, "missing", "own"), uid, "")
}

func TestCanWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		dir: true, filepath.Join(dir, "a/b/c"): true, filepath.Join(file, "a"): false,
	} {
		if got := canWrite(path); got != want {
			t.Errorf("canWrite(%q) = %v, want %v", path, got, want)
		}
	}
}
