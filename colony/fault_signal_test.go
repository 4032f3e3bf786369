package colony

import (
	"os/exec"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A signal that is due to what a life has left behind does not reach whoever has
// its number by now; it does reach the process itself.
func TestSignalForAnother(t *testing.T) {
	stranger := exec.Command("/bin/sleep", "600")
	must(t, stranger.Start())
	dead := make(chan error)
	go func() { dead <- stranger.Wait() }()
	t.Cleanup(func() { stranger.Process.Kill() })
	pid := stranger.Process.Pid
	st, err := readStat(pid)
	must(t, err)
	k := &linux{}
	k.signalRest(signalRest{[]process{{processID: processID{pid, st.start - 1}}, {processID: processID{pid, st.start + 1}}}, sigKILL})
	k.signalRest(signalRest{[]process{{processID: processID{1 << 22, st.start}}}, sigKILL}) // nobody's number
	// Were one on its way, it would come before this one.
	k.signalRest(signalRest{[]process{{processID: processID{pid, st.start}}}, sigTERM})
	select {
	case <-dead:
	case <-time.After(waitMost):
		t.Fatal("the process itself was not signalled")
	}
	if ws := stranger.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != unix.SIGTERM {
		t.Errorf("the stranger has died of %v", ws.Signal())
	}
}

// undying starts children that nothing ends.
type undying struct {
	*fakeKernel
	told []spec.Signal
}

func (k *undying) signal(s signal) error { k.told = append(k.told, s.signal); return nil }

// A child that does not die though it was killed is named, and keeps the colony
// from ending for no longer than it was given. The exit code is what it would be.
func TestChildThatDoesNotDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testPolicy
		p.budget = 9 * time.Second
		v := newVirtual(p, time.Hour)
		k := &undying{fakeKernel: v.kernel}
		v.loop.kernel = k
		v.begin()
		v.news <- seen{name: "a", spec: specOf(t, web)}
		v.news <- seen{name: "b", spec: specOf(t, web)}
		time.Sleep(time.Minute)
		v.news <- seen{name: "a", gone: true}
		time.Sleep(testPolicy.grace + rekill + time.Second)
		synctest.Wait()
		if st := v.last["a"]; st.State != spec.Stopping || len(st.Warnings) != 1 || st.Warnings[0] != "killed and still there: main process 1" {
			t.Errorf("status %+v", st)
		}
		if st := v.last["b"]; st.State != spec.Running {
			t.Errorf("beside it: %+v", st)
		}
		began := time.Now()
		if code := v.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if took := time.Since(began); took < testPolicy.grace || took > p.budget+time.Second {
			t.Errorf("it took %v of %v", took, p.budget)
		}
		if st := v.last["b"]; len(st.Warnings) != 1 {
			t.Errorf("in the end: %+v", st)
		}
		time.Sleep(time.Hour) // the children's own end
	})
}
