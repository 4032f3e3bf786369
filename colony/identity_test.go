package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// testAccounts are made-up users and groups, among lines that are none.
func testAccounts(t *testing.T) accounts {
	dir := t.TempDir()
	a := accounts{filepath.Join(dir, "passwd"), filepath.Join(dir, "group")}
	put(t, a.passwd, `root:x:0:0:root:/root:/bin/bash
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
	put(t, a.group, `root:x:0:
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
		want identity
	}{
		{"nothing", spec.Spec{}, identity{}},
		{"uid alone", spec.Spec{UID: n(1001)}, identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, nil}},
		{"uid without entry", spec.Spec{UID: n(7777)}, identity{true, 7777, 7777, nil, nil}},
		{"uid and gid", spec.Spec{UID: n(1001), GID: n(5)}, identity{true, 1001, 5, []uint32{3001, 3002, 3004}, nil}},
		{"uid without entry, and gid", spec.Spec{UID: n(7777), GID: n(5)}, identity{true, 7777, 5, nil, nil}},
		{"gid alone", spec.Spec{GID: n(5)}, identity{true, uid, 5, nil, nil}},
		{"root's groups are not kept", spec.Spec{UID: n(0)}, identity{true, 0, 0, nil, nil}},
		{"user by name", spec.Spec{User: "web"}, identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, web}},
		{"user by number", spec.Spec{User: "1001"}, identity{true, 1001, 2001, []uint32{3001, 3002, 3004}, web}},
		{"a name of digits goes first", spec.Spec{User: "2000"}, identity{true, 1003, 2003, nil,
			[]string{"HOME=/numbers", "USER=2000", "LOGNAME=2000", "SHELL=/bin/sh"}}},
		{"number without entry", spec.Spec{User: "7777"}, identity{true, 7777, 7777, nil, nil}},
		{"blanks around", spec.Spec{User: "blank"}, identity{true, 1004, 2004, nil,
			[]string{"HOME=/blank", "USER=blank", "LOGNAME=blank", "SHELL=/bin/sh"}}},
		{"no newline at the end", spec.Spec{User: "last", GID: n(5)}, identity{true, 1005, 5, nil,
			[]string{"HOME=/last", "USER=last", "LOGNAME=last", "SHELL=/bin/sh"}}},
		{"groups by name and number", spec.Spec{User: "web", Groups: []string{"audio", "42", "short"}},
			identity{true, 1001, 2001, []uint32{3004, 42, 3003}, web}},
		{"no groups", spec.Spec{User: "web", Groups: []string{}}, identity{true, 1001, 2001, nil, web}},
		{"groups alone", spec.Spec{Groups: []string{"log"}}, identity{true, uid, gid, []uint32{3001}, nil}},
	}
	for _, tt := range tests {
		got, err := a.identify(&tt.spec)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(identity{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestNoSuchAccount: what is not there, or is garbage, is nobody, and never
// root.
func TestNoSuchAccount(t *testing.T) {
	a := testAccounts(t)
	for _, user := range []string{"nobody-here", "short", "broken", "negative", "overflow", "nochange", "+", "# comment", "-1", "4294967295", "4294967296", "1.0"} {
		if id, err := a.identify(&spec.Spec{User: user}); err == nil || err.Error() != fmt.Sprintf("no such user: %q", user) {
			t.Errorf("user %q is %+v, %v", user, id, err)
		}
	}
	for _, group := range []string{"nobody-here", "garbage", "broken", "overflow", "", "-1", "4294967296"} {
		if id, err := a.identify(&spec.Spec{Groups: []string{group}}); err == nil || err.Error() != fmt.Sprintf("no such group: %q", group) {
			t.Errorf("group %q is %+v, %v", group, id, err)
		}
	}
}

// TestNoAccounts: an image from scratch has neither file; one that cannot be
// read is another matter.
func TestNoAccounts(t *testing.T) {
	none := accounts{"/nowhere/passwd", "/nowhere/group"}
	id, err := none.identify(&spec.Spec{User: "1001", Groups: []string{"5"}})
	if d := cmp.Diff(identity{true, 1001, 1001, []uint32{5}, nil}, id, cmp.AllowUnexported(identity{})); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	a := testAccounts(t)
	for _, spoilt := range []accounts{{t.TempDir(), a.group}, {a.passwd, t.TempDir()}} {
		if id, err := spoilt.identify(&spec.Spec{User: "web"}); err == nil {
			t.Errorf("%+v: %+v", spoilt, id)
		}
	}
	if _, err := (accounts{a.passwd, t.TempDir()}).identify(&spec.Spec{Groups: []string{"log"}}); err == nil {
		t.Error("no error")
	}
}

// TestVet: only root can be somebody else, and whoever is not known yet may
// still come.
func TestVet(t *testing.T) {
	a := testAccounts(t)
	n := func(i int) *int { return &i }
	for _, tt := range []struct {
		spec     spec.Spec
		uid, gid int
		want     string
	}{
		{spec.Spec{}, 1001, 2001, ""},
		{spec.Spec{User: "last"}, 0, 0, ""},
		{spec.Spec{User: "web"}, 1001, 2001, ""},
		{spec.Spec{UID: n(1001)}, 1001, 2001, ""},
		{spec.Spec{UID: n(1005)}, 1001, 2001, "user: the supervisor does not run as root and cannot start programs as another user"},
		{spec.Spec{User: "web", GID: n(5)}, 1001, 2001, "gid: the supervisor does not run as root and cannot start programs in another group"},
		{spec.Spec{User: "web"}, 1001, 5, "gid: the supervisor does not run as root and cannot start programs in another group"},
		{spec.Spec{User: "unknown"}, 1001, 2001, ""},
		{spec.Spec{UID: n(1001), Groups: []string{"6", "4", "6"}}, 1001, 2001, ""},
		{spec.Spec{UID: n(1001), Groups: []string{"4"}}, 1001, 2001, "groups: the supervisor does not run as root and cannot give programs other groups than its own"},
		{spec.Spec{UID: n(1001), Groups: []string{"4", "6", "8"}}, 1001, 2001, "groups: the supervisor does not run as root and cannot give programs other groups than its own"},
	} {
		if got := a.vet(&tt.spec, tt.uid, tt.gid, []int{4, 6}); got != tt.want {
			t.Errorf("%+v as %d, %d: %q", tt.spec, tt.uid, tt.gid, got)
		}
	}
}
