package colony

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// listening is a spawner and ears, with the test in the place of the loop.
type listening struct {
	*ears
	t       *testing.T
	spawner *spawner
	events  chan event
	quit    chan struct{}
	over    chan struct{} // the ears are at their end
	remarks []string
	orders  uint64
	pids    map[lifeID]int
}

// newListening begins to listen below a state directory.
func newListening(t *testing.T, p spec.Places) *listening {
	t.Helper()
	closeOnExec()
	must(t, makeState(osDisk{}, p))
	l := &listening{t: t, events: make(chan event, 8), quit: make(chan struct{}), over: make(chan struct{}), pids: map[lifeID]int{}}
	out := outbox{l.events, l.quit}
	start := func(f func()) { go f() }
	l.ears = newEars(procFS{}, p, "c0ffee", out, start)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	troubles := newTroubles(outbox{make(chan event, 100), l.quit}, nil)
	l.spawner = newSpawner(&preparer{colony: "c0ffee", accounts: launch.System(), null: null, ears: l.ears},
		openLedger(osDisk{}, procFS{}, p, "epoch", troubles), out, start)
	go func() { defer close(l.over); l.run() }()
	t.Cleanup(func() {
		for _, pid := range l.pids {
			endAll(pid)
		}
		l.die()
		unix.Close(null)
	})
	return l
}

// end ends the goroutines. Sockets and pipes stay as they are.
func (l *listening) end() {
	select {
	case <-l.over:
	default:
		close(l.quit)
		<-l.over
	}
}

// die is the end of a supervisor that is killed.
func (l *listening) die() {
	l.end()
	for _, a := range l.lives {
		closeAll(a.open())
		closeAll(a.barriers)
	}
	l.lives = nil
}

// endAll kills a child and what it has started, and waits for it.
func endAll(pid int) {
	below := descendantsOf(pid)
	unix.Kill(pid, unix.SIGKILL)
	unix.Wait4(pid, nil, 0, nil)
	for _, p := range below {
		if st, err := readStat(p.pid); err == nil && st.start == p.start {
			unix.Kill(p.pid, unix.SIGKILL)
		}
	}
}

// talking is a spec of this binary that talks.
func talking(t *testing.T, steps []string, keys ...any) *spec.Spec {
	t.Helper()
	sp := doing("talk", steps...)
	sp["args"].([]string)[0] = "/proc/self/exe"
	return specOf(t, with(sp, keys...))
}

var byNotify = map[string]any{"notify": true}

// order has a life begun.
func (l *listening) order(life lifeID, sp *spec.Spec) (pid int, f fault) {
	l.t.Helper()
	l.orders++
	l.spawner.spawn(spawn{order: l.orders, life: life, spec: sp})
	switch ev := l.event().(type) {
	case started:
		l.begun(ev)
		l.pids[life] = ev.pid
		return ev.pid, f
	case spawnFailed:
		return 0, ev.fault
	default:
		l.t.Fatalf("the answer to an order is %T %+v", ev, ev)
		return 0, f
	}
}

// begin has a life begun that talks.
func (l *listening) begin(life lifeID, keys []any, steps ...string) int {
	l.t.Helper()
	pid, f := l.order(life, talking(l.t, steps, keys...))
	if pid == 0 {
		l.t.Fatalf("not started: %s", f.text)
	}
	return pid
}

// event is the next one, but for what is for the log.
func (l *listening) event() event {
	l.t.Helper()
	late := time.After(waitMost)
	for {
		select {
		case ev := <-l.events:
			r, ok := ev.(remarked)
			if !ok {
				return ev
			}
			l.remarks = append(l.remarks, fmt.Sprint(r.text, r.attrs))
		case <-late:
			l.t.Fatalf("nothing is heard; remarks: %q", l.remarks)
		}
	}
}

// hears checks what is heard next.
func (l *listening) hears(life lifeID, want notification) {
	l.t.Helper()
	if ev := l.event(); ev != (notified{life, want}) {
		l.t.Fatalf("heard %+v\nwant  %+v", ev, notified{life, want})
	}
}

// hold keeps the ears from hearing until what it returns is called.
func (l *listening) hold() (release func()) {
	h := hold{make(chan struct{}, 1), make(chan struct{})}
	l.holds <- h
	<-h.held
	return func() { close(h.release) }
}

