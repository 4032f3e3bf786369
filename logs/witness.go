package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// awaitLook is the time between two looks at lines that may say that a service
	// is ready.
	awaitLook = 50 * time.Millisecond

	// readyAgain is when READY is said once more, in case it was lost.
	readyAgain = 5 * time.Second

	// noteEvery is the longest time between two looks at what is not told of, but
	// for whole scans.
	noteEvery = 500 * time.Millisecond
)

// subject is what a spec says that is of interest to a witness. Equal ones are
// one.
type subject struct {
	policy  *policy // nil: nothing is captured
	apart   bool
	ready   *regexp.Regexp // nil: it does not become ready by a line
	success []int
}

// witness looks at the services behind the streams: it knows how their output is
// kept, tells when a line says that one is ready, and writes down how they end.
type witness struct {
	places    spec.Places
	send      func(spec.Message) error
	log       *slog.Logger
	mover     *mover
	frequency time.Duration
	news      helper.News

	specs    helper.Specs[*subject]
	subjects map[string]*subject // by the text of what they say
	services map[string]*helper.File[*subject]
	states   map[string]*state
	notes    int // inotify of the statuses; -1 = none
	scanAt   time.Time
	passAt   time.Time
	deaths   []*death
}

// state is what is known of a service. There may be many.
type state struct {
	generation uint64
	exit       int64    // of the last that was taken in, in nanoseconds
	novice     *novice  // nil: nobody waits for a line
	subject    *subject // with which
	ino        uint64   // this status was looked at; 0: none
	mtime      int64
}

func newWitness(o Options, m *mover) *witness {
	w := &witness{
		places: o.Places, send: o.Send, log: o.Log, mover: m, frequency: o.Frequency,
		subjects: map[string]*subject{}, states: map[string]*state{}, notes: -1,
	}
	w.specs = helper.Specs[*subject]{Dir: o.Places.Config, Take: w.take}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		w.notes = fd
	}
	return w
}

// take returns what a spec says, as one of the subjects.
func (w *witness) take(sp *spec.Spec) *subject {
	if !sp.Log.Captured() {
		return nil
	}
	var pattern string
	if sp.Ready != nil {
		pattern = sp.Ready.Log
	}
	text, err := json.Marshal([]any{sp.Log, pattern, sp.SuccessCodes})
	if err != nil {
		return nil
	}
	if known := w.subjects[string(text)]; known != nil {
		return known
	}
	x := &subject{policy: policyOf(sp.Log), apart: sp.Log.Stderr == spec.LogApart, success: sp.SuccessCodes}
	if pattern != "" {
		x.ready, _ = regexp.Compile(pattern) // the parser has
	}
	w.subjects[string(text)] = x
	return x
}

func (w *witness) run(ctx context.Context) {
	defer unix.Close(w.notes)
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		defer unix.Close(wake)
	}
	woken := make(chan struct{})
	context.AfterFunc(ctx, func() {
		unix.Write(wake, []byte{0, 0, 0, 0, 0, 0, 0, 1})
		close(woken)
	})
	for ctx.Err() == nil {
		w.await(wake, w.turn(time.Now()))
	}
	<-woken
}

// turn does what is due and says how long to wait for the next.
func (w *witness) turn(now time.Time) time.Duration {
	if !now.Before(w.scanAt) || w.specs.Changed() {
		w.scan()
	}
	changed := w.hear()
	if !now.Before(w.passAt) {
		w.passAt = now.Add(w.frequency)
		changed = w.all()
		for name := range w.states {
			if w.services[service(name)] == nil {
				w.forget(name)
			}
		}
	}
	for _, name := range changed {
		w.look(name, now)
	}
	wait := noteEvery
	for name, s := range w.states {
		if s.novice != nil {
			w.attend(name, s, now)
			wait = awaitLook
		}
	}
	if w.bury(now) {
		wait = min(wait, awaitLook)
	}
	return wait
}

