package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// addFlags are what ctl add makes a spec of.
type addFlags struct {
	cmd             string
	args            []string
	env, envInherit []string
	uid, gid        int
	extras          string
}

func newAdd(where *placeFlags) *cobra.Command {
	var name nameFlag
	var f addFlags
	var w waitFlags
	cmd := &cobra.Command{
		Use:   "add NAME [flags] [-- CMD ARGS...]",
		Short: "Add a service, or change it",
		Long: `Add a service, or change it: write its spec. What the spec does not say has
its default, also if the service said otherwise before.

--ready exec=COMMAND is split at white space; with words that have some, it is a
JSON list: --ready 'exec=["sh", "-c", "test -S /run/api"]'.`,
		Example: `  ncolony ctl add web --cmd=python3 --arg=-m --arg=http.server --env=PORT=8000
  ncolony ctl add web --user www --restart on-failure --wait -- python3 app.py
  ncolony ctl add api --requires db --ready notify --limit 5/1m -- ./api
  ncolony ctl add web --extras '{"args": ["sleep", "60"], "stop": {"grace": 1}}'`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				command := args[at:]
				args = args[:at]
				if f.cmd != "" || len(f.args) > 0 {
					return usagef(cmd, "the command stands behind -- or in --cmd and --arg, not in both")
				}
				if len(command) == 0 {
					return usagef(cmd, "there is no command behind --")
				}
				f.cmd, f.args = command[0], command[1:]
			}
			name, err := name.one(cmd, args)
			if err != nil {
				return err
			}
			if err := w.check(cmd); err != nil {
				return err
			}
			params, err := f.params(cmd)
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			content, err := params.Content()
			if err != nil {
				return about(cmd, name, &usageError{err})
			}
			if err := ctl.Add(p, name, content); err != nil {
				return about(cmd, name, explainSpec(err))
			}
			if !w.wait {
				return nil
			}
			return about(cmd, name, w.added(cmd, p, name, content))
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	name.register(cmd, where)
	fs.StringVar(&f.cmd, "cmd", "", "program to run")
	fs.StringArrayVar(&f.args, "arg", nil, "argument of the program (repeatable)")
	fs.StringArrayVar(&f.env, "env", nil, "NAME=value in the environment (repeatable)")
	fs.StringArrayVar(&f.envInherit, "env-inherit", nil, "NAME of a variable to take from the supervisor's environment (repeatable)")
	fs.IntVar(&f.uid, "uid", 0, "user id to run as")
	fs.IntVar(&f.gid, "gid", 0, "group id to run as")
	fs.StringVar(&f.extras, "extras", "", "further keys: a JSON object, or a file that holds one")
	registerKeys(fs)
	for _, flag := range []string{"after", "requires"} {
		completeFlag(cmd, flag, func() []string { return ownServices(where) })
	}
	completeFlag(cmd, "stdin", func() []string { return []string{spec.StdinNull, spec.StdinInherit, spec.StdinFIFO} })
	completeFlag(cmd, "ready", func() []string { return readyKinds })
	completeFlag(cmd, "rlimit", limitNames)
	completeFlag(cmd, "capability", func() []string { return append([]string{noCapability}, spec.Capabilities...) })
	completeFlag(cmd, "limit-then", func() []string { return []string{spec.ThenFail, spec.ThenShutdown, "retry="} })
	w.register(cmd, "the service runs with this spec, and is ready")
	return cmd
}

// params puts the flags together. What is wrong with them is a usageError.
func (f *addFlags) params(cmd *cobra.Command) (ctl.Params, error) {
	p := ctl.Params{Cmd: f.cmd, Args: f.args, EnvInherit: f.envInherit}
	if f.cmd == "" && len(f.args) > 0 {
		return p, usagef(cmd, "flag --arg: needs --cmd")
	}
	for _, pair := range f.env {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return p, usagef(cmd, "flag --env: %q is not NAME=value", pair)
		}
		if p.Env == nil {
			p.Env = make(map[string]string)
		}
		p.Env[name] = value
	}
	if cmd.Flags().Changed("uid") {
		p.UID = &f.uid
	}
	if cmd.Flags().Changed("gid") {
		p.GID = &f.gid
	}
	extras, err := readExtras(f.extras)
	if err != nil {
		return p, usagef(cmd, "flag --extras: %w", err)
	}
	if p.Extras, err = addKeys(cmd.Flags(), extras); err != nil {
		return p, usagef(cmd, "%w", err)
	}
	if _, found := p.Extras["args"]; !found && f.cmd == "" {
		return p, usagef(cmd, "a command is missing: --cmd, or -- CMD ARGS")
	}
	return p, nil
}

// explainSpec leaves out where in the text a problem is: nobody has seen it.
func explainSpec(err error) error {
	all := []error{err}
	if many, ok := errors.AsType[*multierror.Error](err); ok {
		all = many.Errors
	}
	var texts []string
	for _, each := range all {
		problem, ok := errors.AsType[*spec.Problem](each)
		if !ok {
			return explain(err)
		}
		texts = append(texts, problem.Message)
	}
	return errors.New(strings.Join(texts, "; "))
}

// added waits for the spec of name to be in force and says what came of it.
func (f *waitFlags) added(cmd *cobra.Command, p spec.Places, name string, content []byte) error {
	ctx, cancel := f.context()
	defer cancel()
	st, err := ctl.WaitAdded(ctx, p, name, content)
	if f.json {
		statuses, _ := statusesOf(p, []string{name})
		if err := printJSON(cmd.OutOrStdout(), statuses); err != nil {
			return err
		}
	} else if err == nil {
		f.tellAdded(cmd, p, name, st)
	}
	if refused, ok := errors.AsType[*ctl.Refused](err); ok {
		if refused.State == spec.Stopped {
			return hinted(err, "'ncolony ctl start %s' starts it", name)
		}
		return hinted(err, "see 'ncolony ctl status %s'", name)
	}
	if errors.Is(err, ctl.ErrNoSupervisor) {
		return hinted(err, "the spec is written and will be found by the next supervisor")
	}
	return f.explain(explain(err))
}

// tellAdded says what runs now: st or, with instances, each of them.
func (f *waitFlags) tellAdded(cmd *cobra.Command, p spec.Places, name string, st *spec.Status) {
	out := cmd.OutOrStdout()
	if st.Name == name {
		fmt.Fprintf(out, "%s: %s\n", name, describeState(st))
		return
	}
	for _, service := range ctl.Services(p, name) {
		if st, err := ctl.StatusOf(p, service); err == nil {
			fmt.Fprintf(out, "%s: %s\n", service, describeState(st))
		}
	}
}

// describeState is a status in three words.
func describeState(st *spec.Status) string {
	switch {
	case st.PID != 0:
		return fmt.Sprintf("%s, pid %d", st.State, st.PID)
	case st.LastExit != nil && st.State == spec.Exited:
		return fmt.Sprintf("%s, %s", st.State, st.LastExit)
	}
	return string(st.State)
}
