package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newAnalyze(where *placeFlags) *cobra.Command {
	var asJSON bool
	var svg string
	cmd := &cobra.Command{
		Use:   "analyze [flags]",
		Short: "Say what took how long until the services were ready",
		Long: `Say what took how long until the services were ready: how long each waited for
others before it started, how long it took from there to be ready, and when that
was, counted from the start of the supervisor. The critical chain leads from the
service that was ready last back through the one that it waited for last: to make
the start faster, make one of these faster.

Services that were restarted since, or came later, are measured by their current
life and marked, and the chain does not begin with them. With --svg it is drawn
into a file.

Exit codes: 0 shown, 1 cannot be read, 2 usage, 5 no supervisor.`,
		Example: `  ncolony ctl analyze
  ncolony ctl analyze --svg start.svg
  ncolony ctl analyze --json | jq -r '.critical[]'`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef(cmd, "there is nothing to say to %q, it is about the whole colony", args[0])
			}
			if asJSON && svg != "" {
				return usagef(cmd, "flag --svg: excludes --json")
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			_, alive, err := ctl.Alive(p)
			if err != nil {
				return about(cmd, "", explain(err))
			}
			now := time.Now()
			a, err := ctl.Analyze(p, now)
			switch {
			case errors.Is(err, ctl.ErrNoSupervisor):
				return noSupervisor(cmd, p)
			case err != nil:
				return about(cmd, "", explain(err))
			case asJSON:
				err = printJSON(cmd.OutOrStdout(), a)
			case svg == "-":
				_, err = io.WriteString(cmd.OutOrStdout(), drawStart(a, now))
			case svg != "":
				err = about(cmd, svg, explain(atomicfile.Write(svg, []byte(drawStart(a, now)), 0o644, false)))
			default:
				err = tellStart(cmd.OutOrStdout(), a)
			}
			if err == nil && !alive {
				err = noSupervisor(cmd, p)
			}
			return err
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&svg, "svg", "", "draw it into this file; - is standard output")
	return cmd
}

// tellStart writes a for people: what took longest first.
func tellStart(out io.Writer, a *ctl.Analysis) error {
	fmt.Fprintln(out, startInWords(a))
	if len(a.Services) == 0 {
		return nil
	}
	services := slices.Clone(a.Services)
	slices.SortStableFunc(services, func(x, y ctl.Timing) int {
		switch {
		case x.Starting > y.Starting:
			return -1
		case x.Starting < y.Starting:
			return 1
		}
		return 0
	})
	t := &table{}
	t.add(cell{"NAME", bold}, cell{"STATE", bold}, cell{"WAITED", bold}, cell{"STARTING", bold}, cell{"READY AFTER", bold}, cell{"NOTE", bold})
	for i := range services {
		s := &services[i]
		ready := "-"
		if s.ReadyAt != nil && s.Life == "" {
			ready = words.Span(s.ReadyAt.Sub(a.Started))
		}
		note := cell{text: strings.Join(timingNotes(s), "; ")}
		if s.Critical {
			note.colour = yellow
		}
		t.add(cell{text: s.Name}, cell{string(s.State), colours[s.State]}, cell{text: took(s.Waited)}, cell{text: took(s.Starting)}, cell{text: ready}, note)
	}
	fmt.Fprintln(out)
	if err := t.write(out, wantsColour(out)); err != nil {
		return err
	}
	return tellChain(out, a)
}

// startInWords sums a up.
func startInWords(a *ctl.Analysis) string {
	in, ready := 0, 0
	for i := range a.Services {
		if s := &a.Services[i]; s.Life == "" {
			in++
			if s.ReadyAt != nil {
				ready++
			}
		}
	}
	switch {
	case len(a.Services) == 0:
		return "no services"
	case a.ReadyAt == nil:
		return fmt.Sprintf("Of %s that the start was about none is ready.", words.Counted(in, "service"))
	}
	were := "were"
	if ready == 1 {
		were = "was"
	}
	return fmt.Sprintf("%d of %s %s ready %s after the start of the supervisor; the last was %s.",
		ready, words.Counted(in, "service"), were, words.Span(a.ReadyAt.Sub(a.Started)), a.Critical[len(a.Critical)-1])
}

// took is how long something took; "-" is next to nothing.
func took(seconds float64) string {
	if d := words.Seconds(seconds); d >= time.Millisecond {
		return words.Span(d)
	}
	return "-"
}

// timingNotes are what one has to know beside the times of a service.
func timingNotes(s *ctl.Timing) (notes []string) {
	if s.Critical {
		notes = append(notes, "critical")
	}
	switch s.Life {
	case ctl.LifeRestarted:
		notes = append(notes, "restarted since")
	case ctl.LifeLater:
		notes = append(notes, "came later")
	case ctl.LifeEarlier:
		notes = append(notes, "ran before")
	}
	if waits := s.WaitingFor; s.Started == nil && len(waits) > 0 {
		text := "waits for " + words.SomeOf(waits)
		if s.Reason != "" {
			text += ": " + s.Reason
		}
		notes = append(notes, words.OneLine(text))
	}
	return notes
}

// tellChain writes the critical chain, the last first.
func tellChain(out io.Writer, a *ctl.Analysis) error {
	if len(a.Critical) < 2 {
		return nil // it waited for nobody
	}
	fmt.Fprintln(out, "\ncritical chain: each waited for the one below it")
	t := &table{}
	for _, name := range slices.Backward(a.Critical) {
		s := &a.Services[slices.IndexFunc(a.Services, func(s ctl.Timing) bool { return s.Name == name })]
		t.add(cell{text: "  " + name}, cell{text: "ready after " + words.Span(s.ReadyAt.Sub(a.Started))},
			cell{text: itsShare(s)})
	}
	return t.write(out, false)
}

// itsShare is how much of the time of the chain a service took itself.
func itsShare(s *ctl.Timing) string {
	if text := took(s.Starting); text != "-" {
		return text + " of that by itself"
	}
	return "at once when it started"
}
