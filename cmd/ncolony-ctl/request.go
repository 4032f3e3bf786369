package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// sent is a message on its way.
type sent struct {
	message spec.Message
	file    string
}

// request sends messages and, if asked to, waits for what comes of them and
// prints it. The one about a service that does not exist keeps no other back.
func (f *waitFlags) request(cmd *cobra.Command, where *placeFlags, messages ...spec.Message) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	p, err := where.Find()
	if err != nil {
		return err
	}
	_, alive, aliveErr := ctl.Alive(p)
	if f.wait && aliveErr != nil {
		return about(cmd, "", explain(aliveErr))
	}
	var way []sent
	var errs []error
	for _, m := range messages {
		file, err := "", error(nil)
		// With an answer to come, the supervisor knows better.
		if answered := alive && f.wait; !answered && m.Name != "" {
			err = unknown(p, m.Name)
		}
		if err == nil {
			file, err = ctl.Send(p, m)
		}
		if err != nil {
			errs = append(errs, about(cmd, object(m), explainNoService(explain(err))))
			continue
		}
		way = append(way, sent{m, file})
	}
	switch {
	case len(way) == 0:
	case !alive:
		errs = append(errs, f.queued(cmd, objects(way), p, aliveErr))
	case f.wait:
		errs = append(errs, f.await(cmd, p, way)...)
	}
	return all(errs...)
}

// unknown is ErrNoService if one can see that name is no service. Where one
// cannot see, the supervisor has the word.
func unknown(p spec.Places, name string) error {
	err := ctl.Known(p, name)
	if errors.Is(err, ctl.ErrNoService) {
		return err
	}
	if _, ok := errors.AsType[*ctl.NameError](err); ok {
		return err
	}
	return nil
}

// object is what a message is about.
func object(m spec.Message) string {
	if m.Name != "" {
		return m.Name
	}
	return m.Group
}

// objects is what messages are about, if it is one thing.
func objects(way []sent) string {
	if len(way) == 1 {
		return object(way[0].message)
	}
	return ""
}

// queued says that nobody is there to read what was sent: with --wait, that is
// the end of it. why is not nil if one cannot even see who is there.
func (f *waitFlags) queued(cmd *cobra.Command, object string, p spec.Places, why error) error {
	switch {
	case why != nil:
		note(cmd, "cannot see whether a supervisor runs (%v); the request lies in %s", why, p.Messages)
		return nil
	case f.wait:
		return hinted(about(cmd, object, ctl.ErrNoSupervisor), "the request lies in %s until one starts", p.Messages)
	}
	note(cmd, "%v; the request lies in %s until one starts", ctl.ErrNoSupervisor, p.Messages)
	return nil
}

// await waits for the results of what was sent.
func (f *waitFlags) await(cmd *cobra.Command, p spec.Places, way []sent) (errs []error) {
	ctx, cancel := f.context()
	defer cancel()
	results := []*spec.Result{}
	for _, s := range way {
		res, err := ctl.Wait(ctx, p, s.file)
		if err == nil {
			results = append(results, res)
			if !f.json {
				printResult(cmd, s.message, res)
			}
			err = explainNoService(ctl.Answer(res))
		} else {
			err = f.late(ctx, p, s.message, err)
		}
		errs = append(errs, about(cmd, object(s.message), err))
	}
	if f.json {
		errs = append(errs, printJSON(cmd.OutOrStdout(), results))
	}
	return errs
}

// late explains the end of a wait, and says what the service is doing instead.
func (f *waitFlags) late(ctx context.Context, p spec.Places, m spec.Message, err error) error {
	err = f.explain(explain(err))
	if ctx.Err() == nil || m.Name == "" {
		return err
	}
	if st, statusErr := ctl.StatusOf(p, m.Name); statusErr == nil {
		return hinted(err, "it is %s; the request goes on without us", describeState(st))
	}
	return err
}

// printResult writes what went well, line by line.
func printResult(cmd *cobra.Command, m spec.Message, res *spec.Result) {
	out := cmd.OutOrStdout()
	for _, s := range res.Services {
		if s.OK && m.Name != "" { // each instance, as if it had been named
			fmt.Fprintf(out, "%s: %s\n", s.Name, words.Outcome(m, &spec.Result{OldPID: s.OldPID, NewPID: s.NewPID}))
		} else if s.OK {
			fmt.Fprintf(out, "%s: pid %d -> %d\n", s.Name, s.OldPID, s.NewPID)
		} else {
			fmt.Fprintf(out, "%s: %s\n", s.Name, s.Error)
		}
	}
	switch {
	case !res.OK, len(res.Services) > 0:
	case m.Name != "":
		fmt.Fprintf(out, "%s: %s\n", m.Name, words.Outcome(m, res))
	default:
		fmt.Fprintln(out, words.Outcome(m, res))
	}
}

// explainNoService adds where to find the names that there are.
func explainNoService(err error) error {
	if errors.Is(err, ctl.ErrNoService) {
		return hinted(err, "'ncolony ctl status' lists the services")
	}
	return err
}
