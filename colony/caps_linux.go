package colony

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// dropBounds takes the capabilities that the spec does not name out of what any
// later program can have.
func (s *shim) dropBounds() error {
	if s.Capabilities == nil {
		return nil
	}
	for c := 0; ; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if err != nil {
			return nil // past the last one that the kernel knows
		}
		if has == 0 || c < len(spec.Capabilities) && slices.Contains(s.Capabilities, spec.Capabilities[c]) {
			continue
		}
		// Under no_new_privs nothing can be had back from there.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && !s.NoNewPrivs {
			return because(err, "drop capability %s%s", capName(c), needs(err, "SETPCAP; or give the service no_new_privs"))
		}
	}
}

// setCapabilities has what the spec names, and has programs that are executed
// have it too.
func (s *shim) setCapabilities() error {
	if s.Capabilities == nil {
		return nil
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return because(err, "clear ambient capabilities")
	}
	ours, err := permitted()
	if err != nil {
		return because(err, "read our capabilities")
	}
	var sets [2]unix.CapUserData
	for _, name := range s.Capabilities {
		c := slices.Index(spec.Capabilities, name)
		word, bit := c/32, uint32(1)<<(c%32)
		if ours[word]&bit == 0 {
			return fmt.Errorf("keep capability %s: the supervisor does not have it", name)
		}
		sets[word].Permitted |= bit
	}
	for i := range sets {
		sets[i].Effective, sets[i].Inheritable = sets[i].Permitted, sets[i].Permitted
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if _, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&sets[0])), 0); errno != 0 {
		return because(errno, "set capabilities")
	}
	for _, name := range s.Capabilities {
		c := slices.Index(spec.Capabilities, name)
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
			return because(err, "keep capability %s", name)
		}
	}
	return nil
}

// permitted are the capabilities of this thread.
func permitted() (words [2]uint32, err error) {
	var sets [2]unix.CapUserData
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&head, &sets[0]); err != nil {
		return words, err
	}
	return [2]uint32{sets[0].Permitted, sets[1].Permitted}, nil
}

// capName is the name of a capability, or its number if it is younger than we.
func capName(c int) string {
	if c < len(spec.Capabilities) {
		return spec.Capabilities[c]
	}
	return fmt.Sprint(c)
}

// setgroups sets the supplementary groups of this thread alone.
func setgroups(groups []uint32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
