package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Listening says where to listen.
type Listening struct {
	Socket      string   // path of the unix socket; "" = serve.sock in the state directory
	SocketGroup int      // whose members may look; -1 = the group that the file has by itself
	TCP         []string // HOST:PORT
	Cert, Key   string   // PEM files, for TLS on TCP; "" = none
	Inherited   []*os.File
}

// open opens all sockets, or none.
func (o *Options) open() (all []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				l.Close()
			}
		}
	}()
	for _, f := range o.Inherited {
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return all, fmt.Errorf("listen on inherited descriptor: %w", err)
		}
		all = append(all, l)
	}
	l, err := listenUnix(o.Socket, o.SocketGroup)
	if err != nil {
		return all, err
	}
	all = append(all, l)
	for _, address := range o.TCP {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return all, fmt.Errorf("listen on %q: %w", address, errors.Unwrap(err))
		}
		all = append(all, l)
	}
	for _, l := range all {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && o.Cert == "" && !tcp.IP.IsLoopback() {
			return all, fmt.Errorf("listen on %q: not without TLS, for it is no loopback address", l.Addr())
		}
	}
	return all, nil
}

// listenUnix listens on a socket that is there from its first moment with its mode
// and group. One that a dead process has left is replaced; a lock beside it says
// whether it is dead.
func listenUnix(path string, group int) (net.Listener, error) {
	wrong := func(err error) (net.Listener, error) { return nil, fmt.Errorf("listen on %q: %w", path, err) }
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return wrong(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if err == unix.EWOULDBLOCK {
			err = errors.New("another ncolony-serve listens there")
		}
		return wrong(err)
	}
	l, err := bind(path, group)
	if err != nil {
		lock.Close()
		return wrong(err)
	}
	return &locked{Listener: l, path: path, lock: lock}, nil
}

func bind(path string, group int) (net.Listener, error) {
	fi, err := os.Lstat(path)
	switch {
	case err == nil && fi.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("there is something that is no socket")
	case err == nil:
		if c, err := net.Dial("unix", path); err == nil { // somebody who knows nothing of our lock
			c.Close()
			return nil, errors.New("somebody listens there")
		}
	}
	// Under another name first: nobody is to connect before mode and group are right.
	// The name is short, for a socket's path is 107 bytes at most.
	temp := filepath.Join(filepath.Dir(path), ".serve")
	os.Remove(temp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(temp, 0o660); err == nil && group >= 0 {
		err = os.Chown(temp, -1, group)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		l.Close()
		os.Remove(temp)
		return nil, err
	}
	return l, nil
}

// locked is a listener whose file is its own, by a lock, until it is closed.
type locked struct {
	net.Listener
	path string
	lock *os.File
	once sync.Once
}

// Addr is where callers find it, which is not where it was opened.
func (l *locked) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *locked) Close() error {
	l.once.Do(func() {
		os.Remove(l.path)
		l.lock.Close()
	})
	return l.Listener.Close()
}

// door lets only so many in at a time; the others wait outside.
type door struct {
	net.Listener
	room   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newDoor(l net.Listener, most int) *door {
	return &door{Listener: l, room: make(chan struct{}, most), closed: make(chan struct{})}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case d.room <- struct{}{}:
	case <-d.closed:
		return nil, net.ErrClosed
	}
	c, err := d.Listener.Accept()
	if err != nil {
		<-d.room
		return nil, err
	}
	return &guest{Conn: c, leave: sync.OnceFunc(func() { <-d.room })}, nil
}

func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Listener.Close()
}

// guest is a connection that makes room when it is closed.
type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// secure reads what TLS needs; nil = there is to be none.
func secure(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("listen with TLS: a certificate and a key are needed, both")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("listen with TLS: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// Inherited returns the sockets that were opened for us (LISTEN_FDS, as systemd and
// the key "listen" of a spec have it), and forgets that they were.
func Inherited() (files []*os.File) {
	pid, n := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	count, err := strconv.Atoi(n)
	if err != nil || pid != strconv.Itoa(os.Getpid()) {
		return nil
	}
	for fd := 3; fd < 3+count; fd++ {
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd)))
	}
	return files
}
