package colony

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/launch"
)

// What a child is made of is shared with @probe, whose checks run as the service
// does.
type (
	accounts    = launch.Accounts
	identity    = launch.Identity
	environment = launch.Environment
)

// noUser says why nobody can become that user.
func noUser(u *syscall.Credential, err error) string {
	text := fmt.Sprintf("become uid %d, gid %d: %v", u.Uid, u.Gid, err)
	switch {
	case errors.Is(err, unix.EINVAL):
		for _, id := range []struct {
			file string
			id   uint32
		}{{"uid_map", u.Uid}, {"gid_map", u.Gid}} {
			if !mapped("/proc/self/"+id.file, id.id) {
				return fmt.Sprintf("%s (the user namespace that we are in knows no such id, see /proc/self/%s)", text, id.file)
			}
		}
	case errors.Is(err, unix.EPERM):
		if b, ferr := os.ReadFile("/proc/self/setgroups"); ferr == nil && strings.TrimSpace(string(b)) == "deny" {
			return text + " (the user namespace that we are in denies setgroups, so that our own supplementary groups cannot be dropped)"
		}
		return text + " (the supervisor needs CAP_SETUID and CAP_SETGID)"
	}
	return text
}

// mapped reports whether a map of a user namespace has an id; one that cannot be
// read says yes.
func mapped(file string, id uint32) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(b)) {
		var inside, outside, count uint64
		if n, _ := fmt.Sscan(line, &inside, &outside, &count); n == 3 && uint64(id) >= inside && uint64(id) < inside+count {
			return true
		}
	}
	return false
}
