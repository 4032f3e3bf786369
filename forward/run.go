package forward

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/heart"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Options are what a forwarder works with.
type Options struct {
	Places spec.Places
	To     *Destination

	// Names are the services whose output is sent; none: all but our own.
	Names []string

	// Own is the name of the service that we are; "" = none.
	Own string

	// FromNow begins with what comes, and not with what is kept, for streams that
	// have no cursor yet.
	FromNow bool

	// Cursor is the name of the file in state/forward; "" = made of the destination.
	Cursor string

	Log *slog.Logger // nil: slog.Default

	half time.Duration // how long the end of a line is waited for; 0 means halfFor
}

const (
	// look is the time between two looks at files that may have grown. What comes
	// meanwhile is one batch.
	look = 200 * time.Millisecond

	// After a failure it is tried again after a while, which grows. So that many
	// forwarders do not do so together, it is cut by up to half at random.
	againMin = 500 * time.Millisecond
	againMax = 30 * time.Second

	// againLongest bounds what a receiver may ask for.
	againLongest = 5 * time.Minute

	// lastWords is how long what is there at our end is tried to be sent.
	lastWords = 3 * time.Second
)

// Run sends what services write until ctx is done. The only error is about o and
// what is there at the start; what goes wrong later is logged when it begins and
// when it changes, and tried again.
//
// Of several forwarders with the same cursor the first works, and the others wait.
func Run(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Cursor == "" {
		o.Cursor = o.To.id()
	}
	if o.half == 0 {
		o.half = halfFor
	}
	f, err := newForwarder(ctx, o)
	if f == nil {
		return err
	}
	defer f.close()
	if err := heart.Notify("READY=1"); err != nil {
		o.Log.Warn("not told that we are ready", "err", err)
	}
	for ctx.Err() == nil {
		wait := f.turn(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	last, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	f.wake()
	f.againAt = time.Time{}
	f.turn(last)
	for f.pending() && last.Err() == nil {
		select {
		case <-last.Done():
		case <-time.After(look):
		}
		f.settle()
	}
	return f.save()
}

// forwarder is one goroutine, which alone touches what it has.
type forwarder struct {
	o       Options
	sink    sink
	sources map[string]*source
	order   []*source
	turnOf  int // whose lines are read first
	sent    []sending
	cursor  cursor
	lock    unlocker
	savedAt time.Time
	dirty   bool
	scanAt  time.Time
	again   time.Duration // after the next failure
	againAt time.Time
	news    helper.News
	pulse   *helper.Pulse
	start   time.Time
}

// sending is a batch that was sent, and may still be lost by the receiver.
type sending struct {
	batch
	serial uint64
}

func newForwarder(ctx context.Context, o Options) (*forwarder, error) {
	lock, err := takeLock(ctx, o)
	if lock == nil {
		return nil, err
	}
	f := &forwarder{
		o: o, sink: o.To.open(), sources: map[string]*source{}, lock: lock,
		again: againMin, pulse: helper.NewPulse(o.Log), start: time.Now(),
	}
	if f.cursor, err = loadCursor(o.Places, o.Cursor); err != nil {
		// It is better to send all of it once more than to send nothing.
		o.Log.Warn("cursor not read; beginning with what is there", "err", err)
	}
	f.cursor.To = o.To.String()
	return f, nil
}

func (f *forwarder) close() {
	f.sink.close()
	f.lock()
}

// turn sends what there is, or a part of it, and says when to look again.
func (f *forwarder) turn(ctx context.Context) time.Duration {
	f.pulse.Beat(time.Since(f.start))
	f.scan()
	f.settle()
	defer f.saveSometimes()
	if time.Now().Before(f.againAt) {
		return look
	}
	b, full := f.gather(time.Now())
	if len(b.records) == 0 {
		return look
	}
	serial, err := f.sink.send(ctx, &b)
	if b.rejected > 0 && err == nil {
		f.cursor.Rejected += b.rejected
		f.o.Log.Warn("lines were not wanted, and are not sent again", "to", f.cursor.To, "lines", b.rejected, "why", b.why)
	}
	if err != nil {
		if ctx.Err() != nil {
			f.rewind()
			return 0
		}
		f.failed(err)
		return look
	}
	if f.news.Is("send", "", nil); f.cursor.Error != "" {
		f.o.Log.Info("lines are taken again", "to", f.cursor.To)
		f.cursor.Error, f.cursor.Since = "", nil
	}
	f.again = againMin
	f.sent = append(f.sent, sending{b, serial})
	f.settle()
	if full {
		return 0
	}
	return look
}

// failed takes in that a batch was not sent.
func (f *forwarder) failed(err error) {
	f.rewind()
	if f.news.Is("send", "", err) {
		f.o.Log.Warn("lines not sent; it is tried again", "to", f.cursor.To, "err", err)
	}
	if f.cursor.Error == "" {
		now := time.Now().UTC()
		f.cursor.Since = &now
	}
	f.cursor.Error, f.dirty = err.Error(), true
	wait := f.again - time.Duration(rand.Int64N(int64(f.again/2)))
	f.again = min(2*f.again, againMax)
	if later, ok := errors.AsType[*retryLater](err); ok && later.after > 0 {
		wait = min(later.after, againLongest)
		wait += time.Duration(rand.Int64N(int64(wait/10 + 1)))
	}
	f.againAt = time.Now().Add(wait)
}

// rewind has everything read again that the receiver may not have.
func (f *forwarder) rewind() {
	f.sent = nil
	for _, s := range f.order {
		s.at = s.done
		s.seen = helper.Version{}
	}
}

// settle takes in what the receiver has for good.
func (f *forwarder) settle() {
	upTo, err := f.sink.settled()
	for len(f.sent) > 0 && f.sent[0].serial <= upTo {
		b := &f.sent[0]
		for s, at := range b.ends {
			s.done = at
		}
		f.cursor.Lines += int64(len(b.records)) - b.rejected
		f.cursor.Bytes += b.size
		f.cursor.Gaps += b.gaps
		f.sent = f.sent[1:]
		f.dirty = true
	}
	if err != nil && len(f.sent) > 0 {
		f.o.Log.Warn("what was sent may be lost; it is sent again", "to", f.cursor.To, "batches", len(f.sent), "err", err)
		f.rewind()
	}
}

// pending reports whether something was sent that is not settled.
func (f *forwarder) pending() bool { return len(f.sent) > 0 }
