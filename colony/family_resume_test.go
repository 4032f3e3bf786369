package colony

import (
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// After a kill of the supervisor each instance is taken on by its own name; the
// file may say other things by then.
func TestResumedInstances(t *testing.T) {
	code := 0
	status := func(name string, state spec.State, generation uint64) spec.Status {
		return spec.Status{Name: name, State: state, Generation: generation}
	}
	exited := status("web@2", spec.Exited, 3)
	exited.LastExit = &spec.Exit{Code: &code}
	exited.SpecSHA256 = specOf(t, `{"args":["x"],"instances":3,"restart":"on-failure"}`).Digest()
	heirOf := func(name string, generation uint64, pid int) heir {
		return heir{line: ledgerLine{Name: name, Generation: generation, PID: pid, Start: 1}, age: time.Minute,
			spec: []byte(`{"args":["x"],"instances":3,"restart":"on-failure"}`)}
	}
	tests := []struct {
		name  string
		file  string // "" = it is gone, "bad" = it is broken
		notes map[string]spec.StopNote
		lives []string
		want  []string // NAME STATE, of each
	}{
		{"as it was", `{"args":["x"],"instances":3,"restart":"on-failure"}`, nil,
			[]string{"web@1/5", "web@3/4"}, []string{"web@1 running", "web@2 exited", "web@3 running"}},
		{"more", `{"args":["x"],"instances":4,"restart":"on-failure"}`, nil,
			[]string{"web@1/5", "web@2/4", "web@3/4", "web@4/6"}, []string{"web@1 running", "web@2 running", "web@3 running", "web@4 running"}},
		{"fewer", `{"args":["x"],"instances":1,"restart":"on-failure"}`, nil,
			[]string{"web@1/5"}, []string{"web@1 running"}},
		{"none", `{"args":["x"],"instances":0,"restart":"on-failure"}`, nil,
			nil, []string{"web stopped"}},
		{"one without a number", `{"args":["x"],"restart":"on-failure"}`, nil,
			[]string{"web/6"}, []string{"web running"}},
		{"gone", "", nil, nil, nil},
		{"broken", "bad", nil,
			[]string{"web@1/5", "web@3/4"}, []string{"web@1 running", "web@2 invalid", "web@3 running"}},
		{"one is stopped", `{"args":["x"],"instances":3,"restart":"on-failure"}`, map[string]spec.StopNote{"web@3": {By: "a"}},
			[]string{"web@1/5"}, []string{"web@1 running", "web@2 exited", "web@3 stopped"}},
		{"all are stopped", `{"args":["x"],"instances":4,"restart":"on-failure"}`, map[string]spec.StopNote{"web": {By: "a"}},
			nil, []string{"web@1 stopped", "web@2 stopped", "web@3 stopped", "web@4 stopped"}},
		{"all are stopped, and one has their place", `{"args":["x"]}`, map[string]spec.StopNote{"web": {By: "a"}, "web@2": {By: "b"}},
			nil, []string{"web stopped"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			w.m = newModel(testPolicy, 1, spec.ColonyStatus{})
			w.rebirth = true
			w.m.resume(tt.notes, []spec.Status{status("web@1", spec.Running, 5), exited, status("web@3", spec.Running, 4)}, 0, true)
			w.m.begin(w.now, true, nil)
			w.m.inheritAll(w.now, estate{lives: []heir{heirOf("web@1", 5, 501), heirOf("web@3", 4, 503)}}, slog.New(slog.DiscardHandler))
			for _, pid := range []int{501, 503} {
				w.alive[pid] = spawn{life: lifeID{map[int]string{501: "web@1", 503: "web@3"}[pid], 1}, kind: kindService}
			}
			w.do(ticked{})
			names := map[string]bool{"web": true}
			switch tt.file {
			case "":
				names = map[string]bool{}
			case "bad":
				w.do(scanned{names: names}) // bad news comes late
				w.do(seen{name: "web", problem: &spec.Problem{Message: "bad"}})
			default:
				w.see("web", tt.file)
			}
			w.do(scanned{names: names})
			w.settle()
			w.wantLives(tt.lives...)
			w.wantPublished(tt.want...)
			if len(w.m.past)+len(w.m.notes) > 0 {
				t.Errorf("past %v, notes %v are left", w.m.past, w.m.notes)
			}
			if tt.file == "" && len(w.m.families) > 0 {
				t.Error("a family of nobody is left")
			}
			if tt.file == "bad" {
				for name, st := range w.status {
					if st.SpecError == nil {
						t.Errorf("%s does not say that its file is bad", name)
					}
				}
			}
		})
	}
}

// What requires others goes on after a kill, in whichever order they are taken on:
// nobody is missing, though nobody was looked at yet.
func TestResumedWithWhatTheyRequire(t *testing.T) {
	specs := map[string]string{"front": `{"args":["x"],"requires":["web"]}`, "web": `{"args":["x"],"instances":2,"requires":["db"]}`, "db": `{"args":["x"]}`}
	lives := []heir{}
	for i, name := range []string{"db", "front", "web@1", "web@2"} {
		file, _ := spec.Instance(name)
		lives = append(lives, heir{line: ledgerLine{Name: name, Generation: 5, PID: 501 + i, Start: 1}, age: time.Minute, spec: []byte(specs[file])})
	}
	for range 2 {
		slices.Reverse(lives)
		w := newWorld(t, testPolicy)
		w.m = newModel(testPolicy, 1, spec.ColonyStatus{})
		w.rebirth = true
		w.m.begin(w.now, true, nil)
		w.m.inheritAll(w.now, estate{lives: slices.Clone(lives)}, slog.New(slog.DiscardHandler))
		for _, v := range lives {
			w.alive[v.line.PID] = spawn{life: v.line.id(), kind: kindService}
		}
		w.do(ticked{})
		names := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(specs)) {
			names[name] = true
			w.see(name, specs[name])
		}
		w.do(scanned{names: names})
		w.settle()
		w.wantLives("db/5", "front/5", "web@1/5", "web@2/5")
		w.wantPublished("db running", "front running", "web@1 running", "web@2 running")
	}
}

// TestColdInstances: of another epoch only the stops count.
func TestColdInstances(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m = newModel(testPolicy, 1, spec.ColonyStatus{})
	w.m.resume(map[string]spec.StopNote{"web@2": {}, "web@5": {}, "gone": {}, "gone@1": {}},
		[]spec.Status{{Name: "web@1", State: spec.Exited, Generation: 7}, {Name: "web@4", State: spec.Running, Generation: 9}}, 0, false)
	w.m.begin(w.now, false, nil)
	w.see("web", instances(3))
	kept := w.stops(map[string]bool{"web@2": true, "web@5": true, "gone": true, "gone@1": true})
	w.do(scanned{names: map[string]bool{"web": true}})
	kept = w.stops(kept)
	w.settle()
	w.wantLives("web@1/10", "web@3/10")
	if diff := cmp.Diff(map[string]bool{"web@2": true}, kept); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}
