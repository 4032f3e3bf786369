package colony

import (
	"encoding/json"
	"fmt"
	"testing"
)

// BenchmarkSnapshot is the price of a snapshot of 1,000 services, and of the
// way back.
func BenchmarkSnapshot(b *testing.B) {
	w := newWorld(new(testing.T), testPolicy)
	const n = 1000
	for i := range n {
		w.see(fmt.Sprintf("s%d", i), fmt.Sprintf(`{"args":["/usr/bin/program","--number","%d"],"env":{"A":"b"},"group":["all"]}`, i))
	}
	w.settle()
	text, err := json.Marshal(w.m.snapshot())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			json.Marshal(w.m.snapshot())
		}
		b.ReportMetric(float64(len(text))/n, "bytes/service")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			s, err := readSnapshot(text)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := restore(testPolicy, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
