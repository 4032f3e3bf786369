// Command ncolony-ctl is `ncolony ctl`: the way for people and programs to write the
// files that a supervisor reads, to ask things of it and to see what it says. It is a
// program of its own, so that the binary that is PID 1 has nothing of all that. It
// completes the commands of both in a shell, too, and writes their manual pages.
package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program but for the exit.
func run(args []string) int {
	root := newRoot()
	refuseUnknown(root)
	// What concerns the commands of both programs is none of ctl's verbs.
	whole := []string{"help", "completion", "man", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}
	if len(args) == 0 || !slices.Contains(whole, args[0]) {
		args = append([]string{"ctl"}, args...)
	}
	root.SetArgs(args)
	return report(os.Stderr, root.Execute())
}
