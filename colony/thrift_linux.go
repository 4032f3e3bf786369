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

// giveBack returns to the kernel what a burst has left behind: the heap that the
// collector has let grow, and the pages of our program that only the start needs.
func giveBack() {
	debug.FreeOSMemory()
	for _, m := range programPages() {
		// They are clean, and in the page cache; what is needed again is mapped again.
		unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

type pages struct{ from, to uintptr }

// programPages are those of our program that nobody can write, and nobody has
// written: neither a loader nor a debugger.
func programPages() []pages {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil
	}
	return parseSmaps(b, exe)
}

// parseSmaps finds these pages in /proc/PID/smaps: a line for each mapping,
// followed by lines of what is known of it.
func parseSmaps(smaps []byte, exe string) (all []pages) {
	var m pages // the mapping under way, if it is of the kind
	for line := range bytes.Lines(smaps) {
		f := strings.Fields(string(line))
		switch {
		case len(f) >= 5 && !strings.HasSuffix(f[0], ":"):
			m = pages{}
			path := strings.TrimSuffix(string(line), "\n")
			if (f[1] == "r-xp" || f[1] == "r--p") && strings.HasSuffix(path, " "+exe) {
				from, to, _ := strings.Cut(f[0], "-")
				a, _ := strconv.ParseUint(from, 16, 64)
				z, _ := strconv.ParseUint(to, 16, 64)
				m = pages{uintptr(a), uintptr(z)}
			}
		case len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" && m.to > m.from:
			all = append(all, m)
		}
	}
	return all
}
