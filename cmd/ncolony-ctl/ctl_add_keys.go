package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// keyFlag is a flag of ctl add that sets one key of the spec.
type keyFlag struct {
	flag string
	path []string   // where the key stands: {"stop", "grace"} is stop.grace
	new  func() key // its value
	help string
}

// keyFlags are the keys that people set often. Any other goes into --extras.
var keyFlags = []keyFlag{
	{"user", []string{"user"}, newText, "user to run as, by name or number"},
	{"groups", []string{"groups"}, newList, "supplementary group to run with (repeatable; default: the user's own)"},
	{"group", []string{"group"}, newList, "restart group to be in (repeatable)"},
	{"cwd", []string{"cwd"}, newText, "directory to run in"},
	{"env-file", []string{"env_file"}, newList, "file of NAME=value lines, -FILE if it may be missing (repeatable)"},
	{"umask", []string{"umask"}, newText, "permission bits that are taken from every file it makes: 0027"},
	{"nice", []string{"nice"}, newNumber, "priority: -20 comes first, 19 last"},
	{"rlimit", []string{"rlimits"}, newLimits, "NAME=VALUE or NAME=SOFT:HARD, a resource limit as in nofile=65536 (repeatable)"},
	{"no-new-privs", []string{"no_new_privs"}, newSwitch, "no program that it executes gets rights that it has not"},
	{"capability", []string{"capabilities"}, newGranted, "capability that it keeps, of which it has no others then (repeatable); none: not one"},
	{"credential", []string{"credentials"}, newFiles, "NAME=PATH of a secret file, of which it gets a copy (repeatable)"},
	{"restart", []string{"restart"}, newText, "when to start it again: always, on-failure or never"},
	{"success-code", []string{"success_codes"}, newNumbers, "exit code that is no failure (repeatable)"},
	{"stop-signal", []string{"stop", "signal"}, newText, "signal that asks it to end"},
	{"stop-grace", []string{"stop", "grace"}, newSpan, "time from the request to end to the kill"},
	{"stop-scope", []string{"stop", "scope"}, newText, "which processes to stop: all, group or main"},
	{"stop-dump", []string{"stop", "dump"}, newText, "signal that has it write down what it is doing, sent first when it hangs"},
	{"after", []string{"after"}, newList, "service that has to be ready first (repeatable)"},
	{"requires", []string{"requires"}, newList, "service that has to be ready first, and with which it stops (repeatable)"},
	{"ready", []string{"ready"}, newWay, "how it becomes ready: notify, fd=N, beat, file=PATH, log=REGEX, http=URL, tcp=ADDRESS or exec=COMMAND"},
	{"ready-timeout", []string{"ready", "timeout"}, newSpan, "time to become ready, 0 = any"},
	{"watchdog", []string{"watchdog"}, newSpan, "time within which it has to say WATCHDOG=1 (sd_notify)"},
	{"limit", []string{"limit"}, newRate, "N/TIME: more than N restarts within TIME are too many"},
	{"limit-then", []string{"limit", "then"}, newThen, "what follows then: fail, shutdown or retry=TIME"},
	{"cron", []string{"schedule", "cron"}, newText, "when to start it, as in a crontab: \"0 3 * * *\", @daily"},
	{"zone", []string{"schedule", "zone"}, newText, "time zone of --cron (default: the supervisor's)"},
	{"every", []string{"schedule", "every"}, newSpan, "start it so often"},
	{"instances", []string{"instances"}, newNumber, "number of services NAME@1, NAME@2 ... to make of it"},
	{"main", []string{"main"}, newSwitch, "the colony lives and ends with it"},
	{"listen", []string{"listen"}, newList, "address of a socket that is kept for it: 127.0.0.1:80, udp://[::]:53, unix:///run/x.sock (repeatable)"},
	{"stdin", []string{"stdin"}, newText, "standard input: null, inherit or fifo, for ncolony ctl send"},
	{"log", []string{"log"}, newOutput, "output: files to capture it, null to drop it"},
	{"heartbeat-status", []string{"ncolony.beatcheck", "status"}, newText, "file that it touches while it is well, or a directory of such"},
	{"heartbeat-period", []string{"ncolony.beatcheck", "period"}, newSpan, "how often it touches it at least"},
	{"heartbeat-grace", []string{"ncolony.beatcheck", "grace"}, newNumber, "how many periods it may take after a start"},
}

func registerKeys(fs *pflag.FlagSet) {
	for _, k := range keyFlags {
		v := k.new()
		flag := fs.VarPF(v, k.flag, "", k.help)
		if _, ok := v.(*onOff); ok {
			flag.NoOptDefVal = "true"
		}
	}
}

// addKeys puts the keys whose flags were given beside those of extras. It
// refuses a key that stands in both.
func addKeys(fs *pflag.FlagSet, extras map[string]any) (map[string]any, error) {
	for _, k := range keyFlags {
		if !fs.Changed(k.flag) {
			continue
		}
		if extras == nil {
			extras = make(map[string]any)
		}
		value := fs.Lookup(k.flag).Value.(key).json()
		several, ok := value.(members)
		if !ok {
			several = members{"": value}
		}
		for _, name := range slices.Sorted(maps.Keys(several)) {
			path := k.path
			if name != "" {
				path = append(slices.Clone(path), name)
			}
			if !put(extras, path, several[name]) {
				return nil, fmt.Errorf("flag --%s: %q stands in --extras too", k.flag, strings.Join(path, "."))
			}
		}
	}
	return extras, nil
}

// put sets the value at path, unless there is one or there is no way to it.
func put(in map[string]any, path []string, value any) bool {
	for ; len(path) > 1; path = path[1:] {
		next, exists := in[path[0]]
		if !exists {
			next = make(map[string]any)
			in[path[0]] = next
		}
		var ok bool
		if in, ok = next.(map[string]any); !ok {
			return false
		}
	}
	if _, taken := in[path[0]]; taken {
		return false
	}
	in[path[0]] = value
	return true
}
