package check

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit in which the kernel tells when a process began.
const tick = time.Second / 100

// bornBy is when a process began, at the latest at noted: on a busy machine it
// may have done its first work by the time that the supervisor takes note of it.
// What the kernel says is cut to a tick.
func bornBy(pid int, noted time.Time) time.Time {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return noted
	}
	// The name, in parentheses, may hold anything; field 22 is the 20th after it.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return noted
	}
	ticks, err := strconv.ParseInt(string(fields[19]), 10, 64)
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return noted
	}
	born := time.Now().Add(time.Duration(ticks)*tick - time.Duration(up.Nano()))
	if born.Before(noted) {
		return born
	}
	return noted
}
