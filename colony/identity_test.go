package colony

import (
	"path/filepath"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// testAccounts are made-up users and groups.
func testAccounts(t *testing.T) accounts {
	dir := t.TempDir()
	a := accounts{Passwd: filepath.Join(dir, "passwd"), Group: filepath.Join(dir, "group")}
	put(t, a.Passwd, `root:x:0:0:root:/root:/bin/bash
web:x:1001:2001:Web, Mrs:/srv/web:/bin/false
last:x:1005:2005::/last:/bin/sh`)
	put(t, a.Group, `root:x:0:
log:x:3001:web,other
huge:x:3002:user1,web
audio:x:3004:webmaster,web`)
	return a
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
		if got := vetIdentity(a, &tt.spec, tt.uid, tt.gid, []int{4, 6}); got != tt.want {
			t.Errorf("%+v as %d, %d: %q", tt.spec, tt.uid, tt.gid, got)
		}
	}
}
