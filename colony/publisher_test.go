package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func newPublisher(t *testing.T, p spec.Places) (*publisher, *ear) {
	e := listen(t)
	tr := newTroubles(e.outbox(), nil)
	results, _, err := openResults(osDisk{}, p, time.Now(), nil)
	must(t, err)
	return &publisher{disk: osDisk{}, places: p, pids: filepath.Join(p.State, "pids"), rest: restAfter, journal: openJournal(osDisk{}, p.EventsDir()), ledger: openLedger(osDisk{}, procFS{}, p, "now", tr),
		results: results, trouble: tr, urgent: make(chan struct{}), shown: map[string]int{}}, e
}

// statusOf is what a status file says, "none" if there is none.
func statusOf(p spec.Places, name string) string {
	var st spec.Status
	if readJSON(osDisk{}, p.Status(name), &st) != nil {
		return "none"
	}
	return fmt.Sprint(st.State, " ", st.PID)
}

func says(name string, state spec.State, pid int) publish {
	return publish{&spec.Status{Name: name, State: state, PID: pid}}
}

func batchOf(effects ...effect) *batch {
	b := &batch{}
	for _, e := range effects {
		b.add(e)
	}
	return b
}

func finishedAnswer(file string) answer {
	at := time.Now()
	return answer{file, spec.Result{OK: true, Type: spec.Rescan, Finished: &at}}
}

// TestLastWordCounts: of a service only what is true at the end is written; of
// what happened, all.
func TestLastWordCounts(t *testing.T) {
	p := newState(t)
	pub, e := newPublisher(t, p)
	must(t, os.Mkdir(pub.pids, 0o755))
	if !batchOf().empty() || !batchOf(exit{}).empty() {
		t.Error("a batch of nothing is not empty")
	}
	for _, one := range []effect{says("a", "", 0), retract{"a"}, publishColony{}, record{}, ended{}, keepStop{"a", spec.StopNote{}}, forgetStop{"a"}, answer{}} {
		if batchOf(one).empty() {
			t.Errorf("a batch with %T is empty", one)
		}
	}
	pub.ledger.begin(lifeID{"a", 1}, os.Getpid(), &spec.Spec{})
	pub.write(batchOf(says("a", spec.Starting, 1), says("b", spec.Running, 2), says("a", spec.Running, 3), says("c", spec.Running, 4), retract{"c"},
		retract{"d"}, says("d", spec.Running, 5), record{spec.Event{Name: "x"}}, record{spec.Event{Name: "y"}},
		keepStop{"a", spec.StopNote{}}, forgetStop{"a"}, keepStop{"b", spec.StopNote{Reason: "why"}},
		ended{lifeID{"a", 1}, os.Getpid()}, finishedAnswer("m"), publishColony{spec.ColonyStatus{PID: 1}}, publishColony{spec.ColonyStatus{PID: 2}}))
	got := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		pid, _ := os.ReadFile(filepath.Join(pub.pids, name))
		got[name] = statusOf(p, name) + "/" + string(pid)
	}
	if d := cmp.Diff(map[string]string{"a": "running 3/3", "b": "running 2/2", "c": "none/", "d": "running 5/5"}, got); d != "" {
		t.Error(d)
	}
	wantNoted(t, filepath.Join(p.EventsDir(), currentEvents), "1 x", "2 y")
	wantLiving(t, p)
	var note spec.StopNote
	var colony spec.ColonyStatus
	if err := errors.Join(readJSON(osDisk{}, p.StoppedDir()+"/b", &note), readJSON(osDisk{}, p.Colony(), &colony)); err != nil || note.Reason != "why" || colony.PID != 2 {
		t.Errorf("note %+v, colony %d, %v", note, colony.PID, err)
	}
	if _, err := os.Stat(p.StoppedDir() + "/a"); err == nil {
		t.Error("a note that is forgotten stands")
	}
	pub.write(batchOf(says("a", spec.Stopped, 0), retract{"b"}, forgetStop{"b"}))
	for _, path := range []string{pub.pids + "/a", pub.pids + "/b", p.Status("b"), p.StoppedDir() + "/b"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s stands", path)
		}
	}
	if told := e.heard(); told != nil {
		t.Errorf("told %q", told)
	}
}

