package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// followLast is how much of the past a follower is shown unless it says.
const followLast = 10

func newEvents(where *placeFlags) *cobra.Command {
	var names nameFlag
	var f eventFlags
	cmd := &cobra.Command{
		Use:   "events [NAME...] [flags]",
		Short: "Show what has happened, and with -f what happens",
		Long: `Show what has happened: to all services and the colony itself, or to the
named services. It is read from the files of the state directory, so that it
needs no supervisor. With -f it goes on until it is interrupted, which is no
failure, and begins with the last 10.

Exit codes: 0 shown, 1 cannot be read, 2 usage, 3 no such service, nor events of
one.`,
		Example: `  ncolony ctl events web --since 10m
  ncolony ctl events -f
  ncolony ctl events -n 100 --json | jq 'select(.type == "exited")'`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options(cmd, append(names.names, args...), time.Now())
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			return showEvents(cmd, p, o, f.json)
		},
	}
	cmd.Flags().SortFlags = false
	names.register(cmd, where)
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what happens from now on")
	cmd.Flags().StringVar(&f.since, "since", "", "not what is older: a time span (10m), a date (2026-01-31), or a time (15:04, RFC 3339)")
	cmd.Flags().IntVarP(&f.last, "last", "n", 0, "only the last so many of the past")
	cmd.Flags().Lookup("last").DefValue = "0" // none, so that help names no default
	cmd.Flags().BoolVar(&f.json, "json", false, "print the lines of JSON as they are")
	return cmd
}

type eventFlags struct {
	follow, json bool
	since        string
	last         int
}

func (f *eventFlags) options(cmd *cobra.Command, names []string, now time.Time) (o ctl.EventOptions, err error) {
	o = ctl.EventOptions{Names: names, Follow: f.follow}
	if f.since != "" {
		if o.Since, err = sinceTime(f.since, now); err != nil {
			return o, usagef(cmd, "flag --since: %w", err)
		}
	}
	switch {
	case f.last < 0:
		return o, usagef(cmd, "flag --last: must not be negative")
	case cmd.Flags().Changed("last"):
		o.Last = &f.last
	case f.follow && f.since == "":
		last := followLast
		o.Last = &last
	}
	return o, nil
}

// sinceTime reads what people write for a moment of the past: how long ago it
// is, or when it was by our clock and in our time zone unless one is given.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if d, err := spec.ParseDuration(text); err == nil {
		return now.Add(-d.D()), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := now.Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time span (10m) nor a time (15:04, 2026-01-31, 2026-01-31T15:04:05Z)", text)
}

func showEvents(cmd *cobra.Command, p spec.Places, o ctl.EventOptions, asJSON bool) error {
	var strangers []error // names of no service, though there may be old events of one
	for _, name := range o.Names {
		err := about(cmd, name, explainNoService(unknown(p, name)))
		if errors.Is(err, ctl.ErrNoService) {
			strangers = append(strangers, err)
			if o.Follow {
				note(cmd, "there is no service %q yet", name)
			}
		} else if err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	ctx, cancel := untilInterrupted(out)
	defer cancel()
	shown := 0
	print := func(e spec.Event, line []byte) error {
		shown++
		if asJSON {
			_, err := out.Write(append(bytes.Clone(line), '\n'))
			return err
		}
		return writeEvent(out, &e)
	}
	if o.Follow {
		go noteSupervisor(ctx, cmd, p)
	}
	if err := ctl.Events(ctx, p, o, print); err != nil {
		return about(cmd, "", explain(err))
	}
	if shown > 0 || o.Follow {
		return nil
	}
	if len(strangers) > 0 { // silence may mean a slip of the pen
		return all(strangers...)
	}
	if _, err := os.Stat(p.State); errors.Is(err, os.ErrNotExist) {
		note(cmd, "there is no %s: is that the colony's directory?", p.State)
	}
	return nil
}

// noteSupervisor tells a follower when nobody is there to make events, and when
// there is somebody again.
func noteSupervisor(ctx context.Context, cmd *cobra.Command, p spec.Places) {
	const pause = time.Second
	for was := true; ctx.Err() == nil; {
		_, alive, err := ctl.Alive(p)
		switch {
		case err != nil: // then there is nothing to be said
		case was && !alive:
			note(cmd, "%v; waiting for one", ctl.ErrNoSupervisor)
		case alive && !was:
			note(cmd, "a supervisor is running")
		}
		was = alive || err != nil
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// writeEvent writes an event as one line for a person.
func writeEvent(w io.Writer, e *spec.Event) error {
	name := e.Name
	if name == "" {
		name = "-"
	}
	_, err := fmt.Fprintf(w, "%s  %-12s  %s\n", e.Time.Local().Format(words.TimeFormat), name, words.OneLine(words.Event(e)))
	return err
}
