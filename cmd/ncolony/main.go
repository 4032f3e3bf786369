// Command ncolony supervises the services that the files of a directory ask for:
//
//	ncolony                     supervise
//	ncolony -- CMD ARGS...      supervise, with CMD as the process to live for
//	ncolony heart -- CMD ...    beat on behalf of a program that cannot
//	ncolony notify KEY=VALUE    tell the supervisor something from within a service
//	ncolony NAME ...            run the program ncolony-NAME: ctl, heartcheck, log, forward, schedule, probe, import, top, serve
//
// It may be PID 1, and so it has nothing of what those need.
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/companion"
)

// The supervisor needs the first thread, to keep it idle.
func init() { runtime.LockOSThread() }

func main() {
	colony.Shim(os.Args)
	code := report(os.Stderr, run(os.Args[1:]))
	colony.GiveBack(fmt.Sprintf("it ended with code %d", code))
	os.Exit(code)
}

// run is the whole program but for the exit.
func run(args []string) error {
	var f cli.SuperviseFlags
	fs := superviseFlags(&f)
	return with(fs, cli.Supervise, args, func(rest []string) error {
		switch {
		case len(rest) > 0 && fs.ArgsLenAtDash() < 0:
			return runNamed(rest[0], args[:len(args)-len(rest)], rest[1:])
		case f.Version:
			_, err := os.Stdout.WriteString("ncolony " + versionText() + "\n")
			return err
		}
		return supervise(&f, rest)
	})
}

// runNamed runs the command of that name. What stands before the name is flags of the
// supervisor, which are for another program as much as those behind it.
func runNamed(name string, before, args []string) error {
	switch name {
	case cli.Heart.Name:
		return runHeart(args)
	case cli.Notify.Name:
		return runNotify(args)
	case "help":
		return runHelp(args)
	case "completion", "__complete", "__completeNoDesc": // of all commands, which ctl knows
		before, args, name = nil, append([]string{name}, append(before, args...)...), cli.Ctl.Name
	}
	if companion.Find(name) == "" && name != cli.Ctl.Name && !slices.Contains(companions, name) {
		return unknown(name)
	}
	return companion.Become(name, append(slices.Clone(before), args...))
}

// companions are the commands that are programs of their own, beside ctl.
var companions = []string{"forward", "heartcheck", "import", "log", "probe", "schedule", "serve", "top"}