// TestPIDFiles: they say what is true now, also where an earlier start has left
// some.
func TestPIDFiles(t *testing.T) {
	p := newState(t)
	pub, e := newPublisher(t, p)
	pub.write(batchOf(says("a", spec.Running, 1))) // without the directory
	must(t, os.Mkdir(pub.pids, 0o755))
	put(t, pub.pids+"/b", "77")
	pub.write(batchOf(says("b", spec.Waiting, 0)))
	if _, err := os.Stat(pub.pids + "/b"); err == nil {
		t.Error("the file of an earlier start stands")
	}
	pub.writeLeft()
	first, err := os.Stat(pub.pids + "/a")
	must(t, err)
	pub.write(batchOf(says("a", spec.Running, 1)))
	if again, err := os.Stat(pub.pids + "/a"); err != nil || !os.SameFile(first, again) {
		t.Error("rewritten though it says the same")
	}
	want := []string{"trouble pid files: write in " + pub.pids + ": no such file or directory", "trouble pid files: over"}
	if d := cmp.Diff(want, e.heard()); d != "" {
		t.Error(d)
	}
}

// TestFullDisk: what cannot be written is said once, however many files it is,
// and is written when it can be, unless it is not true any more.
func TestFullDisk(t *testing.T) {
	p := placesIn(smallDisk(t))
	must(t, makeState(osDisk{}, p))
	pub, e := newPublisher(t, p)
	pub.pids = ""
	pub.write(batchOf(says("a", spec.Starting, 1), says("b", spec.Running, 2)))
	ballast := fill(t, p.State)
	for i := range 20 {
		pub.write(batchOf(says("a", spec.Running, i), says(fmt.Sprint("s", i), spec.Running, 3), keepStop{"b", spec.StopNote{}}, keepStop{"c", spec.StopNote{}},
			record{spec.Event{Name: strings.Repeat("x", 5000)}}, finishedAnswer("m"), publishColony{spec.ColonyStatus{PID: 2}}))
		pub.writeLeft()
	}
	if got := statusOf(p, "a"); got != "starting 1" {
		t.Errorf("the old status is lost, and a new one cannot be written: %s", got)
	}
	told := e.heard()
	if len(told) != 3 {
		t.Errorf("told %d times: %q", len(told), told)
	}
	for _, s := range told {
		if !strings.HasSuffix(s, "no space left on device") {
			t.Errorf("told %q", s)
		}
	}
	must(t, os.Remove(ballast))
	pub.write(batchOf(says("a", spec.Stopped, 0), retract{"s1"}, forgetStop{"c"}))
	pub.writeLeft()
	got := []string{statusOf(p, "a"), statusOf(p, "s0"), statusOf(p, "s1"), statusOf(p, "s19")}
	if d := cmp.Diff([]string{"stopped 0", "running 3", "none", "running 3"}, got); d != "" {
		t.Error(d)
	}
	var note spec.StopNote
	var r spec.Result
	var colony spec.ColonyStatus
	must(t, readJSON(osDisk{}, p.StoppedDir()+"/b", &note), readJSON(osDisk{}, p.Result("m"), &r), readJSON(osDisk{}, p.Colony(), &colony))
	pub.write(batchOf(record{spec.Event{Name: "y"}}))
	if d := cmp.Diff([]string{"trouble events: over", "trouble status: over", "trouble results: over"}, e.heard()); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(p.StoppedDir() + "/c"); err == nil || !pub.left.empty() {
		t.Error("something is left")
	}
	list, _ := filepath.Glob(p.State + "/*/.tmp*")
	if len(list) > 0 {
		t.Errorf("left %q", list)
	}
}

// TestStateRemoved: directories that somebody removes are made again.
func TestStateRemoved(t *testing.T) {
	p := newState(t)
	pub, e := newPublisher(t, p)
	pub.pids = ""
	must(t, os.RemoveAll(p.State))
	pub.write(batchOf(says("a", spec.Running, 1), says("b", spec.Running, 1), finishedAnswer("m")))
	pub.writeLeft()
	if got := statusOf(p, "a") + " " + statusOf(p, "b"); got != "running 1 running 1" {
		t.Errorf("status %s", got)
	}
	want := []string{
		"trouble status: write in " + p.State + ": no such file or directory",
		"trouble results: write in " + p.ResultsDir() + ": no such file or directory",
		"trouble status: over", "trouble results: over"}
	if d := cmp.Diff(want, e.heard()); d != "" {
		t.Error(d)
	}
}

