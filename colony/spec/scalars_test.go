package spec

import (
	"encoding/json"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	good := map[string]time.Duration{
		"0": 0, "0.05": 50 * time.Millisecond, "50ms": 50 * time.Millisecond, "1h30m": 90 * time.Minute,
		"1e1": 10 * time.Second, "10.0": 10 * time.Second, ".5": 500 * time.Millisecond, "5.": 5 * time.Second,
		"+3": 3 * time.Second, "-0": 0, "-0s": 0, "1e-30": 1, "0.0000000015": 2, "0.0000000014": 1, "0.0000000004": 1,
		"123456.789012345": 123456789012345, "315360000": MaxDuration.D(), "87600h": MaxDuration.D(),
	}
	for s, want := range good {
		if got, err := ParseDuration(s); err != nil || got.D() != want {
			t.Errorf("ParseDuration(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	bad := map[string]string{
		"":              `parse duration "": neither seconds (0.5) nor a duration ("500ms", "1h30m")`,
		"x":             `parse duration "x": neither seconds (0.5) nor a duration ("500ms", "1h30m")`,
		"-1":            `parse duration "-1": must not be negative`,
		"-1ms":          `parse duration "-1ms": must not be negative`,
		"-1e400":        `parse duration "-1e400": must not be negative`,
		"315360000.001": `parse duration "315360000.001": longer than 10 years`,
		"1e300":         `parse duration "1e300": longer than 10 years`,
		"9223372036.9":  `parse duration "9223372036.9": longer than 10 years`,
	}
	for _, s := range []string{"NaN", "Inf", "inf", " 1", "1 ", "1_000", "0x10", "1,5", "1e", "e1", ".", "+", "--1", "1e99999999999", "10d", "9999999999h"} {
		bad[s] = ""
	}
	for s, want := range bad {
		if got, err := ParseDuration(s); err == nil || want != "" && err.Error() != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %s", s, got, err, want)
		}
	}
}

func TestDurationJSON(t *testing.T) {
	for _, d := range []Duration{0, 1, 999999999, 1e9, 50e6, 1500e6, 123456789012345, MaxDuration} {
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := strconv.ParseFloat(string(data), 64); err != nil {
			t.Errorf("%s is no number", data)
		}
		var back Duration
		if err := json.Unmarshal(data, &back); err != nil || back != d {
			t.Errorf("%d -> %s -> %d, %v", d, data, back, err)
		}
	}
	if data, err := json.Marshal(Duration(50e6)); string(data) != "0.05" || err != nil {
		t.Errorf("%s, %v", data, err)
	}
	if _, err := json.Marshal(Duration(-1)); err == nil {
		t.Error("a negative duration is written")
	}
	var d Duration
	if err := json.Unmarshal([]byte(`"\u0035s"`), &d); err != nil || d != 5e9 {
		t.Errorf("%d, %v", d, err)
	}
	for _, bad := range []string{`true`, `null`, `"x"`, `-1`, `[1]`} {
		if err := json.Unmarshal([]byte(bad), &d); err == nil && bad != "null" {
			t.Errorf("%s is read as %v", bad, d)
		}
	}
}

func TestSignals(t *testing.T) {
	same := map[string]string{
		"TERM": "TERM", "SIGTERM": "TERM", "term": "TERM", "SigTerm": "TERM", "15": "TERM", "15.0": "TERM",
		"9": "KILL", "CLD": "CHLD", "IOT": "ABRT", "sigpoll": "IO", "HUP": "HUP", "USR1": "USR1", "WINCH": "WINCH",
	}
	if runtime.GOOS == "linux" {
		for s, want := range map[string]string{
			"RTMIN": "RTMIN", "SIGRTMIN+0": "RTMIN", "rtmin+3": "RTMIN+3", "37": "RTMIN+3", "RTMAX": "RTMIN+30",
			"RTMAX-2": "RTMIN+28", "64": "RTMIN+30", "RTMAX-30": "RTMIN", "32": "32", "33": "33", "34": "RTMIN",
		} {
			same[s] = want
		}
	}
	for s, want := range same {
		if got, err := ParseSignal(s); err != nil || got.String() != want {
			t.Errorf("ParseSignal(%q) = %v, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "0", "-1", "65", "1.5", "1e9", "SIG", "TERMS", "RTMIN+31", "RTMIN-1", "RTMAX+1",
		"RTMAX-31", "RTMIN+", "RTMIN+-1", "RTMIN++1", "RTMIN+003", " TERM", "SIGSIGTERM", "999999999999999999999"} {
		if got, err := ParseSignal(s); err == nil {
			t.Errorf("ParseSignal(%q) = %v", s, got)
		}
	}
	for n := 1; n <= maxSignal; n++ {
		got, err := ParseSignal(Signal(n).String())
		if err != nil || got != Signal(n) {
			t.Errorf("%d -> %s -> %d, %v", n, Signal(n), got, err)
		}
		data, err := json.Marshal(Signal(n))
		if err != nil {
			t.Fatal(err)
		}
		var back Signal
		if err := json.Unmarshal(data, &back); err != nil || back != Signal(n) {
			t.Errorf("%d -> %s -> %d, %v", n, data, back, err)
		}
	}
	var s Signal
	if err := json.Unmarshal([]byte(`"sigusr2"`), &s); err != nil || s.String() != "USR2" {
		t.Errorf("%v, %v", s, err)
	}
}

func TestDecimal(t *testing.T) {
	for s, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "0e5": "0", "1": "1", "1.0": "1", "1e0": "1", "10": "1e1", "0.1": "1e-1",
		"100e-1": "1e1", "-12.50": "-125e-1", "00012": "12", "12345678901234567890123": "12345678901234567890123",
	} {
		if d, ok := parseDecimal(s); !ok || d.String() != want {
			t.Errorf("parseDecimal(%q) = %s, %v; want %s", s, d, ok, want)
		}
	}
	for s, want := range map[string]int64{"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "12e2": 1200, "1.5e1": 15, "0": 0} {
		d, _ := parseDecimal(s)
		if n, ok := d.int64(); !ok || n != want {
			t.Errorf("%s: int64 = %d, %v", s, n, ok)
		}
	}
	for _, s := range []string{"9223372036854775808", "1e19", "0.1", "1e1000000"} {
		d, _ := parseDecimal(s)
		if n, ok := d.int64(); ok {
			t.Errorf("%s: int64 = %d", s, n)
		}
	}
}
