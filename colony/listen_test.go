package colony

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	ossignal "os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// serve is a server that is given its sockets: it answers each connection and
// each datagram with its pid. Like many a library it makes copies and closes
// what it was given. When it is to end it answers those that it has accepted;
// the others are for the next.
func serve(path string) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		panic("LISTEN_PID is " + os.Getenv("LISTEN_PID"))
	}
	end := make(chan os.Signal, 1)
	ossignal.Notify(end, syscall.SIGTERM)
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	answer := []byte(strconv.Itoa(os.Getpid()) + "\n")
	var busy, listening sync.WaitGroup
	var all []io.Closer
	for fd := spec.FirstSocket; fd < spec.FirstSocket+n; fd++ {
		file := os.NewFile(uintptr(fd), "given")
		kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		if l, err := net.FileListener(file); err == nil && kind != unix.SOCK_DGRAM {
			all = append(all, l)
			listening.Add(1)
			go func() {
				defer listening.Done()
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					busy.Add(1)
					go func() {
						defer busy.Done()
						defer c.Close()
						io.ReadFull(c, make([]byte, 1))
						c.Write(answer)
					}()
				}
			}()
		} else if p, err := net.FilePacketConn(file); err == nil {
			go func() {
				for b := make([]byte, 64); ; {
					_, from, err := p.ReadFrom(b)
					if err != nil {
						return
					}
					if p.LocalAddr().Network() == "udp" {
						p.WriteTo(answer, from)
					} else {
						tell(path+".datagram", strconv.Itoa(os.Getpid()))
					}
				}
			}()
		} else {
			panic(err)
		}
		file.Close()
	}
	tell(path, look())
	<-end
	for _, l := range all {
		l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now())
	}
	listening.Wait()
	busy.Wait()
	os.Exit(0)
}

// greet connects to a server and returns its pid.
func greet(network, address string) (pid int, err error) {
	c, err := net.DialTimeout(network, address, waitMost)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write([]byte("?")); err != nil {
		return 0, err
	}
	b := make([]byte, 32)
	n, err := c.Read(b)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b[:n])))
}

var lastPort atomic.Int32

// freePort is an address on which nobody listens, nor will: nobody is given it who asks
// for any port, or who connects to somewhere, for those begin higher; and it is on an
// address of its own for each process that runs these tests.
func freePort(t *testing.T) string {
	t.Helper()
	pid := os.Getpid()
	for range 100 {
		address := fmt.Sprintf("127.%d.%d.%d:%d", 1+pid>>16, pid>>8&0xff, pid&0xff, 10000+(61*pid+int(lastPort.Add(1)))%20000)
		if l, err := net.Listen("tcp", address); err == nil {
			must(t, l.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// TestNoConnectionIsRefused: under a steady load of connections a service is
// restarted, its supervisor replaced and killed, and each connection is answered.
func TestNoConnectionIsRefused(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	address := freePort(t)
	up := filepath.Join(dir, "up")
	s := startSuper(t, root, false)
	s.add("web", with(doing("serve", up), "listen", []string{address}))
	s.until("web", spec.Running)
	s.read(up)
	var answered, lost atomic.Int64
	pids := sync.Map{}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 3 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(500 * time.Microsecond):
				}
				pid, err := greet("tcp", address)
				if err != nil {
					lost.Add(1)
					t.Errorf("after %d answers: %v", answered.Load(), err)
					return
				}
				answered.Add(1)
				pids.Store(pid, true)
			}
		})
	}
	restart := func(times int) {
		for range times {
			r := s.send(`{"type":"RESTART","name":"web"}`)
			if pid, err := greet("tcp", address); !r.OK || pid != r.NewPID || err != nil {
				t.Fatalf("restart: %+v, answered by %d (%v)", r, pid, err)
			}
		}
	}
	for range 3 {
		restart(5)
		if r := s.upgrade(""); !r.OK {
			t.Fatalf("upgrade: %+v", r)
		}
	}
	before := s.until("web", spec.Running)
	s.murder()
	s = startSuper(t, root, false)
	if st := s.until("web", spec.Running); st.PID != before.PID {
		t.Errorf("adopted as pid %d, was %d", st.PID, before.PID)
	}
	restart(5)
	close(stop)
	load.Wait()
	lives := 0
	pids.Range(func(any, any) bool { lives++; return true })
	t.Logf("%d connections answered by %d lives, %d lost", answered.Load(), lives, lost.Load())
	if answered.Load() < 100 {
		t.Errorf("%d connections were answered: that is no load", answered.Load())
	}
	if b, _ := os.ReadFile(s.log); strings.Contains(string(b), "anew") || strings.Contains(string(b), "alone") {
		t.Errorf("a socket was not had back")
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := greet("tcp", address); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("when all is over: %v, want it refused", err)
	}
}