// listener is what a life is heard by now, after all that the ears were told.
func (l *listening) listener(life lifeID) (a listener) {
	l.within(func() {
		if l.lives[life] != nil {
			a = *l.lives[life]
		}
	})
	return a
}

// within runs a function where the ears are read.
func (l *listening) within(f func()) {
	done := make(chan struct{})
	l.post(func() { f(); close(done) })
	<-done
}

var (
	lifeOfWeb = lifeID{"web", 1}
	notifyK   = []any{"ready", byNotify}
)

// Who belongs to a life speaks for it, whatever is left of it when it is heard.
func TestEars(t *testing.T) {
	for _, c := range []struct {
		step string
		want notification
	}{
		{"say READY=1", notification{ready: true}},
		{"say STATUS=warming up", notification{text: "warming up", says: true}},
		{"say READY=1\nSTATUS=", notification{ready: true, says: true}},
		{"say WATCHDOG=1", notification{beat: true}},
		{"say WATCHDOG=trigger", notification{hangs: true}},
		{"say STOPPING=1", notification{stopping: true}},
		{"say MAINPID=1", notification{mainPID: "1"}},
		{"descendant READY=1", notification{ready: true}},
		{"gone READY=1", notification{ready: true}},
		{"fds 2", notification{text: "with descriptors", says: true}},
	} {
		t.Run(c.step, func(t *testing.T) {
			l := newListening(t, placesIn(t.TempDir()))
			there := filepath.Join(t.TempDir(), "there")
			release := l.hold()
			l.begin(lifeOfWeb, notifyK, c.step, "tell "+there)
			await(there)
			release()
			l.hears(lifeOfWeb, c.want)
		})
	}
}

// One that is gone before it is read is heard all the same, each time.
func TestSendersThatAreGone(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	there := filepath.Join(t.TempDir(), "there")
	const n = 8 // there is no place for more than ten
	release := l.hold()
	var steps []string
	for i := range n {
		steps = append(steps, fmt.Sprintf("gone EXTEND_TIMEOUT_USEC=%d", i+1))
	}
	l.begin(lifeOfWeb, notifyK, append(steps, "tell "+there)...)
	await(there)
	release()
	for i := range n {
		l.hears(lifeOfWeb, notification{extend: time.Duration(i+1) * time.Microsecond})
	}
}

// A stranger is not heard, and neither is who is gone and was somebody else.
func TestStrangers(t *testing.T) {
	l := newListening(t, openPlaces(t))
	go1 := filepath.Join(t.TempDir(), "go1")
	l.begin(lifeOfWeb, []any{"ready", byNotify}, "forged "+go1+".forged", "await "+go1, "say READY=1")
	name := l.listener(lifeOfWeb).name
	release := l.hold()
	mine, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(mine)
	must(t, unix.Sendto(mine, []byte("READY=1"), 0, &unix.SockaddrUnix{Name: name})) // the test is a stranger that lives
	if os.Getuid() == 0 {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{"talker", "say READY=1", "end"}, &syscall.ProcAttr{
			Env: []string{modeKey + "=talk", notifySocketKey + "=" + name}, Sys: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}}})
		must(t, err)
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil || ws != 0 {
			t.Fatalf("it could not send: %v, %v", ws, err)
		}
	}
	release()
	tell(go1, "")
	l.hears(lifeOfWeb, notification{ready: true})
	want := 2
	if os.Getuid() == 0 {
		want++
	}
	if got := l.listener(lifeOfWeb).dropped; got != want {
		t.Errorf("%d dropped, want %d", got, want)
	}
	if len(l.remarks) != 1 || !strings.HasPrefix(l.remarks[0], "notification dropped") {
		t.Errorf("remarks %q, want one", l.remarks)
	}
}

// openPlaces are places that other users can reach.
func openPlaces(t *testing.T) spec.Places {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	return placesIn(dir)
}

