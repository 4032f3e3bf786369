package colony

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// TestGivesBackWhenCalm: memory is given back soon after a burst and once more
// later, however long nothing happens, and not often while something does.
func TestGivesBackWhenCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, _ := newPublisher(t, newState(t))
		began := time.Now()
		var at []time.Duration
		took := time.Duration(0)
		pub.thrift = func() { at = append(at, time.Since(began)); time.Sleep(took) }
		batches, over := make(chan *batch), make(chan struct{})
		go func() { pub.run(batches); close(over) }()
		for range 10 {
			batches <- batchOf()
			time.Sleep(calmAfter / 2)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(at) != 2 || at[0] < 11*calmAfter/2 || at[0] > 13*calmAfter/2 || at[1]-at[0] < calmAgain || at[1]-at[0] > calmAgain+calmAfter {
			t.Errorf("given back at %v after a burst, want soon and once more", at)
		}
		at, took = nil, calmAfter/10
		for range 100 {
			batches <- batchOf()
			time.Sleep(2 * calmAfter)
		}
		synctest.Wait()
		if most := int(200*calmAfter/(thriftShare*took)) + 1; len(at) < 1 || len(at) > most {
			t.Errorf("given back %d times while something happens every %v, want 1 to %d", len(at), 2*calmAfter, most)
		}
		close(batches)
		<-over
	})
}

// Only what is as in our program's file may be dropped: what cannot be written,
// is of our file, and has no page of its own, as what a loader has relocated has.
func TestCleanAreas(t *testing.T) {
	const smaps = `00400000-00600000 r-xp 00000000 fe:00 77 /usr/bin/my program
Rss:                1088 kB
Anonymous:             0 kB
Swap:                  0 kB
00600000-00700000 r--p 00200000 fe:00 77 /usr/bin/my program
Anonymous:             4 kB
Swap:                  0 kB
00700000-00800000 r--p 00200000 fe:00 77 /usr/bin/my program
Anonymous:             0 kB
Swap:                  8 kB
00800000-00900000 rw-p 00300000 fe:00 77 /usr/bin/my program
Anonymous:             0 kB
00900000-00a00000 r--p 00000000 fe:00 78 /usr/lib/other
Anonymous:             0 kB
00a00000-00b00000 r--p 00300000 fe:00 77 /usr/bin/my program
Anonymous:             0 kB
Swap:                  0 kB
00b00000-00c00000 r--p 00000000 00:00 0
Anonymous:             0 kB
VmFlags: rd mr
`
	want := []area{{0x400000, 0x600000}, {0xa00000, 0xb00000}}
	if got := cleanAreas([]byte(smaps), "/usr/bin/my program"); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// The pages of our program are dropped once, and everything goes on.
func TestDropsProgramOnce(t *testing.T) {
	resident := func() (kib int) {
		b, err := readRaw("/proc/self/smaps", nil)
		must(t, err)
		program, err := os.Readlink("/proc/self/exe")
		must(t, err)
		ours := false
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			switch {
			case strings.Contains(f[0], "-"):
				ours = f[len(f)-1] == program && f[1] != "rw-p"
			case ours && f[0] == "Rss:":
				n, _ := strconv.Atoi(f[1])
				kib += n
			}
		}
		return kib
	}
	for _, a := range ourProgram() { // all of it is there
		for at := a.from; at < a.to; at += 4 << 10 {
			touched += *(*byte)(unsafe.Add(unsafe.Pointer(nil), at))
		}
	}
	thrift := newThrift()
	before := resident()
	thrift()
	after := resident()
	if before == 0 || after > before/2 {
		t.Errorf("%d KiB of the program were resident, and are %d", before, after)
	}
	for _, a := range ourProgram() {
		for at := a.from; at < a.to; at += 4 << 10 {
			touched += *(*byte)(unsafe.Add(unsafe.Pointer(nil), at))
		}
	}
	thrift()
	if again := resident(); again < before*9/10 {
		t.Errorf("%d KiB are %d, the second time", before, again)
	}
}

var touched byte
