package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signal is a signal number that reads from JSON as a name with or without SIG
// ("TERM", "SIGRTMIN+3") or as a number. 0 is no signal.
type Signal int

// oldNames are second names that the system's table does not list.
var oldNames = map[string]string{"CLD": "CHLD", "IOT": "ABRT", "POLL": "IO"}

// ParseSignal reads "TERM", "sigterm", "15", and on Linux "RTMIN+3" and
// "RTMAX-2".
func ParseSignal(s string) (Signal, error) {
	sig, cause := signalOf(s)
	if cause != "" {
		return 0, fmt.Errorf("parse signal %s: %s", quoted(s), cause)
	}
	return sig, nil
}

// signalOf is ParseSignal with the bare cause, for use behind a key's name.
func signalOf(s string) (Signal, string) {
	if n, ok := parseDecimal(s); ok {
		number, ok := n.int64()
		if !ok || number < 1 || number > maxSignal {
			return 0, fmt.Sprintf("no signal number, they go from 1 to %d", maxSignal)
		}
		return Signal(number), ""
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if now, ok := oldNames[name]; ok {
		name = now
	}
	if sig := unix.SignalNum("SIG" + name); sig > 0 {
		return Signal(sig), ""
	}
	if sig := realtime(name); sig > 0 {
		return sig, ""
	}
	return 0, `unknown signal, write a name ("TERM", "HUP") or a number`
}

// realtime reads RTMIN, RTMIN+n, RTMAX and RTMAX-n; 0 means that name is none.
func realtime(name string) Signal {
	if rtMin == 0 {
		return 0
	}
	base, sign := rtMin, "+"
	rest, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		if rest, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0
		}
		base, sign = maxSignal, "-"
	}
	if rest == "" {
		return Signal(base)
	}
	digits, ok := strings.CutPrefix(rest, sign)
	if !ok || len(digits) > 2 || strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > maxSignal-rtMin {
		return 0
	}
	if sign == "-" {
		n = -n
	}
	return Signal(base + n)
}

// String returns the name without SIG ("TERM", "RTMIN+3"), or the number where
// the system has no name for it.
func (s Signal) String() string {
	if name := unix.SignalName(syscall.Signal(s)); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	switch {
	case rtMin == 0 || s < rtMin || s > maxSignal:
		return strconv.Itoa(int(s))
	case s == rtMin:
		return "RTMIN"
	}
	return "RTMIN+" + strconv.Itoa(int(s)-rtMin)
}

// UnmarshalJSON reads a name or a number.
func (s *Signal) UnmarshalJSON(data []byte) error {
	written := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &written); err != nil {
			return err
		}
	}
	sig, err := ParseSignal(written)
	if err == nil {
		*s = sig
	}
	return err
}

// MarshalJSON writes the name as String does, or the number of a signal without
// a name.
func (s Signal) MarshalJSON() ([]byte, error) {
	name := s.String()
	if _, err := strconv.Atoi(name); err == nil {
		return []byte(name), nil
	}
	return json.Marshal(name)
}
