package colony

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What the edges have of a life is released once, when it is over or has not
// begun; its control group is killed when grace is over, unless the rest of the
// life is to be left alone.
func TestWhatALifeHasIsReleased(t *testing.T) {
	for keys, want := range map[string]string{
		``:                                "",
		`,"cgroup":{},"stop":{"grace":1}`: "killGroup a/1, release a/1",
		`,"cgroup":{},"stop":{"grace":1,"scope":"main"}`:                        "release a/1",
		`,"credentials":{"x":"/x"},"stop":{"grace":1}`:                          "release a/1",
		`,"ready":{"notify":true},"stop":{"grace":1}`:                           "release a/1",
		`,"cgroup":{},"credentials":{"x":"/x"},"watchdog":9,"stop":{"grace":1}`: "killGroup a/1, release a/1",
		`,"restart":"never","cgroup":{},"stop":{"grace":1}`:                     "killGroup a/1, release a/1",
	} {
		w := newWorld(t, testPolicy)
		w.tame = func(int) bool { return false }
		var did []string
		w.m.trap = func(e any) {
			switch e := e.(type) {
			case release:
				did = append(did, fmt.Sprintf("release %s/%d", e.life.name, e.life.generation))
			case killGroup:
				did = append(did, fmt.Sprintf("killGroup %s/%d", e.life.name, e.life.generation))
			}
		}
		pid := w.ready("a", `{"args":["x"]`+keys+`}`)
		w.do(notified{lifeID{"a", 1}, notification{ready: true}})
		w.do(seen{name: "a", gone: true})
		w.pass(5 * time.Second)
		if _, lives := w.alive[pid]; lives {
			w.die(pid, exitStatus{signal: sigKILL})
		}
		if got := strings.Join(did, ", "); got != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
}

// A start that fails releases what was made for it, and each start after it.
func TestAFailedStartReleases(t *testing.T) {
	w := newWorld(t, testPolicy)
	n := 0
	w.m.trap = func(e any) {
		if _, ok := e.(release); ok {
			n++
		}
	}
	w.do(seen{name: "a", spec: specOf(t, `{"args":["x"],"cgroup":{},"backoff":{"min":1}}`)})
	w.do(spawnFailed{w.orders[0].order, fault{text: "no"}})
	if n != 1 {
		t.Errorf("%d releases", n)
	}
}

// Who was killed for lack of memory is known as that; another signal, or a code
// of its own, says what it says.
func TestOutOfMemoryIsSaid(t *testing.T) {
	w := newWorld(t, testPolicy)
	pid := w.ready("a", `{"args":["x"],"cgroup":{},"restart":"never"}`)
	w.die(pid, exitStatus{signal: sigKILL, oom: true})
	if st := w.status["a"]; st.State != spec.Exited || !st.LastExit.OOM || st.LastExit.String() != "signal KILL (out of memory)" {
		t.Errorf("%+v", st.LastExit)
	}
}
