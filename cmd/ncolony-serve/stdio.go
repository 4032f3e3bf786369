package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/serve/operations"
	"github.com/ncolony/ncolony-go/serve/rpc"
)

// ofNetwork are the flags that mean nothing where nobody listens.
var ofNetwork = []string{"socket", "socket-group", "listen", "tls-cert", "tls-key", "host", "origin", "connections", "streams"}

// overStdio answers what comes from standard input until its end. Who has started us
// may do what files let him.
func (f *flags) overStdio(cmd *cobra.Command) error {
	for _, name := range ofNetwork {
		if cmd.Flags().Changed(name) {
			return program.Usagef("flag --%s: has no meaning with --stdio", name)
		}
	}
	log, err := f.Log()
	if err != nil {
		return err
	}
	where, err := f.Places()
	if err != nil {
		return err
	}
	in, out := cmd.InOrStdin(), cmd.OutOrStdout()
	os.Stdout = os.Stderr          // nothing else is to come between the answers
	signal.Ignore(syscall.SIGPIPE) // that nobody reads is told by the write
	colony := operations.New(where, log)
	ctx, cancel := context.WithCancel(cmd.Context())
	var running sync.WaitGroup
	running.Go(func() { colony.Run(ctx) })
	defer running.Wait()
	defer cancel()
	caller := operations.Caller{Name: "uid " + strconv.Itoa(os.Getuid()), Role: operations.Admin}
	return rpc.New(colony, log).Serve(operations.WithCaller(ctx, caller), rpc.Lines(in, out))
}