// await waits for news of statuses, or of our end. What is not there is not
// polled.
func (w *witness) await(wake int, wait time.Duration) {
	unix.Poll([]unix.PollFd{{Fd: int32(w.notes), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}, int(wait/time.Millisecond))
}

// all are the names of what has a status and is of interest.
func (w *witness) all() (names []string) {
	if len(w.services) == 0 {
		return nil
	}
	files, err := readNames(w.places.StatusDir())
	if w.news.Is("statuses", "", err) {
		w.log.Warn("statuses not read", "err", err)
	}
	for _, file := range files {
		if name, ok := strings.CutSuffix(file, ".json"); ok && w.services[service(name)] != nil {
			names = append(names, name)
		}
	}
	return names
}

// scan reads the specs, and lets the mover know.
func (w *witness) scan() {
	w.scanAt = time.Now().Add(w.frequency)
	if !w.specs.Look(&w.news, w.log) {
		return
	}
	found := w.specs.ByService(func(name string) *helper.File[*subject] { return w.services[name] })
	all := make(policies, len(found))
	for name, f := range found {
		if f.Spec == nil {
			delete(found, name)
			continue
		}
		all[name] = f.Spec.policy
		if w.services[name] == nil { // its status may be older than its spec's reading
			w.passAt = time.Time{}
		}
	}
	w.services = found
	w.mover.policies.Store(&all)
	w.mover.nudge()
}

// hear returns the services whose status has changed, as far as that is told.
func (w *witness) hear() (names []string) {
	if w.notes < 0 {
		return nil
	}
	if _, err := unix.InotifyAddWatch(w.notes, w.places.StatusDir(), unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_ONLYDIR); err != nil {
		return nil
	}
	seen := map[string]bool{}
	var buf [16 << 10]byte
	for {
		n, err := unix.Read(w.notes, buf[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return names
		}
		for _, note := range notesIn(buf[:n]) {
			if note.mask&unix.IN_Q_OVERFLOW != 0 {
				w.passAt = time.Time{}
			}
			name, ok := strings.CutSuffix(note.name, ".json")
			if ok && !seen[name] && w.services[service(name)] != nil {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
}

// look takes in the status of a service.
func (w *witness) look(name string, now time.Time) {
	f := w.services[service(name)]
	if f == nil {
		return
	}
	s := w.states[name]
	if s == nil {
		s = &state{}
		w.states[name] = s
	}
	path := w.places.Status(name)
	seen, _, err := helper.Stat(path)
	if err == nil && seen.Ino == s.ino && seen.Mtime == s.mtime && s.subject == f.Spec {
		return // a status is replaced and never changed
	}
	s.ino = 0
	st, err := readStatus(path)
	if helper.Missing(err) {
		st, err = &spec.Status{}, nil
	}
	if w.news.Is("status", name, err) {
		w.log.Warn("status not read", "service", name, "err", err)
	}
	if err != nil {
		return
	}
	s.ino, s.mtime, s.subject = seen.Ino, seen.Mtime, f.Spec
	if e := st.LastExit; e != nil && e.At.UnixNano() != s.exit {
		s.exit = e.At.UnixNano()
		if failure(e, f.Spec.success) {
			w.deaths = append(w.deaths, &death{name: name, subject: f.Spec, status: st, until: now.Add(settleFor)})
		}
	}
	up := st.PID != 0 && (st.State == spec.Running || st.State == spec.Starting)
	switch {
	case f.Spec.ready == nil || !up || st.Ready:
		s.drop()
	case s.novice == nil || s.generation != st.Generation || s.novice.pattern != f.Spec.ready:
		s.drop()
		started := st.Since
		if st.Started != nil {
			started = *st.Started
		}
		s.novice = newNovice(w.dirs(name, f.Spec), f.Spec.ready, st.Generation, started)
	}
	s.generation = st.Generation
}

// forget is for a service that is gone.
func (w *witness) forget(name string) {
	w.states[name].drop()
	delete(w.states, name)
	w.news.Forget(name, "status", "ready", "send", "crash")
}

func (s *state) drop() {
	if s.novice != nil {
		s.novice.close()
		s.novice = nil
	}
}

// dirs are the directories of a service's streams.
func (w *witness) dirs(name string, x *subject) []string {
	both := streamDirs(w.places.LogDir(), name)
	if x.apart {
		return both[:]
	}
	return both[:1]
}

// readStatus reads a status file.
func readStatus(path string) (*spec.Status, error) {
	data, _, err := helper.ReadRegular(path, maxStatusSize)
	if err != nil {
		return nil, err
	}
	st := new(spec.Status)
	if err := json.Unmarshal(data, st); err != nil {
		return nil, fmt.Errorf("parse %q: %w", path, err)
	}
	return st, nil
}

// maxStatusSize is far above what the supervisor writes.
const maxStatusSize = 1 << 20
