// Command ncolony-forward sends what services have written to where logs are
// collected. It is a program of its own, so that neither the supervisor nor the
// logger links HTTP and TLS; `ncolony log --forward URL` becomes it.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/forward"
	"github.com/ncolony/ncolony-go/internal/program"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(program.Run(newForward(), os.Args[1:])) }

func newForward() *cobra.Command {
	var f program.Flags
	var o forward.Options
	var s forward.Settings
	var to, headerFile string
	var labels, headers []string
	var timeout spec.Duration
	cmd := &cobra.Command{
		Use:   "forward --forward URL [NAME...] [flags]",
		Short: "Send what services write to where logs are collected",
		Long: `Send what services write whose spec has the key "log", from the files that are
kept of it, until TERM or INT: of all services, or of those that are named. It runs
beside the colony, as one of its services if you like, and no service nor the
logger ever waits for it.

Each line arrives at least once: what the receiver has taken is remembered in
state/forward/, and after a failure the rest is sent again. What was removed from
the files before it could be sent is counted, and a line says so.

The URL is one of
  syslog://HOST[:514]        RFC 5424 over UDP, which may lose lines unseen
  syslog+tcp://HOST[:514]    over TCP, with octet counting
  syslog+tls://HOST[:6514]   over TLS
  syslog+unix:///dev/log     to a socket
  loki+http://HOST:PORT, loki+https://HOST:PORT    Grafana Loki
  otlp+http://HOST:PORT, otlp+https://HOST:PORT    OpenTelemetry, as JSON

Lines have the labels service, stream and generation, which is that of the file.`,
		Example: `  ncolony log --forward syslog+tcp://logs.example.org
  ncolony log --forward loki+http://localhost:3100 --label host=$(hostname) web db`,
		Version: program.Version(version),
		RunE: func(cmd *cobra.Command, names []string) (err error) {
			if to == "" {
				return program.Usagef("flag --forward: is missing")
			}
			s.Labels = map[string]string{}
			for _, l := range labels {
				name, value, ok := strings.Cut(l, "=")
				if !ok {
					return program.Usagef("flag --label: %q has no =", l)
				}
				s.Labels[name] = value
			}
			if headerFile != "" {
				b, err := os.ReadFile(headerFile)
				if err != nil {
					return fmt.Errorf("flag --header-file: %w", err)
				}
				headers = append(headers, strings.Split(strings.TrimSpace(string(b)), "\n")...)
			}
			s.Headers = http.Header{}
			for _, h := range headers {
				name, value, ok := strings.Cut(h, ":")
				if !ok {
					return program.Usagef("flag --header: a line has no colon")
				}
				s.Headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
			}
			s.Timeout = timeout.D()
			if o.To, err = forward.Parse(to, s); err != nil {
				return program.Usagef("%w", err)
			}
			for _, name := range names {
				if err := spec.CheckName(strings.SplitN(name, "@", 2)[0]); err != nil {
					return program.Usagef("%w", err)
				}
			}
			if strings.ContainsAny(o.Cursor, "/") || strings.HasPrefix(o.Cursor, ".") {
				return program.Usagef("flag --cursor: %q is no name of a file", o.Cursor)
			}
			if o.Log, err = f.Log(); err != nil {
				return err
			}
			if o.Places, err = f.Places(); err != nil {
				return err
			}
			o.Names, o.Own = names, os.Getenv("NCOLONY_NAME")
			return forward.Run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&to, "forward", "", "URL of the receiver")
	fs.StringArrayVarP(&labels, "label", "l", nil, "NAME=VALUE for each line, beside service, stream and generation; may be given several times")
	fs.StringArrayVarP(&headers, "header", "H", nil, "header of each request, as in 'X-Scope-OrgID: team'; may be given several times")
	fs.StringVar(&headerFile, "header-file", "", "file with a header in each line, for those that are secret")
	fs.StringVar(&s.CA, "ca", "", "PEM file of the authorities to believe instead of the system's")
	fs.BoolVar(&s.Insecure, "insecure", false, "do not verify the receiver's certificate")
	fs.Var(&timeout, "timeout", "how long a connection, a request or a write may take (default 10s)")
	fs.Lookup("timeout").DefValue = "0" // the default is told above
	fs.BoolVar(&o.FromNow, "from-now", false, "begin with what comes, and not with what is kept, where nothing was sent yet")
	fs.StringVar(&o.Cursor, "cursor", "", "name of the file in state/forward that says how far we are (default made of the URL)")
	f.Register(fs)
	return cmd
}
