// Package metrics tells Prometheus how a colony is: /metrics of `ncolony serve`.
// It reads what the supervisor and its helpers say in state/, and /proc, and
// writes nothing.
//
//	state/status, heart, probe, log, events ──┐
//	/proc, once ──> processes ──> lives ──────┼──> reading ──> Gather ──> promhttp
//	control groups ───────────────────────────┘
//
// A reading is what was seen at one moment. Scrapes that come together, or close
// behind each other, are told of the same one.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Options say what to tell of. Only Places is required.
type Options struct {
	Places spec.Places
	Log    *slog.Logger  // nil: nothing is logged
	Fresh  time.Duration // for so long a reading is told again; 0 = DefaultFresh
	Most   int           // of so many services, the first by name, it is told how each is; 0 = DefaultMost
	Proc   string        // where the processes are; "" = /proc
}

// Defaults of Options.
const (
	DefaultFresh = time.Second
	DefaultMost  = 20000
)

const (
	// atOnce is how many scrapes are answered at once; more are told to come again.
	atOnce = 8
	// answerWithin bounds the time in which a scrape is answered. It is as long as
	// Prometheus itself waits by default.
	answerWithin = 10 * time.Second
)

// Exporter answers scrapes. It is a prometheus.Gatherer, too, for whoever has more
// to tell.
type Exporter struct {
	reader *reader
	http.Handler
}

// New begins to watch a colony: counters that are made here (events, CPU time,
// output) count from now on. The colony need not be there.
func New(o Options) *Exporter {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Fresh == 0 {
		o.Fresh = DefaultFresh
	}
	if o.Most == 0 {
		o.Most = DefaultMost
	}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	e := &Exporter{reader: newReader(o)}
	e.Handler = promhttp.HandlerFor(e, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: atOnce,
		Timeout:             answerWithin,
		EnableOpenMetrics:   true,
	})
	return e
}

// Close lets go of the files that are open between scrapes.
func (e *Exporter) Close() { e.reader.close() }
