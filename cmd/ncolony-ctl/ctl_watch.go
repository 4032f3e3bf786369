package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/terminal"
	"github.com/ncolony/ncolony-go/internal/words"
)

// watchPoll is how often a watch looks; aliveEvery, how often it asks for the
// supervisor's lock.
const (
	watchPoll  = 500 * time.Millisecond
	aliveEvery = time.Second
)

// watch is somebody who looks at statuses again and again.
type watch struct {
	places spec.Places
	names  []string // empty = all
	seen   ctl.Seen
	asked  time.Time // when alive was looked at
	alive  bool
}

// view is what one look has found.
type view struct {
	now      time.Time
	places   spec.Places
	statuses []spec.Status
	changed  []string
	alive    bool
	colony   *spec.ColonyStatus // nil: nothing is known
	err      error
}

// watchStatus shows statuses until it is interrupted.
func watchStatus(cmd *cobra.Command, p spec.Places, names []string, asJSON bool) error {
	if _, _, err := ctl.Alive(p); err != nil { // one that has only just begun has to clear away old statuses first
		return about(cmd, "", explain(err))
	}
	for _, name := range names {
		if err := unknown(p, name); err != nil {
			return about(cmd, name, explainNoService(err))
		}
	}
	// Who may not look is told so; any other trouble may pass.
	if _, err := ctl.Status(p, names...); errors.Is(err, fs.ErrPermission) {
		return about(cmd, "", explain(err))
	}
	out := cmd.OutOrStdout()
	ctx, cancel := untilInterrupted(out)
	defer cancel()
	w := &watch{places: p, names: names}
	if f, ok := out.(*os.File); ok && !asJSON && terminal.Is(f) && os.Getenv("TERM") != "dumb" {
		return about(cmd, "", w.onScreen(ctx, &screen{out: f, in: os.Stdin}))
	}
	return about(cmd, "", w.inLines(ctx, cmd, asJSON))
}

func (w *watch) look() view {
	v := view{now: time.Now(), places: w.places}
	v.statuses, v.changed, v.err = w.seen.Look(w.places, w.names...)
	if v.now.Sub(w.asked) >= aliveEvery {
		_, alive, err := ctl.Alive(w.places)
		w.asked, w.alive = v.now, alive
		v.err = errors.Join(v.err, err)
	}
	v.alive = w.alive
	c, err := colonyOf(w.places)
	v.colony = c
	v.err = errors.Join(v.err, err)
	return v
}

// onScreen keeps a table up to date in place.
func (w *watch) onScreen(ctx context.Context, s *screen) error {
	// Before enter, so that no signal leaves the terminal as we have made it.
	resized, suspended, stop := s.signals()
	defer stop()
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	quit := s.quitKey()
	tick := time.NewTicker(watchPoll)
	defer tick.Stop()
	for {
		width, height := s.size()
		v := w.look()
		if err := s.show(v.frame(width, height, os.Getenv("NO_COLOR") == "")); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-quit:
			return nil
		case <-tick.C:
		case <-resized:
			s.forget()
		case <-suspended:
			if err := s.suspend(); err != nil {
				return err
			}
		}
	}
}

// frame is v in the lines of a window.
func (v *view) frame(width, height int, coloured bool) []string {
	lines := []string{words.Headline(v.places, v.colony, v.alive, v.now, width), words.Cut(words.Summary(v.statuses), width), ""}
	var notes []string
	if v.err != nil {
		notes = append(notes, words.Cut(words.OneLine(explain(v.err).Error()), width))
	}
	for _, line := range words.ColonyNotes(v.colony, v.alive) {
		notes = append(notes, words.Cut(line, width))
	}
	statuses := v.statuses
	room := height - len(lines) - len(notes) - 1 // the head of the table
	if more := len(statuses) - room; more > 0 && room > 0 {
		// Those that are well are what one can do without.
		statuses = slices.Clone(statuses)
		slices.SortStableFunc(statuses, func(a, b spec.Status) int { return words.Urgency(a.State) - words.Urgency(b.State) })
		statuses = statuses[:room-1]
		notes = append([]string{words.Cut(fmt.Sprintf("and %d more, for which the window is too small", more+1), width)}, notes...)
	}
	if len(statuses) > 0 {
		t := statusTable(statuses, v.now, !v.alive)
		for _, row := range t.rows { // a long reason must not push the note out of the window
			row[exitColumn].text = words.Cut(row[exitColumn].text, max(width/4, 12))
		}
		lines = append(lines, t.lines(width, coloured)...)
	}
	lines = append(lines, notes...)
	return lines[:min(len(lines), height)]
}

// inLines prints what is, then a line for each change, for whoever reads a pipe
// or a file.
func (w *watch) inLines(ctx context.Context, cmd *cobra.Command, asJSON bool) error {
	out := cmd.OutOrStdout()
	before := map[string]spec.Status{}
	first, alive, trouble := true, true, ""
	for {
		v := w.look()
		if now := errorText(v.err); now != trouble {
			if trouble = now; now != "" {
				note(cmd, "%s", now)
			}
		}
		if v.alive != alive {
			if alive = v.alive; alive {
				note(cmd, "a supervisor is running")
			} else {
				note(cmd, "%v; going on with what the last one said", ctl.ErrNoSupervisor)
			}
		}
		var err error
		switch {
		case asJSON:
			err = v.writeJSON(out)
		case first:
			err = statusTable(v.statuses, v.now, !v.alive).write(out, false)
		default:
			err = v.writeChanges(out, before)
		}
		if err != nil {
			return err
		}
		v.keep(before)
		first = false
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPoll):
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return words.OneLine(explain(err).Error())
}

// removedLine is what a watch says in JSON of a service that is gone.
type removedLine struct {
	Name    string `json:"name"`
	Removed bool   `json:"removed"`
}

func (v *view) writeJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, name := range v.changed {
		var line any = removedLine{name, true}
		if st := v.status(name); st != nil {
			line = st
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// status is that of name, nil if there is none.
func (v *view) status(name string) *spec.Status {
	if i := slices.IndexFunc(v.statuses, func(st spec.Status) bool { return st.Name == name }); i >= 0 {
		return &v.statuses[i]
	}
	return nil
}

// writeChanges writes a line for each service whose state, life, spec, reason, or
// what it waits for, is another than before.
func (v *view) writeChanges(out io.Writer, before map[string]spec.Status) error {
	for _, name := range v.changed {
		was, known := before[name]
		text := "removed"
		if st := v.status(name); st != nil {
			if known && was.State == st.State && was.Generation == st.Generation && was.Reason == st.Reason && slices.Equal(was.WaitingFor, st.WaitingFor) && sameProblem(was.SpecError, st.SpecError) {
				continue
			}
			text = describeChange(st, v.now)
		} else if !known {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s  %-12s  %s\n", v.now.Local().Format(words.TimeFormat), name, words.OneLine(text)); err != nil {
			return err
		}
	}
	return nil
}

// keep brings what was seen before up to date. A look that has failed takes
// nothing away from it.
func (v *view) keep(before map[string]spec.Status) {
	for _, name := range v.changed {
		delete(before, name)
	}
	for _, st := range v.statuses {
		before[st.Name] = st
	}
}

func sameProblem(a, b *spec.Problem) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// describeChange says what a service has come to be.
func describeChange(st *spec.Status, now time.Time) string {
	parts := []string{describeState(st)}
	if st.PID == 0 && st.LastExit != nil && st.State != spec.Starting {
		parts[0] = string(st.State)
		parts = append(parts, words.Exit(st.LastExit))
	}
	if note := noteCell(st, now).text; note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, "; ")
}