// TestSocketsBetweenLives: a service that waits for its next start has its
// socket all the same, also over an upgrade to a program that keeps it.
func TestSocketsBetweenLives(t *testing.T) {
	t.Parallel()
	s := startSuper(t, t.TempDir(), false)
	address := freePort(t)
	s.add("web", fmt.Sprintf(`{"args": ["/bin/false"], "listen": [%q], "backoff": {"min": "1h"}}`, address))
	s.until("web", spec.Backingoff)
	for range 2 {
		c, err := net.DialTimeout("tcp", address, waitMost)
		must(t, err)
		c.Close()
		if r := s.upgrade(""); !r.OK {
			t.Fatalf("upgrade: %+v", r)
		}
	}
	if n := len(socketsOf(s.cmd.Process.Pid, 0)); n != 1 {
		t.Errorf("the supervisor has %d sockets", n)
	}
	s.send(`{"type":"STOP","name":"web"}`)
	s.eventually("a stop closes it", func() bool {
		_, err := net.Dial("tcp", address)
		return errors.Is(err, unix.ECONNREFUSED)
	})
}

// TestSocketsOfAllKinds: what each kind is, what the child finds, and that
// nobody else has it.
func TestSocketsOfAllKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tcp, udp, file, grams := freePort(t), freePort(t), filepath.Join(dir, "new", "x.sock"), filepath.Join(dir, "g.sock")
	abstract := "@ncolony-test-" + strconv.Itoa(os.Getpid())
	must(t, os.WriteFile(grams+".keep", nil, 0o600))
	stale, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(stale, &unix.SockaddrUnix{Name: grams}))
	must(t, unix.Close(stale)) // left by somebody who was killed
	group := os.Getgid()
	if os.Getuid() == 0 {
		group = 12
	}
	s := startSuper(t, t.TempDir(), false)
	up := filepath.Join(dir, "up")
	s.add("web", with(doing("serve", up), "listen", []any{tcp, map[string]any{"address": "udp://" + udp, "name": "dns"},
		map[string]any{"address": "unix://" + file, "mode": "0640", "group": group}, "unix://" + abstract, map[string]any{"address": "unixgram://" + grams, "name": "log"}}))
	seen := s.read(up)
	pid := s.until("web", spec.Running).PID
	for _, want := range []string{"env LISTEN_FDS=5\n", "env LISTEN_FDNAMES=web:dns:web:web:log\n", fmt.Sprintf("env LISTEN_PID=%d\n", pid)} {
		if !strings.Contains(seen, want) {
			t.Errorf("the child does not see %q:\n%s", want, seen)
		}
	}
	for _, at := range [][2]string{{"tcp", tcp}, {"udp", udp}, {"unix", file}, {"unix", abstract}} {
		if got, err := greet(at[0], at[1]); got != pid || err != nil {
			t.Errorf("%v: answered by %d (%v), want %d", at, got, err, pid)
		}
	}
	gram, err := net.Dial("unixgram", grams)
	must(t, err)
	defer gram.Close()
	_, err = gram.Write([]byte("?"))
	must(t, err)
	s.read(up + ".datagram")
	fi, err := os.Stat(file)
	must(t, err)
	if st := fi.Sys().(*syscall.Stat_t); fi.Mode().Perm() != 0o640 || int(st.Gid) != group {
		t.Errorf("%s: mode %v, group %d", file, fi.Mode(), st.Gid)
	}
	if fi, err := os.Stat(grams); err != nil || fi.Mode().Perm() != 0o666 {
		t.Errorf("%s: %v (%v)", grams, fi, err)
	}
	// Another child has none of them, and ours has none left of the supervisor's.
	other := filepath.Join(dir, "other")
	s.add("other", with(doing("look", other)))
	if seen := s.read(other); strings.Contains(seen, "socket:") || strings.Contains(seen, "LISTEN_") {
		t.Errorf("another child sees\n%s", seen)
	}
	// An address that leaves the spec is closed, the others stay.
	must(t, os.Remove(up))
	s.add("web", with(doing("serve", up), "listen", []any{tcp, map[string]any{"address": "unix://" + file, "mode": "0600"}}))
	s.read(up)
	s.eventually("what has left the spec is closed", func() bool { _, err := os.Stat(grams); return errors.Is(err, os.ErrNotExist) })
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("with another mode: %v (%v)", fi, err)
	}
	s.eventually("so is the other", func() bool { _, err := greet("unix", abstract); return errors.Is(err, unix.ECONNREFUSED) })
	if _, err := greet("tcp", tcp); err != nil {
		t.Error(err)
	}
	if r := s.send(`{"type":"STOP","name":"web"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	s.eventually("a stop closes them", func() bool {
		_, err := greet("tcp", tcp)
		_, gone := os.Stat(file)
		return errors.Is(err, unix.ECONNREFUSED) && errors.Is(gone, os.ErrNotExist)
	})
	if r := s.send(`{"type":"START","name":"web"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	if _, err := greet("unix", file); err != nil {
		t.Error(err)
	}
	s.remove("web")
	s.eventually("a removal closes them", func() bool {
		_, err := greet("tcp", tcp)
		return errors.Is(err, unix.ECONNREFUSED)
	})
	s.eventually("the supervisor has no sockets left", func() bool { return len(socketsOf(s.cmd.Process.Pid, 0)) == 0 })
}

// TestSocketsThatCannotBe: each is a start that has failed, with the reason, and
// is tried again.
func TestSocketsThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", freePort(t))
	must(t, err)
	live, plain := filepath.Join(dir, "live.sock"), filepath.Join(dir, "plain")
	alive, err := net.Listen("unix", live)
	must(t, err)
	defer alive.Close()
	put(t, plain, "text")
	s := startSuper(t, t.TempDir(), false)
	mine := freePort(t)
	s.add("first", with(doing("serve", filepath.Join(dir, "first")), "listen", []string{mine}))
	s.until("first", spec.Running)
	backoff := map[string]any{"min": "50ms", "max": "50ms"}
	for name, tt := range map[string]struct{ address, want string }{
		"taken":  {taken.Addr().String(), "listen " + taken.Addr().String() + ": address already in use"},
		"live":   {"unix://" + live, "listen unix://" + live + ": address already in use"},
		"plain":  {"unix://" + plain, "a file that is no socket stands there"},
		"far":    {"203.0.113.7:80", "cannot assign requested address (no network interface here has that address)"},
		"second": {mine, `listen ` + mine + `: service "first" has it`},
	} {
		s.add(name, with(doing("serve", filepath.Join(dir, name)), "listen", []string{tt.address}, "backoff", backoff))
		st := s.until(name, spec.Backingoff)
		if e := st.LastExit; e == nil || !strings.Contains(e.SpawnError, tt.want) {
			t.Errorf("%s: %+v, want %q", name, e, tt.want)
		}
	}
	if b, _ := os.ReadFile(plain); string(b) != "text" {
		t.Errorf("the file that stood there is %q", b)
	}
	must(t, taken.Close())
	s.until("taken", spec.Running)
	if _, err := greet("tcp", taken.Addr().String()); err != nil {
		t.Error(err)
	}
	s.remove("first")
	s.until("second", spec.Running)
	pid := s.until("second", spec.Running).PID
	if got, err := greet("tcp", mine); got != pid || err != nil {
		t.Errorf("after a removal: answered by %d (%v), want %d", got, err, pid)
	}
	if os.Getuid() == 0 {
		return
	}
	s.add("low", with(doing("serve", filepath.Join(dir, "low")), "listen", []string{"127.0.0.1:7"}, "backoff", backoff))
	if st := s.until("low", spec.Backingoff); !strings.Contains(st.LastExit.SpawnError, "CAP_NET_BIND_SERVICE") {
		t.Errorf("%+v", st.LastExit)
	}
}

