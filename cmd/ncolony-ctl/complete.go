package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// completeNames has a shell complete names of services, as arguments of cmd and
// for --name.
func completeNames(cmd *cobra.Command, where *placeFlags) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		left := slices.DeleteFunc(serviceNames(where), func(name string) bool { return slices.Contains(args, name) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
	completeFlag(cmd, "name", func() []string { return serviceNames(where) })
}

// completeFlag has a shell complete the values of a flag of cmd.
func completeFlag(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all, how := values(), cobra.ShellCompDirectiveNoFileComp
		if slices.ContainsFunc(all, func(v string) bool { return strings.HasSuffix(v, "=") }) {
			how |= cobra.ShellCompDirectiveNoSpace // something has to follow
		}
		return all, how
	})
	if err != nil {
		panic(err) // there is no such flag, or it is completed already
	}
}

// serviceNames are the names that a shell can complete: all that have a spec or
// a status, whether or not a supervisor runs.
func serviceNames(where *placeFlags) []string {
	p, err := where.Find()
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for name := range specs(p) {
		names[name] = true
	}
	statuses, _ := ctl.Status(p)
	for _, st := range statuses {
		names[st.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// ownServices are those of serviceNames that somebody has added: a spec can depend
// on no helper, nor on one instance.
func ownServices(where *placeFlags) []string {
	return slices.DeleteFunc(serviceNames(where), func(name string) bool { return strings.Contains(name, "@") })
}

// specs are the names in the config directory, each with its file.
func specs(p spec.Places) map[string]string {
	entries, _ := os.ReadDir(p.Config)
	found := map[string]string{}
	for _, e := range entries {
		if name, kind := spec.NameOf(e.Name()); kind == spec.FileSpec && !e.IsDir() {
			found[name] = e.Name()
		}
	}
	return found
}

// restartGroups are the names of the restart groups that some spec is in.
func restartGroups(where *placeFlags) []string {
	p, err := where.Find()
	if err != nil {
		return nil
	}
	groups := map[string]bool{}
	for name := range specs(p) {
		content, _, err := ctl.Spec(p, name)
		if err != nil {
			continue
		}
		if s, err := spec.Parse(content); err == nil {
			for _, group := range s.Group {
				groups[group] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(groups))
}

// signalNames are the signals that people send to a service.
func signalNames() []string {
	return []string{"HUP", "USR1", "USR2", "TERM", "INT", "QUIT", "KILL", "STOP", "CONT", "WINCH", "ALRM", "ABRT"}
}
