package colony

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// account is a line of /etc/passwd.
type account struct {
	name, home, shell string
	uid, gid          int
}

// accounts reads users and groups from the two files, each time: they may
// change, and a look-up is made once a start. There is no NSS: a static binary
// cannot load its modules.
type accounts struct{ passwd, group string }

func systemAccounts() accounts { return accounts{"/etc/passwd", "/etc/group"} }

// lines returns the fields of each line of a file in the format of passwd(5).
func lines(path string) (all [][]string, err error) {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for line := range strings.Lines(string(b)) { // of any length: a group may have thousands of members
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) >= 3 && !strings.HasPrefix(f[0], "#") {
			all = append(all, f)
		}
	}
	return all, nil
}

// idNumber reads the number of a user or group. One that does not fit must not
// be cut to fit: 4294967296 would be root.
func idNumber(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && n != 1<<32-1 // which the kernel reads as "no change"
}

// find returns the first account that match accepts.
func (a accounts) find(match func(account) bool) (account, bool, error) {
	all, err := lines(a.passwd)
	for _, f := range all {
		if len(f) < 7 {
			continue
		}
		uid, uok := idNumber(f[2])
		gid, gok := idNumber(f[3])
		if !uok || !gok {
			continue
		}
		if u := (account{f[0], f[5], f[6], uid, gid}); match(u) {
			return u, true, nil
		}
	}
	return account{}, false, err
}

func (a accounts) byName(name string) (account, bool, error) {
	return a.find(func(u account) bool { return u.name == name })
}

func (a accounts) byUID(uid int) (account, bool, error) {
	return a.find(func(u account) bool { return u.uid == uid })
}

// groupID is the number of a group given by name or number.
func (a accounts) groupID(name string) (int, error) {
	if n, ok := idNumber(name); ok {
		return n, nil
	}
	all, err := lines(a.group)
	if err != nil {
		return 0, err
	}
	for _, f := range all {
		if gid, ok := idNumber(f[2]); ok && f[0] == name {
			return gid, nil
		}
	}
	return 0, fmt.Errorf("no such group: %q", name)
}

// groupsOf are the supplementary groups of a user.
func (a accounts) groupsOf(user string) ([]uint32, error) {
	all, err := lines(a.group)
	if err != nil {
		return nil, err
	}
	var gids []uint32
	for _, f := range all {
		if len(f) < 4 {
			continue
		}
		for member := range strings.SplitSeq(f[3], ",") {
			if gid, ok := idNumber(f[2]); ok && member == user {
				gids = append(gids, uint32(gid))
			}
		}
	}
	return gids, nil
}

// identity is whom a child runs as.
type identity struct {
	set      bool // false: as we do
	uid, gid uint32
	groups   []uint32
	env      []string // HOME and the like, if `user` is given
}

// identify looks up user, uid, gid and groups of a spec. Groups are the user's
// own or those that are named, and never ours.
func (a accounts) identify(sp *spec.Spec) (identity, error) {
	if sp.User == "" && sp.UID == nil && sp.GID == nil && sp.Groups == nil {
		return identity{}, nil
	}
	id := identity{set: true, uid: uint32(os.Getuid()), gid: uint32(os.Getgid())}
	u, known, err := a.account(sp)
	if err != nil {
		return identity{}, err
	}
	if sp.User != "" || sp.UID != nil {
		id.uid, id.gid = uint32(u.uid), uint32(u.gid)
	}
	if known {
		if id.groups, err = a.groupsOf(u.name); err != nil {
			return identity{}, err
		}
	}
	if sp.GID != nil {
		id.gid = uint32(*sp.GID)
	}
	if sp.Groups != nil {
		id.groups = nil
		for _, g := range sp.Groups {
			gid, err := a.groupID(g)
			if err != nil {
				return identity{}, err
			}
			id.groups = append(id.groups, uint32(gid))
		}
	}
	if sp.User != "" && known {
		id.env = []string{"HOME=" + u.home, "USER=" + u.name, "LOGNAME=" + u.name, "SHELL=" + u.shell}
	}
	return id, nil
}

// account finds the passwd entry of a spec's user or uid. A number without an
// entry is fine: its group has the same number, and it is in no other.
func (a accounts) account(sp *spec.Spec) (u account, known bool, err error) {
	uid := -1
	switch {
	case sp.UID != nil:
		uid = *sp.UID
	case sp.User != "":
		if u, known, err = a.byName(sp.User); known || err != nil {
			return u, known, err
		}
		var ok bool
		if uid, ok = idNumber(sp.User); !ok {
			return u, false, fmt.Errorf("no such user: %q", sp.User)
		}
	default:
		return u, false, nil
	}
	if u, known, err = a.byUID(uid); known || err != nil {
		return u, known, err
	}
	return account{uid: uid, gid: uid}, false, nil
}

// same reports whether we are that already, so that nothing need be changed.
func (id identity) same() bool {
	return id.uid == uint32(os.Getuid()) && id.gid == uint32(os.Getgid())
}
