package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// life is what a child and its killer know of one life.
type life struct {
	pid    int
	begun  int    // place in the log, from 1
	ended  int    // likewise; 0 = it could not say
	code   string // what it said it ends with
	killed bool   // by us, with KILL
}

// For a while (CHAOS, 10s in make check, 60s in make chaos), services end by
// themselves, are killed, changed, removed and added, requests come, and the
// supervisor is killed and upgraded. In the end what the children have written
// down themselves agrees with what the supervisor says: nothing was run twice at
// a time, nothing was lost, and every end is told right.
func TestChaos(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("CHAOS"))
	if err != nil {
		t.Skip("CHAOS is not set: see make chaos")
	}
	n := 200
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := newColony(t)
	script, err := filepath.Abs("testdata/child.sh")
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(c.root, "children")
	write := func(name string) {
		seconds, code := 600.0, 3
		if rnd.IntN(4) == 0 {
			seconds = 1 + 4*rnd.Float64()
		}
		c.add(name, map[string]any{"args": []string{"/bin/sh", script, log, fmt.Sprintf("%.2f", seconds), strconv.Itoa(code)}, "env_inherit": []string{"PATH"},
			"backoff": map[string]any{"min": 0.05, "max": 0.2}, "stop": map[string]any{"grace": 5}})
	}
	name := func() string { return fmt.Sprintf("s%03d", rnd.IntN(n)) }
	for i := range n {
		write(fmt.Sprintf("s%03d", i))
	}
	c.start()
	c.until("all run once", func() bool { b, _ := os.ReadFile(log); return strings.Count(string(b), "begin") >= n })
	killed := map[int]bool{}
	var murders []time.Time
	did := map[string]int{}
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Duration(rnd.IntN(30)) * time.Millisecond) {
		switch k := rnd.IntN(100); {
		case k < 40: // a child dies
			if st, err := ctl.StatusOf(c.places, name()); err == nil && st.PID != 0 && ours(st) {
				killed[st.PID] = true
				syscall.Kill(st.PID, syscall.SIGKILL)
				did["kills"]++
			}
		case k < 60:
			ctl.Restart(c.places, name())
			did["restarts"]++
		case k < 75:
			write(name())
			did["edits"]++
		case k < 80:
			os.Remove(filepath.Join(c.places.Config, name()))
			did["removals"]++
		case k < 90:
			write(name())
		case k < 94:
			ctl.Send(c.places, spec.Message{Type: spec.Upgrade, Path: binary})
			did["upgrades"]++
		case k < 96:
			murders = append(murders, time.Now())
			c.murder()
			if rnd.IntN(2) == 0 {
				time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond)
			}
			c.start()
			did["murders"]++
		}
	}
	for i := range n { // all of them, for good
		c.add(fmt.Sprintf("s%03d", i), map[string]any{"args": []string{"/bin/sh", script, log, "600", "3"}, "env_inherit": []string{"PATH"}})
	}
	c.until("all is settled", func() bool {
		st, err := ctl.Colony(c.places)
		return err == nil && st.PID == c.cmd.Process.Pid && st.Counts[spec.Running] == n && len(st.Counts) == 1
	})
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	c.cmd = nil
	t.Logf("%v: %v", length, did)
	judge(t, readLives(t, log, killed), c.events(), murders)
}

// ours makes sure that a pid read from a file is still the child's.
func ours(st *spec.Status) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", st.PID))
	return err == nil && strings.Contains(string(env), fmt.Sprintf(":%s:%d\x00", st.Name, st.Generation))
}

// readLives reads what the children have said, by name and generation.
func readLives(t *testing.T, log string, killed map[int]bool) map[string]map[uint64]*life {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[uint64]*life{}
	at := 0
	for line := range strings.Lines(string(b)) {
		at++
		f := strings.Fields(line)
		generation, err := strconv.ParseUint(f[2], 10, 64)
		if err != nil {
			t.Fatalf("line %d: %q", at, line)
		}
		if all[f[1]] == nil {
			all[f[1]] = map[uint64]*life{}
		}
		l := all[f[1]][generation]
		switch {
		case f[0] == "begin" && l != nil:
			t.Errorf("%s, generation %d, has begun twice", f[1], generation)
		case f[0] == "begin":
			pid, _ := strconv.Atoi(f[3])
			all[f[1]][generation] = &life{pid: pid, begun: at, killed: killed[pid]}
		case l == nil:
			t.Errorf("line %d: an end without a beginning: %q", at, line)
		default:
			l.ended, l.code = at, f[4]
		}
	}
	return all
}

// judge compares what the children say with what the events say.
func judge(t *testing.T, all map[string]map[uint64]*life, events map[string][]spec.Event, murders []time.Time) {
	t.Helper()
	lives, unknown := 0, 0
	for name, byGeneration := range all {
		exits := map[uint64][]*spec.Exit{}
		for _, e := range events[name] {
			if e.Type == spec.EventExited {
				exits[e.Generation] = append(exits[e.Generation], e.Exit)
			}
		}
		for generation, l := range byGeneration {
			lives++
			// The next life of the service begins after this one has ended.
			for later, o := range byGeneration {
				if later > generation && (o.begun < l.begun || l.ended > o.begun) {
					t.Errorf("%s: generation %d has begun before %d has ended", name, later, generation)
				}
			}
			told := exits[generation]
			switch {
			case len(told) == 0:
				t.Errorf("%s, generation %d, pid %d: its end is not told; it said %q%s", name, generation, l.pid, l.code, story(events[name]))
				continue
			case len(told) > 1 && !same(told): // an exit may be told twice around a kill of the supervisor
				t.Errorf("%s, generation %d: its end is told in %d ways", name, generation, len(told))
			}
			e := told[0]
			switch {
			case e.Unknown:
				unknown++
				// It ends when the next one has found out, which may take its time.
				if !slices.ContainsFunc(murders, func(at time.Time) bool { return e.At.After(at) && e.At.Before(at.Add(30*time.Second)) }) {
					t.Errorf("%s, generation %d: its end is unknown, though the supervisor was not killed then", name, generation)
				}
			case l.ended > 0 && e.Code != nil && strconv.Itoa(*e.Code) == l.code:
			case l.ended == 0 && e.Signal == "KILL":
			case e.Signal == "KILL" && l.killed: // between its last word and its end
			case l.ended == 0 && e.Signal == "TERM": // before it could listen
			default:
				t.Errorf("%s, generation %d, pid %d: told as %v; it said %q, killed by us: %v", name, generation, l.pid, e, l.code, l.killed)
			}
		}
	}
	t.Logf("%d lives, %d of them with an end that nobody saw", lives, unknown)
}

func same(told []*spec.Exit) bool {
	for _, e := range told[1:] {
		if e.String() != told[0].String() && !e.Unknown && !told[0].Unknown {
			return false
		}
	}
	return true
}

// story is what the events say of a service.
func story(events []spec.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n  %d %s generation %d %s pid %d %v %s %s", e.Seq, e.Time.Format("05.000"), e.Generation, e.Type, e.PID, e.Exit, e.Reason, e.Error)
	}
	return b.String()
}
