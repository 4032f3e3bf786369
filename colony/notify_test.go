package colony

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// manager is what stands above us: it hears what we say.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	all  []string
}

func newManager(t *testing.T, address string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{t: t, conn: conn}
}

// until reads until a message has this line.
func (m *manager) until(line string) {
	m.t.Helper()
	m.conn.SetReadDeadline(time.Now().Add(waitMost))
	buf := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("waited in vain for %q (%v) after %q", line, err, m.all)
		}
		m.all = append(m.all, string(buf[:n]))
		for have := range strings.SplitSeq(string(buf[:n]), "\n") {
			if have == line {
				return
			}
		}
	}
}

// A service manager hears that we are ready, how many services run, that the
// loop turns, and that we end; also through an abstract socket.
func TestServiceManager(t *testing.T) {
	for what, address := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@ncolony-test-%d", os.Getpid()),
	} {
		t.Run(what, func(t *testing.T) {
			above := newManager(t, address)
			s := newSuper(t, t.TempDir(), false)
			s.cmd.Env = append(s.cmd.Env, "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=1000000") // there may be place for ten that nobody has read
			s.begin()
			above.until("READY=1")
			if readJSON(osDisk{}, s.places.Colony(), &spec.ColonyStatus{}) != nil {
				t.Error("ready was said before there was a colony.json")
			}
			s.add("a", `{"args":["/bin/sleep","600"]}`)
			above.until("STATUS=1 running")
			above.until("WATCHDOG=1")
			s.cmd.Process.Signal(unix.SIGTERM)
			above.until("STOPPING=1")
			s.wait()
			if n := strings.Count(strings.Join(above.all, "\n"), "READY=1"); n != 1 {
				t.Errorf("ready was said %d times", n)
			}
		})
	}
}

// What is meant for us is no business of the program we run.
func TestServiceManagerIsOurs(t *testing.T) {
	out := filepath.Join(t.TempDir(), "look")
	s := newSuper(t, t.TempDir(), false, "/bin/sh", "-c", fmt.Sprintf("%s=look exec %s %s", modeKey, os.Args[0], out))
	s.cmd.Env = append(s.cmd.Env, "NOTIFY_SOCKET=/no/such/socket", "WATCHDOG_USEC=1000000", "WATCHDOG_PID=1", "LISTEN_FDS=1", "OTHER=1")
	s.begin()
	seen := s.read(out)
	for _, line := range []string{"NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"} {
		if strings.Contains(seen, "env "+line) {
			t.Errorf("it sees %s", line)
		}
	}
	if !strings.Contains(seen, "env OTHER=1") {
		t.Error("it does not see what is meant for everybody")
	}
	s.eventually("that nobody hears us is said", func() bool {
		if _, err := os.Stat(s.places.Colony()); err != nil {
			return false // starts come first
		}
		return strings.Contains(s.colony().Degraded["service manager"], "no such file")
	})
}

func TestOpenNotifier(t *testing.T) {
	for _, c := range []struct {
		what     string
		env      map[string]string
		open     bool
		trouble  bool
		interval time.Duration
	}{
		{"nobody", nil, false, false, 0},
		{"a watchdog only", map[string]string{watchdogKey: "1000000"}, false, false, 0},
		{"no watchdog", map[string]string{notifySocketKey: "/x"}, true, false, 0},
		{"watchdog", map[string]string{notifySocketKey: "/x", watchdogKey: "30000000"}, true, false, 15 * time.Second},
		{"watchdog of ours", map[string]string{notifySocketKey: "@x", watchdogKey: "30000000", watchdogPIDKey: fmt.Sprint(os.Getpid())}, true, false, 15 * time.Second},
		{"watchdog of another", map[string]string{notifySocketKey: "/x", watchdogKey: "30000000", watchdogPIDKey: "1"}, true, false, 0},
		{"no number", map[string]string{notifySocketKey: "/x", watchdogKey: "-1"}, true, false, 0},
		{"zero", map[string]string{notifySocketKey: "/x", watchdogKey: "0"}, true, false, 0},
		{"too large", map[string]string{notifySocketKey: "/x", watchdogKey: "9999999999999999999"}, true, false, 0},
		{"vsock", map[string]string{notifySocketKey: "vsock:2:1"}, false, true, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			n, trouble := openNotifier(func(k string) string { return c.env[k] })
			if n != nil {
				defer unix.Close(n.fd)
			}
			if (n != nil) != c.open || (trouble != nil) != c.trouble {
				t.Fatalf("got %v, %v", n, trouble)
			}
			if n != nil && n.interval != c.interval {
				t.Errorf("interval %v, want %v", n.interval, c.interval)
			}
		})
	}
}

// A manager that does not read does not make us wait.
func TestDeafServiceManager(t *testing.T) {
	above := newManager(t, filepath.Join(t.TempDir(), "notify"))
	n, err := openNotifier(func(k string) string {
		return map[string]string{notifySocketKey: above.conn.LocalAddr().String()}[k]
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(n.fd)
	for range 100000 {
		if err = n.tell(&spec.ColonyStatus{}); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a full socket: %v", err)
	}
}

func TestSummary(t *testing.T) {
	for want, st := range map[string]spec.ColonyStatus{
		"no services":              {Counts: map[spec.State]int{spec.Running: 0}},
		"2 running, 1 backoff":     {Counts: map[spec.State]int{spec.Backingoff: 1, spec.Running: 2}},
		"1 running, degraded":      {Counts: map[spec.State]int{spec.Running: 1}, Degraded: map[string]string{"x": "y"}},
		"shutting down, 1 running": {Counts: map[spec.State]int{spec.Running: 1}, Draining: true},
	} {
		if got := summary(&st); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
