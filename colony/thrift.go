package colony

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
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

// newThrift returns what gives memory back: the heap each time, and the pages of
// our own program the first time.
//
// A start walks through nearly all of the program, and the kernel maps sixteen
// pages around each that is touched. What is needed from then on is a part, and
// comes back from the page cache. That costs whatever needs it first some tens of
// microseconds, so it happens once in the life of a program.
func newThrift() func() {
	dropped := false
	return func() {
		var unneeded []area
		if !dropped {
			dropped, unneeded = true, ourProgram()
		}
		debug.FreeOSMemory()
		for _, a := range unneeded {
			unix.Syscall(unix.SYS_MADVISE, a.from, a.to-a.from, unix.MADV_DONTNEED) // a kernel that will not leaves it as it is
		}
	}
}

// ourProgram is where our program stands in memory, as far as it is known to be
// as in its file.
func ourProgram() []area {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := readRaw("/proc/self/smaps", make([]byte, 0, 32<<10))
	if err != nil {
		return nil
	}
	return cleanAreas(maps, program)
}

// area is a range of addresses.
type area struct{ from, to uintptr }

// cleanAreas lists, from /proc/PID/smaps, the areas of a program that hold what
// is in its file and nothing else: they cannot be written, and no page of them
// was written before that was so.
func cleanAreas(smaps []byte, program string) (all []area) {
	var now area
	candidate := false
	for line := range bytes.Lines(smaps) {
		f := strings.Fields(string(line))
		if len(f) < 2 {
			continue
		}
		if from, to, ok := strings.Cut(f[0], "-"); ok {
			// ADDRESSES PERMISSIONS OFFSET DEVICE INODE PATH
			a, err1 := strconv.ParseUint(from, 16, 64)
			b, err2 := strconv.ParseUint(to, 16, 64)
			now = area{uintptr(a), uintptr(b)}
			candidate = err1 == nil && err2 == nil && (f[1] == "r--p" || f[1] == "r-xp") && len(f) >= 6 && strings.Join(f[5:], " ") == program
			if candidate {
				all = append(all, now)
			}
			continue
		}
		if (f[0] == "Anonymous:" || f[0] == "Swap:") && f[1] != "0" && candidate {
			candidate = false
			all = all[:len(all)-1]
		}
	}
	return all
}
