package heart

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestParseConfig(t *testing.T) {
	const none = time.Duration(-1)
	for _, tt := range []struct {
		config string
		period time.Duration // none: nobody expects beats
		status string
		err    string // part of the error
	}{
		{config: `{"args": ["x"]}`, period: none},
		{config: `{"ncolony.beatcheck": null}`, period: none},
		{config: `{"NCOLONY.BEATCHECK": {"period": 1, "status": "/b"}}`, period: none},
		{config: `null`, period: none},
		{config: `{"ncolony.beatcheck": {"period": 10, "grace": 3, "status": "/b"}}`, period: 10 * time.Second, status: "/b"},
		{config: `{"ncolony.beatcheck": {"period": 0.05, "grace": "any", "status": "b"}}`, period: 50 * time.Millisecond, status: "b"},
		{config: `{"ncolony.beatcheck": {"period": 1e-12, "status": "b"}}`, period: 1, status: "b"},
		{config: `{"ncolony.beatcheck": {"period": "1m30s", "status": "b"}}`, period: 90 * time.Second, status: "b"},
		{config: `{"ncolony.beatcheck": {"period": "0.5", "status": "b"}}`, period: 500 * time.Millisecond, status: "b"},
		{config: `{"ncolony.beatcheck": {"Period": 1, "status": "b"}}`, err: "period: missing"},
		{config: `{"ncolony.beatcheck": {"period": 0, "status": "b"}}`, err: `"0" is not above zero`},
		{config: `{"ncolony.beatcheck": {"period": -1, "status": "b"}}`, err: `"-1" is not above zero`},
		{config: `{"ncolony.beatcheck": {"period": "nan", "status": "b"}}`, err: `"nan" is not above zero`},
		{config: `{"ncolony.beatcheck": {"period": 1e300, "status": "b"}}`, err: "longer than 10 years"},
		{config: `{"ncolony.beatcheck": {"period": "soon", "status": "b"}}`, err: `"soon" is neither seconds`},
		{config: `{"ncolony.beatcheck": {"period": [1], "status": "b"}}`, err: `"[1]" is neither seconds`},
		{config: `{"ncolony.beatcheck": {"period": 1}}`, err: "status: missing"},
		{config: `{"ncolony.beatcheck": {"period": 1, "status": ""}}`, err: "status: empty"},
		{config: `{"ncolony.beatcheck": {"period": 1, "status": 7}}`, err: "status: json"},
		{config: `{"ncolony.beatcheck": {"period": 1, "status": "a\u0000b"}}`, err: "NUL"},
		{config: `{"ncolony.beatcheck": 7}`, err: "parse NCOLONY_CONFIG: ncolony.beatcheck: json"},
		{config: `[]`, err: "parse NCOLONY_CONFIG: json"},
		{config: `{`, err: "parse NCOLONY_CONFIG: unexpected end"},
	} {
		h, err := parseConfig(tt.config, "web")
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || h != nil {
				t.Errorf("parseConfig(%s) = %v, %v, want an error with %q", tt.config, h, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("parseConfig(%s): %v", tt.config, err)
			continue
		}
		if tt.period == none {
			if h != nil {
				t.Errorf("parseConfig(%s) = a heart, want none", tt.config)
			}
			continue
		}
		if h == nil || h.Period() != tt.period || h.status != tt.status || h.name != "web" {
			t.Errorf("parseConfig(%s) = %+v, want period %v and status %q", tt.config, h, tt.period, tt.status)
		}
	}
}

func TestInterval(t *testing.T) {
	for period, want := range map[time.Duration]time.Duration{
		3 * time.Second: time.Second,
		1:               minInterval,
	} {
		if got := (&Heart{period: period}).Interval(); got != want {
			t.Errorf("Interval with period %v = %v, want %v", period, got, want)
		}
	}
}

// FuzzConfig: no spec makes the library panic, and a heart that it makes can
// beat: it has a period that a ticker takes and a path that a file can have.
func FuzzConfig(f *testing.F) {
	f.Add(`{"args": ["x"], "ncolony.beatcheck": {"period": 10, "grace": 3, "status": "/var/run/x"}}`, "web")
	f.Add(`{"ncolony.beatcheck": {"period": "50ms", "status": "beats/"}}`, "web@2")
	f.Add(`{"ncolony.beatcheck": {"period": 1e400, "status": "\u0000"}}`, "../up")
	f.Add(`{"args":["x"],"ncolony.beatcheck":{"period":1e-400,"grace":1,"status":"/x"}}`, "web")
	f.Add(`{"args":["x"],"ncolony.beatcheck":{"period":"315359999.9999999999","grace":1,"status":"/x"}}`, "web")
	f.Add(`{"ncolony.beatcheck": {"period": "Inf", "status": "/"}}`, "")
	f.Fuzz(func(t *testing.T, config, name string) {
		h, err := parseConfig(config, name)
		// What the supervisor takes for a spec is one for us too, and asks for the
		// same beats.
		if sp, bad := spec.Parse([]byte(config)); bad == nil {
			if err != nil || (h != nil) != (sp.Heart != nil) {
				t.Fatalf("%s: a heart is %v, %v", config, h, err)
			}
			if h != nil && (h.status != sp.Heart.Status || (h.period-sp.Heart.Period.D()).Abs() > 1+sp.Heart.Period.D()/1e12) {
				t.Fatalf("%s: it beats %q every %v", config, h.status, h.period)
			}
		}
		if err != nil {
			if h != nil {
				t.Fatal("a heart beside an error")
			}
			return
		}
		if h == nil {
			return
		}
		if h.period <= 0 || h.period > maxPeriod || h.Interval() <= 0 || h.period == math.MaxInt64 {
			t.Fatalf("period %v", h.period)
		}
		path := h.Path()
		if strings.ContainsRune(h.status, 0) {
			t.Fatalf("path %q", path)
		}
		if path == "" && name == "web" {
			t.Fatalf("no path for status %q", h.status)
		}
	})
}
