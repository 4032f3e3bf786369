package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cli"
)

// optionsOf is what the command line args makes of colony.Options.
func optionsOf(args ...string) (colony.Options, error) {
	var f cli.SuperviseFlags
	fs := superviseFlags(&f)
	var o colony.Options
	err := with(fs, cli.Supervise, args, func(rest []string) (err error) {
		if len(rest) > 0 && fs.ArgsLenAtDash() < 0 {
			return unknown(rest[0])
		}
		o, err = options(&f, rest)
		return err
	})
	return o, err
}

func TestSuperviseFlags(t *testing.T) {
	defaults := colony.Options{
		Places:    spec.Places{Config: "/r/config", Messages: "/r/messages", State: "/r/state"},
		Frequency: 10 * time.Second,
		Threshold: time.Second,
		KillTime:  5 * time.Second,
		MinDelay:  time.Second,
		MaxDelay:  time.Hour,
		Helpers: map[string][]string{
			"@heartcheck": {
				helperProgram("heartcheck"), "--config", "/r/config", "--messages", "/r/messages", "--state", "/r/state",
				"--log-format", "text",
			},
			"@log": {
				helperProgram("log"), "--config", "/r/config", "--messages", "/r/messages", "--state", "/r/state",
				"--log-format", "text",
			},
			"@schedule": {
				helperProgram("schedule"), "--config", "/r/config", "--messages", "/r/messages", "--state", "/r/state",
				"--log-format", "text",
			},
			"@probe": {
				helperProgram("probe"), "--config", "/r/config", "--messages", "/r/messages", "--state", "/r/state",
				"--log-format", "text",
			},
		},
		Version: versionText(),
	}
	for _, tc := range []struct {
		args   string
		change func(*colony.Options)
	}{
		{"", func(o *colony.Options) {}},
		{"--", func(o *colony.Options) {}},
		{"-- sh -c exit --frequency", func(o *colony.Options) { o.Command = []string{"sh", "-c", "exit", "--frequency"} }},
		{"--frequency 0.5 --threshold 50ms --killtime=1m --minrestartdelay 2 --maxrestartdelay 3", func(o *colony.Options) {
			o.Frequency, o.Threshold, o.KillTime = 500*time.Millisecond, 50*time.Millisecond, time.Minute
			o.MinDelay, o.MaxDelay = 2*time.Second, 3*time.Second
		}},
		{"-t 0 -k 2 -m0 -M 1h30m", func(o *colony.Options) {
			o.Threshold, o.KillTime, o.MinDelay, o.MaxDelay = 0, 2*time.Second, 0, 90*time.Minute
		}},
		{"--shutdown-timeout 3", func(o *colony.Options) { o.ShutdownTimeout = 3 * time.Second }},
		{"--pid /run/pids --insecure --trust-group adm --log-format json", func(o *colony.Options) {
			o.PIDDir, o.Insecure, o.TrustGroup = "/run/pids", true, "adm"
			o.Helpers = maps.Clone(o.Helpers)
			for name, argv := range o.Helpers {
				o.Helpers[name] = append(slices.Clone(argv[:len(argv)-1]), "json")
			}
		}},
		{"--no-helpers", func(o *colony.Options) { o.Helpers = nil }},
	} {
		want := defaults
		tc.change(&want)
		got, err := optionsOf(append([]string{"--root", "/r"}, strings.Fields(tc.args)...)...)
		if err != nil {
			t.Errorf("%q: %v", tc.args, err)
			continue
		}
		if got.Log == nil {
			t.Errorf("%q: no log", tc.args)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(colony.Options{}, "Log"), cmpopts.IgnoreUnexported(colony.Options{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.args, diff)
		}
	}
}

func TestSuperviseFlagsRefused(t *testing.T) {
	for _, args := range []string{
		"--frequency 0", "--frequency x", "--threshold -1", "--killtime 1y", "-m 5 -M 4", "--log-format xml",
		"sleep 5", "sleep -- 5", "--bogus", "--pid",
	} {
		_, err := optionsOf(append([]string{"--root", "/r"}, strings.Fields(args)...)...)
		if f, ok := errors.AsType[*failure](err); !ok || f.code != exitUsage {
			t.Errorf("%q: error %v, want one of usage", args, err)
		}
	}
}
