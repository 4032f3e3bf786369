package colony

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// house is the directories of a colony, made, checked and locked.
type house struct {
	outside
	places  spec.Places
	trust   trust
	id      string
	newborn bool // the id was made by this start
	resumes bool // the last one has ended without order, in this epoch
	epoch   string
	locks   []int            // descriptors, raw so that no finalizer lets go of them
	wards   map[int]int      // pidfds of processes that we have not begun, by pid
	trouble map[string]error // what is not to be had; the colony runs without it
}

// openHouse makes the directories and takes the locks. Its errors are the only
// ones that keep a supervisor from starting: directories that must not be
// trusted, another supervisor, no specs to be had.
//
// A program that takes over has the locks already.
func openHouse(o Options, b *baton) (*house, error) {
	h := &house{outside: thisMachine(), places: o.Places, epoch: epoch(), trouble: map[string]error{}}
	if b != nil {
		h.locks, h.wards = b.Locks, b.Wards
	}
	if err := h.open(o, b != nil); err != nil {
		if b == nil {
			h.leave()
		}
		return nil, err
	}
	return h, nil
}

// leave lets go of the locks.
func (h *house) leave() {
	for _, fd := range h.locks {
		unix.Close(fd)
	}
	h.locks = nil
}

func (h *house) open(o Options, locked bool) error {
	p := h.places
	var err error
	if h.trust, err = trustOf(o); err != nil {
		return err
	}
	if err := h.openState(locked); err != nil {
		return err
	}
	if err := h.disk.mkdir(p.Config, 0o755); err != nil && len(o.Command) == 0 {
		return fmt.Errorf("make config directory: %w", err)
	}
	if err := h.disk.mkdir(p.Messages, 0o755); err != nil {
		h.trouble["messages"] = err
	}
	if o.PIDDir != "" {
		if err := h.disk.mkdir(o.PIDDir, 0o755); err != nil {
			h.trouble["pid files"] = err
		}
	}
	if err := apart(p); err != nil {
		return err
	}
	for _, dir := range []string{p.Config, p.Messages} {
		fi, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if !fi.IsDir() {
			return fmt.Errorf("use directory %s: it is a file", dir)
		}
		if err := h.trust.dir(dir, fi); err != nil {
			return err
		}
		if uid := fi.Sys().(*unixStat).Uid; int(uid) != os.Getuid() && uid != 0 {
			o.Log.Warn("directory belongs to another user, who commands this supervisor", "directory", dir, "uid", uid)
		}
	}
	if err := h.procs.check(); err != nil {
		h.trouble["proc"] = err
	}
	if locked {
		return nil
	}
	return h.lockMessages()
}

// apart makes sure that no directory serves for two things, whatever paths lead
// to it: what is in messages is removed, and what is in config is run.
func apart(p spec.Places) error {
	for _, two := range []struct{ a, b, what string }{
		{p.Config, p.Messages, "config and messages"},
		{p.Config, p.State, "config and state"},
		{p.Messages, p.State, "messages and state"},
	} {
		a, erra := os.Stat(two.a)
		b, errb := os.Stat(two.b)
		if filepath.Clean(two.a) == filepath.Clean(two.b) || erra == nil && errb == nil && os.SameFile(a, b) {
			return fmt.Errorf("use directory %s: for both %s", two.a, two.what)
		}
	}
	return nil
}

func trustOf(o Options) (trust, error) {
	t := trust{on: os.Getuid() == 0 && !o.Insecure, group: -1}
	if o.TrustGroup != "" {
		gid, err := launch.System().GroupID(o.TrustGroup)
		if err != nil {
			return t, fmt.Errorf("--trust-group: %w", err)
		}
		t.group = gid
	}
	return t, nil
}

// openState makes state/ and takes its lock. Without one the colony runs, and
// nobody can be told how.
func (h *house) openState(locked bool) error {
	p := h.places
	if err := makeState(h.disk, p); err != nil {
		h.trouble["state"] = fmt.Errorf("kept in memory only: %w", err)
	}
	if !locked {
		if err := h.lockState(); err != nil {
			return err
		}
	}
	var err error
	h.id, h.newborn, err = colonyID(h.disk, p.ID())
	if err != nil && h.trouble["state"] == nil {
		h.trouble["state"] = err
	}
	return nil
}

// lockState makes us the only supervisor of that state.
func (h *house) lockState() error {
	path := h.places.Lock()
	lock, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		lock, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) // of a read-only state
	}
	if err != nil {
		return nil // degraded says why
	}
	if err := h.take(lock, path); err != nil {
		return err
	}
	unix.Ftruncate(lock, 0)
	return nil
}

