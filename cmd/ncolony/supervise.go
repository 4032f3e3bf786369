package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/program"
)

// superviseFlags are the flags of the supervisor itself.
type superviseFlags struct {
	frequency, threshold, killTime, minDelay, maxDelay spec.Duration
	shutdownTimeout                                    spec.Duration
	pidDir, logFormat, trustGroup                      string
	insecure, noHelpers, version                       bool
}

// pid1Timeout is what a container may take to stop unless told otherwise: the
// engine kills it after 10 seconds, and then nobody hears how it ended.
const pid1Timeout = spec.Duration(9500 * time.Millisecond)

func newSupervise(where *placeFlags, f *superviseFlags) *cobra.Command {
	*f = superviseFlags{
		frequency: spec.Duration(10 * time.Second),
		threshold: spec.Duration(time.Second),
		killTime:  spec.Duration(5 * time.Second),
		minDelay:  spec.Duration(time.Second),
		maxDelay:  spec.Duration(time.Hour),
	}
	if os.Getpid() == 1 {
		f.shutdownTimeout = pid1Timeout
	}
	cmd := &cobra.Command{
		Use:   "ncolony [flags] [-- CMD ARGS...]",
		Short: "Supervise the services that the files of a directory ask for",
		Long: `Supervise the services that the files of a directory ask for.

Each file of the config directory is the spec of one service. With CMD, that
command is a service too, called "main": the colony lives and ends with it.

A time is a number of seconds (0.5) or has a unit (500ms, 1h30m).

'ncolony NAME' runs the program ncolony-NAME, beside this one or in PATH: log keeps
what services write, schedule starts those that are due, probe checks whether they
are well, which the supervisor has them do by itself; forward sends output to where
logs are collected, and import writes specs.`,
		Example: `  ncolony --root /srv/colony
  ncolony -- python3 app.py`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.version {
				_, err := os.Stdout.WriteString("ncolony " + versionText() + "\n")
				return err
			}
			o, err := f.options(cmd, where, args)
			if err != nil {
				return err
			}
			code, err := colony.Run(o)
			if code == exitDone && err == nil {
				return nil
			}
			return &codeError{max(code, exitFailed), err}
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(&f.frequency, "frequency", "time between full scans of the directories")
	fs.VarP(&f.threshold, "threshold", "t", "a process that ends sooner is started again after a delay")
	fs.VarP(&f.killTime, "killtime", "k", "time from the request to stop to the kill")
	fs.VarP(&f.minDelay, "minrestartdelay", "m", "first delay before a restart")
	fs.VarP(&f.maxDelay, "maxrestartdelay", "M", "longest delay before a restart")
	fs.StringVar(&f.pidDir, "pid", "", "directory in which to keep a file with the pid of each service")
	fs.Var(&f.shutdownTimeout, "shutdown-timeout", "time to stop everything, 0 = no limit (default 0, as PID 1 9.5s)")
	fs.Lookup("shutdown-timeout").DefValue = "0" // else help names the default of whoever asks for it
	registerLogFormat(fs, &f.logFormat)
	fs.BoolVar(&f.insecure, "insecure", false, "do not ask who may write the directories")
	fs.StringVar(&f.trustGroup, "trust-group", "", "group that may write the directories, beside root's")
	fs.BoolVar(&f.noHelpers, "no-helpers", false, "start no helper programs, such as heartcheck, schedule and log")
	fs.BoolVar(&f.version, "version", false, "print the version and exit")
	return cmd
}

// options checks the flags and turns them into what colony.Run wants.
func (f *superviseFlags) options(cmd *cobra.Command, where *placeFlags, args []string) (colony.Options, error) {
	if cmd.ArgsLenAtDash() < 0 && len(args) > 0 || cmd.ArgsLenAtDash() > 0 {
		return colony.Options{}, usagef(cmd, "argument %q: a command to supervise goes behind --", args[0])
	}
	switch {
	case f.frequency == 0:
		return colony.Options{}, usagef(cmd, "flag --frequency: must be more than 0")
	case f.maxDelay < f.minDelay:
		return colony.Options{}, usagef(cmd, "flag --maxrestartdelay: %s is less than --minrestartdelay, %s", f.maxDelay, f.minDelay)
	}
	log, err := newLog(cmd, f.logFormat)
	if err != nil {
		return colony.Options{}, err
	}
	places, err := where.places()
	if err != nil {
		return colony.Options{}, err
	}
	pidDir := f.pidDir
	if pidDir != "" {
		if pidDir, err = filepath.Abs(pidDir); err != nil {
			return colony.Options{}, err
		}
	}
	o := colony.Options{
		Places:          places,
		Command:         args,
		Frequency:       f.frequency.D(),
		Threshold:       f.threshold.D(),
		KillTime:        f.killTime.D(),
		MinDelay:        f.minDelay.D(),
		MaxDelay:        f.maxDelay.D(),
		ShutdownTimeout: f.shutdownTimeout.D(),
		PIDDir:          pidDir,
		Insecure:        f.insecure,
		TrustGroup:      f.trustGroup,
		Log:             log,
		Version:         versionText(),
	}
	if len(args) == 0 {
		o.Command = nil
	}
	if !f.noHelpers {
		o.Helpers = helpers(places, f.logFormat)
	}
	return o, nil
}

// helpers are the commands of the programs that the supervisor starts when a
// spec needs them: this binary, under the name by which the kernel finds it
// even after it was replaced on the disk; and those beside it.
func helpers(p spec.Places, logFormat string) map[string][]string {
	command := func(argv ...string) []string {
		return append(argv, "--config", p.Config, "--messages", p.Messages, "--state", p.State, "--log-format", logFormat)
	}
	return map[string][]string{
		"@heartcheck": command("/proc/self/exe", "heartcheck"),
		"@schedule":   command(helperProgram("schedule")),
		"@log":        command(helperProgram("log")),
		"@probe":      command(helperProgram("probe")),
	}
}

// helperProgram is where ncolony-NAME is, or else where it should be: then the
// helper does not start, which is told with that place, and does as soon as it
// is put there.
func helperProgram(name string) string {
	if path := program.Find(name); path != "" {
		return path
	}
	if self, err := os.Executable(); err == nil {
		return filepath.Join(filepath.Dir(self), program.Name(name))
	}
	return program.Name(name)
}
