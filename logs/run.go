package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/heart"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Options are what a logger works with.
type Options struct {
	Places spec.Places

	// Frequency is the longest time between two looks at all specs and statuses; 0
	// means 10 s.
	Frequency time.Duration

	// Send puts a message where the supervisor finds it.
	Send func(spec.Message) error

	// Out takes the lines of services that have "tee"; nil: os.Stdout. It may be
	// slow, and stand still.
	Out io.Writer

	Log *slog.Logger // nil: slog.Default

	behind time.Duration // for how long Out may be slow; 0 means behindFor
	urgent bool          // what was put aside is compressed before others have what they want
}

const (
	defaultFrequency = 10 * time.Second

	// watchdogBeat is how often we say that we turn, to a supervisor that wants to
	// know.
	watchdogBeat = 3 * time.Second

	gcPercent = 10

	// lockEvery is how often a logger asks whether the one before it has ended.
	lockEvery = 100 * time.Millisecond
)

// Run keeps what the services of a colony write until ctx is done, and returns
// when what is in their pipes by then is in the files. The only error is about o
// and what is there at the start; what goes wrong later is logged when it begins
// and when it changes, and tried again.
//
// Of several loggers of one colony the first works, and the others wait.
func Run(ctx context.Context, o Options) error {
	if o.Send == nil {
		return errors.New("keep logs: no way to send")
	}
	if o.Frequency <= 0 {
		o.Frequency = defaultFrequency
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.behind == 0 {
		o.behind = behindFor
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	// A limit of ours on the size of files is an error like any other; so is an
	// output that nobody reads.
	signal.Ignore(unix.SIGXFSZ, unix.SIGPIPE)

	// There is much that stays and little that goes: memory is dearer than the
	// time to look for it.
	debug.SetGCPercent(gcPercent)

	alive := newAlive(o.Log)
	lock, err := takeLock(ctx, o, alive)
	if lock == nil {
		return err
	}
	defer lock.Close()

	h := newHub()
	m, err := newMover(o.Places, o.Log, h)
	if err != nil {
		return fmt.Errorf("keep logs: %w", err)
	}
	defer m.close()
	side, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	w := newWitness(o, m)
	w.scan() // so that no byte is kept by the wrong policy
	wg.Go(func() { w.run(side) })
	wg.Go(func() { newSealer(o, m, h).run(side) })
	teed := make(chan struct{})
	go func() {
		defer close(teed)
		newTeer(o, h).run(side)
	}()
	nudged := make(chan struct{})
	context.AfterFunc(ctx, func() {
		m.nudge()
		close(nudged)
	})
	for ctx.Err() == nil {
		alive.beat()
		m.turn()
	}
	<-nudged
	m.finish()
	stop()
	wg.Wait()
	select {
	case <-teed:
	case <-time.After(2 * lastWords): // the output stands still
	}
	return nil
}

// takeLock waits until no other logger keeps these logs. Two would write to the
// same files. Nil without an error: ctx has ended.
func takeLock(ctx context.Context, o Options, alive *alive) (*os.File, error) {
	dir := o.Places.LogDir()
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("keep logs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, tempBegin+"lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep logs: %w", err)
	}
	for told := false; ; told = true {
		err := again(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
		if err == nil {
			return f, nil
		}
		if err != unix.EWOULDBLOCK {
			// Better two that may get in each other's way than none.
			o.Log.Warn("cannot know whether another logger runs", "err", err)
			return f, nil
		}
		if !told {
			o.Log.Info("another logger keeps these logs; waiting for its end")
		}
		alive.beat()
		select {
		case <-ctx.Done():
			f.Close()
			return nil, nil
		case <-time.After(lockEvery):
		}
	}
}

// alive shows the supervisor that we do not hang.
type alive struct {
	log   *slog.Logger
	own   *heart.Heart
	start time.Time
	beats time.Duration // when the heart beats next
	feeds time.Duration // when the watchdog is fed next
	news  helper.News
}

func newAlive(log *slog.Logger) *alive {
	own, err := heart.FromEnv()
	if err != nil {
		log.Error("own heartbeat is off", "err", err)
	}
	return &alive{log: log, own: own, start: time.Now()}
}

// beat is called at least once a second.
func (a *alive) beat() {
	now := time.Since(a.start)
	if a.own != nil && now >= a.beats {
		a.beats = now + a.own.Interval()
		if err := a.own.Beat(); a.news.Is("own heartbeat", "", err) {
			a.log.Warn("own heartbeat failed", "err", err)
		}
	}
	if now >= a.feeds {
		a.feeds = now + watchdogBeat
		if err := heart.Notify("WATCHDOG=1"); a.news.Is("watchdog", "", err) {
			a.log.Warn("watchdog not fed", "err", err)
		}
	}
}
