package colony

import (
	"os"
	"runtime/debug"
	"time"
)

// heapGrowth is how many percent the heap may grow before it is collected. When
// we are calm it is half of what is usual: what our scans leave behind stays
// resident until then. Until we are calm for the first time it is twice of it: a
// cold start leaves much behind, and has better things to do than to collect it.
const (
	heapGrowth      = 50
	heapGrowthFirst = 200
)

// growHeap has the heap grow by some percent, unless somebody else has said by
// how many.
func growHeap(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// giveBack gives the system the memory that a burst has left behind.
func giveBack() {
	growHeap(heapGrowth)
	debug.FreeOSMemory()
}

const (
	// calmAfter is how long nothing was published when a burst is over.
	calmAfter = time.Second
	// calmAgain is when everything has been scanned since.
	calmAgain = 30 * time.Second
	// thriftShare is the part of the time that may go into giving memory back.
	thriftShare = 100
)

// thriftTimer says when to give memory back: when a burst is over, and once more
// when it is long over.
type thriftTimer struct {
	due   <-chan time.Time
	after time.Time // not before
	once  bool      // since the last change
}

// stirred takes in that there was a change.
func (t *thriftTimer) stirred(now time.Time) {
	t.once = false
	t.due = time.After(max(calmAfter, t.after.Sub(now)))
}

// fired takes in that due is over and memory was given back.
func (t *thriftTimer) fired(began time.Time) {
	t.due, t.after = nil, time.Now().Add(thriftShare*time.Since(began))
	if !t.once {
		t.once = true
		t.due = time.After(calmAgain)
	}
}