// A service of another user is heard, also by what it leaves no trace of.
func TestAnotherUser(t *testing.T) {
	needRoot(t)
	l := newListening(t, openPlaces(t))
	release := l.hold()
	pid := l.begin(lifeOfWeb, []any{"ready", byNotify, "uid", 65533}, "gone WATCHDOG=1", "say READY=1", "end")
	unix.Wait4(pid, nil, 0, nil)
	delete(l.pids, lifeOfWeb)
	release()
	l.hears(lifeOfWeb, notification{beat: true})
	l.hears(lifeOfWeb, notification{ready: true})
	if a := l.listener(lifeOfWeb); a.uid != 65533 {
		t.Errorf("uid %d", a.uid)
	}
}

// From outside of our pid namespace root alone is heard; of those that are gone,
// root, we, and whoever the service runs as.
func TestBelongs(t *testing.T) {
	e := newEars(procFS{}, placesIn(t.TempDir()), "c0ffee", outbox{}, nil)
	a := &listener{life: lifeOfWeb, pid: os.Getpid(), uid: 1234}
	gone := talkAgain(append(os.Environ(), modeKey+"=talk"), "end")
	unix.Wait4(gone, nil, 0, nil)
	for _, c := range []struct {
		pid, uid int
		want     bool
	}{{0, 0, true}, {0, 1234, false}, {os.Getpid(), 77, true}, {gone, 0, true}, {gone, os.Getuid(), true}, {gone, 1234, true}, {gone, 77, false}, {1, 0, false}} {
		if got := e.belongs(a, &unix.Ucred{Pid: int32(c.pid), Uid: uint32(c.uid)}); got != c.want {
			t.Errorf("pid %d, uid %d: %v", c.pid, c.uid, got)
		}
	}
	if session, err := unix.Getsid(0); err == nil && session > 0 {
		a.pid = session
		if !e.belongs(a, &unix.Ucred{Pid: int32(os.Getpid()), Uid: 77}) {
			t.Error("one of its session does not belong to it")
		}
	}
}

// Who sends a barrier waits until what came before it was taken in.
func TestBarrier(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	l.begin(lifeOfWeb, notifyK, "say STATUS=before", "barrier 1", "say STATUS=after")
	l.hears(lifeOfWeb, notification{text: "before", says: true})
	l.hears(lifeOfWeb, notification{barrier: true})
	other := lifeID{"other", 2} // which takes its time to be there
	l.begin(other, notifyK, "say READY=1")
	l.hears(other, notification{ready: true})
	l.lift(lifeOfWeb)
	l.hears(lifeOfWeb, notification{text: "after", says: true})
}

// A barrier with none or several descriptors is none, and nobody waits.
func TestBarrierWithoutSense(t *testing.T) {
	for _, n := range []string{"0", "2", "5"} {
		l := newListening(t, placesIn(t.TempDir()))
		l.begin(lifeOfWeb, notifyK, "barrier "+n, "say STATUS=after")
		l.hears(lifeOfWeb, notification{text: "after", says: true})
	}
}

// What comes along is closed, and what is too long is dropped.
func TestWhatComesAlong(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	ready := filepath.Join(t.TempDir(), "go")
	steps := []string{"say STATUS=1", "await " + ready, "say much"}
	for range 8 {
		steps = append(steps, "fds 1", "fds 2", "fds 100")
	}
	l.begin(lifeOfWeb, notifyK, append(steps, "say READY=1")...)
	l.hears(lifeOfWeb, notification{text: "1", says: true})
	before := openFiles(t)
	tell(ready, "")
	for !l.event().(notified).says.ready {
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors, were %d", after, before)
	}
	if got := l.listener(lifeOfWeb).dropped; got != 1 {
		t.Errorf("%d dropped, want the one that is too long", got)
	}
}

// openFiles counts the descriptors of the test. It may be that one of an earlier test
// is closed meanwhile, by the garbage collector.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

