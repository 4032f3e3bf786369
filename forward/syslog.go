package forward

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// Facility daemon; severity info for standard output and what is merged, err for
	// standard error that is apart.
	priStdout = 3<<3 | 6
	priStderr = 3<<3 | 3

	// longestMessage is how much of a line is in one message: what receivers take
	// unless they are told otherwise. The rest is in the messages behind it.
	longestMessage = 7 << 10

	// holdFor: a receiver does not say that it has read what its kernel has taken.
	holdFor = time.Second
)

// formatter makes messages as RFC 5424 has them.
type formatter struct {
	host   string
	labels string // of the structured data
}

func newFormatter(s *Settings) formatter {
	f := formatter{host: printable(s.Host, 255)}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		f.labels += fmt.Sprintf(` %s="%s"`, name, escape.Replace(s.Labels[name]))
	}
	return f
}

// printable is what the fields of a header may be; "-" if there is nothing.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// each calls use with each message of a record.
func (f *formatter) each(r *record, use func([]byte)) {
	pri := priStdout
	if r.stderr {
		pri = priStderr
	}
	head := fmt.Appendf(nil, `<%d>1 %s %s %s - %s [ncolony@32473 service="%s" generation="%s" stream="%s" at="%v"%s] `,
		pri, r.time.UTC().Format("2006-01-02T15:04:05.000000Z"), f.host, printable(r.service, 48), r.stream(),
		r.service, r.generation, r.stream(), r.at, f.labels)
	for text := r.text; ; {
		some := text[:min(len(text), longestMessage)]
		use(append(slices.Clip(head), some...))
		if text = text[len(some):]; text == "" {
			return
		}
	}
}

// datagrams sends each message in a datagram. Nobody says whether it arrives.
type datagrams struct {
	network, address string
	s                Settings
	formatter
	conn   net.Conn // nil: none yet
	serial uint64
}

func newDatagrams(network, address string, s Settings) sink {
	return &datagrams{network: network, address: address, s: s, formatter: newFormatter(&s)}
}

func (d *datagrams) close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

func (d *datagrams) settled() (uint64, error) { return d.serial, nil }

func (d *datagrams) send(ctx context.Context, b *batch) (uint64, error) {
	if d.conn == nil {
		conn, err := (&net.Dialer{Timeout: d.s.Timeout}).DialContext(ctx, d.network, d.address)
		if err != nil {
			return 0, err
		}
		d.conn = conn
	}
	defer context.AfterFunc(ctx, func() { d.conn.SetWriteDeadline(time.Now()) })()
	var failed error
	for i := range b.records {
		d.each(&b.records[i], func(message []byte) {
			if failed == nil {
				d.conn.SetWriteDeadline(time.Now().Add(d.s.Timeout))
				_, failed = d.conn.Write(message)
			}
		})
		if failed != nil {
			d.close()
			return 0, failed
		}
	}
	d.serial++
	return d.serial, nil
}

// connection sends messages over TCP or TLS, each behind its length.
type connection struct {
	address string
	tls     *tls.Config // nil: TCP
	s       Settings
	formatter
	*link  // nil: not connected
	serial uint64
	done   uint64 // settled
	buf    []byte
}

// link is one connection.
type link struct {
	net.Conn              // what is written to
	raw      *net.TCPConn // below it
	wrote    atomic.Int64 // bytes to raw
	gone     chan error   // it has an error when the receiver has closed it
	sent     []sentUpTo
	taken    int64     // bytes that the receiver's kernel had acknowledged, at the last look
	takenAt  time.Time // when that had become more
}

// sentUpTo is the end of a batch.
type sentUpTo struct {
	serial uint64
	wrote  int64
	at     time.Time
}

// counted counts what is written to raw.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

func newConnection(address string, config *tls.Config, s Settings) sink {
	return &connection{address: address, tls: config, s: s, formatter: newFormatter(&s)}
}

func (c *connection) close() {
	if c.link != nil {
		c.link.Close()
		c.link = nil
	}
}

func (c *connection) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.s.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	l := &link{raw: conn.(*net.TCPConn), gone: make(chan error, 1)}
	l.Conn = counted{conn, &l.wrote}
	if c.tls != nil {
		secure := tls.Client(l.Conn, c.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return err
		}
		l.Conn = secure
	}
	go func() {
		// Receivers say nothing; what comes is the end.
		_, err := io.Copy(io.Discard, l.Conn)
		if err == nil {
			err = io.EOF
		}
		l.gone <- err
	}()
	c.link = l
	return nil
}

func (c *connection) send(ctx context.Context, b *batch) (uint64, error) {
	if c.link == nil {
		if err := c.connect(ctx); err != nil {
			return 0, err
		}
	}
	c.buf = c.buf[:0]
	for i := range b.records {
		c.each(&b.records[i], func(message []byte) {
			c.buf = append(strconv.AppendInt(c.buf, int64(len(message)), 10), ' ')
			c.buf = append(c.buf, message...)
		})
	}
	l := c.link
	defer context.AfterFunc(ctx, func() { l.SetWriteDeadline(time.Now()) })()
	for rest := c.buf; len(rest) > 0; {
		// A slow receiver is none that stands still.
		l.SetWriteDeadline(time.Now().Add(c.s.Timeout))
		n, err := l.Write(rest[:min(len(rest), 64<<10)])
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			c.close()
			return 0, err
		}
		rest = rest[n:]
	}
	c.serial++
	l.sent = append(l.sent, sentUpTo{c.serial, l.wrote.Load(), time.Now()})
	return c.serial, nil
}

// settled goes by what the receiver's kernel has acknowledged, and by the time in
// which the connection has not broken since.
func (c *connection) settled() (uint64, error) {
	l := c.link
	if l == nil {
		return c.done, nil
	}
	select {
	case err := <-l.gone:
		c.close()
		return c.done, fmt.Errorf("connection closed: %w", err)
	default:
	}
	now := time.Now()
	acknowledged := l.wrote.Load() - l.queued()
	if acknowledged > l.taken {
		l.taken, l.takenAt = acknowledged, now
	}
	for len(l.sent) > 0 && now.Sub(l.sent[0].at) >= c.s.hold && l.sent[0].wrote <= acknowledged {
		c.done = l.sent[0].serial
		l.sent = l.sent[1:]
	}
	// A batch may take a slow receiver longer; from its beginning it would be slow again.
	if len(l.sent) > 0 && now.Sub(l.sent[0].at) > c.s.hold+c.s.Timeout && now.Sub(l.takenAt) > c.s.hold+c.s.Timeout {
		c.close()
		return c.done, fmt.Errorf("nothing acknowledged within %v", c.s.hold+c.s.Timeout)
	}
	return c.done, nil
}

// queued is how many bytes the receiver's kernel has not acknowledged.
func (l *link) queued() (n int64) {
	raw, err := l.raw.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if k, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = int64(k)
		}
	})
	return n
}