// TestSpecsAreKeptLater: what a life was started with is tried again too, until
// its service has another or is gone.
func TestSpecsAreKeptLater(t *testing.T) {
	p := newState(t)
	pub, e := newPublisher(t, p)
	pub.pids = ""
	must(t, os.RemoveAll(p.LivesDir()))
	one, two := specOf(t, argsOf("1")), specOf(t, argsOf("2"))
	pub.write(batchOf(keepSpec{"a", one}, keepSpec{"b", one}, keepSpec{"c", one}, keepSpec{"d", one}, retract{"d"}))
	pub.write(batchOf(keepSpec{"b", two}, retract{"c"}))
	must(t, makeState(osDisk{}, p))
	pub.write(batchOf(keepSpec{"e", one}))
	if told := e.heard(); len(told) != 1 || told[0] != "trouble lives: write in "+p.LivesDir()+": no such file or directory" {
		t.Errorf("told %q", told)
	}
	pub.writeLeft()
	got := map[string]string{}
	for _, path := range visible(osDisk{}, p.LivesDir()) {
		b, _ := os.ReadFile(path)
		got[filepath.Base(path)] = string(b)
	}
	if d := cmp.Diff(map[string]string{"a.json": argsOf("1"), "b.json": argsOf("2"), "e.json": argsOf("1")}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"trouble lives: over"}, e.heard()); d != "" {
		t.Error(d)
	}
	if !pub.left.empty() {
		t.Errorf("left %+v", pub.left)
	}
}

// TestSpoiltStatus: one file that cannot be written does not keep the others
// from being, nor say that all is well with the next.
func TestSpoiltStatus(t *testing.T) {
	p := newState(t)
	pub, e := newPublisher(t, p)
	pub.pids = ""
	must(t, os.MkdirAll(p.Status("a"), 0o755))
	put(t, p.Status("a")+"/x", "")
	pub.write(batchOf(says("a", spec.Running, 1), says("b", spec.Running, 1)))
	pub.write(batchOf(says("c", spec.Running, 1)))
	if got := statusOf(p, "b") + " " + statusOf(p, "c"); got != "running 1 running 1" {
		t.Errorf("status %s", got)
	}
	if d := cmp.Diff([]string{"trouble status: write " + p.Status("a") + ": not a regular file"}, e.heard()); d != "" {
		t.Error(d)
	}
	must(t, os.RemoveAll(p.Status("a")))
	pub.writeLeft()
	if d := cmp.Diff([]string{"trouble status: over"}, e.heard()); d != "" {
		t.Error(d)
	}
	pub.write(batchOf(finishedAnswer(strings.Repeat("n", 252)))) // and .json
	if !pub.left.empty() {
		t.Errorf("tries for ever to write a result that can have no name")
	}
}

// TestPublisherRetries: without being asked, less and less often, and for a
// last time at the end.
func TestPublisherRetries(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := placesIn(root)
		must(t, makeState(osDisk{}, p))
		pub, _ := newPublisher(t, p)
		pub.pids = ""
		batches := make(chan *batch)
		done := make(chan struct{})
		go func() { pub.run(batches); close(done) }()
		must(t, os.Mkdir(p.Status("a"), 0o755), os.Mkdir(p.Status("b"), 0o755))
		start := time.Now()
		batches <- batchOf(says("a", spec.Running, 1), says("b", spec.Running, 1))
		synctest.Wait()
		must(t, os.Remove(p.Status("a")))
		time.Sleep(retryFirst - time.Millisecond)
		batches <- batchOf(says("c", spec.Running, 1)) // does not put it off
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := statusOf(p, "a") + ", " + statusOf(p, "c"); got != "running 1, running 1" {
			t.Errorf("after %v: %s", time.Since(start), got)
		}
		must(t, os.Remove(p.Status("b")))
		close(batches)
		<-done
		if got := statusOf(p, "b"); got != "running 1" {
			t.Errorf("at the end: %s", got)
		}
	})
}

// TestUrgentEndsTheRest: whoever waits for an answer does not wait for a timer.
func TestUrgentEndsTheRest(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := placesIn(root)
		must(t, makeState(osDisk{}, p))
		pub, _ := newPublisher(t, p)
		urgent := make(chan struct{}, 1)
		pub.urgent = urgent
		const rest = 20 * time.Millisecond
		pub.rest = func(time.Duration) time.Duration { return rest }
		batches := make(chan *batch)
		done := make(chan struct{})
		go func() { pub.run(batches); close(done) }()
		start := time.Now()
		for range 10 {
			batches <- batchOf(finishedAnswer("m"))
			urgent <- struct{}{}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("ten answers take %v", d)
		}
		batches <- batchOf(says("a", spec.Running, 1))
		batches <- batchOf(says("a", spec.Running, 2))
		if d := time.Since(start); d != rest {
			t.Errorf("two changes are %v apart", d)
		}
		close(batches)
		<-done
	})
}

// TestFailures: the words for the same trouble are the same.
func TestFailures(t *testing.T) {
	var f failures
	if f.add("/d", nil) || f.first != nil {
		t.Error("nothing is a failure")
	}
	if !f.add("/d", fmt.Errorf("write /d/a: %w", syscall.ENOSPC)) || !f.add("/d", errors.New("other")) {
		t.Error("no failure")
	}
	if got := f.first.Error(); got != "write in /d: no space left on device" {
		t.Error(got)
	}
}
