// Package proc starts processes, waits for them and for their orphans, ends
// them, and reads what the kernel says of them.
package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is CLOCK_MONOTONIC in nanoseconds: the clock that the children report by.
func Now() int64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return ts.Nano()
}

// Milliseconds are those between two times of Now.
func Milliseconds(from, to int64) float64 {
	return float64(to-from) / float64(time.Millisecond)
}
