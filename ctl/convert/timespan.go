package convert

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

var timespanPart = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Zµμ]*)\s*`)

// timespanUnits are systemd's, in seconds.
var timespanUnits = map[string]float64{
	"": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1,
	"us": 1e-6, "usec": 1e-6, "µs": 1e-6, "μs": 1e-6,
	"ms": 1e-3, "msec": 1e-3,
	"m": 60, "min": 60, "minute": 60, "minutes": 60,
	"h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
	"d": 86400, "day": 86400, "days": 86400,
	"w": 604800, "week": 604800, "weeks": 604800,
	"M": 2629800, "month": 2629800, "months": 2629800,
	"y": 31557600, "year": 31557600, "years": 31557600,
}

// timespan reads a time as systemd writes it: seconds, or "1min 30s". What is
// longer than we can say, as is infinity, is the longest time.
func timespan(s string) (d spec.Duration, infinite bool, err error) {
	if s = strings.TrimSpace(s); s == "infinity" {
		return spec.MaxDuration, true, nil
	}
	total, rest := 0.0, s
	for first := true; first || rest != ""; first = false {
		m := timespanPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, false, fmt.Errorf("%q is no time", s)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		unit, known := timespanUnits[m[2]]
		if err != nil || !known {
			return 0, false, fmt.Errorf("%q is no time", s)
		}
		total += n * unit
		rest = rest[len(m[0]):]
	}
	if total >= float64(spec.MaxDuration/second) {
		return spec.MaxDuration, true, nil
	}
	// A microsecond is the smallest that there is: so 0.1 is exactly that.
	return spec.Duration(total*1e6+0.5) * 1000, false, nil
}