// A life that never stops talking is heard at a bounded rate, and others are
// heard meanwhile. Nothing is lost.
func TestFlood(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	enough := filepath.Join(t.TempDir(), "enough")
	other := lifeID{"other", 2}
	begun := time.Now()
	l.begin(lifeOfWeb, notifyK, "count-until "+enough, "say STOPPING=1")
	l.orders++
	l.spawner.spawn(spawn{order: l.orders, life: other, spec: talking(t, []string{"say READY=1"}, notifyK...)})
	heard, both, told := 0, false, false
	for over := false; !over; {
		switch ev := l.event().(type) {
		case started:
			l.begun(ev)
			l.pids[other] = ev.pid
		case notified:
			switch {
			case ev.life == other:
				both = true
			case ev.says.stopping:
				over = true
			default:
				heard++
				if ev.says.extend != time.Duration(heard)*time.Microsecond {
					t.Fatalf("the message number %d is %+v", heard, ev)
				}
			}
		}
		if both && heard >= 6*verbose && !told {
			tell(enough, "")
			told = true
		}
		if time.Since(begun) > waitMost {
			t.Fatalf("%d messages were heard, the other life: %v", heard, both)
		}
	}
	if took := time.Since(begun); took < time.Duration(heard/verbose-2)*breath {
		t.Errorf("%d messages were heard within %v", heard, took)
	}
	said, err := os.ReadFile(enough + ".last")
	must(t, err)
	if strings.TrimSpace(string(said)) != strconv.Itoa(heard) {
		t.Errorf("%d messages were heard of %s", heard, said)
	}
}

// What can as well be heard at once is one event; what has its order is not.
func TestAbsorb(t *testing.T) {
	text := func(s string) notification { return notification{text: s, says: true} }
	beat, ready := notification{beat: true}, notification{ready: true}
	for _, c := range []struct {
		first, later, want notification
		ok                 bool
	}{
		{beat, beat, beat, true},
		{ready, beat, notification{ready: true, beat: true}, true},
		{text("a"), text("b"), text("b"), true},
		{notification{ready: true, text: "a", says: true}, text(""), notification{ready: true, says: true}, true},
		{text("a"), beat, notification{beat: true, text: "a", says: true}, true},
		{notification{reloading: true}, ready, notification{}, false},
		{beat, notification{barrier: true}, notification{}, false},
		{notification{barrier: true}, beat, notification{}, false},
	} {
		got := c.first
		if ok := got.absorb(c.later); ok != c.ok || ok && got != c.want || !ok && got != c.first {
			t.Errorf("%+v and %+v: %+v, %v", c.first, c.later, got, ok)
		}
	}
}

