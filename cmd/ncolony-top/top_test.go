package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// aColony has one of each.
func aColony(t *testing.T) *supervisor {
	s := supervise(t, map[string]string{
		"web":    `{"args": ["sh", "-c", "while :; do echo tick $((n+=1)); sleep 0.1; done"], "env_inherit": ["PATH"], "log": {}}`,
		"db":     `{"args": ["sleep", "1000"], "env_inherit": ["PATH"]}`,
		"loop":   `{"args": ["sh", "-c", "exit 3"], "env_inherit": ["PATH"], "backoff": {"min": "1h", "jitter": 0}}`,
		"once":   `{"args": ["true"], "env_inherit": ["PATH"], "restart": "never"}`,
		"doomed": `{"args": ["sh", "-c", "exit 4"], "env_inherit": ["PATH"], "limit": {"restarts": 0, "within": "1m"}}`,
		"broken": "{\n  \"args\": [\"web\"],\n  \"uid\": -1\n}\n",
	})
	s.is("web", spec.Running)
	s.is("db", spec.Running)
	s.is("loop", spec.Backingoff)
	s.is("once", spec.Exited)
	s.is("doomed", spec.Failed)
	s.is("broken", spec.Invalid)
	s.is("@log", spec.Running)
	return s
}

// What is wrong stands first, the worst of it first, and then every service.
func TestOverview(t *testing.T) {
	s := aColony(t)
	w := open(t, s.root, 120, 40)
	text := w.shows("6 services: 2 running", "! doomed: failed: more than 0 restarts", "! loop: crash-looping: exited with code 3",
		"! broken: invalid: line 3 column 10: uid: ", "@log")
	order := regexp.MustCompile(`(?s)! doomed.*! loop.*! broken.*NAME.*broken.*db.*doomed.*loop.*once.*web.*@log`)
	if !order.MatchString(text) {
		t.Errorf("not in that order:\n%s", text)
	}
	// What they take is measured, and one can sort by it.
	w.until("memory is shown", func(text string) bool { return regexp.MustCompile(`web .*\d+\.\d +\d[\d.]*[KM]`).MatchString(text) })
	w.types("<<") // from the first to the last but one
	w.shows("by mem")
	row := regexp.MustCompile(`(?m)^.(web|db|@log) `)
	w.until("those that take memory stand first", func(text string) bool {
		table := text[strings.Index(text, "NAME"):]
		return len(row.FindAllString(table, -1)) == 3 && row.FindStringIndex(table)[0] < strings.Index(table, "once") &&
			strings.Index(table, "once") > strings.LastIndex(table, "db ")
	})
	// A helper that does not run is as bad as a service.
	s.write("probed", `{"args": ["sleep", "1000"], "env_inherit": ["PATH"], "ncolony.httpcheck": {"url": "http://127.0.0.1:1/", "period": 1}}`)
	w.shows("! @probe: crash-looping: could not be started: execute")
	s.write("no name", "{}")
	w.shows(`! bad file "no name"`)
}

// A service is found, looked at, restarted, stopped and started.
func TestAct(t *testing.T) {
	s := aColony(t)
	before := s.is("web", spec.Running).PID
	w := open(t, s.root, 80, 24)
	w.shows("web", "db")
	w.types("/we")
	w.lacks(" db ", "@log")
	w.shows("filter: we", "1 row")
	w.types("\r\r") // keep it; details
	w.shows(fmt.Sprintf("web is running, with pid %d, since", before), "wanted   Running", "policy   When it ends")
	w.types("r")
	w.shows(fmt.Sprintf("restart web? It is running, pid %d.  y = yes", before))
	w.types("n")
	w.lacks("restart web?")
	w.types("ry")
	w.shows(fmt.Sprintf("web: restarted, pid %d -> ", before))
	after := s.is("web", spec.Running)
	if after.PID == before || after.Restarts != 1 {
		t.Errorf("pid %d became %d with %d restarts; want one restart, and no request by n", before, after.PID, after.Restarts)
	}
	w.shows(fmt.Sprintf("web is running, with pid %d, since", after.PID))
	w.escapes("NAME")
	w.shows(fmt.Sprint(after.PID))
	w.types("xy")
	w.shows("web: stopped, pid was ")
	s.is("web", spec.Stopped)
	w.types("sy")
	w.shows("web: running, pid ")
	s.is("web", spec.Running)
	// What cannot be is told.
	w.escapes("@log")
	w.types("/broken\rry")
	w.shows("restart broken: ")
}

