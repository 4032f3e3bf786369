package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span that reads from JSON, and from flags, as a number of
// seconds (0.05) or as a Go duration ("50ms"). It is never negative and at most
// MaxDuration.
type Duration time.Duration

// MaxDuration is the longest time that a file or a flag may ask for. It leaves
// room to add a few of them without overflow.
const MaxDuration = Duration(10 * 365 * 24 * time.Hour)

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns d as Go writes it: "50ms", "1h0m0s".
func (d Duration) String() string { return d.D().String() }

// Set makes d a flag value.
func (d *Duration) Set(s string) error {
	parsed, err := ParseDuration(s)
	if err == nil {
		*d = parsed
	}
	return err
}

// Type names d in the help of a flag.
func (d *Duration) Type() string { return "duration" }

// ParseDuration reads a number of seconds ("0.05") or a Go duration ("50ms",
// "1h30m"). It refuses what is negative or longer than MaxDuration.
func ParseDuration(s string) (Duration, error) {
	d, cause := durationOf(s)
	if cause != "" {
		return 0, fmt.Errorf("parse duration %s: %s", quoted(s), cause)
	}
	return d, nil
}

// durationOf is ParseDuration with the bare cause, for use behind a key's name.
func durationOf(s string) (Duration, string) {
	var d Duration
	if n, ok := parseDecimal(s); ok {
		ns, ok := n.scaled(9)
		if n.negative {
			return 0, "must not be negative"
		}
		if !ok {
			return 0, "longer than 10 years"
		}
		d = Duration(ns)
	} else {
		parsed, err := time.ParseDuration(s)
		if err != nil {
			return 0, `neither seconds (0.5) nor a duration ("500ms", "1h30m")`
		}
		d = Duration(parsed)
	}
	if d < 0 {
		return 0, "must not be negative"
	}
	if d > MaxDuration {
		return 0, "longer than 10 years"
	}
	return d, ""
}

// UnmarshalJSON reads a number of seconds or a string as ParseDuration does.
func (d *Duration) UnmarshalJSON(data []byte) error {
	s := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
	}
	return d.Set(s)
}

// MarshalJSON writes seconds as a number, exactly to the nanosecond.
func (d Duration) MarshalJSON() ([]byte, error) {
	ns := int64(d)
	if ns < 0 {
		return nil, fmt.Errorf("marshal duration %s: must not be negative", d)
	}
	s := strconv.FormatInt(ns/1e9, 10)
	if fraction := ns % 1e9; fraction != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%09d", fraction), "0")
	}
	return []byte(s), nil
}