// A socket that cannot be had back, because its life has given it away, is
// opened anew; one that it has kept to itself is the life's alone.
func TestSocketsLost(t *testing.T) {
	for _, tt := range []struct{ what, remark string }{{"closed", "opened anew"}, {"hidden", "alone until its next start"}} {
		t.Run(tt.what, func(t *testing.T) {
			l := listen(t)
			s := newSockets(launch.System(), l.outbox(), func(f func()) { f() })
			address := freePort(t)
			sp := specOf(t, fmt.Sprintf(`{"args": ["x"], "listen": [%q]}`, address))
			held := -1
			if tt.what == "hidden" {
				var err error
				held, _, err = s.door.open(sp.Listen[0])
				must(t, err)
				defer unix.Close(held)
			}
			m := newModel(testPolicy, 1, spec.ColonyStatus{})
			child := sleeper(t) // which has no socket at all
			m.services["a"] = &service{name: "a", phase: up, spec: sp, sockets: sp.Addresses(), life: life{spec: sp, pid: child}}
			s.receive(nil, m, nil)
			if got := (<-l.events).(remarked).text; !strings.Contains(got, tt.remark) {
				t.Errorf("said %q, want %q", got, tt.remark)
			}
			all := <-s.box
			if k := all[address]; (k != nil) != (tt.what == "closed") || k != nil && (k.busy != nil || !listensAt(k.fd, k.as.Where())) {
				t.Errorf("it is %+v", k)
			}
			s.box <- all
			s.unlisten(unlisten{"a", sp.Addresses()})
		})
	}
}

