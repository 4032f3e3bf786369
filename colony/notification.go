package colony

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// notification is what one datagram of sd_notify(3) says. What we have no use
// for is left out.
type notification struct {
	ready     bool          // READY=1
	stopping  bool          // STOPPING=1
	reloading bool          // RELOADING=1
	beat      bool          // WATCHDOG=1
	hangs     bool          // WATCHDOG=trigger
	watchdog  time.Duration // WATCHDOG_USEC; 0 = not said
	extend    time.Duration // EXTEND_TIMEOUT_USEC; 0 = not said
	barrier   bool          // BARRIER=1: the sender waits until it was taken in
	mainPID   string        // MAINPID: refused; "" = not said
	text      string        // STATUS
	says      bool          // there is a STATUS, perhaps an empty one
}

// maxStatusText bounds what is shown of a STATUS, in bytes.
const maxStatusText = 512

// parseNotification reads a datagram: lines of KEY=VALUE, the last of a key
// counts. Unknown keys and values that make no sense are passed over, as
// systemd does.
func parseNotification(data []byte) (n notification) {
	for line := range strings.SplitSeq(string(data), "\n") {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch key {
		case "READY":
			n.ready = n.ready || value == "1"
		case "STOPPING":
			n.stopping = n.stopping || value == "1"
		case "RELOADING":
			n.reloading = n.reloading || value == "1"
		case "WATCHDOG":
			n.beat = n.beat || value == "1"
			n.hangs = n.hangs || value == "trigger"
		case "WATCHDOG_USEC":
			n.watchdog = microseconds(value)
		case "EXTEND_TIMEOUT_USEC":
			n.extend = microseconds(value)
		case "BARRIER":
			n.barrier = n.barrier || value == "1"
		case "MAINPID":
			n.mainPID = shown(value)
		case "STATUS":
			n.text, n.says = shown(value), true
		}
	}
	return n
}

// microseconds reads a number of them; 0 = it is none, or longer than a spec
// may ask for.
func microseconds(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > uint64(maxNotified/time.Microsecond) {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

const maxNotified = 10 * 365 * 24 * time.Hour

// shown is text that a terminal can be given: printable, in UTF-8, and short.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxStatusText {
		s = s[:maxStatusText]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}
