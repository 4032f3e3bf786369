package colony

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// planted are bugs that could come back: each is a line of the supervisor as it
// would be written by somebody who has not thought of something. alphabet is the
// one of the exploration that finds what schedules find late; "" = they do.
var planted = []struct{ name, file, right, wrong, alphabet string }{
	{"a message for another life is obeyed", "requests.go", "	return msg.Generation != nil && (!live || *msg.Generation != s.generation) ||\n", "	return msg.Generation != nil && !live ||\n", ""},
	{"a restart is answered before it has come to pass", "requests.go", "case s.phase == up && s.life.ready && s.generation > a.after && m.mayRun(s):", "case s.generation > a.after:", ""},
	{"every start forgives the failures before", "lives.go", "		s.busy = 0\n", "		s.busy, s.delay = 0, 0\n", ""},
	{"a group is signalled after its leader was reaped", "lives.go", "	if !ev.reaped {\n		m.emit(signal{pid: ev.pid, group: true, signal: s.life.rest()})\n	}\n", "	m.emit(signal{pid: ev.pid, group: true, signal: s.life.rest()})\n", ""},
	{"a child is reaped before its death is handled", "loop.go", "	l.turn(ev)\n	l.kernel.reap(ev.pid)\n", "	l.kernel.reap(ev.pid)\n	l.turn(ev)\n", ""},
	{"an exit that comes before its start is forgotten", "lives.go", "	case !ok && len(m.orders) > 0:", "	case !ok && len(m.orders) > 1000:", ""},
	{"the next life does not wait for what is left of the last", "lives.go", "|| l.unclear || len(l.left) > 0 {", "{", ""},
	{"a message is acted on before it is taken away", "messages.go", "	err := d.disk.remove(filepath.Join(d.path, l.file))\n", "	d.out.send(ev)\n	err := d.disk.remove(filepath.Join(d.path, l.file))\n", ""},
	{"a stop is lost while a service waits to start again", "requests.go", "	s.stopped = &note\n", "	if s.phase != backoff {\n		s.stopped = &note\n	}\n", ""},
	{"an edit starts the new process beside the old one", "reconcile.go", "	case stopping:\n", "	case stopping:\n		if !s.life.asked && s.spec != nil && !spec.SameProcess(s.life.spec, s.spec) {\n			s.life = life{}\n			delete(m.leaving, s)\n			m.setPhase(s, down)\n			m.touch(s)\n		}\n", ""},
	{"what the ledger says is over may not have been told", "publisher.go", "	if len(b.events) > 0 {\n		p.writeEvents(b.events)", "	if len(b.ends) > 0 {\n		p.ledger.end(b.ends)\n	}\n	if len(b.events) > 0 {\n		p.writeEvents(b.events)", ""},
	{"a daemon is taken for the main process that has left it behind", "survivors.go", "case b.leader && !(published && st.State == spec.Stopping):", "case b.leader:", ""},
	{"the numbers of lives begin anew", "places.go", "if !old.resumption && h.keepGenerations(old) == nil {", "if !old.resumption {", ""},
	{"a file that does not parse counts as removed", "configdir.go", "gone: f.absent()})", "gone: f.spec == nil})", ""},
	{"a service is stopped before those that require it", "depend.go", "	if m.drain.on && m.drain.rude {\n		return false\n", "	if m.drain.rude || !m.drain.rude {\n		return false\n", ""},
	{"a service whose dependency restarts is stopped", "depend.go", "		return fit\n	}\n	return coming\n", "		return fit\n	}\n	return lost\n", ""},
	{"a service whose dependency is removed goes on", "depend.go", "(st == lost || st == absent && (known || m.looked))", "(st == lost && (known || m.looked))", ""},
	{"the failure of a job is taken for success", "depend.go", "	case s.over == hasExited && succeeded(s):\n", "	case s.over == hasExited:\n", ""},
	{"a restart does not wait for those that have to stop first", "reconcile.go", "	if !m.mayRun(s) {\n", "	if !m.mayRun(s) && !s.restart && spec.SameProcess(s.life.spec, s.spec) {\n", "drain in reverse and in time"},
	{"a start passes for done while a stop waits for others", "requests.go", "s.life.ready && m.mayRun(s):\n		m.settleAsk(s, a, \"\", s.life.pid)\n	default:", "s.life.ready:\n		m.settleAsk(s, a, \"\", s.life.pid)\n	default:", "requires: stop"},
	{"READY of a life that is over counts for the next", "ready.go", "s == nil || s.lifeID() != ev.life || ", "s == nil || ", ""},
	{"READY that comes before its start is lost", "ready.go", "		l.ready = true // what follows from it does when it is up\n", "", ""},
	{"the deadline of a life is that of the next", "step.go", "	m.setDue(s, 0)\n	before := s.alive()\n", "	before := s.alive()\n", ""},
	{"a supervisor that did not run blames its services", "ready.go", "l.next()) > lateness\n", "l.next()) > 1000000*lateness\n", ""},
	{"limit never forgets", "limit.go", ">= within {", ">= 1000*within {", ""},
	{"limit counts what somebody has asked for", "restart.go", "	case s.restart || l.asked || s.gone ||", "	case s.gone ||", "restart policies"},
	{"the lowest instances go first", "family.go", "		if s.number > count && !s.gone {", "		if s.number <= len(f.members)-count && !s.gone {", ""},
	{"an instance that is started forgets the stop of the others", "family_requests.go", "			m.emit(keepStop{o.name, *o.stopped})\n", "			_ = o\n", ""},
	{"instances do not wait for those that require all of them", "family_depend.go", "if st := m.standingOf(s); st == coming || st == fit {", "if st := s.standing; st == coming || st == fit {", ""},
	{"a broken file stops its instances", "family.go", "			s.problem, news = p, true\n", "			s.problem, s.gone, news = p, true, true\n", ""},
	{"an upgrade forgets the failures", "snapshot.go", "		v.Failures = append(v.Failures, savedMoment{f.mono, f.wall})\n", "		_ = f\n", "limit"},
}

