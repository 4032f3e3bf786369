package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// large is a colony on paper of n services with a process each; a tenth beat, and
// a tenth are checked.
func large(b *testing.B, n int) *paper {
	p := newPaper(b)
	now := time.Now()
	for i := range n {
		name, pid := fmt.Sprintf("service-%05d", i), 1000+i
		p.runs(name, 1, pid)
		p.process(process{pid: pid, parent: paperPID, group: pid, session: pid, cpu: 5, resident: 1 << 20}, 3)
		if i%10 == 0 {
			p.json(p.places.Heart(name), spec.Heartbeat{Name: name, State: spec.HeartBeating, Generation: 1, File: p.places.Status(name), LastBeat: &now})
			p.json(p.places.Probe(name), spec.Probes{Name: name, Checks: map[string]spec.Probe{"http": {OK: true, Generation: 1}}})
		}
	}
	return p
}

// BenchmarkReading is a reading of 10,000 services of which 10 have changed, and
// the first one, for which all files are read.
func BenchmarkReading(b *testing.B) {
	const n = 10000
	p := large(b, n)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			p.reader().read()
		}
	})
	b.Run("next", func(b *testing.B) {
		r := p.reader()
		r.read()
		for b.Loop() {
			b.StopTimer()
			for i := range 10 {
				p.runs(fmt.Sprintf("service-%05d", i), 1, 1000+i)
			}
			b.StartTimer()
			if got := r.read(); len(got.services) != n || got.services[n-1].usage == nil {
				b.Fatal("not all is read")
			}
		}
	})
}

// BenchmarkScrape is a scrape of 10,000 services, with a reading of its own and
// with one that another scrape has made.
func BenchmarkScrape(b *testing.B) {
	p := large(b, 10000)
	for name, fresh := range map[string]time.Duration{"own": time.Nanosecond, "shared": time.Hour} {
		b.Run(name, func(b *testing.B) {
			e := New(Options{Places: p.places, Proc: p.proc, Fresh: fresh})
			defer e.Close()
			for b.Loop() {
				w := httptest.NewRecorder()
				e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}
