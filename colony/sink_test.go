package colony

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stuckWriter takes nothing until it is let go.
type stuckWriter struct {
	free chan struct{}
	text strings.Builder
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	<-w.free
	return w.text.Write(b)
}

// TestLogNobodyReads: the loop never waits for its log; what was dropped is
// counted in the next line that is not.
func TestLogNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		b := newLogbook(slog.New(slog.NewTextHandler(w, nil)))
		go b.run()
		b.log(report{level: slog.LevelDebug, text: "hidden"})
		for range logQueue + 11 { // one is with the writer
			b.log(report{text: "flood"})
			synctest.Wait()
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.flush(ctx) // nor does the end
		if d := time.Since(start); d != time.Second {
			t.Errorf("flush gives up after %v", d)
		}
		close(w.free)
		synctest.Wait()
		b.log(report{text: "after"})
		b.flush(t.Context())
		text := w.text.String()
		if strings.Count(text, "msg=flood") != logQueue+1 || !strings.HasSuffix(text, "msg=after dropped=10\n") || strings.Contains(text, "hidden") {
			t.Errorf("%d lines, the last: %s", strings.Count(text, "\n"), text[max(0, len(text)-200):])
		}
		b.log(report{text: "later"})
		b.flush(t.Context())
		if text := w.text.String(); !strings.HasSuffix(text, "msg=later\n") {
			t.Errorf("counted twice: %s", text[len(text)-100:])
		}
		close(b.lines)
	})
}

// TestSinkIsUrgentForAnswers: and for nothing else, and it waits for nobody.
func TestSinkIsUrgentForAnswers(t *testing.T) {
	urgent := make(chan struct{}, 1)
	looked := 0
	s := &sink{pending: &batch{}, urgent: urgent, look: func(bool) { looked++ }, logbook: newLogbook(slog.New(slog.NewTextHandler(io.Discard, nil)))}
	s.write(retract{"a"})
	if len(urgent) != 0 || s.pending.empty() {
		t.Error("urgent, or not pending")
	}
	s.write(answer{file: "m"})
	s.write(answer{file: "n"})
	if len(urgent) != 1 || len(s.pending.answers) != 2 {
		t.Errorf("%d urgent, %d answers", len(urgent), len(s.pending.answers))
	}
	if s.rescan(false); looked != 1 {
		t.Error("no look")
	}
}

// What is to be written waits for the starts that are on their way, but not
// long, and not if somebody waits for it.
func TestStartsFirst(t *testing.T) {
	w := newWorld(t, testPolicy)
	s := &sink{pending: &batch{}, urgent: make(chan struct{}, 1)}
	wait := func(want time.Duration) {
		t.Helper()
		if got := s.wait(w.loop); max(got, 0) != want {
			t.Errorf("it waits %v, want %v", got, want)
		}
	}
	s.write(record{})
	wait(0)
	w.m.orders = []*order{{}}
	wait(startsFirst)
	w.now.mono = w.now.mono.add(startsFirst / 2)
	s.write(record{})
	wait(startsFirst / 2)
	w.now.mono = w.now.mono.add(startsFirst)
	wait(0)
	s.pending = &batch{}
	s.write(record{})
	wait(startsFirst)
	s.write(answer{})
	wait(0)
	s.pending = &batch{done: make(chan batch)}
	wait(0)
	s.pending = &batch{}
	w.m.orders[0].overdue = true
	wait(0)
}

// The same for deaths while everything ends: the end of a service is written
// once, unless it takes long.
func TestDeathsFirst(t *testing.T) {
	w := newWorld(t, testPolicy)
	s := &sink{pending: &batch{}, urgent: make(chan struct{}, 1)}
	wait := func(want time.Duration) {
		t.Helper()
		if got := s.wait(w.loop); max(got, 0) != want {
			t.Errorf("it waits %v, want %v", got, want)
		}
	}
	s.write(record{})
	w.m.alive[kindOf(false)] = 1
	wait(0)
	w.m.drain.on = true
	wait(deathsFirst)
	w.now.mono = w.now.mono.add(deathsFirst / 2)
	wait(deathsFirst / 2)
	w.m.alive[kindOf(false)] = 0
	wait(0)
	w.m.alive[kindOf(true)] = 1
	wait(deathsFirst / 2)
	s.write(answer{})
	wait(0)
	s.pending.answers = nil
	w.now.mono = w.now.mono.add(deathsFirst)
	wait(0)
}
