package colony

import (
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ears hear what lives tell of themselves: each that asks for it has a datagram
// socket of its own, as sd_notify(3) wants it, or the pipe by which s6 learns
// that a service is ready. One goroutine reads them all. While it rests it has
// no thread: Go's own poller waits for an epoll that waits for them.
//
// Three have to do with it. The spawner opens an ear before the fork; the loop
// says that the life has begun, and that it is over; the goroutine hears. What
// the loop and the spawner want of the goroutine goes through a letter box that
// never makes them wait, for it may be waiting for the loop itself.
type ears struct {
	procs  procs
	places spec.Places
	colony string // our id
	out    outbox
	start  func(func()) // runs a function as a goroutine

	box   chan *letters   // holds them while nobody reads or writes
	wake  chan struct{}   // there are some
	holds chan hold       // stop hearing
	asked map[lifeID]bool // who has an ear; the loop's own

	// The rest belongs to the goroutine, or to the loop while it holds it.
	lives   map[lifeID]*listener
	fds     map[int]*listener
	resting map[*listener]bool
	rested  <-chan time.Time
	ready   chan int      // so many descriptors have something to say
	handled chan struct{} // and were heard
	events  [64]unix.EpollEvent
	text    [maxDatagram]byte
	control [64]byte
}

// letters are what is in the box.
type letters struct {
	born   map[uint64]*listener // by order; the loop does not know yet that it was forked
	all    []func()             // for the goroutine
	poller *poller              // nil = nobody has asked for an ear yet
}

func newEars(ps procs, p spec.Places, colony string, out outbox, start func(func())) *ears {
	e := &ears{procs: ps, places: p, colony: colony, out: out, start: start,
		box: make(chan *letters, 1), wake: make(chan struct{}, 1), holds: make(chan hold), asked: map[lifeID]bool{},
		lives: map[lifeID]*listener{}, fds: map[int]*listener{}, resting: map[*listener]bool{}, ready: make(chan int), handled: make(chan struct{})}
	e.box <- &letters{born: map[uint64]*listener{}}
	return e
}

// post leaves a letter for the goroutine.
func (e *ears) post(letter func()) {
	l := <-e.box
	l.all = append(l.all, letter)
	e.box <- l
	select {
	case e.wake <- struct{}{}:
	default: // it was told already
	}
}

// obey reads the letters, one at a time: should one panic, the others remain.
func (e *ears) obey() {
	for {
		l := <-e.box
		if len(l.all) == 0 {
			l.all = nil
			e.box <- l
			return
		}
		letter := l.all[0]
		l.all[0] = nil
		l.all = l.all[1:]
		e.box <- l
		letter()
	}
}

// expect takes an ear from the spawner, whose order has become a process.
func (e *ears) expect(order uint64, a *listener) {
	l := <-e.box
	l.born[order] = a
	e.box <- l
}

// begun has the life of an order heard. The loop calls it, so that nothing is
// heard of a life before the core knows its pid.
func (e *ears) begun(ev started) {
	if e == nil {
		return
	}
	l := <-e.box
	a := l.born[ev.order]
	delete(l.born, ev.order)
	e.box <- l
	if a != nil {
		e.asked[a.life] = true
		e.post(func() { e.attach(a) })
	}
}

// hear is part of kernel.
func (e *ears) hear(h hear) {
	if !asks(h.spec) {
		return
	}
	e.asked[h.life] = true
	e.post(func() {
		e.detach(h.life)
		a, err := e.again(h)
		if err != nil {
			e.warn(h.life, "what a service tells of itself is not heard", slog.String("err", err.Error()))
		}
		e.attach(a)
	})
}

// deafen ends what is heard of a life: it is over.
func (e *ears) deafen(life lifeID) {
	if e.asked[life] {
		delete(e.asked, life)
		e.post(func() { e.detach(life) })
	}
}

// lift lets the sender of a barrier go on: what came before it was taken in.
func (e *ears) lift(life lifeID) {
	e.post(func() {
		if a := e.lives[life]; a != nil && len(a.barriers) > 0 {
			unix.Close(a.barriers[0])
			a.barriers = a.barriers[1:]
		}
	})
}

// run hears, until the end.
func (e *ears) run() {
	e.obey() // what a panic has left
	for {
		select {
		case <-e.wake:
			e.obey()
		case n := <-e.ready:
			e.listen(n)
		case <-e.rested:
			e.listenAgain()
		case h := <-e.holds:
			h.held <- struct{}{}
			select {
			case <-h.release:
			case <-e.out.quit:
			}
		case <-e.out.quit:
			l := <-e.box
			if l.poller != nil {
				l.poller.file.Close()
			}
			e.box <- l
			return
		}
	}
}

// attach begins to listen.
func (e *ears) attach(a *listener) {
	e.lives[a.life] = a
	p, err := e.poll()
	for _, fd := range a.open() {
		e.fds[fd] = a
		if err == nil {
			err = p.add(fd)
		}
	}
	if err != nil {
		e.warn(a.life, "what a service tells of itself is not heard", slog.String("err", err.Error()))
	}
}

// detach ends that, for good.
func (e *ears) detach(life lifeID) {
	a := e.lives[life]
	if a == nil {
		return
	}
	for _, fd := range a.open() {
		e.ignore(fd)
	}
	a.close()
	delete(e.lives, life)
	delete(e.resting, a)
}

// ignore takes a descriptor off the list. A process that is between fork and
// exec may have it too, and then closing it is not enough.
func (e *ears) ignore(fd int) {
	delete(e.fds, fd)
	if p, err := e.poll(); err == nil {
		unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// listen hears those that have something to say.
func (e *ears) listen(n int) {
	defer func() { e.handled <- struct{}{} }()
	for _, ev := range e.events[:n] {
		fd := int(ev.Fd)
		switch a := e.fds[fd]; {
		case a == nil:
		case fd == a.pipe:
			e.hearPipe(a)
		default:
			e.hearSocket(a)
		}
	}
}

const (
	// breath is for how long a life is not listened to that has talked too much:
	// whoever sends waits, and the loop has time for others.
	breath = 100 * time.Millisecond
	// verbose is too much within that time.
	verbose = 100
)

// weary counts what was heard of a life; true when it is to rest.
func (e *ears) weary(a *listener) bool {
	if now := time.Now(); now.Sub(a.since) >= breath {
		a.since, a.heard = now, 0
	}
	if a.heard++; a.heard < verbose {
		return false
	}
	for _, fd := range a.open() {
		e.ignore(fd)
	}
	e.resting[a] = true
	if e.rested == nil {
		e.rested = time.After(breath)
	}
	return true
}

// listenAgain goes on with those that rest.
func (e *ears) listenAgain() {
	e.rested = nil
	for a := range e.resting {
		delete(e.resting, a)
		a.since = time.Time{}
		e.attach(a)
	}
}

// warn has the loop write a line into the log.
func (e *ears) warn(life lifeID, text string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("service", life.name), slog.Uint64("generation", life.generation)}, attrs...)
	e.out.send(remarked{report{slog.LevelWarn, text, attrs}})
}

// remarked is a line of an edge for the log. It is no event for the core.
type remarked struct{ report }

func (remarked) isEvent() {}

// turn takes in one event of the inbox, and has the ears follow.
func (c *colony) turn(ev event) {
	switch ev := ev.(type) {
	case remarked:
		c.files.log(ev.report)
		return
	case started:
		c.ears.begun(ev)
	}
	c.loop.turn(ev)
	if n, ok := ev.(notified); ok && n.says.barrier {
		c.ears.lift(n.life)
	}
}