// A life is told where to speak, and how often it has to; a stop command is not.
func TestWhatALifeIsTold(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	text := `{"args": ["/bin/true"], "env": {"NOTIFY_SOCKET": "/of/another", "A": "b"}, "watchdog": "1.5s"}`
	o := spawn{life: lifeOfWeb, spec: specOf(t, text), main: 7, argv: []string{"/bin/true"}}
	told := func(kind childKind) string {
		o.kind = kind
		p, err := l.spawner.preparer.prepare(o)
		must(t, err)
		a, err := l.open(o, &p)
		must(t, err)
		l.forked(1, a, 0)
		return strings.Join(p.attr.Env, " ")
	}
	at := "NOTIFY_SOCKET=" + filepath.Join(l.places.NotifyDir(), "web:1") + " "
	if got := told(kindService); !strings.HasPrefix(got, "A=b "+at) || !strings.HasSuffix(got, " WATCHDOG_USEC=1500000") || strings.Contains(got, "WATCHDOG_PID") {
		t.Errorf("a service is told %s", got)
	}
	if got := told(kindStopCommand); strings.Contains(got, at) || strings.Contains(got, "WATCHDOG") {
		t.Errorf("a stop command is told %s", got)
	}
	if left, _ := os.ReadDir(l.places.NotifyDir()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// The newline of s6, by whatever descriptor; without one nothing is heard.
func TestReadinessPipe(t *testing.T) {
	byFD := func(n int) []any { return []any{"ready", map[string]any{"fd": n}} }
	l := newListening(t, placesIn(t.TempDir()))
	dir := t.TempDir()
	for i, c := range []struct {
		fd    int
		steps []string
		ready bool
	}{
		{3, []string{"write 3 \n"}, true},
		{7, []string{"look " + dir + "/look", "write 7 \n"}, true},
		{200, []string{"write 200 almost", "write 200 there\nnow"}, true},
		{3, []string{"close 3"}, false},
		{3, []string{"write 3 no", "close 3"}, false},
		{3, []string{"end"}, false},
	} {
		life := lifeID{"s6", uint64(i + 1)}
		l.begin(life, byFD(c.fd), append(c.steps, "tell "+dir+"/"+fmt.Sprint(i))...)
		if c.ready {
			l.hears(life, notification{ready: true})
		}
		for end := time.Now().Add(waitMost); ; {
			if l.listener(life).pipe < 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%q: still listening", c.steps)
			}
		}
		select {
		case ev := <-l.events:
			t.Errorf("%q: heard %+v", c.steps, ev)
		default:
		}
	}
	await(dir + "/look")
	seen, err := os.ReadFile(dir + "/look")
	must(t, err)
	for fd := range 20 {
		if has := strings.Contains(string(seen), fmt.Sprintf("fd %d ", fd)); has != (fd < 3 || fd == 7) {
			t.Errorf("descriptor %d: %v in\n%s", fd, has, seen)
		}
	}
}

// Where a path would be too long or cannot be had, the socket has a name without
// one; where neither can, the start fails and says why.
func TestNamesOfSockets(t *testing.T) {
	long := placesIn(t.TempDir())
	long.State = filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	blocked := placesIn(t.TempDir())
	for what, p := range map[string]spec.Places{"long": long, "blocked": blocked} {
		t.Run(what, func(t *testing.T) {
			l := newListening(t, p)
			if what == "blocked" {
				must(t, os.Remove(p.NotifyDir()))
				put(t, p.NotifyDir(), "")
			}
			for _, life := range []lifeID{lifeOfWeb, {strings.Repeat("n", 100), 1 << 60}} {
				l.begin(life, notifyK, "say READY=1")
				l.hears(life, notification{ready: true})
				if name := l.listener(life).name; !strings.HasPrefix(name, "@ncolony/") || len(name) > maxSocketPath {
					t.Errorf("its name is %q", name)
				}
			}
			other := lifeID{"taken", 1}
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			defer unix.Close(fd)
			must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: l.abstract(other)}))
			_, f := l.order(other, talking(t, nil, notifyK...))
			if !strings.HasPrefix(f.text, "open the notify socket: bind ") || !strings.Contains(f.text, "address already in use") || f.class != faultOther {
				t.Errorf("fault %+v", f)
			}
		})
	}
	t.Run("removed", func(t *testing.T) {
		l := newListening(t, placesIn(t.TempDir()))
		must(t, os.Remove(l.places.NotifyDir()))
		l.begin(lifeOfWeb, notifyK, "say READY=1")
		l.hears(lifeOfWeb, notification{ready: true})
		dir, err := os.Stat(l.places.NotifyDir())
		must(t, err)
		socket, err := os.Stat(filepath.Join(l.places.NotifyDir(), "web:1"))
		must(t, err)
		if dir.Mode().Perm() != 0o711 || socket.Mode().Perm() != 0o666 {
			t.Errorf("modes %v and %v", dir.Mode(), socket.Mode())
		}
	})
}

