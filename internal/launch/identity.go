package launch

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

// Accounts reads users and groups from the two files, each time: they may
// change, and a look-up is made once a start. There is no NSS: a static binary
// cannot load its modules.
type Accounts struct{ Passwd, Group string }

// System are the accounts of this machine.
func System() Accounts { return Accounts{"/etc/passwd", "/etc/group"} }

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

// IDNumber reads the number of a user or group. One that does not fit must not
// be cut to fit: 4294967296 would be root.
func IDNumber(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && n != 1<<32-1 // which the kernel reads as "no change"
}

// find returns the first account that match accepts.
func (a Accounts) find(match func(account) bool) (account, bool, error) {
	all, err := lines(a.Passwd)
	for _, f := range all {
		if len(f) < 7 {
			continue
		}
		uid, uok := IDNumber(f[2])
		gid, gok := IDNumber(f[3])
		if !uok || !gok {
			continue
		}
		if u := (account{f[0], f[5], f[6], uid, gid}); match(u) {
			return u, true, nil
		}
	}
	return account{}, false, err
}

func (a Accounts) byName(name string) (account, bool, error) {
	return a.find(func(u account) bool { return u.name == name })
}

func (a Accounts) byUID(uid int) (account, bool, error) {
	return a.find(func(u account) bool { return u.uid == uid })
}

// UserID is the number of a user given by name or number.
func (a Accounts) UserID(name string) (int, error) {
	u, known, err := a.byName(name)
	if known || err != nil {
		return u.uid, err
	}
	if n, ok := IDNumber(name); ok {
		return n, nil
	}
	return 0, fmt.Errorf("no such user: %q", name)
}

// GroupID is the number of a group given by name or number.
func (a Accounts) GroupID(name string) (int, error) {
	if n, ok := IDNumber(name); ok {
		return n, nil
	}
	all, err := lines(a.Group)
	if err != nil {
		return 0, err
	}
	for _, f := range all {
		if gid, ok := IDNumber(f[2]); ok && f[0] == name {
			return gid, nil
		}
	}
	return 0, fmt.Errorf("no such group: %q", name)
}

// groupsOf are the supplementary groups of a user.
func (a Accounts) groupsOf(user string) ([]uint32, error) {
	all, err := lines(a.Group)
	if err != nil {
		return nil, err
	}
	var gids []uint32
	for _, f := range all {
		if len(f) < 4 {
			continue
		}
		for member := range strings.SplitSeq(f[3], ",") {
			if gid, ok := IDNumber(f[2]); ok && member == user {
				gids = append(gids, uint32(gid))
			}
		}
	}
	return gids, nil
}

// Identity is whom a child runs as.
type Identity struct {
	Set      bool // false: as we do
	UID, GID uint32
	Groups   []uint32
	Env      []string // HOME and the like, if `user` is given
}

// Identify looks up user, uid, gid and groups of a spec. Groups are the user's
// own or those that are named, and never ours.
func (a Accounts) Identify(sp *spec.Spec) (Identity, error) {
	if sp.User == "" && sp.UID == nil && sp.GID == nil && sp.Groups == nil {
		return Identity{}, nil
	}
	id := Identity{Set: true, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	u, known, err := a.account(sp)
	if err != nil {
		return Identity{}, err
	}
	if sp.User != "" || sp.UID != nil {
		id.UID, id.GID = uint32(u.uid), uint32(u.gid)
	}
	if known {
		if id.Groups, err = a.groupsOf(u.name); err != nil {
			return Identity{}, err
		}
	}
	if sp.GID != nil {
		id.GID = uint32(*sp.GID)
	}
	if sp.Groups != nil {
		id.Groups = nil
		for _, g := range sp.Groups {
			gid, err := a.GroupID(g)
			if err != nil {
				return Identity{}, err
			}
			id.Groups = append(id.Groups, uint32(gid))
		}
	}
	if sp.User != "" && known {
		id.Env = []string{"HOME=" + u.home, "USER=" + u.name, "LOGNAME=" + u.name, "SHELL=" + u.shell}
	}
	return id, nil
}

// account finds the passwd entry of a spec's user or uid. A number without an
// entry is fine: its group has the same number, and it is in no other.
func (a Accounts) account(sp *spec.Spec) (u account, known bool, err error) {
	uid := -1
	switch {
	case sp.UID != nil:
		uid = *sp.UID
	case sp.User != "":
		if u, known, err = a.byName(sp.User); known || err != nil {
			return u, known, err
		}
		var ok bool
		if uid, ok = IDNumber(sp.User); !ok {
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

// Same reports whether we are that already, so that nothing need be changed.
func (id Identity) Same() bool {
	return id.UID == uint32(os.Getuid()) && id.GID == uint32(os.Getgid())
}
