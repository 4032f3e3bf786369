package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func newLedger(t *testing.T, p spec.Places) (*ledger, *ear) {
	e := listen(t)
	return openLedger(osDisk{}, procFS{}, p, "now", newTroubles(e.outbox(), nil)), e
}

// living is what a later start reads.
func living(t *testing.T, p spec.Places) (all []string) {
	t.Helper()
	lines, err := readLedger(osDisk{}, p)
	must(t, err)
	for _, l := range lines {
		all = append(all, fmt.Sprint(l.Name, " ", l.Generation, " ", l.PID))
	}
	return all
}

func wantLiving(t *testing.T, p spec.Places, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, living(t, p)); d != "" {
		t.Errorf("lives (-want +got):\n%s", d)
	}
}

func newState(t *testing.T) spec.Places {
	p := placesIn(t.TempDir())
	must(t, makeState(osDisk{}, p))
	return p
}

func TestLedger(t *testing.T) {
	p := newState(t)
	if all := living(t, p); all != nil {
		t.Errorf("without a file: %q", all)
	}
	l, e := newLedger(t, p)
	us := os.Getpid()
	for _, name := range []string{"a", "b", "c"} {
		l.begin(lifeID{name, 1}, us, &spec.Spec{})
	}
	l.begin(lifeID{"short", 1}, 1<<22+1, &spec.Spec{}) // no such process any more
	l.end([]ended{{lifeID{"a", 1}, us}, {lifeID{"c", 1}, us}})
	l.begin(lifeID{"a", 2}, us, &spec.Spec{})
	wantLiving(t, p, fmt.Sprint("b 1 ", us), fmt.Sprint("a 2 ", us))
	lines, _ := readLedger(osDisk{}, p)
	st, err := readStat(us)
	must(t, err)
	if lines[0].Start != st.start || lines[0].Epoch != "now" {
		t.Errorf("noted %+v, started at %d", lines[0], st.start)
	}
	if fi, err := os.Stat(p.Children()); err != nil || fi.Mode() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if told := e.heard(); told != nil {
		t.Errorf("told %q", told)
	}
}

// TestTornLedger: what a crash has torn, and what we do not know, is passed
// over, and what follows is not lost with it.
func TestTornLedger(t *testing.T) {
	p := newState(t)
	put(t, p.Children(), `{"v":1,"name":"a","generation":1,"pid":10,"epoch":"now"}`+"\n"+
		`{"v":9,"name":"future","generation":1,"pid":11}`+"\n"+"garbage\n\n"+
		`{"v":1,"name":"b","generation":1,"pid":12,"epoch":"now"}`+"\n"+`{"v":1,"name":"c","gen`)
	wantLiving(t, p, "a 1 10", "b 1 12")
	l, _ := newLedger(t, p)
	l.begin(lifeID{"d", 1}, os.Getpid(), &spec.Spec{})
	l.end([]ended{{lifeID{"a", 1}, 10}})
	wantLiving(t, p, "b 1 12", fmt.Sprint("d 1 ", os.Getpid()))
}

// TestTwoEpochs: after a crash of the machine a life may have the name of one
// that was never seen to end.
func TestTwoEpochs(t *testing.T) {
	p := newState(t)
	put(t, p.Children(), `{"v":1,"name":"a","generation":1,"pid":10,"epoch":"old"}`+"\n"+
		`{"v":1,"name":"a","generation":1,"pid":20,"epoch":"now"}`+"\n")
	wantLiving(t, p, "a 1 20")
}

func TestLedgerIsCompacted(t *testing.T) {
	p := newState(t)
	put(t, p.Children(), `{"v":1,"name":"past","generation":1,"pid":10,"epoch":"before"}`+"\n"+
		`{"v":1,"name":"old","generation":1,"pid":10,"epoch":"now"}`+"\n"+strings.Repeat("x", ledgerLimit)+"\n")
	l, _ := newLedger(t, p)
	l.end([]ended{{lifeID{"none", 1}, 1}})
	wantLiving(t, p, "old 1 10")
	if fi, _ := os.Stat(p.Children()); fi.Size() > 200 {
		t.Errorf("%d bytes", fi.Size())
	}
	l.begin(lifeID{"new", 1}, os.Getpid(), &spec.Spec{}) // into the new file
	wantLiving(t, p, "old 1 10", fmt.Sprint("new 1 ", os.Getpid()))

	// If what is alive takes more than the limit it is not rewritten each time.
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, `{"v":1,"name":"%05000d","generation":1,"pid":10,"epoch":"now"}`+"\n", i)
	}
	put(t, p.Children(), b.String())
	l.end([]ended{{lifeID{"none", 1}, 1}})
	before, err := os.Stat(p.Children())
	must(t, err)
	l.end([]ended{{lifeID{"none", 1}, 1}})
	if after, err := os.Stat(p.Children()); err != nil || !os.SameFile(before, after) {
		t.Error("rewritten again at once")
	}
}

