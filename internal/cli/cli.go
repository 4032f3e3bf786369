// Package cli is what the commands of the program ncolony itself are called, take and
// are for. That program runs them; ncolony-ctl, which knows them too, completes them in
// a shell and writes their manual pages. Hence nothing here that PID 1 has no need of.
package cli

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/places"
)

// Command is one of them, in words.
type Command struct {
	Name, Use, Short, Long, Example string
}

// Supervise is what ncolony does without the name of a command.
var Supervise = Command{
	Name:  "ncolony",
	Use:   "ncolony [flags] [-- CMD ARGS...]",
	Short: "Supervise the services that the files of a directory ask for",
	Long: `Supervise the services that the files of a directory ask for.

Each file of the config directory is the spec of one service. With CMD, that
command is a service too, called "main": the colony lives and ends with it.

A time is a number of seconds (0.5) or has a unit (500ms, 1h30m).

'ncolony NAME' runs the program ncolony-NAME, beside this one or in PATH: ctl is for
people and programs to add, remove, restart and look at services; heartcheck watches
hearts, log keeps what services write, schedule starts those that are due, probe
checks whether they are well, which the supervisor has them do by itself; forward
sends output to where logs are collected, import writes specs, top and serve show it
all.`,
	Example: `  ncolony --root /srv/colony
  ncolony -- python3 app.py`,
}

// SuperviseFlags are its flags.
type SuperviseFlags struct {
	Where                                              places.Flags
	Frequency, Threshold, KillTime, MinDelay, MaxDelay spec.Duration
	ShutdownTimeout                                    spec.Duration
	PIDDir, LogFormat, TrustGroup                      string
	Insecure, NoHelpers, Version                       bool
}

// pid1Timeout is what a container may take to stop unless told otherwise: the
// engine kills it after 10 seconds, and then nobody hears how it ended.
const pid1Timeout = spec.Duration(9500 * time.Millisecond)

// Register adds the flags to fs and sets what they are without.
func (f *SuperviseFlags) Register(fs *pflag.FlagSet) {
	*f = SuperviseFlags{
		Frequency: spec.Duration(10 * time.Second),
		Threshold: spec.Duration(time.Second),
		KillTime:  spec.Duration(5 * time.Second),
		MinDelay:  spec.Duration(time.Second),
		MaxDelay:  spec.Duration(time.Hour),
	}
	if os.Getpid() == 1 {
		f.ShutdownTimeout = pid1Timeout
	}
	fs.SortFlags = false
	fs.Var(&f.Frequency, "frequency", "time between full scans of the directories")
	fs.VarP(&f.Threshold, "threshold", "t", "a process that ends sooner is started again after a delay")
	fs.VarP(&f.KillTime, "killtime", "k", "time from the request to stop to the kill")
	fs.VarP(&f.MinDelay, "minrestartdelay", "m", "first delay before a restart")
	fs.VarP(&f.MaxDelay, "maxrestartdelay", "M", "longest delay before a restart")
	fs.StringVar(&f.PIDDir, "pid", "", "directory in which to keep a file with the pid of each service")
	fs.Var(&f.ShutdownTimeout, "shutdown-timeout", "time to stop everything, 0 = no limit (default 0, as PID 1 9.5s)")
	fs.Lookup("shutdown-timeout").DefValue = "0" // else help names the default of whoever asks for it
	RegisterLogFormat(fs, &f.LogFormat)
	fs.BoolVar(&f.Insecure, "insecure", false, "do not ask who may write the directories")
	fs.StringVar(&f.TrustGroup, "trust-group", "", "group that may write the directories, beside root's")
	fs.BoolVar(&f.NoHelpers, "no-helpers", false, "start no helper programs, such as heartcheck, schedule and log")
	fs.BoolVar(&f.Version, "version", false, "print the version and exit")
}

// RegisterLogFormat adds the flag --log-format. Helpers take it too, for their log
// ends up in the supervisor's.
func RegisterLogFormat(fs *pflag.FlagSet, format *string) {
	fs.StringVar(format, "log-format", "text", "format of the log on stderr: text or json")
}

// NewLog returns a log on stderr in the format that the flag names.
func NewLog(format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, nil)), nil
	}
	return nil, fmt.Errorf("flag --log-format: %q is neither text nor json", format)
}

// Ctl is `ncolony ctl`, which is all that ncolony knows of it.
var Ctl = Command{Name: "ctl", Short: "Add, remove, restart and look at services"}

// Heart is `ncolony heart`.
var Heart = Command{
	Name:  "heart",
	Use:   "heart [flags] -- CMD ARGS...",
	Short: "Run a program and beat on its behalf",
	Long: `Run a program and touch its heartbeat file while it lives and, with --check,
while that command succeeds. The file and how often to touch it are those of the
spec's key "ncolony.beatcheck", so this belongs into the args of a spec.`,
	Example: `  ncolony heart --check 'curl -fsS http://127.0.0.1:8000/' -- python3 -m http.server`,
}

// HeartFlags are its flags.
type HeartFlags struct {
	Check, LogFormat string
	Timeout          spec.Duration
}

// Register adds the flags to fs.
func (f *HeartFlags) Register(fs *pflag.FlagSet) {
	fs.StringVar(&f.Check, "check", "", "shell command that succeeds while the program is well")
	fs.Var(&f.Timeout, "timeout", "how long the check may take (default: the period)")
	fs.Lookup("timeout").DefValue = "0" // the default is told above
	RegisterLogFormat(fs, &f.LogFormat)
}

// Notify is `ncolony notify`, which has no flags.
var Notify = Command{
	Name:  "notify",
	Use:   "notify KEY=VALUE...",
	Short: "Tell the supervisor something about the service this runs in",
	Long: `Tell the supervisor something about the service this runs in, as sd_notify(3)
does: READY=1, STATUS=text, WATCHDOG=1, STOPPING=1, RELOADING=1 and others. It is
for shell scripts whose spec has "ready": {"notify": true} or "watchdog".`,
	Example: `  ncolony notify READY=1 "STATUS=12 jobs in the queue"`,
}
