package main

import (
	"bufio"
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/story"
	"github.com/ncolony/ncolony-go/logs"
)

func newLogs(where *placeFlags) *cobra.Command {
	var names nameFlag
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs NAME... [flags]",
		Short: "Show what services have written, and with -f what they write",
		Long: `Show what services have written whose spec has the key "log", across all files
that are kept of it. Lines of one service are shown as they were written, unless
its spec asks for times or JSON; those of several, as of all instances of NAME,
stand behind [NAME], in the order in which they came. It needs no supervisor.
With -f it goes on until it is interrupted, which is no failure, and begins with
the last 10.

Exit codes: 0 shown, 1 cannot be read or is not captured, 2 usage, 3 no such
service, nor output of one.`,
		Example: `  ncolony ctl logs web -n 100
  ncolony ctl logs -f web db
  ncolony ctl logs web --since 10m --grep 'error|panic' --timestamps`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := names.several(cmd, args)
			if err != nil {
				return err
			}
			q, err := f.query(cmd, named, time.Now())
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			q.Names = nil
			for _, name := range named {
				q.Names = append(q.Names, ctl.Services(p, name)...)
			}
			return showLogs(cmd, p, q, &f)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	names.register(cmd, where)
	fs.BoolVarP(&f.follow, "follow", "f", false, "go on with what is written from now on")
	fs.IntVarP(&f.last, "last", "n", 0, "only so many lines, the last")
	fs.Lookup("last").DefValue = "0" // none, so that help names no default
	fs.StringVar(&f.since, "since", "", "not what is older: a time span (10m), a date (2026-01-31), or a time (15:04, RFC 3339)")
	fs.StringVar(&f.until, "until", "", "not what is younger, likewise")
	fs.StringVar(&f.grep, "grep", "", "only lines that match this regular expression (RE2)")
	fs.BoolVar(&f.stdout, "stdout", false, "only standard output, of those whose spec keeps it apart")
	fs.BoolVar(&f.stderr, "stderr", false, "only standard error, likewise")
	fs.BoolVar(&f.prefix, "prefix", false, "[NAME] before each line; so it is with several services")
	fs.BoolVarP(&f.timestamps, "timestamps", "t", false, "before each line the time at which it came; so it is if the spec says so")
	fs.BoolVar(&f.json, "json", false, "an object a line: time, service, stream, line, at")
	return cmd
}

type logsFlags struct {
	follow, stdout, stderr   bool
	prefix, timestamps, json bool
	since, until, grep       string
	last                     int
}

func (f *logsFlags) query(cmd *cobra.Command, names []string, now time.Time) (q logs.Query, err error) {
	q = logs.Query{Names: names, Stdout: f.stdout, Stderr: f.stderr, Follow: f.follow}
	for _, flag := range []struct {
		name, text string
		to         *time.Time
	}{{"since", f.since, &q.Since}, {"until", f.until, &q.Until}} {
		if flag.text == "" {
			continue
		}
		if *flag.to, err = sinceTime(flag.text, now); err != nil {
			return q, usagef(cmd, "flag --%s: %w", flag.name, err)
		}
	}
	if f.grep != "" {
		if q.Grep, err = regexp.Compile(f.grep); err != nil {
			return q, usagef(cmd, "flag --grep: %w", err)
		}
	}
	switch {
	case f.follow && f.until != "":
		return q, usagef(cmd, "flag --until: what is to come has no end; leave out --follow")
	case f.last < 0:
		return q, usagef(cmd, "flag --last: must not be negative")
	case cmd.Flags().Changed("last"):
		q.Last = &f.last
	case f.follow && f.since == "":
		last := followLast
		q.Last = &last
	}
	return q, nil
}

// looks are how the lines of each service are shown: as its spec says, unless a
// flag does.
func (f *logsFlags) looks(cmd *cobra.Command, p spec.Places, names []string) map[string]logs.Look {
	looks := map[string]logs.Look{}
	for _, name := range names {
		l := logs.Look{Name: name, Prefix: len(names) > 1, Timestamps: f.timestamps, JSON: f.json}
		kept := story.LogOf(p, name)
		if kept.Captured() && !cmd.Flags().Changed("timestamps") {
			l.Timestamps = kept.Timestamps
		}
		if kept.Captured() && !cmd.Flags().Changed("json") {
			l.JSON = kept.Format == spec.LogJSON
		}
		if cmd.Flags().Changed("prefix") {
			l.Prefix = f.prefix
		}
		looks[name] = l
	}
	return looks
}

func showLogs(cmd *cobra.Command, p spec.Places, q logs.Query, f *logsFlags) error {
	var errs []error
	for _, name := range q.Names {
		errs = append(errs, about(cmd, name, explainNoService(explain(story.Uncaptured(p, name)))))
	}
	if err := all(errs...); err != nil {
		return err
	}
	ctx, cancel := untilInterrupted(cmd.OutOrStdout())
	defer cancel()
	if !q.Follow {
		for _, name := range q.Names {
			if st, err := ctl.StatusOf(p, name); err == nil && st.PID == 0 {
				logs.Settle(ctx, p, name)
			}
		}
	}
	looks := f.looks(cmd, p, q.Names)
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	var line []byte
	shown := false
	q.Trouble = func(err error) { note(cmd, "some of it cannot be read: %v", err) }
	q.Pause = out.Flush
	if q.Follow {
		go noteLogger(ctx, cmd, p)
	}
	err := logs.Read(ctx, p, q, func(s logs.Shown) error {
		shown = true
		look := looks[s.Name]
		look.Stderr = s.Stderr
		line = look.Append(line[:0], s.Line)
		_, err := out.Write(line)
		return err
	})
	if err := errors.Join(err, out.Flush()); err != nil {
		return about(cmd, "", explain(err))
	}
	if !shown && !q.Follow && !logs.Running(p) {
		for _, name := range q.Names {
			if kept, err := logs.Kept(p, name); err == nil && !kept {
				note(cmd, "nothing of %q was kept yet, and no logger runs", name)
			}
		}
	}
	return nil
}

// noteLogger tells a follower when nobody is there who would keep what services
// write.
func noteLogger(ctx context.Context, cmd *cobra.Command, p spec.Places) {
	for was := true; ctx.Err() == nil; {
		now := logs.Running(p)
		if was && !now {
			note(cmd, "no logger is running; waiting for one")
		}
		was = now
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
