package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/places"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/probe"
)

// newOnce makes the checks of a service.
func newOnce() *cobra.Command {
	var where places.Flags
	cmd := &cobra.Command{
		Use:   "once NAME [flags]",
		Short: "Make the checks of a service once",
		Long: `Make the checks that the spec of a service asks for, once and one after the other,
whether it runs or not. Nothing follows from them.

Exit codes: 0 all are good, 1 one is not, 2 usage, 3 no such service, or no checks.`,
		Example:               "  ncolony probe once web",
		Args:                  program.Arguments(1, "NAME"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := where.Find()
			if err != nil {
				return err
			}
			name := strings.TrimSuffix(args[0], ".json")
			content, _, err := ctl.Spec(p, name)
			if err != nil {
				if errors.Is(err, ctl.ErrNoService) {
					err = noService(err)
				}
				return fmt.Errorf("%q: %w", name, err)
			}
			sp, err := spec.Parse(content)
			if err != nil {
				return fmt.Errorf("%q: %w", name, spec.AsProblem(err))
			}
			st, err := ctl.StatusOf(p, name)
			if err != nil && !errors.Is(err, ctl.ErrNoService) {
				return fmt.Errorf("%q: %w", name, err)
			}
			answers, err := probe.Service(cmd.Context(), p, name, sp, st, agent())
			if err != nil {
				return fmt.Errorf("%q: %w", name, noService(err))
			}
			bad := 0
			for _, a := range answers {
				if a.Err != nil {
					bad++
				}
				tell(cmd.OutOrStdout(), a)
			}
			if bad > 0 {
				return fmt.Errorf("%q: %d of %d checks are bad", name, bad, len(answers))
			}
			return nil
		},
	}
	where.Register(cmd.Flags())
	return cmd
}

// tell prints how a check went.
func tell(out io.Writer, a probe.Answer) {
	took := a.Took.Round(100 * time.Microsecond)
	if a.Err != nil {
		fmt.Fprintf(out, "%s: bad after %v: %s\n", a.What, took, strings.Join(strings.Fields(a.Err.Error()), " "))
		return
	}
	fmt.Fprintf(out, "%s: good after %v\n", a.What, took)
}

// newCheck checks what the command line names.
func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check a URL or an address once",
		Long: `Check a URL or an address once, for scripts, health checks of containers, and for
a look by hand.

Exit codes: 0 good, 1 bad, 2 usage.`,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return program.Usagef("check: %q is neither http nor tcp", args[0])
			}
			return program.Usagef("check: http or tcp is missing")
		},
	}
	cmd.AddCommand(newCheckHTTP(), newCheckTCP())
	return cmd
}

// defaultLimit is how long a check by hand may take.
const defaultLimit = spec.Duration(5 * time.Second)

func newCheckHTTP() *cobra.Command {
	var c spec.HTTPQuestion
	var status string
	var headers []string
	limit := defaultLimit
	cmd := &cobra.Command{
		Use:   "http URL [flags]",
		Short: "Check that a URL answers well",
		Example: `  ncolony probe check http http://localhost:8080/healthz
  ncolony probe check http unix:///run/web.sock:/healthz --body ok --timeout 2`,
		Args:                  program.Arguments(1, "URL"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.URL = args[0]
			if _, _, err := spec.SplitURL(c.URL); err != nil {
				return program.Usagef("%w", err)
			}
			if status != "" {
				var err error
				if c.Status, err = spec.ParseCodes(status); err != nil {
					return program.Usagef("flag --status: %w", err)
				}
			}
			if _, err := regexp.Compile(c.BodyRegexp); err != nil {
				return program.Usagef("flag --body-regexp: %w", err)
			}
			c.Headers = map[string]string{}
			for _, h := range headers {
				name, value, ok := strings.Cut(h, ":")
				if !ok {
					return program.Usagef("flag --header: %q has no colon", h)
				}
				c.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
			}
			return answered(cmd, args[0], probe.HTTP(cmd.Context(), &c, limit.D(), agent()))
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.VarP(&limit, "timeout", "t", "how long it may take")
	fs.StringVar(&status, "status", "", "status codes that are good, as in 200,300-399 (default 200-399)")
	fs.StringVar(&c.Body, "body", "", "text that the body has to have")
	fs.StringVar(&c.BodyRegexp, "body-regexp", "", "regular expression (RE2) that the body has to match")
	fs.StringVarP(&c.Method, "method", "X", "GET", "request method")
	fs.StringArrayVarP(&headers, "header", "H", nil, "request header, as in 'Host: example.org'; may be given several times")
	fs.StringVar(&c.Socket, "socket", "", "path of the socket that the server listens on")
	fs.BoolVar(&c.Follow, "follow", false, "follow redirects")
	fs.StringVar(&c.CA, "ca", "", "PEM file of the authorities to believe instead of the system's")
	fs.BoolVar(&c.Insecure, "insecure", false, "do not verify the server's certificate")
	return cmd
}

func newCheckTCP() *cobra.Command {
	limit := defaultLimit
	cmd := &cobra.Command{
		Use:   "tcp ADDRESS [flags]",
		Short: "Check that an address accepts connections",
		Example: `  ncolony probe check tcp localhost:5432
  ncolony probe check tcp unix:///run/db.sock`,
		Args:                  program.Arguments(1, "ADDRESS"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := spec.SplitAddress(args[0]); err != nil {
				return program.Usagef("%w", err)
			}
			return answered(cmd, args[0], probe.TCP(cmd.Context(), args[0], limit.D()))
		},
	}
	cmd.Flags().VarP(&limit, "timeout", "t", "how long it may take")
	return cmd
}

// answered tells how it went.
func answered(cmd *cobra.Command, whom string, a probe.Answer) error {
	if a.Err != nil {
		return fmt.Errorf("check %s: %w", whom, a.Err)
	}
	tell(cmd.OutOrStdout(), a)
	return nil
}