// TestTwoWriters: the spawner and the publisher.
func TestTwoWriters(t *testing.T) {
	p := newState(t)
	l, _ := newLedger(t, p)
	var wg sync.WaitGroup
	const lives = 300
	begun := make(chan lifeID, lives)
	wg.Go(func() {
		for i := range lives {
			id := lifeID{"s", uint64(i)}
			l.keepSpec("s", &spec.Spec{Raw: []byte{byte(i)}, SHA256: [32]byte{byte(i)}})
			l.begin(id, os.Getpid(), &spec.Spec{})
			begun <- id
		}
		close(begun)
	})
	wg.Go(func() {
		for id := range begun {
			if id.generation%100 != 0 {
				l.end([]ended{{id, os.Getpid()}})
			}
		}
	})
	wg.Wait()
	us := os.Getpid()
	wantLiving(t, p, fmt.Sprint("s 0 ", us), fmt.Sprint("s 100 ", us), fmt.Sprint("s 200 ", us))
}

func TestKeepSpec(t *testing.T) {
	p := newState(t)
	l, _ := newLedger(t, p)
	path := filepath.Join(p.LivesDir(), "web.json")
	one, two := specOf(t, argsOf("1")), specOf(t, argsOf("2"))
	l.keepSpec("web", one)
	first, err := os.Stat(path)
	must(t, err)
	if first.Mode() != 0o600 {
		t.Errorf("mode %v", first.Mode())
	}
	l.keepSpec("web", one)
	if again, err := os.Stat(path); err != nil || !os.SameFile(first, again) {
		t.Error("rewritten without a change")
	}
	l.keepSpec("web", two)
	if b, _ := os.ReadFile(path); string(b) != argsOf("2") {
		t.Errorf("kept %s", b)
	}
	must(t, os.RemoveAll(p.LivesDir()))
	if err := l.keepSpec("web", one); err == nil || err.Error() != "write "+path+": no such file or directory" {
		t.Errorf("without a directory: %v", err)
	}
	must(t, makeState(osDisk{}, p), l.keepSpec("web", one))
	if b, _ := os.ReadFile(path); string(b) != argsOf("1") {
		t.Errorf("kept %s", b)
	}
}

// TestLedgerComesBack: one that cannot be had at first, or is taken away, is
// begun as soon as it can.
func TestLedgerComesBack(t *testing.T) {
	p := newState(t)
	must(t, os.Mkdir(p.Children(), 0o755))
	l, e := newLedger(t, p)
	l.begin(lifeID{"lost", 1}, os.Getpid(), &spec.Spec{})
	l.keepSpec("web", specOf(t, argsOf("1"))) // needs no ledger
	if _, err := os.Stat(filepath.Join(p.LivesDir(), "web.json")); err != nil {
		t.Error(err)
	}
	must(t, os.Remove(p.Children()))
	if !l.behind() {
		t.Error("nothing is left to be written")
	}
	l.begin(lifeID{"a", 1}, os.Getpid(), &spec.Spec{})
	wantLiving(t, p, fmt.Sprint("lost 1 ", os.Getpid()), fmt.Sprint("a 1 ", os.Getpid()))
	if l.behind() {
		t.Error("something is left to be written")
	}
	must(t, os.Remove(p.Children()))
	l.begin(lifeID{"b", 1}, os.Getpid(), &spec.Spec{})
	wantLiving(t, p, fmt.Sprint("b 1 ", os.Getpid()))
	if d := cmp.Diff([]string{"trouble children: open " + p.Children() + ": is a directory", "trouble children: over"}, e.heard()); d != "" {
		t.Error(d)
	}
}

func TestLedgerOnFullDisk(t *testing.T) {
	p := placesIn(smallDisk(t))
	must(t, makeState(osDisk{}, p))
	l, e := newLedger(t, p)
	l.begin(lifeID{"a", 1}, os.Getpid(), &spec.Spec{})
	ballast := fill(t, p.State)
	for i := range 200 {
		id := lifeID{strings.Repeat("x", 90), uint64(i)}
		l.begin(id, os.Getpid(), &spec.Spec{})
		if i > 0 {
			l.end([]ended{{id, os.Getpid()}})
		}
	}
	if n := len(l.left); n > 100 {
		t.Errorf("%d lines are kept of what has begun and ended", n)
	}
	must(t, os.Remove(ballast))
	l.begin(lifeID{"b", 1}, os.Getpid(), &spec.Spec{})
	told := e.heard()
	if len(told) < 2 || !strings.HasSuffix(told[0], "no space left on device") || told[len(told)-1] != "trouble children: over" {
		t.Errorf("told %q", told)
	}
	if all := living(t, p); all[0] != fmt.Sprint("a 1 ", os.Getpid()) || all[len(all)-1] != fmt.Sprint("b 1 ", os.Getpid()) {
		t.Errorf("lives: %q", all)
	}
}
