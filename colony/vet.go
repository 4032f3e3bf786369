package colony

import (
	"fmt"
	"os"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cron"
)

// vetting is what is looked at of a spec that is good in itself: whether this
// machine can do what it asks for.
type vetting struct {
	accounts accounts
	cgroups  cgroups
	vault    vault
}

// problem says why a spec cannot be had here; "" if it can.
func (v vetting) problem(sp *spec.Spec) string {
	if why := vetIdentity(v.accounts, sp, os.Getuid(), os.Getgid(), ourGroups()); why != "" {
		return why
	}
	if sp.Schedule != nil {
		if _, err := cron.Zone(sp.Schedule.Zone); err != nil {
			return "schedule.zone: " + err.Error()
		}
	}
	if sp.Cgroup != nil && !sp.Cgroup.Optional {
		if err := v.cgroups.available(sp.Cgroup); err != nil {
			return fmt.Sprintf("cgroup: %v (with \"optional\": true the service runs without)", err)
		}
	}
	return ""
}

// odd is what is worth a warning.
func (v vetting) odd(sp *spec.Spec) (all []string) {
	if sp.Cgroup != nil && sp.Cgroup.Optional {
		if err := v.cgroups.available(sp.Cgroup); err != nil {
			all = append(all, fmt.Sprintf("cgroup: the service runs without: %v", err))
		}
	}
	if sp.Credentials != nil {
		if dir, inMemory := v.vault.root(); !inMemory {
			all = append(all, fmt.Sprintf("credentials: kept in %s, which may be on a disk: neither of %q is a tmpfs that we can write", dir, v.vault.memory))
		}
	}
	return all
}

// vetIdentity checks what can be known of a spec's identity before it is accepted: not
// being root, we can only run as ourselves.
func vetIdentity(a accounts, sp *spec.Spec, uid, gid int, groups []int) string {
	if uid == 0 {
		return ""
	}
	id, err := a.Identify(sp)
	switch {
	case err != nil || !id.Set:
		return "" // whoever it is may still be added; the start will tell
	case id.UID != uint32(uid):
		return "user: the supervisor does not run as root and cannot start programs as another user"
	case id.GID != uint32(gid):
		return "gid: the supervisor does not run as root and cannot start programs in another group"
	case sp.Groups != nil && !sameGroups(id.Groups, groups):
		return "groups: the supervisor does not run as root and cannot give programs other groups than its own"
	default:
		return ""
	}
}

// sameGroups reports whether two lists hold the same groups.
func sameGroups(a []uint32, b []int) bool {
	set := map[int]bool{}
	for _, g := range b {
		set[g] = true
	}
	for _, g := range a {
		if !set[int(g)] {
			return false
		}
	}
	return len(set) == len(slices.Compact(slices.Sorted(slices.Values(a))))
}

// ourGroups are the supplementary groups we have, and every child of a
// supervisor that is not root has too.
func ourGroups() []int {
	groups, err := os.Getgroups()
	if err != nil {
		return nil
	}
	return groups
}
