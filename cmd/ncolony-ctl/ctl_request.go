package main

import (
	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// requestFlags say which life a request is for, and why it is made.
type requestFlags struct {
	generation uint64
	pid        int
	reason     string
}

func (f *requestFlags) register(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&f.generation, "generation", 0, "act only on the life with this number")
	cmd.Flags().IntVar(&f.pid, "pid", 0, "act only on the life with this main process")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the events")
}

func (f *requestFlags) put(cmd *cobra.Command, m spec.Message) spec.Message {
	if cmd.Flags().Changed("generation") {
		m.Generation = &f.generation
	}
	if cmd.Flags().Changed("pid") {
		m.PID = &f.pid
	}
	m.Reason = f.reason
	return m
}

// newPerService makes the command that asks one thing of each of its names.
func newPerService(where *placeFlags, cmd *cobra.Command, ask spec.Type, until string) *cobra.Command {
	var names nameFlag
	var f requestFlags
	var w waitFlags
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names, err := names.several(cmd, args)
		if err != nil {
			return err
		}
		var messages []spec.Message
		for _, name := range names {
			messages = append(messages, f.put(cmd, spec.Message{Type: ask, Name: name}))
		}
		return w.request(cmd, where, messages...)
	}
	cmd.Flags().SortFlags = false
	names.register(cmd, where)
	f.register(cmd)
	w.register(cmd, until)
	return cmd
}

func newRestart(where *placeFlags) *cobra.Command {
	return newPerService(where, &cobra.Command{
		Use:   "restart NAME... [flags]",
		Short: "End the process of services and start new ones, whatever they are doing",
		Example: `  ncolony ctl restart web
  ncolony ctl restart web worker --wait --timeout 30`,
	}, spec.RestartService, "the new process runs")
}

func newStart(where *placeFlags) *cobra.Command {
	return newPerService(where, &cobra.Command{
		Use:   "start NAME... [flags]",
		Short: "Start services that are stopped, have ended or wait for a restart",
		Long: `Start services that are stopped, have ended or wait for a restart. One that
runs stays as it is.`,
		Example: `  ncolony ctl start web
  ncolony ctl start web --wait --timeout 30`,
	}, spec.StartService, "the process runs")
}

func newStop(where *placeFlags) *cobra.Command {
	return newPerService(where, &cobra.Command{
		Use:   "stop NAME... [flags]",
		Short: "Stop services until they are started or restarted, also across reboots",
		Example: `  ncolony ctl stop web
  ncolony ctl stop web --wait --reason "disk is being replaced"`,
	}, spec.StopService, "no process is left")
}

func newReady(where *placeFlags) *cobra.Command {
	return newPerService(where, &cobra.Command{
		Use:   "ready NAME... [flags]",
		Short: "Say that services are ready",
		Long: `Say that services are ready: for those with "ready" in their spec for which
nobody else says it. What waits for them starts. One that is ready stays as it is.`,
		Example: `  ncolony ctl ready web
  ncolony ctl ready web --pid 4711 --wait`,
	}, spec.Ready, "it is taken in")
}

func newSignal(where *placeFlags) *cobra.Command {
	var name nameFlag
	var f requestFlags
	var w waitFlags
	cmd := &cobra.Command{
		Use:   "signal NAME SIGNAL [flags]",
		Short: "Send a signal to the main process of a service",
		Example: `  ncolony ctl signal web HUP
  ncolony ctl signal web USR1 --wait`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "a signal is missing")
			}
			last := len(args) - 1
			name, err := name.one(cmd, args[:last])
			if err != nil {
				return err
			}
			sig, err := spec.ParseSignal(args[last])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return w.request(cmd, where, f.put(cmd, spec.Message{Type: spec.SendSignal, Name: name, Signal: sig}))
		},
	}
	cmd.Flags().SortFlags = false
	name.register(cmd, where)
	names := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch given := len(args); {
		case given == 0 && !cmd.Flags().Changed("name"):
			return names(cmd, args, toComplete)
		case given == 0 || given == 1 && !cmd.Flags().Changed("name"):
			return signalNames(), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	f.register(cmd)
	w.register(cmd, "it is sent")
	return cmd
}
