package heart

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The environment of a supervised program.
const (
	envConfig = "NCOLONY_CONFIG" // the spec's bytes
	envName   = "NCOLONY_NAME"   // the service's name
)

// keyBeatcheck is the spec's key that asks for beats.
const keyBeatcheck = "ncolony.beatcheck"

// maxPeriod is the longest period of a beatcheck, as for every duration of a
// spec.
const maxPeriod = 10 * 365 * 24 * time.Hour

// parseConfig reads a spec and returns the heart that it asks for, or nil if it
// asks for none. Only the key of the beatcheck is looked at, and of it only what
// a beating program needs: grace is the checker's business.
func parseConfig(config, name string) (*Heart, error) {
	var spec map[string]json.RawMessage
	if err := json.Unmarshal([]byte(config), &spec); err != nil {
		return nil, fmt.Errorf("parse %s: %w", envConfig, err)
	}
	// Maps, not structs: encoding/json matches the fields of a struct in any
	// case, and "Period" is not "period".
	var beatcheck map[string]json.RawMessage
	if raw, ok := spec[keyBeatcheck]; ok {
		if err := json.Unmarshal(raw, &beatcheck); err != nil {
			return nil, fmt.Errorf("parse %s: %s: %w", envConfig, keyBeatcheck, err)
		}
	}
	if beatcheck == nil { // absent, or null
		return nil, nil
	}
	period, err := parsePeriod(beatcheck["period"])
	if err != nil {
		return nil, fmt.Errorf("parse %s: %s: period: %w", envConfig, keyBeatcheck, err)
	}
	status, err := parseStatus(beatcheck["status"])
	if err != nil {
		return nil, fmt.Errorf("parse %s: %s: status: %w", envConfig, keyBeatcheck, err)
	}
	return &Heart{status: status, name: name, period: period}, nil
}

// parsePeriod reads a number of seconds, or a string that holds one or a Go
// duration.
func parsePeriod(raw json.RawMessage) (time.Duration, error) {
	if raw == nil {
		return 0, errors.New("missing")
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, err
		}
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf(`%q is neither seconds (0.5) nor a duration ("500ms")`, text)
		}
		seconds = d.Seconds()
	} else if mantissa, _, _ := strings.Cut(strings.ToLower(text), "e"); seconds == 0 && mantissa[0] != '-' && strings.ContainsAny(mantissa, "123456789") {
		seconds = math.SmallestNonzeroFloat64 // too small for a float64, and still above zero
	}
	// Written so that NaN fails too.
	if !(seconds > 0) {
		return 0, fmt.Errorf("%q is not above zero", text)
	}
	if seconds > maxPeriod.Seconds() {
		return 0, fmt.Errorf("%q is longer than 10 years", text)
	}
	return max(time.Duration(math.Round(seconds*1e9)), 1), nil
}

// parseStatus reads the path of a heartbeat file or of a directory of them.
func parseStatus(raw json.RawMessage) (string, error) {
	if raw == nil {
		return "", errors.New("missing")
	}
	var status string
	if err := json.Unmarshal(raw, &status); err != nil {
		return "", err
	}
	if status == "" {
		return "", errors.New("empty")
	}
	if strings.ContainsRune(status, 0) {
		return "", fmt.Errorf("%q holds a NUL byte", status)
	}
	return status, nil
}
