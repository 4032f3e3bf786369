package colony

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// The variables by which a service manager tells the program it starts where to
// report, see sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3). They are
// for us alone, and no child of ours gets them.
const (
	notifySocketKey = "NOTIFY_SOCKET"
	watchdogKey     = "WATCHDOG_USEC"
	watchdogPIDKey  = "WATCHDOG_PID"
)

// meantForUs reports whether a variable is a message to this process.
func meantForUs(key string) bool {
	return key == notifySocketKey || strings.HasPrefix(key, "WATCHDOG_") || strings.HasPrefix(key, "LISTEN_")
}

// ourEnvironment is what we were started with and may pass on.
func ourEnvironment() (kvs []string) {
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); !meantForUs(k) {
			kvs = append(kvs, kv)
		}
	}
	return kvs
}

// notifier tells the service manager above us how we are. A nil one has nobody
// to tell. The loop calls beat, the publisher the rest; neither ever waits.
type notifier struct {
	fd       int
	to       unix.Sockaddr
	interval time.Duration // between beats; 0 = nobody waits for them
	ready    bool          // was said
	stopping bool          // likewise
}

// openNotifier reads the environment. trouble is why a manager that wants to be
// told cannot be.
func openNotifier(getenv func(string) string) (n *notifier, trouble error) {
	path := getenv(notifySocketKey)
	if path == "" {
		return nil, nil
	}
	if path[0] != '/' && path[0] != '@' { // vsock, for virtual machines
		return nil, fmt.Errorf("open %s %q: neither a path nor an abstract name", notifySocketKey, path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket for %s: %w", notifySocketKey, err)
	}
	n = &notifier{fd: fd, to: &unix.SockaddrUnix{Name: path}}
	if pid := getenv(watchdogPIDKey); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		usec, err := strconv.ParseUint(getenv(watchdogKey), 10, 63)
		if err == nil && usec > 0 && usec < uint64(spec.MaxDuration.D()/time.Microsecond) {
			n.interval = max(time.Duration(usec)*time.Microsecond/2, time.Millisecond)
		}
	}
	return n, nil
}

func (n *notifier) send(text string) error {
	if err := unix.Sendto(n.fd, []byte(text), unix.MSG_NOSIGNAL, n.to); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// tell reports what is true of the colony. That it could be written the first
// time is what ready means.
func (n *notifier) tell(st *spec.ColonyStatus) error {
	if n == nil {
		return nil
	}
	text := "STATUS=" + summary(st)
	if !n.ready {
		text = "READY=1\n" + text
	}
	if st.Draining && !n.stopping {
		text = "STOPPING=1\n" + text
	}
	if err := n.send(text); err != nil {
		return err
	}
	n.ready, n.stopping = true, n.stopping || st.Draining
	return nil
}

// beat shows that the loop turns.
func (n *notifier) beat() { n.send("WATCHDOG=1") }

// beats returns when to beat; nil = never. The ticker lives as long as we do.
func (n *notifier) beats() <-chan time.Time {
	if n == nil || n.interval == 0 {
		return nil
	}
	return time.NewTicker(n.interval).C
}

// summary is the colony in a line: "7 running, 1 backoff".
func summary(st *spec.ColonyStatus) string {
	var parts []string
	for _, state := range spec.States {
		if c := st.Counts[state]; c > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c, state))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no services")
	}
	if st.Draining {
		parts = append([]string{"shutting down"}, parts...)
	}
	if len(st.Degraded) > 0 {
		parts = append(parts, "degraded")
	}
	return strings.Join(parts, ", ")
}