// TestSocketsAtOnce: several starts at once find one socket; a start that follows
// an end finds the address free; and what takes for ever keeps nobody but those
// who want just that.
func TestSocketsAtOnce(t *testing.T) {
	quit := make(chan struct{})
	s := newSockets(launch.System(), outbox{make(chan event), quit}, func(f func()) { go f() })
	l := spec.Listen{Address: "unix://" + filepath.Join(t.TempDir(), "s")}
	address := l.Where().String()
	inode := func(fd int) uint64 {
		var st unix.Stat_t
		must(t, unix.Fstat(fd, &st))
		unix.Close(fd)
		return st.Ino
	}
	for range 20 {
		found := make(chan int, 4)
		for range cap(found) {
			go func() {
				fd, err := s.take("a", l)
				if err != nil {
					t.Error(err)
				}
				found <- fd
			}()
		}
		first := inode(<-found)
		for range cap(found) - 1 {
			if next := inode(<-found); next != first {
				t.Fatalf("two sockets: %d and %d", first, next)
			}
		}
		if _, err := s.take("b", l); err == nil || !strings.Contains(err.Error(), `service "a" has it`) {
			t.Errorf("another's: %v", err)
		}
		s.unlisten(unlisten{"b", []string{address}}) // which is none of its
		s.unlisten(unlisten{"a", []string{address}})
		fd, err := s.take("b", l)
		must(t, err)
		if second := inode(fd); second == first {
			t.Fatal("the same socket after its end")
		}
		s.unlisten(unlisten{"b", []string{address}})
	}
	s.settle(waitMost)
	if _, err := os.Stat(l.Where().Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
	all := <-s.box
	all[address] = &socket{owner: "a", fd: -1, busy: make(chan struct{})} // for ever
	s.box <- all
	other := spec.Listen{Address: "unix://@ncolony-other-" + strconv.Itoa(os.Getpid())}
	fd, err := s.take("b", other)
	must(t, err)
	unix.Close(fd)
	s.unlisten(unlisten{"a", []string{address}})
	s.unlisten(unlisten{"b", []string{other.Where().String()}})
	s.settle(time.Millisecond)
	waits := make(chan error)
	go func() { _, err := s.take("a", l); waits <- err }()
	close(quit)
	if err := <-waits; err == nil || !strings.Contains(err.Error(), "the supervisor ends") {
		t.Errorf("who waited got %v", err)
	}
}

// TestSocketModeHasNoWindow: at no moment has the file of a socket more than it is
// to have, whatever our umask is.
func TestSocketModeHasNoWindow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	mode := spec.Mode(0o600)
	stop, seen := make(chan struct{}), make(chan map[os.FileMode]bool)
	go func() {
		modes := map[os.FileMode]bool{}
		for {
			select {
			case <-stop:
				seen <- modes
				return
			default:
				if fi, err := os.Lstat(path); err == nil {
					modes[fi.Mode().Perm()] = true
				}
			}
		}
	}()
	for range 300 {
		fd, file, err := door{launch.System()}.open(spec.Listen{Address: "unixgram://" + path, Mode: &mode})
		must(t, err)
		unlink(path, file)
		unix.Close(fd)
	}
	close(stop)
	modes := <-seen
	fd, file, err := door{launch.System()}.open(spec.Listen{Address: "unix://" + path})
	must(t, err)
	defer unix.Close(fd)
	must(t, os.Rename(path, path+".old")) // its number stays taken
	put(t, path, "of somebody else")
	if unlink(path, file); fileAt(path) != (fileID{}) {
		t.Error("a file is taken for a socket")
	} else if _, err := os.Stat(path); err != nil {
		t.Error("somebody else's file was removed")
	}
	for m := range modes {
		if m&^0o600 != 0 {
			t.Errorf("for a moment it had the mode %v", m)
		}
	}
}