// A start that fails leaves nothing open, and for want of descriptors it is
// tried again.
func TestStartsThatFailAreNotHeard(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	l.begin(lifeID{"first", 1}, notifyK, "say READY=1") // so that all is open that stays
	l.hears(lifeID{"first", 1}, notification{ready: true})
	before := openFiles(t)
	for i, keys := range []string{`"watchdog": 1`, `"ready": {"fd": 5}`} {
		life := lifeID{"none", uint64(i + 1)}
		if _, f := l.order(life, specOf(t, `{"args": ["/no/such/program"], `+keys+`}`)); f.class != faultMissing {
			t.Errorf("fault %+v", f)
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors, were %d", after, before)
	}
	if exists(filepath.Join(l.places.NotifyDir(), "none:1")) {
		t.Error("the socket stands there")
	}
	was := fileLimit()
	defer setFileLimit(was)
	free, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	unix.Close(free)
	for keys, want := range map[string]string{
		`"watchdog": 1`:                     "open the notify socket: too many open files",
		`"ready": {"fd": 5}`:                "open the readiness pipe: too many open files",
		`"watchdog": 1, "ready": {"fd": 5}`: "open the readiness pipe: too many open files", // there is one for the socket
	} {
		limit := uint64(free)
		if strings.Contains(keys, ",") {
			limit++
		}
		o := spawn{life: lifeOfWeb, spec: specOf(t, `{"args": ["/bin/true"], `+keys+`}`)}
		p, err := l.spawner.preparer.prepare(o)
		must(t, err)
		setFileLimit(unix.Rlimit{Cur: limit, Max: was.Max})
		_, err = l.open(o, &p)
		setFileLimit(was)
		if f := unprepared(err); f.text != want || f.class != faultTransient {
			t.Errorf("fault %+v, want %q", f, want)
		}
	}
	if after := openFiles(t); after > before || exists(l.path(lifeOfWeb)) {
		t.Errorf("%d descriptors, were %d", after, before)
	}
}

// When a life is over its socket is gone, and what is sent then is refused.
func TestDeafen(t *testing.T) {
	l := newListening(t, placesIn(t.TempDir()))
	l.deafen(lifeID{"nobody", 1})
	l.begin(lifeID{"first", 1}, notifyK, "say READY=1")
	l.hears(lifeID{"first", 1}, notification{ready: true})
	before := openFiles(t)
	for _, keys := range [][]any{notifyK, {"ready", map[string]any{"fd": 4}}, {"ready", map[string]any{"fd": 4}, "watchdog", 1}} {
		step := "say READY=1"
		if len(keys) > 2 || keys[1].(map[string]any)["fd"] != nil {
			step = "write 4 x\n"
		}
		l.begin(lifeOfWeb, keys, step)
		l.hears(lifeOfWeb, notification{ready: true})
		l.deafen(lifeOfWeb)
		l.within(func() {
			if after := openFiles(t); after > before || len(l.lives) != 1 || len(l.fds) != 1 {
				t.Errorf("%v: %d descriptors, were %d; lives %v", keys, after, before, l.lives)
			}
		})
		if exists(filepath.Join(l.places.NotifyDir(), "web:1")) {
			t.Error("the socket stands there")
		}
		endAll(l.pids[lifeOfWeb])
		delete(l.pids, lifeOfWeb)
	}
	b := <-l.box
	if len(b.born) > 0 {
		t.Errorf("kept: %v", b.born)
	}
	l.box <- b
}

// After kill -9 a life is heard by the next supervisor, under the same name.
func TestHearAgain(t *testing.T) {
	long := placesIn(t.TempDir())
	long.State = filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	byFD := []any{"ready", map[string]any{"fd": 9}}
	for what, c := range map[string]struct {
		places spec.Places
		keys   []any
		step   string
	}{
		"path":     {placesIn(t.TempDir()), notifyK, "say READY=1"},
		"abstract": {long, notifyK, "say READY=1"},
		"blocked":  {placesIn(t.TempDir()), notifyK, "say READY=1"}, // only at first
		"pipe":     {placesIn(t.TempDir()), byFD, "write 9 \n"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			l := newListening(t, c.places)
			if what == "blocked" {
				must(t, os.Remove(c.places.NotifyDir()))
				put(t, c.places.NotifyDir(), "")
			}
			pid := l.begin(lifeOfWeb, c.keys, "tell "+dir+"/up", "await "+dir+"/go", c.step)
			await(dir + "/up")
			l.within(func() {})
			l.die()
			if what == "blocked" {
				must(t, os.Remove(c.places.NotifyDir()))
			}
			next := newListening(t, c.places)
			next.hear(hear{lifeOfWeb, pid, talking(t, nil, c.keys...)})
			next.within(func() {})
			tell(dir+"/go", "")
			next.hears(lifeOfWeb, notification{ready: true})
		})
	}
}

// A pipe that somebody reads from is not ours to read from.
func TestReadEnd(t *testing.T) {
	r, w, err := os.Pipe()
	must(t, err)
	defer w.Close()
	fd := int(w.Fd())
	if got := readEnd(os.Getpid(), fd); got >= 0 {
		t.Errorf("it has a reader: %d", got)
	}
	must(t, r.Close())
	got := readEnd(os.Getpid(), fd)
	if got < 0 {
		t.Fatal("it has none")
	}
	defer unix.Close(got)
	if again := readEnd(os.Getpid(), fd); again >= 0 {
		t.Errorf("it has one again: %d", again)
	}
	null, err := os.Open("/dev/null")
	must(t, err)
	defer null.Close()
	if got := readEnd(os.Getpid(), int(null.Fd())); got >= 0 {
		t.Errorf("no pipe: %d", got)
	}
}

