package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// testAccounts are made-up users and groups, among lines that are none.
func testAccounts(t *testing.T) Accounts {
	dir := t.TempDir()
	a := Accounts{filepath.Join(dir, "passwd"), filepath.Join(dir, "group")}
	put(t, a.Passwd, `root:x:0:0:root:/root:/bin/bash
# comment:x:5:5:::
short:x:9:9

+::::::
broken:x:one:1::/:/bin/sh
negative:x:-2:-2::/:/bin/sh
overflow:x:4294967296:4294967296::/:/bin/sh
nochange:x:4294967295:0::/:/bin/sh
web:x:1001:2001:Web, Mrs:/srv/web:/bin/false
other:x:1001:2002::/other:/bin/other
2000:x:1003:2003::/numbers:/bin/sh
`+"  blank:x:1004:2004::/blank:/bin/sh\r\n"+`last:x:1005:2005::/last:/bin/sh`)
	many := make([]string, 20000)
	for i := range many {
		many[i] = fmt.Sprint("user", i)
	}
	put(t, a.Group, `root:x:0:
garbage
log:x:3001:web,other
broken:x:many:web
overflow:x:4294967296:web
huge:x:3002:`+strings.Join(many, ",")+`,web
short:x:3003
audio:x:3004:webmaster,web
audio:x:3005:`)
	return a
}

func TestIdentify(t *testing.T) {
	a := testAccounts(t)
	n := func(i int) *int { return &i }
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	web := []string{"HOME=/srv/web", "USER=web", "LOGNAME=web", "SHELL=/bin/false"}
	tests := []struct {
		name string
		spec spec.Spec
		want Identity
	}{
		{"nothing", spec.Spec{}, Identity{}},
		{"uid alone", spec.Spec{UID: n(1001)}, Identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, nil}},
		{"uid without entry", spec.Spec{UID: n(7777)}, Identity{true, 7777, 7777, nil, nil}},
		{"uid and gid", spec.Spec{UID: n(1001), GID: n(5)}, Identity{true, 1001, 5, []uint32{3001, 3002, 3004}, nil}},
		{"uid without entry, and gid", spec.Spec{UID: n(7777), GID: n(5)}, Identity{true, 7777, 5, nil, nil}},
		{"gid alone", spec.Spec{GID: n(5)}, Identity{true, uid, 5, nil, nil}},
		{"root's groups are not kept", spec.Spec{UID: n(0)}, Identity{true, 0, 0, nil, nil}},
		{"user by name", spec.Spec{User: "web"}, Identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, web}},
		{"user by number", spec.Spec{User: "1001"}, Identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, web}},
		{"a name of digits goes first", spec.Spec{User: "2000"}, Identity{true, 1003, 2003, nil,
			[]string{"HOME=/numbers", "USER=2000", "LOGNAME=2000", "SHELL=/bin/sh"}}},
		{"number without entry", spec.Spec{User: "7777"}, Identity{true, 7777, 7777, nil, nil}},
		{"blanks around", spec.Spec{User: "blank"}, Identity{true, 1004, 2004, nil,
			[]string{"HOME=/blank", "USER=blank", "LOGNAME=blank", "SHELL=/bin/sh"}}},
		{"no newline at the end", spec.Spec{User: "last", GID: n(5)}, Identity{true, 1005, 5, nil,
			[]string{"HOME=/last", "USER=last", "LOGNAME=last", "SHELL=/bin/sh"}}},
		{"groups by name and number", spec.Spec{User: "web", Groups: []string{"audio", "42", "short"}},
			Identity{true, 1001, 2001, []uint32{3004, 42, 3003}, web}},
		{"no groups", spec.Spec{User: "web", Groups: []string{}}, Identity{true, 1001, 2001, nil, web}},
		{"groups alone", spec.Spec{Groups: []string{"log"}}, Identity{true, uid, gid, []uint32{3001}, nil}},
	}
	for _, tt := range tests {
		got, err := a.Identify(&tt.spec)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestNoSuchAccount: what is not there, or is garbage, is nobody, and never
// root.
func TestNoSuchAccount(t *testing.T) {
	a := testAccounts(t)
	for _, user := range []string{"nobody-here", "short", "broken", "negative", "overflow", "nochange", "+", "# comment", "-1", "4294967295", "4294967296", "1.0"} {
		if id, err := a.Identify(&spec.Spec{User: user}); err == nil || err.Error() != fmt.Sprintf("no such user: %q", user) {
			t.Errorf("user %q is %+v, %v", user, id, err)
		}
	}
	for _, group := range []string{"nobody-here", "garbage", "broken", "overflow", "", "-1", "4294967296"} {
		if id, err := a.Identify(&spec.Spec{Groups: []string{group}}); err == nil || err.Error() != fmt.Sprintf("no such group: %q", group) {
			t.Errorf("group %q is %+v, %v", group, id, err)
		}
	}
}

// TestNoAccounts: an image from scratch has neither file; one that cannot be
// read is another matter.
func TestNoAccounts(t *testing.T) {
	none := Accounts{"/nowhere/passwd", "/nowhere/group"}
	id, err := none.Identify(&spec.Spec{User: "1001", Groups: []string{"5"}})
	if d := cmp.Diff(Identity{true, 1001, 1001, []uint32{5}, nil}, id); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	a := testAccounts(t)
	for _, spoilt := range []Accounts{{t.TempDir(), a.Group}, {a.Passwd, t.TempDir()}} {
		if id, err := spoilt.Identify(&spec.Spec{User: "web"}); err == nil {
			t.Errorf("%+v: %+v", spoilt, id)
		}
	}
	if _, err := (Accounts{a.Passwd, t.TempDir()}).Identify(&spec.Spec{Groups: []string{"log"}}); err == nil {
		t.Error("no error")
	}
}
