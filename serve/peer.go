package serve

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Peer is the process at the other end of a unix socket, as it was when it
// connected.
type Peer struct {
	UID    int
	Groups []int // its own and the others
}

// PeerOf asks the kernel who is there.
func PeerOf(c *net.UnixConn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var asked error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); asked != nil {
			return
		}
		p.UID, p.Groups = int(cred.Uid), []int{int(cred.Gid)}
		more, err := peerGroups(int(fd))
		if err == nil { // else one group will have to do
			p.Groups = append(p.Groups, more...)
		}
	})
	if err == nil {
		err = asked
	}
	if err == nil && p.UID == nobodyKnown() {
		// So are all shown whom our user namespace does not know.
		return Peer{}, fmt.Errorf("uid %d stands for all that have none here", p.UID)
	}
	return p, err
}

// peerGroups are the supplementary groups, of which there may be thousands.
func peerGroups(fd int) ([]int, error) {
	buf := make([]byte, 64*4)
	for {
		size := uint32(len(buf))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == unix.ERANGE && int(size) > len(buf) {
			buf = make([]byte, size)
			continue
		}
		if errno != 0 {
			return nil, errno
		}
		groups := make([]int, 0, size/4)
		for i := 0; i+4 <= int(size); i += 4 {
			groups = append(groups, int(binary.NativeEndian.Uint32(buf[i:])))
		}
		return groups, nil
	}
}

// nobodyKnown is the uid of those whom our user namespace has no number for; -1
// where it has one for all, and that uid is somebody's own.
var nobodyKnown = sync.OnceValue(func() int {
	all, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(all)); err != nil || len(fields) == 3 && fields[2] == "4294967295" {
		return -1
	}
	text, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return 65534
	}
	uid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 65534
	}
	return uid
})
