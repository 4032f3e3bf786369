package colony

import (
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
