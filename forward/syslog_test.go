package forward

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// message is RFC 5424, as far as we write it.
var message = regexp.MustCompile(`(?s)^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) here (\S+) - (stdout|stderr) ` +
	`\[ncolony@32473 service="([^"]*)" generation="(\d+)" stream="(stdout|stderr)" at="(\d+):\d+" place="h\\"e\\\]"\] `)

// longestHead is more than what is before a line. In all of a long line the
// expression would be looked for slowly.
const longestHead = 400

var here = Settings{Host: "here", Labels: map[string]string{"place": `h"e]`}}

func (g *got) message(text string) error {
	m := message.FindStringSubmatch(text[:min(len(text), longestHead)])
	if m == nil || m[3] != m[5] || m[4] != m[7] || m[6] != m[8] || (m[1] == "30") != (m[4] == "stdout") {
		return fmt.Errorf("no such message: %q", text)
	}
	g.add(gotLine{m[5], m[4], m[6], m[2], text[len(m[0]):]})
	return nil
}

// serve takes messages with octet counting from connections until the listener is
// closed. Each is given to handle first, which may end it.
func (g *got) serve(t *testing.T, l net.Listener, handle func(net.Conn) bool) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if handle != nil && !handle(conn) {
				return
			}
			in := bufio.NewReader(conn)
			for {
				var n int
				if _, err := fmt.Fscanf(in, "%d ", &n); err != nil {
					return
				}
				text := make([]byte, n)
				if _, err := io.ReadFull(in, text); err != nil {
					return
				}
				if err := g.message(string(text)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Over each transport lines arrive, one of them longer than a message.
func TestSyslog(t *testing.T) {
	certificate, ca := newCertificate(t)
	for name, receive := range map[string]func(t *testing.T, g *got) (url string){
		"tcp": func(t *testing.T, g *got) string {
			l := listen(t)
			go g.serve(t, l, nil)
			return "syslog+tcp://" + l.Addr().String()
		},
		"tls": func(t *testing.T, g *got) string {
			l := listen(t)
			go g.serve(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}}), nil)
			return "syslog+tls://" + l.Addr().String()
		},
		"udp": func(t *testing.T, g *got) string {
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go g.datagrams(t, conn)
			return "syslog://" + conn.LocalAddr().String()
		},
		"unix": func(t *testing.T, g *got) string {
			path := filepath.Join(t.TempDir(), "log")
			conn, err := net.ListenPacket("unixgram", path)
			if err != nil {
				t.Fatal(err)
			}
			go g.datagrams(t, conn)
			return "syslog+unix://" + path
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g got
			c := newColony(t)
			web, errs := c.service("web", `{"stderr": "apart"}`), c.pipe("web/stderr")
			s := here
			s.CA = ca
			url := receive(t, &g)
			write(web, numbered("line", 0, 100))
			stop := c.forward(url, s)
			c.whole(&g, "web", numbered("line", 0, 100))
			text := strings.Repeat("0123456789", 1000)
			write(errs, []string{text, ""})
			write(web, numbered("line", 100, 200))
			var texts []string
			c.until("all is there", func() bool {
				texts = nil
				for _, l := range g.all() {
					if l.stream == "stderr" {
						texts = append(texts, l.text)
					}
				}
				return len(texts) == 3 && len(g.all()) == 203
			})
			if texts[0]+texts[1] != text || texts[2] != "" {
				t.Errorf("the long line came as %q", texts)
			}
			c.until("it is known", func() bool { return c.cursor(url).Lines == 202 })
			stop()
		})
	}
}

func (g *got) datagrams(t *testing.T, conn net.PacketConn) {
	t.Cleanup(func() { conn.Close() })
	b := make([]byte, 64<<10)
	for {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		if err := g.message(string(b[:n])); err != nil {
			t.Error(err)
		}
	}
}

// What a receiver had taken, but not read, when it went is sent again.
func TestUnreadIsSentAgain(t *testing.T) {
	t.Parallel()
	var g got
	l := listen(t)
	opened := make(chan net.Conn, 10)
	reads := make(chan bool)
	go g.serve(t, l, func(conn net.Conn) bool {
		opened <- conn
		return <-reads
	})
	c := newColony(t)
	web := c.service("web", `{}`)
	write(web, numbered("line", 0, 100)) // less than a socket holds
	url := "syslog+tcp://" + l.Addr().String()
	s := here
	s.hold = 5 * time.Second // longer than this test is held up
	c.forward(url, s)
	conn := next(t, opened)
	c.until("all is sent", func() bool { return unread(conn) > 100*100 })
	reads <- false // it closes the connection with all of that in it
	next(t, opened)
	reads <- true
	c.whole(&g, "web", numbered("line", 0, 100))
	c.until("it is settled", func() bool { return c.cursor(url).Lines == 100 })
}

// next is what comes next.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(long):
		t.Fatalf("nothing comes within %v", long)
		panic("unreachable")
	}
}

