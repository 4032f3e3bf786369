// Package helper is what the programs have in common that the supervisor starts
// by itself: @heartcheck and its like. They read config/ and state/, act by
// messages, and show the supervisor that they do not hang.
package helper

import (
	"context"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/heart"
)

// watchdogBeat is how often we say that we turn, to a supervisor that wants to
// know.
const watchdogBeat = 3 * time.Second

// Pulse is how we show that we do not hang: to whoever expects heartbeats of us,
// and to a supervisor that wants to hear of us.
type Pulse struct {
	log    *slog.Logger
	own    *heart.Heart // nil: nobody expects beats
	beatAt time.Duration
	news   News
}

// NewPulse asks the environment who wants to hear of us.
func NewPulse(log *slog.Logger) *Pulse {
	own, err := heart.FromEnv()
	if err != nil {
		log.Error("own heartbeat is off", "err", err)
	}
	return &Pulse{log: log, own: own}
}

// Beat is to be called in each turn of the loop, and not in the background, so
// that a hung stat of ours is seen. Now is on the monotonic clock.
func (p *Pulse) Beat(now time.Duration) {
	if err := p.own.Beat(); p.news.Is("own heartbeat", "", err) {
		p.log.Warn("own heartbeat failed", "err", err)
	}
	if now >= p.beatAt {
		p.beatAt = now + watchdogBeat
		if err := heart.Notify("WATCHDOG=1"); p.news.Is("watchdog", "", err) {
			p.log.Warn("watchdog not fed", "err", err)
		}
	}
}

// Within bounds the time to the next turn, for the sake of the beats.
func (p *Pulse) Within(wait time.Duration) time.Duration {
	if p.own == nil {
		return wait
	}
	return min(wait, p.own.Interval())
}

// Run calls turn again and again until ctx is done. Turn is told the time since
// the start, on the monotonic clock, and says when it is to be called next; that
// is to be soon, for between two turns nobody hears of us. Between two turns is
// least at least, so that a loop that always has something to do does not become
// a busy one.
func Run(ctx context.Context, log *slog.Logger, least time.Duration, turn func(now time.Duration) (next time.Duration)) {
	pulse := NewPulse(log)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Since(start)
		pulse.Beat(began)
		timer.Reset(pulse.Within(max(turn(began)-time.Since(start), least)))
	}
}

// News is what is wrong, as it was told: what goes wrong goes wrong again and
// again. The zero News is ready.
type News struct{ told map[topic]string }

// topic is something that may go wrong.
type topic struct{ what, name string }

// Is reports whether err is to be told: it is an error and not the one that the
// topic had last.
func (n *News) Is(what, name string, err error) bool {
	if err == nil {
		if len(n.told) > 0 {
			delete(n.told, topic{what, name})
		}
		return false
	}
	t, text := topic{what, name}, err.Error()
	if n.told[t] == text {
		return false
	}
	if n.told == nil {
		n.told = map[topic]string{}
	}
	n.told[t] = text
	return true
}

// Forget is for a name that is not looked at any more.
func (n *News) Forget(name string, what ...string) {
	for _, w := range what {
		delete(n.told, topic{w, name})
	}
}