// sleeper is a child that does nothing.
func sleeper(t *testing.T) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	must(t, err)
	t.Cleanup(func() { endAll(pid) })
	return pid
}

// TestSocketIsFound: among the descriptors of a process it is the one that
// listens at the address, and no connection that was accepted there.
func TestSocketIsFound(t *testing.T) {
	d := door{launch.System()}
	for _, address := range []string{freePort(t), "[::1]:" + portOf(freePort(t)), "udp://" + freePort(t), "unix://" + filepath.Join(t.TempDir(), "s"), "unixpacket://@ncolony-found-" + strconv.Itoa(os.Getpid())} {
		l := spec.Listen{Address: address}
		fd, file, err := d.open(l)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) {
			continue // there is no IPv6
		}
		must(t, err)
		where := l.Where()
		if !listensAt(fd, where) || (file != fileID{}) != where.InFiles() {
			t.Errorf("%s: it is not found (file %v)", address, file)
		}
		for _, other := range []string{"127.0.0.2:1", "udp://127.0.0.1:1", "unix:///nowhere", "unixpacket://@ncolony-other", "[::2]:1"} {
			if listensAt(fd, (spec.Listen{Address: other}).Where()) {
				t.Errorf("%s: taken for %s", address, other)
			}
		}
		if where.Accepts() {
			_, domain, kind := socketOf(where)
			client, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			to, _, _ := socketOf(where)
			must(t, unix.Connect(client, to))
			conn, _, err := unix.Accept(fd)
			must(t, err)
			if listensAt(conn, where) {
				t.Errorf("%s: a connection is taken for it", address)
			}
			closeAll([]int{client, conn})
		}
		if where.Network == spec.NetUDP {
			must(t, unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}))
			if listensAt(fd, where) {
				t.Errorf("%s: taken for it though it has a peer", address)
			}
		}
		unix.Close(fd)
	}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// TestUnlisten: when the core has sockets closed, and when not.
