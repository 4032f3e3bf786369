package colony

import (
	"os"
	"runtime/debug"
	"time"
)

// heapGrowth is how many percent the heap may grow before it is collected. It is
// half of what is usual: a supervisor is idle, and what its scans leave behind
// stays resident until then.
const heapGrowth = 50

func limitHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
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
