// Package result holds what was measured, and shows it: as JSON, as a table and
// as charts, beside the targets.
package result

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Summary is what is known of one measurement of one peer.
type Summary struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	N    int     `json:"n"`
	Unit string  `json:"unit"`
}

// Results are summaries by measurement and peer.
type Results map[string]map[string]Summary

// Samples are figures by measurement and peer, in the unit of the measurement.
type Samples map[string]map[string][]float64

// Add adds figures.
func (s Samples) Add(measurement, peer string, figures ...float64) {
	if s[measurement] == nil {
		s[measurement] = map[string][]float64{}
	}
	s[measurement][peer] = append(s[measurement][peer], figures...)
}

// Summarize makes results of samples. The p99 of a measurement of which more is
// better is the value that 99 % exceed.
func (s Samples) Summarize() Results {
	r := Results{}
	for name, peers := range s {
		r[name] = map[string]Summary{}
		for peer, figures := range peers {
			worst := 0.99
			if Describe(name).More {
				worst = 0.01
			}
			r[name][peer] = Summary{P50: Quantile(figures, 0.5), P99: Quantile(figures, worst), N: len(figures), Unit: Describe(name).Unit}
		}
	}
	return r
}

// Quantile is the value below which the share q of the figures lies, between
// neighbours in proportion; 0 of none.
func Quantile(figures []float64, q float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Ratio is a/b; false if there is no such figure.
func (r Results) Ratio(measurement, a, b string) (float64, bool) {
	x, ok := r[measurement][a]
	y, also := r[measurement][b]
	return x.P50 / y.P50, ok && also && y.P50 != 0
}

// Write writes anything as JSON.
func Write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Read reads what Write has written.
func Read(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
