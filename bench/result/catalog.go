package result

import (
	"regexp"
	"slices"
	"strings"
)

// Measurement says what a name means.
type Measurement struct {
	Name  string // without the number of services
	Title string
	Unit  string
	More  bool // more is better
}

// catalog is in the order of the table.
var catalog = []Measurement{
	{"restart", "SIGKILL of a child to the replacement's first instruction, {N}", "ms", false},
	{"start", "cold start: exec of the supervisor to the first instruction of the last of {N}", "ms", false},
	{"add", "a new service to its first instruction, {N}", "ms", false},
	{"throughput", "restarts, 100 services that end at once", "1/s", true},
	{"memory", "PSS of everything the supervisor needs, {N}", "MiB", false},
	{"bytes-per-child", "PSS for each child, between none and {N}", "bytes", false},
	{"threads", "threads of the supervisor, {N}", "", false},
	{"fds", "open descriptors of the supervisor, {N}", "", false},
	{"idle-cpu", "CPU when idle, average, {N}", "ms/s", false},
	{"idle-wakeups", "wake-ups when idle, average, {N}", "1/s", false},
	{"quiet-cpu", "CPU when idle, in windows of one second, {N}", "ms/s", false},
	{"quiet-wakeups", "wake-ups when idle, in windows of one second, {N}", "1/s", false},
	{"reap", "20,000 orphans as PID 1, until all are reaped", "ms", false},
	{"reap-zombies", "most zombies seen meanwhile", "", false},
	{"stop", "TERM until no process is left, {N}", "ms", false},
	{"log", "output of one service until it is in the files; cat from a pipe to a file", "MiB/s", true},
	{"log-cpu", "what that costs the logger; cat", "s/GiB", false},
	{"log-supervisor-cpu", "what it costs the supervisor meanwhile, more than nothing does", "ms/s", false},
	{"log-memory", "memory of the logger that is of no file, {N}", "MiB", false},
	{"log-idle-cpu", "CPU of the logger when nobody writes, {N}", "ms/s", false},
	{"startup", "exec of the supervisor to its only child's first instruction", "ms", false},
	{"binary", "the programs", "MiB", false},
	{"upgrade", "upgrade: longest wait of a dead child for its replacement meanwhile, {N}", "ms", false},
	{"adopt", "after kill -9: exec of the next supervisor until it replaces a child that has died since, {N}", "ms", false},
	{"adopt-told", "the same: until it says that it has all, and they run, {N}", "ms", false},
}

var numbered = regexp.MustCompile(`^(.*?)-([0-9]+)$`)

// Describe finds the meaning of a name; the number of services is in its title.
func Describe(name string) Measurement {
	base, n := name, ""
	if m := numbered.FindStringSubmatch(name); m != nil {
		base, n = m[1], thousands(m[2])
	}
	for _, m := range catalog {
		if m.Name == base {
			if n == "" {
				n = byDefault[base]
			} else {
				n += noun(base)
			}
			m.Title = strings.ReplaceAll(m.Title, "{N}", n)
			return m
		}
	}
	return Measurement{Name: base, Title: base}
}

// byDefault is what a name without a number means.
var byDefault = map[string]string{"restart": "100 children", "bytes-per-child": "1,000 children", "idle-cpu": "1,000 children", "idle-wakeups": "1,000 children",
	"quiet-cpu": "1,000 children", "quiet-wakeups": "1,000 children", "stop": "1,000 children"}

// noun is what the number of a name counts.
func noun(base string) string {
	if base == "add" || base == "restart" {
		return " others"
	}
	return " children"
}

func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Names are the measurements there are results of, in the order of the catalog.
func (r Results) Names() []string {
	place := func(name string) int {
		base := Describe(name).Name
		return slices.IndexFunc(catalog, func(m Measurement) bool { return m.Name == base })
	}
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		if d := len(a) - len(b); d != 0 { // more digits, larger number
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// order is that of the columns: ours, the limits, and the others by name.
func order(peers []string) []string {
	first := []string{"ncolony", "bare-c", "bare-go", "bare-go-goroutines", "cat", "dinit", "s6", "runit", "daemontools", "supervisord", "pebble", "tini", "dumb-init"}
	place := func(p string) int {
		if i := slices.Index(first, p); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(peers, func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return peers
}
