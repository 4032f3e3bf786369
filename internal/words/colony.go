package words

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ColonyNotes are lines about what is wrong with the colony as a whole.
func ColonyNotes(c *spec.ColonyStatus, alive bool) (lines []string) {
	if c == nil {
		return nil
	}
	if alive && c.Draining {
		lines = append(lines, "the colony is shutting down")
	}
	for _, file := range slices.Sorted(maps.Keys(c.BadFiles)) {
		lines = append(lines, BadFile(file, c.BadFiles[file]))
	}
	for _, what := range slices.Sorted(maps.Keys(c.Degraded)) {
		lines = append(lines, OneLine(fmt.Sprintf("degraded: %s: %s", what, c.Degraded[what])))
	}
	if c.Panics > 0 {
		lines = append(lines, fmt.Sprintf("panics: the supervisor has recovered from %d", c.Panics))
	}
	return lines
}

// BadFile names a file that is no spec once, though its key may be quoted
// already and the reason may begin with its name.
func BadFile(file, why string) string {
	if !strings.HasPrefix(file, `"`) {
		file = strconv.Quote(file)
	}
	return OneLine(fmt.Sprintf("bad file %s: %s", file, strings.TrimPrefix(why, "name "+file+": ")))
}

// Urgency orders states by how much they want to be seen, the most urgent first.
func Urgency(s spec.State) int {
	order := []spec.State{spec.Invalid, spec.Failed, spec.Backingoff, spec.Stopping, spec.Starting, spec.Waiting}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// Headline says in width characters which colony it is, who supervises it, and
// when this is. c is nil where nothing is known. Where there is not room for all, the
// end of the directory tells most.
func Headline(p spec.Places, c *spec.ColonyStatus, alive bool, now time.Time, width int) string {
	who := ""
	switch {
	case !alive:
		who = "  no supervisor is running; this is what the last one said"
	case c != nil:
		who = fmt.Sprintf("  pid %d  up %s  %s", c.PID, Ago(now.Sub(c.Started)), c.Version)
	}
	const program = "ncolony "
	clock := now.Local().Format(time.TimeOnly)
	where := []rune(Colony(p))
	room := width - len(clock) - 2
	keep := max(room-len(program)-utf8.RuneCountInString(who), shortestPlace)
	if keep < len(where) {
		where = append([]rune("…"), where[len(where)-keep+1:]...)
	}
	text := Cut(program+string(where)+who, max(room, 0))
	gap := max(width-utf8.RuneCountInString(text)-len(clock), 0)
	return Cut(text+strings.Repeat(" ", gap)+clock, width)
}

// shortestPlace is how much of a directory a headline keeps, however narrow.
const shortestPlace = 12

// Colony is the directory by which people know a colony.
func Colony(p spec.Places) string {
	root := filepath.Dir(p.State)
	if filepath.Dir(p.Config) == root && filepath.Dir(p.Messages) == root {
		return root
	}
	return p.State
}

// Summary counts services by state.
func Summary(statuses []spec.Status) string {
	counts := map[spec.State]int{}
	services := 0
	for _, st := range statuses {
		if !strings.HasPrefix(st.Name, "@") { // a helper is none of one's own
			counts[st.State]++
			services++
		}
	}
	var parts []string
	for _, state := range spec.States {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	if services == 0 {
		return "no services"
	}
	return Counted(services, "service") + ": " + strings.Join(parts, ", ")
}
