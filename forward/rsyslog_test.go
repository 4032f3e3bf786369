package forward

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// rsyslog is Debian's, with a configuration of its own.
type rsyslog struct {
	c       *colony
	dir     string
	tcp     string
	program string
	cmd     *exec.Cmd
}

func newRsyslog(c *colony) *rsyslog {
	c.t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		if path = "/usr/sbin/rsyslogd"; exec.Command(path, "-v").Run() != nil {
			c.t.Skip("no rsyslogd: Debian has it in rsyslog")
		}
	}
	r := &rsyslog{c: c, dir: c.t.TempDir(), tcp: fixture.Reserve(c.t), program: path}
	_, port, _ := net.SplitHostPort(r.tcp)
	conf := strings.NewReplacer("DIR", r.dir, "PORT", port).Replace(`main_queue(queue.timeoutShutdown="60000")
global(workDirectory="DIR" maxMessageSize="8k" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
module(load="imudp")
module(load="imuxsock" sysSock.use="off")
input(type="imtcp" address="127.0.0.1" port="PORT")
input(type="imudp" address="127.0.0.1" port="PORT" rcvbufSize="4m")
input(type="imuxsock" socket="DIR/log" useSpecialParser="off" parseHostname="on")
template(name="fields" type="string" string="%syslogfacility-text%.%syslogseverity-text%\t%hostname%\t%app-name%\t%msgid%\t%structured-data%\t%msg%\n")
action(type="omfile" file="DIR/got" template="fields")
`)
	if err := os.WriteFile(filepath.Join(r.dir, "conf"), []byte(conf), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if r.cmd != nil {
			r.stop(syscall.SIGKILL)
		}
		if c.t.Failed() {
			b, _ := os.ReadFile(filepath.Join(r.dir, "err"))
			c.t.Logf("rsyslogd: %s", b)
		}
	})
	r.start()
	return r
}

func (r *rsyslog) start() {
	r.c.t.Helper()
	out, err := os.OpenFile(filepath.Join(r.dir, "err"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.c.t.Fatal(err)
	}
	defer out.Close()
	r.cmd = exec.Command(r.program, "-n", "-f", filepath.Join(r.dir, "conf"), "-i", filepath.Join(r.dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = out, out
	if err := r.cmd.Start(); err != nil {
		r.c.t.Fatal(err)
	}
	r.c.until("rsyslogd listens", func() bool {
		conn, err := net.DialTimeout("tcp", r.tcp, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (r *rsyslog) stop(signal syscall.Signal) {
	r.cmd.Process.Signal(signal)
	r.cmd.Wait()
	r.cmd = nil
}

// got reads what it has written.
func (r *rsyslog) got() *got {
	b, _ := os.ReadFile(filepath.Join(r.dir, "got"))
	g := new(got)
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 6)
		if len(f) < 6 || f[1] != "here" || f[0] != map[string]string{"stdout": "daemon.info", "stderr": "daemon.err"}[f[3]] ||
			!strings.HasPrefix(f[4], fmt.Sprintf(`[ncolony@32473 service="%s" generation="`, f[2])) {
			continue // rsyslog's own words
		}
		g.add(gotLine{service: f[2], stream: f[3], text: f[5]})
	}
	return g
}

// all waits until all lines of web are there, in the order of their first coming.
func (r *rsyslog) all(want []string) (again int) {
	r.c.t.Helper()
	var once []string
	r.c.until(fmt.Sprintf("rsyslog has %d lines", len(want)), func() bool {
		once, again = r.got().texts("web")
		return len(once) >= len(want)
	})
	for i, text := range once {
		if text != want[i] {
			r.c.t.Fatalf("line %d is %q, want %q", i, text, want[i])
		}
	}
	return again
}

// Debian's rsyslog understands what we send, over each transport.
func TestRsyslog(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	r := newRsyslog(c)
	web, errs := c.service("web", `{"stderr": "apart"}`), c.pipe("web/stderr")
	want := numbered("line [with] \"things\" in it <13>", 0, 2000)
	write(web, want)
	for _, transport := range []struct {
		url   string
		again int // lines that come again with it, at least
	}{
		{"syslog+tcp://" + r.tcp, 0},
		{"syslog+unix://" + r.dir + "/log", 2000},
		{"syslog://" + r.tcp, 2100}, // which loses what comes too fast: a socket has room for so many
	} {
		s := here
		s.Labels = nil
		stop := c.forward(transport.url, s)
		c.until("lines are there", func() bool { _, again := r.got().texts("web"); return again >= transport.again })
		r.all(want)
		stop()
	}
	c.forward("syslog+tcp://"+r.tcp, here)
	write(errs, []string{"to stderr"})
	c.until("standard error is an error", func() bool {
		for _, l := range r.got().all() {
			if l.text == "to stderr" && l.stream == "stderr" {
				return true
			}
		}
		return false
	})
}

// A restart of rsyslog in the midst of it loses nothing.
func TestRsyslogRestarts(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	r := newRsyslog(c)
	web := c.service("web", `{}`)
	s := here
	s.Labels = nil
	c.forward("syslog+tcp://"+r.tcp, s)
	var want []string
	for round := range 3 {
		for i := range 20 { // so that some are on their way
			some := numbered("line", (round*20+i)*100, (round*20+i+1)*100)
			want = append(want, some...)
			once, _ := r.got().texts("web") // before the write, all of which may come at once
			write(web, some)
			c.until("it goes on", func() bool { o, _ := r.got().texts("web"); return len(o) > len(once) || i%5 > 0 })
		}
		// What its kernel has had for longer than we hold it is lost, as documented.
		r.all(want)
		some := numbered("late", round*100, (round+1)*100)
		want = append(want, some...)
		write(web, some)
		r.stop(syscall.SIGTERM)
		some = numbered("away", round*100, (round+1)*100)
		want = append(want, some...)
		write(web, some)
		r.start()
	}
	t.Logf("%d of %d lines came again", r.all(want), len(want))
}
