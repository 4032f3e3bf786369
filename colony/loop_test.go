package colony

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// fakeKernel starts children that live for a while and then die by themselves.
type fakeKernel struct {
	c      *colony
	lives  time.Duration
	next   int
	spawns []time.Time
	dead   chan int // pids whose death peek will tell
	child  chan os.Signal
	zombie int
}

func (k *fakeKernel) spawn(o spawn) {
	k.spawns = append(k.spawns, time.Now())
	k.next++
	pid := k.next
	go func() {
		k.c.inbox <- started{order: o.order, pid: pid}
		time.Sleep(k.lives)
		k.die(pid)
	}()
}

func (k *fakeKernel) die(pid int) {
	k.dead <- pid
	select {
	case k.child <- syscall.SIGCHLD:
	default: // one stands for many
	}
}

func (k *fakeKernel) peek(pid int) (exited, bool) {
	if k.zombie == 0 {
		select {
		case k.zombie = <-k.dead:
		default:
			return exited{}, false
		}
	}
	return exited{pid: k.zombie, status: exitStatus{code: 1}}, pid == 0 || pid == k.zombie
}

func (k *fakeKernel) hear(hear)                   {}
func (k *fakeKernel) release(release)             {}
func (k *fakeKernel) unlisten(unlisten)           {}
func (k *fakeKernel) follow(string, *spec.Spec)   {}
func (k *fakeKernel) killGroup(killGroup)         {}
func (k *fakeKernel) outOfMemory(lifeID) bool     { return false }
func (k *fakeKernel) suspended(int) spec.Signal   { return 0 }
func (k *fakeKernel) suspend(suspend)             {}
func (k *fakeKernel) resume(resume)               {}
func (k *fakeKernel) reclaim(reclaim)             {}
func (k *fakeKernel) reap(int)                    { k.zombie = 0 }
func (k *fakeKernel) orphans(func(int) bool) bool { return false }
func (k *fakeKernel) examine(examine, []byte)     {}
func (k *fakeKernel) relieve()                    {}
func (k *fakeKernel) signalRest(signalRest)       {}
func (k *fakeKernel) sweep(sweep)                 {}
func (k *fakeKernel) census(q census)             { go func() { k.c.inbox <- counted{number: q.number} }() }
func (k *fakeKernel) signal(s signal) error       { k.die(s.pid); return nil }

// The loop runs for virtual days: a service that dies at once is started ever
// more rarely, at most once an hour in the end; and a signal ends it all.
func TestLoopInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := emptyColony(discard())
		began := time.Now()
		signals := caught{make(chan os.Signal, 1), make(chan os.Signal, 8)}
		k := &fakeKernel{c: c, lives: 10 * time.Millisecond, dead: make(chan int, 100), child: signals.child}
		m := newModel(testPolicy, 1, spec.ColonyStatus{})
		c.files = &sink{pending: &batch{}, urgent: c.urgent, look: func(bool) {}, logbook: c.log}
		c.loop = &loop{model: m, kernel: k, files: c.files,
			clock: func() moment { return moment{instant(time.Since(began) + time.Hour), time.Now()} }}
		c.push = func() {}
		var last spec.Status
		c.work = []func(){func() {
			for b := range c.batches {
				if st := b.statuses["a"]; st != nil {
					last = *st
				}
			}
			close(c.written)
		}}
		done := make(chan struct{})
		go func() { c.run(signals); close(done) }()
		c.news <- seen{name: "a", spec: specOf(t, web)}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if n := len(k.spawns); n < 50 || n > 62 {
			t.Errorf("%d starts in two days, want the eleven of the first hour and then one an hour", n)
		}
		for i := 13; i < len(k.spawns); i++ {
			if d := k.spawns[i].Sub(k.spawns[i-1]); d < time.Hour || d > 70*time.Minute {
				t.Errorf("start %d came after %v, want an hour and a tenth at most", i, d)
			}
		}
		if last.State != spec.Backingoff || last.NextStart == nil {
			t.Errorf("status %+v, want it waiting", last)
		}
		signals.others <- syscall.SIGTERM
		<-done
		if c.loop.code != 0 {
			t.Errorf("exit code %d", c.loop.code)
		}
		close(c.log.lines)
	})
}

// The end waits for a disk that is slow, though not for ever, and not as long for
// one that does not answer.
func TestEndWaitsForASlowDisk(t *testing.T) {
	for what, c := range map[string]struct {
		each  time.Duration // status
		many  int
		until time.Duration
	}{
		"slow":      {time.Second, 5, 5 * time.Second},
		"very slow": {time.Second, 50, finishMost},
		"dead":      {time.Hour, 1, finishTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := newVirtual(testPolicy, time.Hour)
			v.work = []func(){func() {
				for range v.batches {
				}
				for range c.many {
					time.Sleep(c.each)
					select {
					case v.wrote <- struct{}{}:
					default:
					}
				}
				close(v.written)
			}}
			v.begin()
			began := time.Now()
			v.end()
			if took := time.Since(began); took < c.until || took > c.until+time.Second/2 {
				t.Errorf("%s: it took %v, want %v", what, took, c.until)
			}
			time.Sleep(2 * time.Hour) // until nobody writes any more
		})
	}
}

// A panic in the core drops the event that did it, and nothing else.
func TestPanicIsSurvived(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", web)
	log := newLogbook(discard())
	l := w.loop
	l.files = &sink{pending: &batch{}, logbook: log, look: func(bool) {}}
	l.turn(received{file: "poison"}) // neither a message nor a problem: a nil pointer
	if l.model.panics != 1 || l.model.services["a"].life.pid != pid {
		t.Errorf("panics %d, service %+v", l.model.panics, l.model.services["a"])
	}
	if l.files.(*sink).pending.colony == nil {
		t.Error("the panic is not published")
	}
	if len(log.lines) == 0 {
		t.Error("the panic is not in the log")
	}
}
