package peer

import (
	"context"
	"strconv"
	"syscall"
)

// bare is a limit: a loop that starts, waits, and starts again.
type bare struct {
	name    string
	program []string
}

func (b *bare) Name() string              { return b.name }
func (b *bare) Programs() []string        { return b.program[:1] }
func (b *bare) Setup(Colony) error        { return nil }
func (b *bare) Prepare(Colony, int) error { return nil }

func (b *bare) Command(c Colony) []string {
	return append(append(append([]string{}, b.program...), strconv.Itoa(c.N)), c.Child...)
}

// Add asks for one more. There is no file to read: this is less than what the
// others do.
func (b *bare) Add(_ context.Context, _ Colony, _, pid int, _ Run) error {
	return syscall.Kill(pid, syscall.SIGUSR1)
}

// Most bounds goroutines that each need a thread: Go ends at 10,000.
func (b *bare) Most() int {
	if len(b.program) > 1 {
		return 9900
	}
	return 0
}

// IgnoresOrphans is so with goroutines: each waits for one child.
func (b *bare) IgnoresOrphans() bool { return len(b.program) > 1 }