// What is handed over goes on: the same descriptors, and what waits in them.
func TestEarsAreCarried(t *testing.T) {
	p := placesIn(t.TempDir())
	l := newListening(t, p)
	dir := t.TempDir()
	over := lifeID{"over", 1}
	l.begin(over, notifyK, "tell "+dir+"/over")
	l.begin(lifeOfWeb, []any{"ready", byNotify, "watchdog", 1}, "say STATUS=1", "await "+dir+"/go", "count 5", "tell "+dir+"/said")
	l.hears(lifeOfWeb, notification{text: "1", says: true})
	await(dir + "/over")
	l.hold() // for ever
	tell(dir+"/go", "")
	await(dir + "/said")
	l.deafen(over) // which the goroutine does not know
	if got := l.carried(&successor{}); got != nil {
		t.Errorf("to a program that knows of none: %v", got)
	}
	text, err := json.Marshal(l.carried(&successor{hears: true}))
	must(t, err)
	var saved []savedEar
	must(t, json.Unmarshal(text, &saved))
	if len(saved) != 1 {
		t.Fatalf("carried: %s", text)
	}
	for _, fd := range saved[0].ear().open() {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %x, %v", fd, flags, err)
		}
	}
	m := newModel(testPolicy, 1, spec.ColonyStatus{})
	m.services["web"] = &service{name: "web", generation: 1, life: life{spec: talking(t, nil, notifyK...), pid: l.pids[lifeOfWeb]}}
	l.end()
	l.lives = nil
	next := newListening(t, p)
	next.receive(saved, m)
	for i := range 5 {
		next.hears(lifeOfWeb, notification{extend: time.Duration(i+1) * time.Microsecond})
	}
	h := &house{outside: thisMachine(), places: p}
	put(t, filepath.Join(p.NotifyDir(), "file"), "")
	clearEars(h, m)
	left, err := os.ReadDir(p.NotifyDir())
	must(t, err)
	if len(left) != 2 || left[1].Name() != "web:1" {
		t.Errorf("left: %v", left)
	}
}

// Over upgrades, also one that is given back, nothing is lost of what a life
// says, and it need not look for us anew.
func TestUpgradeWhileALifeSpeaks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSuper(t, t.TempDir(), true)
	s.cmd.Env = append(s.cmd.Env, heardKey+"="+dir+"/heard")
	s.begin()
	s.eventually("the supervisor publishes", func() bool {
		return exists(s.places.Colony())
	})
	s.add("web", with(doing("talk", "tell "+dir+"/up", "count-until "+dir+"/enough"), "watchdog", "1h"))
	s.add("s6", with(doing("talk", "await "+dir+"/go6", "write 5 \n"), "ready", map[string]any{"fd": 5}))
	s.read(dir + "/up")
	for _, c := range []struct{ program, want string }{{"v2", ""}, {"bad-panics", "did not take over"}, {"v3", ""}} {
		if r := s.upgrade(copyOfUs(t, c.program)); r.OK != (c.want == "") || !strings.Contains(r.Error, c.want) {
			t.Fatalf("upgrade to %s: %+v", c.program, r)
		}
	}
	tell(dir+"/go6", "")
	tell(dir+"/enough", "")
	n, err := strconv.Atoi(strings.TrimSpace(s.read(dir + "/enough.last")))
	must(t, err)
	var lines, s6 []string
	s.eventually("all is heard", func() bool {
		b, _ := os.ReadFile(dir + "/heard")
		lines, s6 = nil, nil
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "web:") {
				lines = append(lines, line)
			} else {
				s6 = append(s6, line)
			}
		}
		return len(lines) >= n && len(s6) > 0
	})
	for i, line := range lines {
		if want := fmt.Sprintf("web:1 %+v\n", notification{extend: time.Duration(i+1) * time.Microsecond}); line != want {
			t.Fatalf("line %d is %swant %s", i, line, want)
		}
	}
	if want := fmt.Sprintf("s6:1 %+v\n", notification{ready: true}); len(lines) != n || len(s6) != 1 || s6[0] != want {
		t.Errorf("%d lines, and %q", len(lines), s6)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
