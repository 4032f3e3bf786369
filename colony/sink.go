package colony

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// sink takes what the loop tells the world, and never makes it wait.
type sink struct {
	pending *batch // until the publisher is free
	urgent  chan<- struct{}
	look    func(afresh bool) // has the watcher look at everything
	logbook *logbook
}

func (s *sink) write(e effect) {
	s.pending.add(e)
	if _, ok := e.(answer); ok {
		select {
		case s.urgent <- struct{}{}:
		default:
		}
	}
}

// startsFirst is how long what there is to write waits for starts that are on
// their way: they need the processor first, and what becomes of them is then
// written with the rest.
const startsFirst = 20 * time.Millisecond

// deathsFirst is the same for deaths, while everything ends: what is written of
// a service is then mostly its end alone.
const deathsFirst = 50 * time.Millisecond

// wait is how long the publisher need not be given what is pending yet.
func (s *sink) wait(l *loop) time.Duration {
	b := s.pending
	if len(b.answers) > 0 || b.done != nil {
		return 0
	}
	if l.model.drain.on && l.model.living(false)+l.model.living(true) > 0 {
		return l.waits(&b.since, deathsFirst)
	}
	return l.yields(&b.since, startsFirst)
}

func (s *sink) rescan(afresh bool) { s.look(afresh) }
func (s *sink) log(r report)       { s.logbook.log(r) }

// logbook writes the log in a goroutine of its own. Where stderr does not take
// it, lines are dropped and counted, and the colony goes on.
type logbook struct {
	logger  *slog.Logger
	lines   chan line
	dropped int // since the last line that was taken; the loop's own
}

type line struct {
	report
	at   time.Time
	done chan<- struct{} // not nil: all before are written
}

const logQueue = 1024

func newLogbook(l *slog.Logger) *logbook {
	return &logbook{logger: l, lines: make(chan line, logQueue)}
}

// log queues a line.
func (b *logbook) log(r report) {
	if b.dropped > 0 {
		r.attrs = append(r.attrs, slog.Int("dropped", b.dropped))
	}
	select {
	case b.lines <- line{report: r, at: time.Now()}:
		b.dropped = 0
	default:
		b.dropped++
	}
}

func (b *logbook) run() {
	ctx := context.Background()
	for l := range b.lines {
		if l.done != nil {
			close(l.done)
			continue
		}
		if !b.logger.Enabled(ctx, l.level) {
			continue
		}
		b.write(ctx, l)
	}
}

// write writes one line. While `-- CMD` has our terminal, that must not stop us
// (stty tostop).
func (b *logbook) write(ctx context.Context, l line) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockTTOU()()
	rec := slog.NewRecord(l.at, l.level, l.text, 0)
	rec.AddAttrs(l.attrs...)
	b.logger.Handler().Handle(ctx, rec)
}

// flush waits until the lines queued so far are written, or ctx is done.
func (b *logbook) flush(ctx context.Context) {
	done := make(chan struct{})
	select {
	case b.lines <- line{done: done}:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}
