package heart

import (
	"fmt"
	"os"
	"strings"
)

// Notify tells the supervisor about this program, as sd_notify(3) does: each line
// is KEY=VALUE, such as "READY=1", "STATUS=loading" or "WATCHDOG=1". Several
// lines go in one message.
//
// It does nothing and returns nil when nobody wants to be told: the variable
// NOTIFY_SOCKET, which ncolony sets for services whose spec has ready.notify or
// watchdog, is not there. It never waits; a message for which there is no room
// is an error.
func Notify(lines ...string) error {
	socket := os.Getenv(envNotify)
	if socket == "" {
		return nil
	}
	if socket[0] != '/' && socket[0] != '@' {
		return fmt.Errorf("notify %s %q: neither a path nor an abstract name", envNotify, socket)
	}
	if err := sendDatagram(socket, []byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notify %s: %w", socket, err)
	}
	return nil
}

const envNotify = "NOTIFY_SOCKET"
