package colony

import (
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
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
		if len(at) != 2 || at[0] < 11*calmAfter/2 || at[0] > 13*calmAfter/2 || at[1]-at[0] < calmAgain || at[1]-at[0] > calmAgain+calmAfter {
			t.Errorf("given back at %v after a burst, want soon and once more", at)
		}
		at, took = nil, calmAfter/10
		for range 100 {
			batches <- batchOf()
			time.Sleep(2 * calmAfter)
		}
		if most := int(200*calmAfter/(thriftShare*took)) + 1; len(at) < 1 || len(at) > most {
			t.Errorf("given back %d times while something happens every %v, want 1 to %d", len(at), 2*calmAfter, most)
		}
		close(batches)
		<-over
	})
}

// TestCleanPagesOnly: of our program, pages that somebody has written are not
// given back, for they would be lost.
func TestCleanPagesOnly(t *testing.T) {
	const smaps = `00400000-00649000 r-xp 00000000 fe:00 9996431                            /opt/a b/ncolony
Size:               2340 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00649000-008cf000 r--p 00249000 fe:00 9996431                            /opt/a b/ncolony
Anonymous:             4 kB
008cf000-008f2000 rw-p 004cf000 fe:00 9996431                            /opt/a b/ncolony
Anonymous:             0 kB
008f2000-02929000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000002000 r-xp 00000000 fe:00 77                         /opt/lib.so
Anonymous:             0 kB
7f0000003000-7f0000004000 r--p 00249000 fe:00 9996431                    /opt/a b/ncolony
Anonymous:             0 kB
`
	want := []pages{{0x400000, 0x649000}, {0x7f0000003000, 0x7f0000004000}}
	if got := parseSmaps([]byte(smaps), "/opt/a b/ncolony"); !reflect.DeepEqual(got, want) {
		t.Errorf("pages %x, want %x", got, want)
	}
	if _, err := os.Stat("/proc/self/smaps"); err == nil && len(programPages()) == 0 {
		t.Error("no page of this program is found")
	}
	giveBack() // and here we still are
}
