package ctl

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// hold takes the lock of p as a supervisor does, and gives it back when
// release is called or the test ends.
func hold(t *testing.T, p Places) (release func()) {
	t.Helper()
	write(t, p.Lock(), strconv.Itoa(os.Getpid())+"\n")
	f, err := os.Open(p.Lock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// publish replaces path with v in one step.
func publish(t *testing.T, path string, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".new", string(data))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestWait(t *testing.T) { synctest.Test(t, testWait) }

func testWait(t *testing.T) {
	p := newPlaces(t)
	hold(t, p)
	file, err := Restart(p, "web")
	if err != nil {
		t.Fatal(err)
	}
	unfinished := spec.Result{Type: spec.RestartService, Name: "web", OldPID: 7}
	publish(t, p.Result(file), unfinished)
	if _, err := Wait(within(t, 30*time.Millisecond), p, file); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("unfinished: error %v, want a deadline", err)
	}
	finished := unfinished
	now := time.Now().UTC()
	finished.OK, finished.NewPID, finished.Finished = true, 8, &now
	done := make(chan struct{})
	go func() {
		defer close(done)
		publish(t, p.Result(file), finished)
	}()
	res, err := Wait(within(t, 10*time.Second), p, file)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&finished, res); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestWaitNoSupervisor(t *testing.T) { synctest.Test(t, testWaitNoSupervisor) }

func testWaitNoSupervisor(t *testing.T) {
	p := newPlaces(t)
	if _, err := Wait(within(t, 10*time.Second), p, "x"); err != ErrNoSupervisor {
		t.Errorf("none at all: error %v", err)
	}
	release := hold(t, p)
	publish(t, p.Result("x"), spec.Result{})
	time.AfterFunc(20*time.Millisecond, release)
	if _, err := Wait(within(t, 10*time.Second), p, "x"); err != ErrNoSupervisor {
		t.Errorf("died meanwhile: error %v", err)
	}
	// Its last deed was to answer.
	now := time.Now()
	publish(t, p.Result("x"), spec.Result{OK: true, Finished: &now})
	if _, err := Wait(within(t, 10*time.Second), p, "x"); err != nil {
		t.Errorf("died after the answer: error %v", err)
	}
}

// The supervisor may do what we wait for and die before we look again.
func TestPollLastDeed(t *testing.T) {
	looks := 0
	err := poll(within(t, 10*time.Second), newPlaces(t), func() (bool, error) {
		looks++
		return looks == 2, nil
	})
	if err != nil || looks != 2 {
		t.Errorf("error %v after %d looks, want none after 2", err, looks)
	}
}

func TestAnswer(t *testing.T) {
	for _, tc := range []struct {
		res  spec.Result
		want error
		text string
	}{
		{res: spec.Result{OK: true}},
		{res: spec.Result{Error: `no such service: "web"`}, want: ErrNoService, text: "no such service"},
		{res: spec.Result{Error: "another life"}, text: "another life"},
		{res: spec.Result{}, text: "refused"},
	} {
		err := Answer(&tc.res)
		if tc.want != nil && err != tc.want || err == nil && tc.text != "" || err != nil && err.Error() != tc.text {
			t.Errorf("%+v: error %v, want %q", tc.res, err, tc.text)
		}
	}
}

func TestJudge(t *testing.T) {
	want, err := spec.Parse([]byte(`{"args": ["a"], "success_codes": [0, 3]}`))
	if err != nil {
		t.Fatal(err)
	}
	sum := hex.EncodeToString(want.SHA256[:])
	code := func(n int) *spec.Exit { return &spec.Exit{Code: &n} }
	problem := &spec.Problem{Message: "user: unknown"}
	for _, tc := range []struct {
		what    string
		st      spec.Status
		settled bool
		refused string // "" = not
	}{
		{"running", spec.Status{State: spec.Running, SpecSHA256: sum}, true, ""},
		{"running the old one", spec.Status{State: spec.Running, SpecSHA256: "old"}, false, ""},
		{"running the old one, the file is bad", spec.Status{State: spec.Running, SpecSHA256: "old", SpecError: problem}, false, "user: unknown"},
		{"running, the file is bad by now", spec.Status{State: spec.Running, SpecSHA256: sum, SpecError: problem}, true, ""},
		{"starting", spec.Status{State: spec.Starting, SpecSHA256: sum}, false, ""},
		{"stopping the old one", spec.Status{State: spec.Stopping, SpecSHA256: sum}, false, ""},
		{"waiting", spec.Status{State: spec.Waiting, SpecSHA256: sum}, false, ""},
		{"waiting for what does not come", spec.Status{State: spec.Waiting, SpecSHA256: sum, Reason: `there is no service "db"`}, false,
			`it waits: there is no service "db"`},
		{"in a cycle", spec.Status{State: spec.Invalid, SpecSHA256: sum, SpecError: &spec.Problem{Message: "cycle: a -> a"}}, false, "cycle: a -> a"},
		{"failed, with a reason", spec.Status{State: spec.Failed, SpecSHA256: sum, Reason: "more than 2 restarts"}, true, "it has failed: more than 2 restarts"},
		{"no good spec", spec.Status{State: spec.Invalid, SpecError: problem}, false, "user: unknown"},
		{"invalid in place", spec.Status{State: spec.Invalid, SpecSHA256: sum, SpecError: problem}, true, "user: unknown"},
		{"backoff", spec.Status{State: spec.Backingoff, SpecSHA256: sum, LastExit: code(1)}, true, "its process has ended (exit 1)"},
		{"cannot start", spec.Status{State: spec.Backingoff, SpecSHA256: sum, LastExit: &spec.Exit{SpawnError: "no such file"}}, true,
			"it cannot be started: no such file"},
		{"failed", spec.Status{State: spec.Failed, SpecSHA256: sum}, true, "it is failed"},
		{"done", spec.Status{State: spec.Exited, SpecSHA256: sum, LastExit: code(3)}, true, ""},
		{"done badly", spec.Status{State: spec.Exited, SpecSHA256: sum, LastExit: code(1)}, true, "its process has ended (exit 1)"},
		{"stopped", spec.Status{State: spec.Stopped, SpecSHA256: sum}, true, "it is stopped, and a new spec does not start it"},
	} {
		verdict, settled := judge(&tc.st, want)
		text := ""
		if verdict != nil {
			text = verdict.Error()
		}
		if settled != tc.settled || text != tc.refused {
			t.Errorf("%s: got %v, %q, want %v, %q", tc.what, settled, text, tc.settled, tc.refused)
		}
	}
}

// A refusal that is about the file's former content goes away; one that stays
// is about ours.
func TestWaitAdded(t *testing.T) { synctest.Test(t, testWaitAdded) }

func testWaitAdded(t *testing.T) {
	p := newPlaces(t)
	hold(t, p)
	answer := func() (found bool) { // what a supervisor does with the rescan
		entries, _ := os.ReadDir(p.Messages)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				now := time.Now()
				publish(t, p.Result(e.Name()), spec.Result{OK: true, Finished: &now})
				found = true
			}
		}
		return found
	}
	old := spec.Status{Name: "web", State: spec.Invalid, SpecError: &spec.Problem{Message: "old"}}
	publish(t, p.Status("web"), old)
	parsed, err := spec.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !answer() {
			time.Sleep(firstPoll)
		}
		time.Sleep(patience / 4)
		publish(t, p.Status("web"), spec.Status{Name: "web", State: spec.Running, PID: 5, SpecSHA256: hex.EncodeToString(parsed.SHA256[:])})
	}()
	st, err := WaitAdded(within(t, 10*time.Second), p, "web", []byte(good))
	<-done
	if err != nil || st == nil || st.PID != 5 {
		t.Errorf("mended: got %+v, %v", st, err)
	}

	publish(t, p.Status("web"), old)
	done = make(chan struct{})
	go func() {
		defer close(done)
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(lastPoll) {
			answer()
		}
	}()
	st, err = WaitAdded(within(t, 10*time.Second), p, "web", []byte(good))
	<-done
	if refused, ok := errors.AsType[*Refused](err); !ok || refused.Reason != "old" || st == nil {
		t.Errorf("still bad: got %+v, %v", st, err)
	}
}

