package web

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/serve/usage"
)

// chart is a line over the last hour, as a picture of 600 x 100.
type chart struct {
	Line, Area     string // points of a polyline, and of what is below it
	Now, Most, Top string // the last value, the largest, and what the upper edge stands for
	From, To       time.Time
}

// chartsOf draws what a service has used; nil: nobody knows.
func chartsOf(hour []usage.Point) (cpu, memory *chart) {
	if len(hour) == 0 {
		return nil, nil
	}
	const mega = 1 << 10 // KiB
	cpu = chartOf(hour, func(p usage.Point) float64 { return float64(p.CPU) }, func(v float64) string { return percent(float32(v)) })
	memory = chartOf(hour, func(p usage.Point) float64 { return float64(p.Memory) / mega }, func(v float64) string { return size(uint32(v * mega)) })
	return cpu, memory
}

func chartOf(hour []usage.Point, value func(usage.Point) float64, text func(float64) string) *chart {
	c := &chart{To: hour[len(hour)-1].Time}
	c.From = c.To.Add(-time.Hour)
	most := 0.0
	for _, p := range hour {
		most = max(most, value(p))
	}
	top := round(most)
	var line strings.Builder
	first := 0.0
	for i, p := range hour {
		x := 600 * (1 - c.To.Sub(p.Time).Seconds()/time.Hour.Seconds())
		if i == 0 {
			first = x
		}
		fmt.Fprintf(&line, "%.1f,%.1f ", x, 100-96*value(p)/top)
	}
	c.Line = strings.TrimSpace(line.String())
	c.Area = fmt.Sprintf("%.1f,100 %s 600,100", first, c.Line)
	c.Now, c.Most, c.Top = text(value(hour[len(hour)-1])), text(most), text(top)
	return c
}

// round is the next number above that is 1, 2 or 5 with zeroes.
func round(v float64) float64 {
	if v <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if v <= step*unit {
			return step * unit
		}
	}
	return 10 * unit
}
