// Command ncolony-serve lets programs call a colony over HTTP. It is a program of
// its own and an ordinary service: the supervisor does not know that it exists, and
// the binary that is PID 1 links no HTTP and no TLS.
package main

import (
	"context"
	"net"
	"os"
	"os/user"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/heart"
	"github.com/ncolony/ncolony-go/internal/helper"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/metrics"
	"github.com/ncolony/ncolony-go/serve/operations"
	"github.com/ncolony/ncolony-go/serve/rpc"
	"github.com/ncolony/ncolony-go/serve/web"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(program.Run(newServe(), os.Args[1:])) }

type flags struct {
	program.Flags
	options serve.Options
	group   string
	stdio   bool
}

func newServe() *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Let programs call the colony over HTTP",
		Long: `Let programs call the colony over HTTP, until TERM or INT: on the unix socket
serve.sock in the state directory and, with --listen, on TCP. On the socket root and
the owner of the state directory may do everything, and the socket's group may look.
On TCP callers need a token: those in serve.token.admin and serve.token.read in the
state directory, which are made when they are missing. TCP that is no loopback
address needs a certificate. docs/api.md says what can be called.

It is an ordinary service, and may be run by hand. Sockets that the supervisor has
opened for it ("listen" in its spec) are used as well.

With --stdio nobody is listened to: requests of JSON-RPC are read from standard input,
one in a line, and answered on standard output, until the input ends.`,
		Example: `  ncolony serve --root /srv/colony
  ncolony serve --listen 127.0.0.1:8080
  ncolony serve --listen :8443 --tls-cert cert.pem --tls-key key.pem
  echo '{"jsonrpc":"2.0","id":1,"method":"colony.status"}' | ncolony serve --stdio`,
		Version: program.Version(version),
		Args:    program.Arguments(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.stdio {
				return f.overStdio(cmd)
			}
			return f.serve(cmd.Context())
		},
	}
	fs, o := cmd.Flags(), &f.options
	fs.SortFlags = false
	fs.StringVar(&o.Socket, "socket", "", "path of the unix socket (default STATE/serve.sock)")
	fs.StringVar(&f.group, "socket-group", "", "name or number of the group whose members may look")
	fs.StringArrayVar(&o.TCP, "listen", nil, "HOST:PORT to listen on as well (repeatable)")
	fs.StringVar(&o.Cert, "tls-cert", "", "PEM file of the certificate, for TLS on TCP")
	fs.StringVar(&o.Key, "tls-key", "", "PEM file of its key")
	fs.StringArrayVar(&o.Hosts, "host", nil, "name by which we are called on TCP, beside our addresses and those in the certificate (repeatable)")
	fs.StringArrayVar(&o.Origins, "origin", nil, "origin of web pages that may call, as in https://admin.example.org (repeatable)")
	fs.IntVar(&o.Most.Connections, "connections", 4096, "connections to each socket at once")
	fs.IntVar(&o.Most.Streams, "streams", 2500, "streams of events and output at once")
	fs.BoolVar(&f.stdio, "stdio", false, "listen nowhere, and answer JSON-RPC on standard input and output")
	f.Register(fs)
	return cmd
}

func (f *flags) serve(ctx context.Context) (err error) {
	o := &f.options
	for name, n := range map[string]int{"connections": o.Most.Connections, "streams": o.Most.Streams} {
		if n < 1 {
			return program.Usagef("flag --%s: must be at least 1", name)
		}
	}
	if o.Log, err = f.Log(); err != nil {
		return err
	}
	if o.SocketGroup, err = groupNumber(f.group); err != nil {
		return program.Usagef("flag --socket-group: %w", err)
	}
	if o.Places, err = f.Places(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // what is held is large, and what an answer needs is not
	}
	o.Inherited = serve.Inherited()
	o.Ready = func([]net.Addr) {
		if err := heart.Notify("READY=1"); err != nil {
			o.Log.Warn("readiness not told", "err", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	colony := operations.New(o.Places, o.Log)
	go colony.Run(ctx)
	go helper.Run(ctx, o.Log, time.Second, func(time.Duration) time.Duration { return time.Second })
	exporter := metrics.New(metrics.Options{Places: o.Places, Log: o.Log})
	defer exporter.Close()
	server := serve.New(*o, colony,
		serve.Route{Pattern: "GET /metrics", Needs: operations.Reader, Serve: exporter.ServeHTTP},
		serve.Route{Pattern: "POST /rpc", Needs: operations.Reader, Serve: rpc.New(colony, o.Log).ServeHTTP},
	)
	site := web.New(server, colony, o.Log, "ncolony-serve "+program.Version(version))
	go site.Run(ctx)
	return server.Run(ctx)
}

// groupNumber finds a group; -1 = none is named.
func groupNumber(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, err
	}
	return strconv.Atoi(g.Gid)
}