var exploreSaid = regexp.MustCompile(`--- FAIL: TestExplore/(\S+) .*\n.*_test.go:\d+: (.*)`)

var simSaid = regexp.MustCompile(`SEED=(\d+) SIM=1: (.*)`)

// TestPlantedBugs plants each bug in a copy of the source, and demands that
// simulation or exploration finds it. Only what these need is compiled.
func TestPlantedBugs(t *testing.T) {
	every := map[string]int{"all": 1, "some": 6}[os.Getenv("PLANT")]
	if every == 0 {
		t.Skip("PLANT is not set: see make planted")
	}
	dir := t.TempDir()
	for i, p := range planted {
		if i%every != 0 {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			src, err := os.ReadFile(p.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(src), p.right); n != 1 {
				t.Fatalf("%s: the right line is there %d times", p.file, n)
			}
			wrong := filepath.Join(dir, p.file)
			if err := os.WriteFile(wrong, []byte(strings.Replace(string(src), p.right, p.wrong, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			bin := compilePlanted(t, dir, p.file, wrong)
			if p.alphabet != "" && explorePlanted(t, bin, "/^"+regexp.QuoteMeta(strings.ReplaceAll(p.alphabet, " ", "_"))+"$") {
				return
			}
			began := time.Now()
			find := exec.Command(bin, "-test.run", "^TestSimulation$")
			find.Env = append(os.Environ(), "SIM=30000", "SEED=1")
			out, err := find.CombinedOutput()
			if said := simSaid.FindStringSubmatch(string(out)); err != nil && said != nil {
				t.Logf("found by schedule %s in %v: %s", said[1], time.Since(began).Round(10*time.Millisecond), said[2])
				return
			}
			if !explorePlanted(t, bin, "") {
				t.Fatal("30,000 schedules do not find it, nor does the exploration")
			}
		})
	}
}

// explorePlanted reports whether the exploration finds the bug, with one alphabet
// or all.
func explorePlanted(t *testing.T, bin, alphabet string) bool {
	t.Helper()
	began := time.Now()
	find := exec.Command(bin, "-test.run", "^TestExplore$"+alphabet, "-test.failfast")
	find.Env = append(os.Environ(), "EXPLORE=all")
	out, err := find.CombinedOutput()
	said := exploreSaid.FindStringSubmatch(string(out))
	if err == nil || said == nil {
		return false
	}
	t.Logf("found by the exploration of %q in %v: %s", said[1], time.Since(began).Round(10*time.Millisecond), said[2])
	return true
}

// compilePlanted compiles the package's simulation with one file replaced.
func compilePlanted(t *testing.T, dir, file, wrong string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{filepath.Join(here, file): wrong}
	tests, _ := filepath.Glob(filepath.Join(here, "*_test.go"))
	for _, path := range tests {
		if base := filepath.Base(path); !strings.HasPrefix(base, "sim_") && !strings.HasPrefix(base, "explore_") && base != "world_test.go" || base == "sim_planted_test.go" {
			replace[path] = "" // as if it were not there
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "planted.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return bin
}
