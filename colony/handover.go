package colony

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	ossignal "os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// baton is what one program hands to the next in the same process. Its first
// form is read for ever; see testdata/state.
type baton struct {
	State   json.RawMessage           `json:"state"`           // a snapshot
	From    string                    `json:"from"`            // version of the program that wrote it
	Stopped instant                   `json:"stopped"`         // since when nobody supervises
	Locks   []int                     `json:"locks"`           // descriptors
	Wards   map[int]int               `json:"wards,omitempty"` // pidfds by pid
	Ears    []savedEar                `json:"ears,omitempty"`  // descriptors, by which lives are heard
	Pipes   []int                     `json:"pipes,omitempty"` // descriptors of what captured services write to
	Sockets []savedSocket             `json:"sockets,omitempty"`
	Old     int                       `json:"old"`    // descriptor of the program that wrote it
	Config  savedDir                  `json:"config"` // the directory whose specs we believe
	Stuck   map[string]savedFile      `json:"stuck,omitempty"`
	Answers []savedAnswer             `json:"answers,omitempty"` // not written yet
	Stops   map[string]*spec.StopNote `json:"stops,omitempty"`   // likewise
	Ledger  []ledgerLine              `json:"ledger,omitempty"`  // likewise

	fd   int    // of the baton
	back string // why its writer has it back; "" = it has not
}

type savedDir struct {
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
	Born int64  `json:"born"`
}

type savedFile struct {
	Dev   uint64 `json:"dev"`
	Ino   uint64 `json:"ino"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"`
	Ctime int64  `json:"ctime"`
}

type savedAnswer struct {
	File   string      `json:"file"`
	Result spec.Result `json:"result"`
}

// The variables by which a program learns that it takes over: the descriptor of
// a baton; and, in one that has it back, why.
const (
	batonKey = "NCOLONY_BATON"
	backKey  = "NCOLONY_BATON_BACK"
)

// quiesceTime bounds the wait for each edge to come to rest.
const quiesceTime = 5 * time.Second

// hold keeps the watcher from taking anything in, until release is closed.
type hold struct{ held, release chan struct{} }

// handOver has the examined program take our place. It returns only if that
// cannot be, and then nothing has changed.
func (c *colony) handOver(signals caught) remained {
	stopped := c.loop.clock().mono
	h := hold{make(chan struct{}, 1), make(chan struct{})}
	defer close(h.release)
	deaf := hold{make(chan struct{}, 1), h.release}
	late, ask, askEars := time.After(quiesceTime), c.holds, c.ears.holds
	for left := 2; left > 0; {
		select {
		case ask <- h:
			ask = nil
		case askEars <- deaf:
			askEars = nil
		case <-h.held:
			left--
		case <-deaf.held:
			left--
		case ev := <-c.inbox:
			c.turn(ev)
		case ev := <-c.news:
			c.loop.turn(ev)
		case <-late:
			return remained{"the directories do not answer"}
		}
	}
	c.reap(signals)
	left, ok := c.flush()
	switch {
	case !ok:
		return remained{"the state directory does not answer"}
	case !c.mayLeave():
		return remained{} // something has come in between
	}
	b, err := c.baton(left, stopped)
	if err == nil {
		err = b.pass(c.successor.fd, "", signals)
		unix.Close(b.fd)
		unix.Close(b.Old)
		closeAll(b.Pipes)
	}
	return remained{err.Error()}
}

// mayLeave reports whether another program can go on from what the model knows.
func (c *colony) mayLeave() bool {
	m := c.loop.model
	return !m.drain.on && len(m.orders) == 0 && m.upgrade != nil
}

// flush has everything written that there is to write, and takes in what the
// edges have to say. left is what could not be written.
func (c *colony) flush() (left batch, ok bool) {
	late := time.After(quiesceTime)
	for {
		done := c.askFlush()
		out := c.batches
		for written := false; !written; {
			select {
			case out <- c.files.pending:
				c.files.pending, out = &batch{}, nil
			case left = <-done:
				written = true
			case ev := <-c.inbox:
				c.turn(ev)
			case ev := <-c.news:
				c.loop.turn(ev)
			case <-late:
				return left, false
			}
		}
		if c.files.pending.empty() && len(c.inbox) == 0 && len(c.news) == 0 {
			return left, true
		}
	}
}

// askFlush has the publisher say when it has written what is pending, and what
// it could not write.
func (c *colony) askFlush() <-chan batch {
	done := make(chan batch, 1)
	c.files.pending.done = done
	select {
	case c.urgent <- struct{}{}: // it may rest
	default:
	}
	return done
}

// testament is all that the next program has to know.
func (c *colony) testament(left batch, stopped instant) *baton {
	id := c.watcher.config.id
	b := &baton{State: c.loop.model.encode(), From: c.version, Stopped: stopped, Locks: c.locks, Wards: c.wards.fds,
		Ears: c.ears.carried(c.successor), Sockets: c.sockets.carried(c.successor),
		Pipes:  c.streams.carry(c.loop.model),
		Config: savedDir{id.dev, id.ino, id.born}, Stuck: map[string]savedFile{}, Stops: left.stops}
	for file, k := range c.watcher.messages.stuck {
		b.Stuck[file] = savedFile{k.dev, k.ino, k.size, k.mtime, k.ctime}
	}
	for _, a := range left.answers {
		b.Answers = append(b.Answers, savedAnswer{a.file, a.result})
	}
	b.Ledger = c.ledger.unwritten()
	return b
}