// Output is followed as it comes, can be looked back at and filtered.
func TestOutput(t *testing.T) {
	s := aColony(t)
	w := open(t, s.root, 80, 24)
	w.shows("web")
	w.types("/web\rl")
	tick := regexp.MustCompile(`(?m)^tick (\d+)$`)
	last := func(text string) string {
		all := tick.FindAllString(text, -1)
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1]
	}
	seen := last(w.until("more than a window full", func(text string) bool { return last(text) != "" && !strings.Contains(text, "tick 1\n") }))
	w.until("more comes", func(text string) bool { return last(text) != seen })
	w.types("g") // the beginning stays
	top := w.shows("not followed", "tick 1\n")
	w.types("G")
	w.until("the end again", func(text string) bool { return last(text) != last(top) && !strings.Contains(text, "not followed") })
	w.types("?")
	w.shows("Everywhere")
	w.escapes("output of web")
	seen = last(w.text())
	w.until("it is followed still", func(text string) bool { return last(text) != seen })
	w.types("/5")
	w.until("only lines with a 5", func(text string) bool {
		all := tick.FindAllString(text, -1)
		return len(all) > 0 && !slices.ContainsFunc(all, func(line string) bool { return !strings.Contains(line, "5") })
	})
	w.types("\x1b")
	w.until("all lines again", func(text string) bool { return strings.Contains(text, "6\n") && !strings.Contains(text, "filter: ") })
	w.escapes("NAME")
	w.escapes("@log")
	w.types("/db\rl") // nobody keeps that
	w.shows("its output is not captured")
}

// A supervisor that is killed is told to be gone, and what it said to be old; one
// that comes is seen.
func TestKilledSupervisor(t *testing.T) {
	s := aColony(t)
	w := open(t, s.root, 80, 24)
	w.lacks("(stale)", "no supervisor is running")
	w.shows("web")
	s.kill()
	w.shows("no supervisor is running", "running (stale)")
	w.types("/web\rx")
	w.shows("stop web when a supervisor runs again?")
	w.types("y")
	w.shows("web: no supervisor is running; the request lies in ")
	s.start()
	w.lacks("(stale)")
	s.is("web", spec.Stopped) // the request was not lost
}

// Nothing is lost or left over when the window gets another size, however small.
func TestResize(t *testing.T) {
	s := aColony(t)
	w := open(t, s.root, 80, 24)
	before := w.shows("RST", "NOTE", "Enter details")
	for _, size := range [][2]int{{40, 12}, {20, 6}, {160, 50}, {5, 3}, {1, 1}, {300, 100}, {100, 10}} {
		w.resize(size[0], size[1])
		w.until(fmt.Sprintf("%d columns and %d rows are used", size[0], size[1]), func(text string) bool {
			lines := strings.Split(text, "\n")
			last := lines[len(lines)-1] // the keys, cut off with a mark
			switch {
			case len(lines) != size[1] || size[0] < 10:
				return len(lines) == size[1]
			case !strings.HasPrefix(lines[0], "ncolony ") || !strings.HasPrefix(last, "Enter") || strings.HasSuffix(last, "…") != (size[0] < 80):
				return false
			}
			return size[1] < 6 || strings.Contains(text, ">broken")
		})
	}
	w.resize(80, 24)
	w.until("it is as before", func(text string) bool { return masked(text) == masked(before) })
	w.types("\r")
	w.shows("broken cannot run")
	w.resize(40, 20)
	w.until("the story is told in narrower lines", func(text string) bool {
		return strings.Contains(text, "wanted   Running: it has a spec, and\n         nobody")
	})
}

var coloured = regexp.MustCompile(`\x1b\[([0-9;]*;)?([349]\d|10\d)(;[0-9;]*)?m`)

// Colours are where they can be had and are wanted, and nothing depends on them.
func TestColours(t *testing.T) {
	s := aColony(t)
	for _, tc := range []struct {
		env      []string
		coloured bool
		bold     bool
	}{
		{[]string{"TERM=xterm-256color"}, true, true},
		{[]string{"TERM=xterm"}, true, true},
		{[]string{"TERM=xterm-256color", "NO_COLOR=1"}, false, true},
		{[]string{"TERM=vt100"}, false, true},
		{[]string{"TERM=dumb"}, false, false},
		{[]string{"TERM=dumb", "LANG=C"}, false, false},
	} {
		w := open(t, s.root, 80, 24, tc.env...)
		text := w.shows("! doomed: failed: ", ">broken")
		for y, line := range w.lines() {
			// Without colours, what is wrong must not be taken for what is selected.
			if want := tc.bold && (strings.HasPrefix(line, " NAME") || strings.HasPrefix(line, ">")); w.reversed(y) != want {
				t.Errorf("%v: reversed %v, want %v: %s", tc.env, !want, want, line)
			}
		}
		w.types("q")
		w.ends()
		sent := w.sent()
		if got := coloured.MatchString(sent); got != tc.coloured {
			t.Errorf("%v: colours %v, want %v", tc.env, got, tc.coloured)
		}
		if got := regexp.MustCompile(`\x1b\[[1-7]m`).MatchString(sent); got != tc.bold {
			t.Errorf("%v: bold or reverse %v, want %v", tc.env, got, tc.bold)
		}
		if slices.Contains(tc.env, "LANG=C") && (regexp.MustCompile(`[^\x00-\x7f]`).MatchString(text) || !strings.Contains(text, "invalid: line 3 colu.")) {
			t.Errorf("%v: not all is ASCII, with a dot for what is cut off:\n%s", tc.env, text)
		}
	}
}
