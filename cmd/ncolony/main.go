// Command ncolony supervises the services that the files of a directory ask
// for, and is also the way to write those files, to ask things of the
// supervisor and to see what it says:
//
//	ncolony                     supervise
//	ncolony -- CMD ARGS...      supervise, with CMD as the process to live for
//	ncolony ctl VERB ...        add, remove, restart, status, ...
//	ncolony heart -- CMD ...    beat on behalf of a program that cannot
//	ncolony heartcheck          restart services whose heart has stopped
//	ncolony NAME ...            run the program ncolony-NAME: log, forward, schedule, probe, import, top, serve
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/ncolony/ncolony-go/colony"
)

// The supervisor needs the first thread, to keep it idle.
func init() { runtime.LockOSThread() }

func main() {
	colony.Shim(os.Args)
	code := run(os.Args)
	colony.GiveBack(fmt.Sprintf("it ended with code %d", code))
	os.Exit(code)
}

// run is the whole program but for the exit: args[0] is how it was called, and
// the result is its exit code.
func run(args []string) int {
	root := newRoot()
	if err := execPlugin(root, args[1:]); err != nil {
		return report(os.Stderr, err)
	}
	refuseUnknown(root)
	root.SetArgs(args[1:])
	return report(os.Stderr, root.Execute())
}
