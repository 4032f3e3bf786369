package colony

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestInterrupted: whoever waits for a result that an earlier supervisor has
// not finished is told so.
func TestInterrupted(t *testing.T) {
	p := newState(t)
	received, done := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	finished := spec.Result{OK: true, Type: spec.Rescan, Received: received, Finished: &done}
	must(t, writeResult(osDisk{}, p, "done", finished),
		writeResult(osDisk{}, p, "open", spec.Result{Type: spec.RestartService, Name: "web", Received: received}))
	put(t, p.Result("garbage"), "{")
	put(t, p.ResultsDir()+"/.tmp-1.json", "{}")
	put(t, p.ResultsDir()+"/notes.txt", "{}")
	must(t, os.Mkdir(p.Result("dir"), 0o755))
	now := time.Unix(3, 0).UTC()
	r, interrupted, err := openResults(osDisk{}, p, now, nil)
	must(t, err)
	for _, a := range interrupted {
		must(t, r.write(a))
	}
	if len(r.order) != 4 {
		t.Errorf("knows of %q", r.order)
	}
	want := map[string]spec.Result{
		"done": finished,
		"open": {Error: "interrupted", Type: spec.RestartService, Name: "web", Received: received, Finished: &now},
	}
	got := map[string]spec.Result{}
	for file := range want {
		var res spec.Result
		must(t, readJSON(osDisk{}, p.Result(file), &res))
		got[file] = res
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for path, want := range map[string]string{p.Result("garbage"): "{", p.ResultsDir() + "/.tmp-1.json": "{}", p.ResultsDir() + "/notes.txt": "{}"} {
		if b, _ := os.ReadFile(path); string(b) != want {
			t.Errorf("%s is now %q", path, b)
		}
	}
}

// TestOldResultsGo: the newest stay, by their time and not by their name.
func TestOldResultsGo(t *testing.T) {
	p := newState(t)
	base := time.Now().Add(-time.Hour)
	for i := range keptResults + 3 {
		file := fmt.Sprintf("m%04d", (i+500)%(keptResults+3))
		must(t, os.WriteFile(p.Result(file), []byte(`{"finished": "2026-01-01T00:00:00Z"}`), 0o640))
		must(t, os.Chtimes(p.Result(file), base, base.Add(time.Duration(i)*time.Second)))
	}
	r, _, err := openResults(osDisk{}, p, time.Now(), nil)
	must(t, err)
	stands := func(file string) bool {
		_, err := os.Stat(p.Result(file))
		return err == nil
	}
	wantStands := func(want string, files ...string) {
		t.Helper()
		var got []string
		for _, f := range files {
			if stands(f) {
				got = append(got, f)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("there are %s; want %s", s, want)
		}
	}
	wantStands("m0503 m0499", "m0500", "m0501", "m0502", "m0503", "m0499")
	must(t, r.write(finishedAnswer("m0600"))) // again: it takes no more room
	wantStands("m0503", "m0503")
	must(t, r.write(finishedAnswer("m0503")), r.write(finishedAnswer("new"))) // now it is the newest but one
	wantStands("m0503 m0505 new", "m0503", "m0504", "m0505", "new")
	list, err := os.ReadDir(p.ResultsDir())
	must(t, err)
	if len(list) != keptResults {
		t.Errorf("%d results", len(list))
	}
}

func TestNoResults(t *testing.T) {
	p := newState(t)
	must(t, os.Remove(p.ResultsDir()))
	r, _, err := openResults(osDisk{}, p, time.Now(), nil)
	if err == nil {
		t.Error("no error")
	}
	if r.write(finishedAnswer("m")) == nil {
		t.Error("no error")
	}
	must(t, makeState(osDisk{}, p), r.write(finishedAnswer("m")))
}
