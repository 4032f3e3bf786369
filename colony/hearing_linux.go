package colony

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxDatagram is the size of the longest message that is heard, as with
	// systemd.
	maxDatagram = 4096
	// mouthful is how many messages are taken from a life before others get a turn.
	mouthful = 16
)

// hearSocket takes in what a life says. What may as well be said at once is one
// event.
func (e *ears) hearSocket(a *listener) {
	var said notification
	for range mouthful {
		d, ok := e.take(a)
		if !ok {
			break
		}
		n := e.understand(a, d)
		if n != (notification{}) && !said.absorb(n) {
			e.tell(a, said)
			said = n
		}
		if e.weary(a) {
			break
		}
	}
	e.tell(a, said)
}

// tell passes on what a life has said.
func (e *ears) tell(a *listener, n notification) {
	if n != (notification{}) {
		e.out.send(notified{a.life, n})
	}
}

// absorb takes in what is said later, if it comes to the same.
func (n *notification) absorb(later notification) bool {
	more := later
	more.beat, more.text, more.says = false, "", false
	if more != (notification{}) || n.barrier {
		return false
	}
	n.beat = n.beat || later.beat
	if later.says {
		n.text, n.says = later.text, true
	}
	return true
}

// hearPipe waits for a newline: that means ready.
func (e *ears) hearPipe(a *listener) {
	n, err := unix.Read(a.pipe, e.text[:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	ready := n > 0 && bytes.IndexByte(e.text[:n], '\n') >= 0
	if n > 0 && !ready {
		e.weary(a)
		return
	}
	e.ignore(a.pipe)
	unix.Close(a.pipe)
	a.pipe = -1
	if ready {
		e.tell(a, notification{ready: true})
	}
}

// datagram is a message as it came.
type datagram struct {
	text  []byte      // until the next one
	from  *unix.Ucred // nil = that is not known
	fds   []int       // that came along
	cut   bool        // it was too long
	fewer bool        // more came along than we take
}

// take takes the next message out of a socket; false if there is none.
func (e *ears) take(a *listener) (d datagram, ok bool) {
	// There is no place for many descriptors: those that do not fit, the kernel
	// closes itself, and ours do not run out.
	control := e.control[:unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4)]
	var n, controls, flags int
	for {
		var err error
		n, controls, flags, _, err = unix.Recvmsg(a.socket, e.text[:], control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return d, false
		}
	}
	d = datagram{text: e.text[:n], cut: flags&unix.MSG_TRUNC != 0, fewer: flags&unix.MSG_CTRUNC != 0}
	messages, _ := unix.ParseSocketControlMessage(control[:controls])
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			d.fds = append(d.fds, fds...)
		} else if from, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			d.from = from
		}
	}
	return d, true
}

// understand reads a message, if it is one of the life. Every descriptor that
// came along is closed; that of a barrier later.
func (e *ears) understand(a *listener, d datagram) (n notification) {
	defer func() { closeAll(d.fds) }()
	switch {
	case d.from == nil || !e.belongs(a, d.from):
		e.drop(a, d, "its sender does not belong to the service")
		return n
	case d.cut:
		e.drop(a, d, "it is too long")
		return n
	}
	n = parseNotification(d.text)
	if n.barrier && (len(d.fds) != 1 || d.fewer) {
		n.barrier = false // there is nobody who could wait
	}
	if n.barrier {
		a.barriers = append(a.barriers, d.fds[0])
		d.fds = nil
	}
	return n
}

// belongs reports whether the sender of a message may speak for a life. Of one
// that is there we see whether it belongs to it. Of one that is gone already
// there is nothing to be seen but who it was: the name of the socket is told to
// the life alone, but it is no secret.
func (e *ears) belongs(a *listener, from *unix.Ucred) bool {
	pid := int(from.Pid)
	if pid == 0 {
		return from.Uid == 0 // outside of our pid namespace
	}
	if pid == a.pid {
		return true
	}
	st, err := e.procs.stat(pid)
	switch {
	case err == nil && st.session == a.pid:
		return true
	case err == nil && st.state != 'Z' && st.state != 'X':
		text, _ := readToken(e.procs, pid)
		if text == token(e.colony, a.life) {
			return true
		}
		if st, err = e.procs.stat(pid); err == nil && st.state != 'Z' && st.state != 'X' {
			return false
		}
		// It has ended while we looked.
	}
	uid := int(from.Uid)
	return uid == 0 || uid == os.Getuid() || uid == a.uid
}

// dropAgain is how often it is said again that messages are dropped.
const dropAgain = time.Minute

// drop counts a message that is not heard.
func (e *ears) drop(a *listener, d datagram, why string) {
	a.dropped++
	if now := time.Now(); a.told.IsZero() || now.Sub(a.told) >= dropAgain {
		a.told = now
		attrs := []slog.Attr{slog.String("why", why), slog.Int("dropped", a.dropped)}
		if d.from != nil {
			attrs = append(attrs, slog.Int("sender", int(d.from.Pid)), slog.Int("uid", int(d.from.Uid)))
		}
		e.warn(a.life, "notification dropped", attrs...)
	}
}