func TestUnlisten(t *testing.T) {
	const one, two = "127.0.0.1:1", "127.0.0.1:2"
	text := func(listen, more string) string {
		return fmt.Sprintf(`{"args": ["x"], "listen": [%s]%s}`, listen, more)
	}
	both := text(`"`+one+`", "`+two+`"`, "")
	for _, tt := range []struct {
		what string
		spec string
		do   func(w *world, pid int)
		want []string
	}{
		{"a restart", both, func(w *world, pid int) { w.send(`{"type":"RESTART","name":"a"}`) }, nil},
		{"a fast death and a backoff", both, func(w *world, pid int) { w.die(pid, exitStatus{code: 1}) }, nil},
		{"a change of policy", both, func(w *world, pid int) { w.see("a", text(`"`+one+`", "`+two+`"`, `, "restart": "never"`)) }, nil},
		{"an address less", both, func(w *world, pid int) { w.see("a", text(`"`+one+`"`, "")) }, []string{two}},
		{"none any more", both, func(w *world, pid int) { w.see("a", web) }, []string{one, two}},
		{"another order, and one more", both, func(w *world, pid int) { w.see("a", text(`"`+two+`", "127.0.0.1:3", "`+one+`"`, "")) }, nil},
		{"a broken spec", both, func(w *world, pid int) { w.do(seen{name: "a", problem: &spec.Problem{Message: "no"}}) }, nil},
		{"a stop", both, func(w *world, pid int) { w.send(`{"type":"STOP","name":"a"}`) }, []string{one, two}},
		{"a removal", both, func(w *world, pid int) { w.gone("a") }, []string{one, two}},
		{"an end for good", text(`"`+one+`"`, `, "restart": "never"`), func(w *world, pid int) { w.die(pid, exitStatus{}) }, []string{one}},
		{"a limit", text(`"`+one+`"`, `, "limit": {"restarts": 0, "within": 60}`), func(w *world, pid int) { w.die(pid, exitStatus{code: 1}) }, []string{one}},
		{"a limit that passes", text(`"`+one+`"`, `, "limit": {"restarts": 0, "within": 60, "then": {"retry": 60}}`), func(w *world, pid int) { w.die(pid, exitStatus{code: 1}) }, nil},
		{"a dependency that stops", text(`"`+one+`"`, `, "requires": ["b"]`), func(w *world, pid int) { w.send(`{"type":"STOP","name":"b"}`) }, nil},
		{"a drain", both, func(w *world, pid int) { w.do(signalled{sigTERM}) }, []string{one, two}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			w := newWorld(t, testPolicy)
			var closed []string
			w.rebirth = true
			w.ready("b", web)
			pid := w.ready("a", tt.spec)
			w.m.trap = func(what any) {
				if e, ok := what.(unlisten); ok {
					if e.owner != "a" || w.m.services["a"] != nil && w.m.services["a"].alive() && slices.Contains(w.m.services["a"].life.spec.Addresses(), e.addresses[0]) {
						t.Errorf("%+v while a life has it", e)
					}
					closed = append(closed, e.addresses...)
				}
			}
			tt.do(w, pid)
			w.settle()
			if slices.Sort(closed); !slices.Equal(closed, tt.want) {
				t.Errorf("closed %q, want %q", closed, tt.want)
			}
		})
	}
}

// Instances share the sockets of their service: they are closed with the last.
func TestInstancesShareSockets(t *testing.T) {
	w := newWorld(t, testPolicy)
	m := w.m
	sp := specOf(t, `{"args": ["x"], "listen": ["127.0.0.1:1", "127.0.0.1:2"]}`)
	for _, name := range []string{"a@1", "a@2"} {
		m.services[name] = &service{name: name, timer: -1, spec: sp, phase: backoff, sockets: sp.Addresses()}
	}
	first, second := m.services["a@1"], m.services["a@2"]
	m.out = nil
	first.phase, first.stopped = down, &spec.StopNote{}
	if m.unlisten(first); len(m.out) > 0 || first.sockets != nil {
		t.Errorf("closed for the first: %+v", m.out)
	}
	second.phase, second.stopped = down, &spec.StopNote{}
	if m.unlisten(second); len(m.out) != 1 || m.out[0].(unlisten).owner != "a" || len(m.out[0].(unlisten).addresses) != 2 {
		t.Errorf("closed for the last: %+v", m.out)
	}
}