// A process that ends right after its start does not run, whenever one looks.
func TestWaitAddedShortLife(t *testing.T) { synctest.Test(t, testWaitAddedShortLife) }

func testWaitAddedShortLife(t *testing.T) {
	p := newPlaces(t)
	hold(t, p)
	parsed, err := spec.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	st := spec.Status{Name: "web", State: spec.Running, Since: time.Now(), Generation: 1, PID: 5,
		SpecSHA256: hex.EncodeToString(parsed.SHA256[:])}
	publish(t, p.Status("web"), st)
	write(t, p.Messages, "so that no rescan is waited for")
	time.AfterFunc(lateness/2, func() {
		one := 1
		st.State, st.PID, st.LastExit = spec.Backingoff, 0, &spec.Exit{Code: &one}
		publish(t, p.Status("web"), st)
	})
	_, err = WaitAdded(within(t, 10*time.Second), p, "web", []byte(good))
	if refused, ok := errors.AsType[*Refused](err); !ok || refused.State != spec.Backingoff {
		t.Errorf("error %v, want that it has ended", err)
	}
}

func TestWaitRemoved(t *testing.T) { synctest.Test(t, testWaitRemoved) }

func testWaitRemoved(t *testing.T) {
	p := newPlaces(t)
	if err := WaitRemoved(within(t, 10*time.Second), p, "web"); err != ErrNoSupervisor {
		t.Errorf("error %v, want %v", err, ErrNoSupervisor)
	}
	hold(t, p)
	publish(t, p.Status("web"), spec.Status{Name: "web"})
	if err := WaitRemoved(within(t, 30*time.Millisecond), p, "web"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a deadline", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { os.Remove(p.Status("web")) })
	if err := WaitRemoved(within(t, 10*time.Second), p, "web"); err != nil {
		t.Error(err)
	}
}

func TestWaitEnded(t *testing.T) { synctest.Test(t, testWaitEnded) }

func testWaitEnded(t *testing.T) {
	p := newPlaces(t)
	release := hold(t, p)
	now := time.Now()
	publish(t, p.Result("x"), spec.Result{Error: "not allowed", Finished: &now})
	if err := WaitEnded(within(t, 10*time.Second), p, os.Getpid(), "x"); err == nil || err.Error() != "not allowed" {
		t.Errorf("refused: error %v", err)
	}
	publish(t, p.Result("y"), spec.Result{})
	if err := WaitEnded(within(t, 30*time.Millisecond), p, os.Getpid(), "y"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a deadline", err)
	}
	if err := WaitEnded(within(t, 10*time.Second), p, 1, "y"); err != nil {
		t.Errorf("another has taken over: error %v", err)
	}
	time.AfterFunc(20*time.Millisecond, release)
	if err := WaitEnded(within(t, 10*time.Second), p, os.Getpid(), "y"); err != nil {
		t.Errorf("ended: error %v", err)
	}
}