// connected is a connection to a receiver that takes a few kilobytes and reads
// nothing.
func connected(t *testing.T) (*connection, net.Conn) {
	t.Helper()
	small := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) })
		return errors.Join(err, cerr)
	}}
	l, err := small.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	opened := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			opened <- conn
		}
	}()
	c := newConnection(l.Addr().String(), nil, Settings{Timeout: time.Minute, hold: holdFor}).(*connection)
	t.Cleanup(c.close)
	if err := c.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.raw.SetWriteBuffer(4 << 20)
	conn := next(t, opened)
	t.Cleanup(func() { conn.Close() })
	return c, conn
}

// put sends a batch of so many bytes.
func (c *connection) put(t *testing.T, size int) (serial uint64) {
	t.Helper()
	serial, err := c.send(t.Context(), &batch{records: []record{{service: "web", text: strings.Repeat("x", size)}}})
	if err != nil {
		t.Fatal(err)
	}
	return serial
}

// older makes what was sent older.
func (c *connection) older(by time.Duration) {
	for i := range c.sent {
		c.sent[i].at = c.sent[i].at.Add(-by)
	}
	c.takenAt = c.takenAt.Add(-by)
}

// What the receiver's kernel has not taken is not settled, however long ago it was
// sent; nor is what it has taken only now. Where it takes nothing for too long, the
// connection is given up.
func TestSettled(t *testing.T) {
	c, conn := connected(t)
	settled := func(want uint64) bool {
		t.Helper()
		n, err := c.settled()
		if err != nil {
			t.Fatal(err)
		}
		return n == want
	}
	first := c.put(t, 100)
	c.older(-time.Hour) // however long we are kept from looking
	fixture.Eventually(t, "it is acknowledged", func() bool { return c.queued() == 0 })
	if !settled(0) {
		t.Error("settled at once")
	}
	c.older(time.Hour + holdFor)
	if !settled(first) {
		t.Error("not settled")
	}
	second := c.put(t, 200<<10)
	c.older(2 * holdFor)
	if !settled(first) {
		t.Error("settled, and not acknowledged")
	}
	go io.Copy(io.Discard, conn)
	fixture.Eventually(t, "it is settled", func() bool { return settled(second) })

	// One that takes a little now and then is not given up.
	c, conn = connected(t)
	third := c.put(t, 200<<10)
	for range 5 {
		settled(0)
		c.older(2*holdFor + time.Minute)
		if _, err := io.ReadFull(conn, make([]byte, 20<<10)); err != nil {
			t.Fatal(err)
		}
	}
	// Until it takes no more.
	fixture.Eventually(t, "it is given up", func() bool {
		c.older(2*holdFor + time.Minute)
		n, err := c.settled()
		if n >= third {
			t.Fatal("settled, and not acknowledged")
		}
		return err != nil
	})
	if c.link != nil {
		t.Error("given up, and not closed")
	}
}

// unread is how many bytes have come that were not read.
func unread(conn net.Conn) (n int) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}

// A receiver that takes the connection and reads nothing is left when its time is
// over; the next one gets everything.
func TestStandsStill(t *testing.T) {
	t.Parallel()
	var g got
	l := listen(t)
	reads := make(chan bool)
	var came atomic.Int32
	go g.serve(t, l, func(net.Conn) bool { return came.Add(1) > 1 || <-reads })
	c := newColony(t)
	web := c.service("web", `{}`)
	want := numbered(strings.Repeat("x", 2000), 0, 3000) // more than sockets hold
	go write(web, want)
	s := here
	s.Timeout = 3 * time.Second // in which the next one has to take something
	c.forward("syslog+tcp://"+l.Addr().String(), s)
	c.whole(&g, "web", want)
	reads <- false
}

// newCertificate makes one for 127.0.0.1, and a file with it.
func newCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// A receiver whose certificate nobody vouches for gets nothing.
func TestStranger(t *testing.T) {
	t.Parallel()
	certificate, _ := newCertificate(t)
	var g got
	l := listen(t)
	go g.serve(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}}), nil)
	c := newColony(t)
	write(c.service("web", `{}`), []string{"secret"})
	url := "syslog+tls://" + l.Addr().String()
	stop := c.forward(url, here)
	c.until("it is said", func() bool { return strings.Contains(c.cursor(url).Error, "certificate") })
	stop()
	if len(g.all()) > 0 {
		t.Error("it got something")
	}
	s := here
	s.Insecure = true
	c.forward(url, s)
	c.whole(&g, "web", []string{"secret"})
}

func TestFormat(t *testing.T) {
	f := newFormatter(&Settings{Host: "my host", Labels: map[string]string{"b": `x]"\`, "a": "1"}})
	r := record{service: "web", stderr: true, time: time.Unix(1700000000, 5e6), text: "text", generation: "17"}
	r.at.Generation, r.at.Offset = 17, 4
	var all []string
	f.each(&r, func(b []byte) { all = append(all, string(bytes.Clone(b))) })
	want := []string{`<27>1 2023-11-14T22:13:20.005000Z my_host web - stderr [ncolony@32473 service="web" generation="17" stream="stderr" at="17:4" a="1" b="x\]\"\\"] text`}
	if !slices.Equal(all, want) {
		t.Errorf("%q", all)
	}
	if got := printable("", 9); got != "-" {
		t.Error(got)
	}
}