// present puts our pid into the lock when colony.json is ours. Until then a
// reader who finds the lock held waits a little: what it would read is what an
// earlier supervisor has left, whose pid may be the same in a container.
func (h *house) present() {
	if fd, err := unix.Open(h.places.Lock(), unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Pwrite(fd, []byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		unix.Close(fd)
	}
}

// makeState makes what is missing of state/.
func makeState(d disk, p spec.Places) error {
	if err := d.mkdir(filepath.Dir(p.State), 0o755); err != nil {
		return err
	}
	if err := d.mkdir(p.State, 0o711); err != nil {
		return err
	}
	for _, dir := range stateDirs(p)[1:] {
		if err := d.mkdir(dir, 0o750); err != nil {
			return err
		}
	}
	if err := d.mkdir(p.StdinDir(), stdinMode); err != nil {
		return err
	}
	return d.mkdir(p.NotifyDir(), notifyMode)
}

// stateDirs are the state directory and those in it.
func stateDirs(p spec.Places) []string {
	return []string{p.State, p.StatusDir(), p.ResultsDir(), p.StoppedDir(), p.LivesDir(), p.EventsDir()}
}

// take locks a file, or says who has it. A reader asks with a shared lock of an
// instant whether we live; that must not keep us from starting, though the instant
// be long on a busy machine. A lock that we cannot share is a supervisor's.
func (h *house) take(fd int, path string) error {
	var err error
	for try := range 500 {
		err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || try >= 20 && unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) != nil {
			break
		}
		unix.Flock(fd, unix.LOCK_UN)
		time.Sleep(10 * time.Millisecond)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		unix.Close(fd)
		return fmt.Errorf("lock %s: another supervisor has it%s", path, h.holder())
	}
	h.locks = append(h.locks, fd)
	return nil // a file system that knows no locks must do without
}

// holder names the supervisor that has our lock.
func (h *house) holder() string {
	f, err := os.Open(h.places.Lock())
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(b)); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return " (pid " + pid + ")"
	}
	return ""
}

// lockMessages makes us the only one who takes messages from that directory.
func (h *house) lockMessages() error {
	fd, err := unix.Open(h.places.Messages, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // degraded says why
	}
	return h.take(fd, h.places.Messages)
}

// past is what an earlier start has left.
type past struct {
	resumption  bool // it ended without order, in the same epoch
	statuses    []spec.Status
	notes       map[string]spec.StopNote
	generations uint64
	colony      spec.ColonyStatus // what it has published last
}

// readPast reads what an earlier start has left.
func (h *house) readPast(log *slog.Logger) past {
	old := past{notes: map[string]spec.StopNote{}}
	var c spec.ColonyStatus
	if readJSON(h.disk, h.places.Colony(), &c) == nil {
		old.resumption = c.Epoch == h.epoch && !c.Clean
		old.generations, old.colony = min(c.Generations, maxGeneration), c
	}
	for _, path := range visible(h.disk, h.places.StatusDir()) {
		var st spec.Status
		if err := readJSON(h.disk, path, &st); err == nil && st.Name+".json" == filepath.Base(path) {
			st.Generation = min(st.Generation, maxGeneration) // else the next number would be 0
			old.statuses = append(old.statuses, st)
		}
	}
	for _, path := range visible(h.disk, h.places.StoppedDir()) {
		var note spec.StopNote
		if err := readJSON(h.disk, path, &note); err != nil {
			log.Warn("stop note cannot be read; the service stays stopped", "file", path, "err", err)
		}
		old.notes[filepath.Base(path)] = note
	}
	return old
}

// clearPast removes what is not true any more: statuses, and what was kept of
// lives that are over. It comes last, so that a start that is killed half-way
// leaves the past to the next.
//
// In a resumption the statuses stay until each is replaced: they say what has
// finished, and this start may be killed before it has said so itself. Nor must
// the numbers of the lives be lost with them.
func (h *house) clearPast(e estate, old past) {
	lines := slices.Clone(e.lost) // until it is told that they have ended
	kept := map[string]bool{}
	for _, v := range e.lives {
		lines = append(lines, v.line)
		kept[filepath.Join(h.places.LivesDir(), v.line.Name+".json")] = true
	}
	// Where the ledger cannot be made shorter, what stands in it is true all the same.
	if len(lines) == 0 {
		remove(h.disk, h.places.Children())
	} else {
		h.disk.write(h.places.Children(), encode(lines), 0o600, false)
	}
	dirs := []string{h.places.LivesDir()}
	if !old.resumption && h.keepGenerations(old) == nil {
		dirs = append(dirs, h.places.StatusDir())
	}
	for _, dir := range dirs {
		for _, path := range visible(h.disk, dir) {
			if !kept[path] {
				remove(h.disk, path)
			}
		}
	}
	for _, dir := range stateDirs(h.places) {
		list, _ := h.disk.list(dir)
		for _, e := range list {
			if strings.HasPrefix(e.Name(), atomicfile.Temp) { // of a write that a crash has cut short
				remove(h.disk, filepath.Join(dir, e.Name()))
			}
		}
	}
}

// keepGenerations has colony.json say the highest number of a life that any
// status says.
func (h *house) keepGenerations(old past) error {
	c, highest := old.colony, old.generations
	for _, st := range old.statuses {
		highest = max(highest, st.Generation)
	}
	if c.Generations == highest {
		return nil
	}
	c.Generations = highest
	return writeJSON(h.disk, h.places.Colony(), c, 0o644)
}
