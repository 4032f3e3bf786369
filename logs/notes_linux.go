package logs

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// inotified is one event of inotify(7).
type inotified struct {
	mask uint32
	name string
}

// notesIn takes apart what was read from an inotify descriptor.
func notesIn(b []byte) (all []inotified) {
	for len(b) >= unix.SizeofInotifyEvent {
		mask, n := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
		end := unix.SizeofInotifyEvent + n
		if n < 0 || end > len(b) {
			break
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		all = append(all, inotified{mask, string(name)})
		b = b[end:]
	}
	return all
}
