package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/companion"
)

// superviseFlags is the set of all flags that may stand before a command's name.
func superviseFlags(f *cli.SuperviseFlags) *pflag.FlagSet {
	fs := pflag.NewFlagSet(cli.Supervise.Name, pflag.ContinueOnError)
	f.Register(fs)
	f.Where.Register(fs)
	return fs
}

// supervise is `ncolony`, with the command behind "--" if there is one.
func supervise(f *cli.SuperviseFlags, command []string) error {
	o, err := options(f, command)
	if err != nil {
		return err
	}
	code, err := colony.Run(o)
	if code == exitDone && err == nil {
		return nil
	}
	return &failure{err, max(code, exitFailed), ""}
}

// options checks the flags and turns them into what colony.Run wants.
func options(f *cli.SuperviseFlags, command []string) (colony.Options, error) {
	switch {
	case f.Frequency == 0:
		return colony.Options{}, usagef(cli.Supervise, "flag --frequency: must be more than 0")
	case f.MaxDelay < f.MinDelay:
		return colony.Options{}, usagef(cli.Supervise, "flag --maxrestartdelay: %s is less than --minrestartdelay, %s", f.MaxDelay, f.MinDelay)
	}
	log, err := cli.NewLog(f.LogFormat)
	if err != nil {
		return colony.Options{}, usagef(cli.Supervise, "%w", err)
	}
	p, err := f.Where.Find()
	if err != nil {
		return colony.Options{}, err
	}
	pidDir := f.PIDDir
	if pidDir != "" {
		if pidDir, err = filepath.Abs(pidDir); err != nil {
			return colony.Options{}, err
		}
	}
	o := colony.Options{
		Places:          p,
		Command:         command,
		Frequency:       f.Frequency.D(),
		Threshold:       f.Threshold.D(),
		KillTime:        f.KillTime.D(),
		MinDelay:        f.MinDelay.D(),
		MaxDelay:        f.MaxDelay.D(),
		ShutdownTimeout: f.ShutdownTimeout.D(),
		PIDDir:          pidDir,
		Insecure:        f.Insecure,
		TrustGroup:      f.TrustGroup,
		Log:             log,
		Version:         versionText(),
	}
	if len(command) == 0 {
		o.Command = nil
	}
	if !f.NoHelpers {
		o.Helpers = helpers(p, f.LogFormat)
	}
	return o, nil
}

// helpers are the commands of the programs that the supervisor starts when a
// spec needs them.
func helpers(p spec.Places, logFormat string) map[string][]string {
	command := func(name string) []string {
		return []string{helperProgram(name), "--config", p.Config, "--messages", p.Messages, "--state", p.State, "--log-format", logFormat}
	}
	return map[string][]string{
		"@heartcheck": command("heartcheck"),
		"@schedule":   command("schedule"),
		"@log":        command("log"),
		"@probe":      command("probe"),
	}
}

// helperProgram is where ncolony-NAME is, or else where it should be: then the
// helper does not start, which is told with that place, and does as soon as it
// is put there.
func helperProgram(name string) string {
	if path := companion.Find(name); path != "" {
		return path
	}
	if self, err := os.Executable(); err == nil {
		return filepath.Join(filepath.Dir(self), companion.Name(name))
	}
	return companion.Name(name)
}
