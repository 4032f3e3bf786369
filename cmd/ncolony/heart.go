package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/heart"
	"github.com/ncolony/ncolony-go/heart/wrap"
	"github.com/ncolony/ncolony-go/internal/cli"
)

// runHeart is `ncolony heart`.
func runHeart(args []string) error {
	var f cli.HeartFlags
	fs := pflag.NewFlagSet(cli.Heart.Name, pflag.ContinueOnError)
	f.Register(fs)
	return with(fs, cli.Heart, args, func(argv []string) error {
		switch {
		case len(argv) > 0 && fs.ArgsLenAtDash() != 0:
			return usagef(cli.Heart, "argument %q: the program goes behind --", argv[0])
		case len(argv) == 0:
			return usagef(cli.Heart, "the program is missing: -- CMD ARGS")
		}
		log, err := cli.NewLog(f.LogFormat)
		if err != nil {
			return usagef(cli.Heart, "%w", err)
		}
		code, err := wrap.Run(context.Background(), wrap.Options{Argv: argv, Check: f.Check, Timeout: f.Timeout.D(), Log: log})
		if code == exitDone && err == nil {
			return nil
		}
		return &failure{about(cli.Heart, err), code, ""}
	})
}

// runNotify is `ncolony notify`.
func runNotify(args []string) error {
	return with(pflag.NewFlagSet(cli.Notify.Name, pflag.ContinueOnError), cli.Notify, args, notify)
}

func notify(told []string) error {
	if len(told) == 0 {
		return usagef(cli.Notify, "nothing to tell: KEY=VALUE is missing")
	}
	for _, arg := range told {
		if key, _, ok := strings.Cut(arg, "="); !ok || key == "" {
			return usagef(cli.Notify, "argument %q: must be KEY=VALUE", arg)
		}
		if strings.Contains(arg, "\n") {
			return usagef(cli.Notify, "argument %q: must be one line", arg)
		}
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return &failure{about(cli.Notify, errors.New("NOTIFY_SOCKET is not set")), exitFailed,
			`it is for services whose spec has "ready": {"notify": true} or "watchdog"`}
	}
	return about(cli.Notify, heart.Notify(told...))
}