// baton writes the testament down where the next program finds it, and a way
// back to us.
func (c *colony) baton(left batch, stopped instant) (*baton, error) {
	old, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open our own program: %w", err)
	}
	b := c.testament(left, stopped)
	b.Old = old
	text, err := b.text()
	if err == nil {
		b.fd, err = sealed(text)
	}
	if err != nil {
		unix.Close(old)
		return nil, err
	}
	return b, nil
}

// text is the baton as JSON. Its state is the most of it and JSON already, which
// is not looked through once more.
func (b *baton) text() ([]byte, error) {
	rest := *b
	rest.State = nil
	text, err := json.Marshal(&rest)
	if err != nil {
		return nil, err
	}
	const begin, end = `{"state":`, "null"
	return slices.Concat([]byte(begin), b.State, text[len(begin+end):]), nil
}

// pass executes a program, with the baton, in our place. It returns only with
// an error, and then all is as it was.
func (b *baton) pass(fd int, back string, signals caught) error {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, batonKey+"=") || strings.HasPrefix(kv, backKey+"=")
	})
	env = append(env, batonKey+"="+strconv.Itoa(b.fd))
	if back != "" {
		env = append(env, backKey+"="+strings.ReplaceAll(back, "\x00", ""))
	}
	carried := append([]int{b.fd, b.Old}, b.Locks...)
	for _, fd := range b.Wards {
		carried = append(carried, fd)
	}
	for _, e := range b.Ears {
		carried = append(carried, e.ear().open()...)
	}
	for _, k := range b.Sockets {
		carried = append(carried, k.FD)
	}
	carried = append(carried, b.Pipes...)
	for _, fd := range carried {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	}
	// Between the two programs nobody catches a signal. One that is ignored is
	// lost; one that is not would end us.
	ossignal.Ignore(otherSignals(1, 64)...)
	files := fileLimit()
	err := syscall.Exec(fdPath(fd), os.Args, env)
	// Exec has given us back the limit on files that we were started with.
	if n, _ := os.ReadDir("/proc/self/fd"); uint64(len(n)) > files.Cur/4 || uint64(len(n)) > fileLimit().Cur/2 {
		setFileLimit(files)
	}
	signals.notify()
	for _, fd := range carried {
		unix.CloseOnExec(fd)
	}
	return fmt.Errorf("execute the new program: %w", err)
}

// fileLimit is RLIMIT_NOFILE. It is read and set past the syscall package, which
// would otherwise give every child what we have, and not what we were given.
func fileLimit() (l unix.Rlimit) {
	unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&l)), 0, 0)
	return l
}

func setFileLimit(l unix.Rlimit) {
	unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&l)), 0, 0, 0)
}

// receiveBaton returns what an earlier program in this process has handed to
// us; nil if there was none.
func receiveBaton() (*baton, error) {
	text := os.Getenv(batonKey)
	if text == "" {
		return nil, nil
	}
	b := &baton{back: os.Getenv(backKey)}
	os.Unsetenv(batonKey)
	os.Unsetenv(backKey)
	// What we are called would be the number of a descriptor.
	os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s: not a descriptor: %w", batonKey, err)
	}
	content, err := readSealed(fd)
	if err == nil {
		err = json.Unmarshal(content, b)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was handed over: %w", err)
	}
	b.fd = fd
	return b, nil
}

// takeoverTime is how long a program may take to take over.
const takeoverTime = 10 * time.Second

// settle watches over the attempt to take over. What it returns ends that: with
// an error, or a panic, the program before us goes on in our place.
func (b *baton) settle(err *error) func() {
	timer := time.AfterFunc(takeoverTime, func() { b.giveBack("it hung for " + takeoverTime.String()) })
	return func() {
		timer.Stop()
		if p := recover(); p != nil {
			*err = fmt.Errorf("panic: %v", p)
		}
		if *err != nil {
			*err = errors.Join(*err, b.giveBack((*err).Error()))
			return
		}
		unix.Close(b.fd)
		unix.Close(b.Old)
	}
}

// continueFrom gives the edges what the baton has for them.
func (c *colony) continueFrom(b *baton, h *house) {
	c.watcher.messages.before = map[string]fileKey{} // they are for those who run
	c.watcher.config.id = dirID{b.Config.Dev, b.Config.Ino, b.Config.Born}
	for file, k := range b.Stuck {
		c.watcher.messages.stuck[file] = fileKey{k.Dev, k.Ino, k.Size, k.Mtime, k.Ctime}
	}
	for _, a := range b.Answers {
		c.files.pending.add(answer{a.File, a.Result})
	}
	for name, note := range b.Stops {
		c.files.pending.stop(name, note)
	}
	c.ledger.left = b.Ledger
	c.loop.history.beginWith(b.State)
	for _, s := range c.loop.model.services {
		if s.spec != nil && !s.helper && !s.cmd {
			c.watcher.config.expect(s.file(), s.spec)
		}
		if s.life.pid != 0 {
			c.publisher.shown[s.name] = s.life.pid
		}
	}
	c.ears.receive(b.Ears, c.loop.model)
	if c.above != nil {
		c.above.ready = true // was said
	}
	c.first = replaced{from: b.From, to: c.version, since: b.Stopped, why: b.back, trouble: h.trouble}
}

// giveBack has the program before us back, because we cannot take over. It
// returns if that is not possible either.
func (b *baton) giveBack(why string) error {
	if b.back != "" {
		return errors.New("the program before us could not go on either: " + b.back)
	}
	return b.pass(b.Old, why, caught{})
}

// GiveBack is for a program that ends before it has come to Run, though it was
// executed to take over from another: that one goes on, and says why. It does
// nothing in any other program.
func GiveBack(why string) {
	if b, err := receiveBaton(); err == nil && b != nil {
		b.giveBack(why)
	}
}
