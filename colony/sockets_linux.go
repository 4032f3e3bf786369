package colony

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// sockets are those that we have opened for services (their key "listen"). They
// belong to a service and not to a life: while a service is restarted, who
// connects waits in the kernel for the next life.
//
// The spawners open them, before a fork; the loop has them closed. Both look
// into the box for an instant only: while a socket is opened or closed, which
// may take as long as a file system likes, it is marked as busy, and only those
// wait that want the same one.
type sockets struct {
	door  door
	out   outbox
	start func(func())            // runs a function as a goroutine
	box   chan map[string]*socket // by address; holds them while nobody reads or writes
}

// socket is one of them.
type socket struct {
	owner string        // the service, without the number of an instance
	as    spec.Listen   // it was opened, or changed last
	fd    int           // never given away: a child gets a copy
	file  fileID        // of a unix socket with a path
	busy  chan struct{} // being opened, changed or closed, until this is closed; nil = it is not
}

func newSockets(a accounts, out outbox, start func(func())) *sockets {
	s := &sockets{door: door{a}, out: out, start: start, box: make(chan map[string]*socket, 1)}
	s.box <- map[string]*socket{}
	return s
}

// give has a process about to be have the sockets of its service, opened if need
// be. The descriptors that come back are to be closed after the fork.
func (s *sockets) give(o spawn, p *prepared) (fds []int, err error) {
	if o.kind != kindService || len(o.spec.Listen) == 0 {
		return nil, nil
	}
	owner := ownerOf(o.life.name)
	var names []string
	for _, l := range o.spec.Listen {
		fd, err := s.take(owner, l)
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		if owner == o.life.name {
			// As its first life found it. Instances may use it at this moment, and
			// the flag is one for all who have the socket.
			unix.SetNonblock(fd, false)
		}
		fds = append(fds, fd)
		names = append(names, l.Name)
		if l.Name == "" {
			names[len(names)-1] = owner
		}
	}
	p.pass(fds, names)
	return fds, nil
}

// pass gives a process sockets as sd_listen_fds(3) wants them. Its pid is known
// only where it is: the shim sets LISTEN_PID.
func (p *prepared) pass(fds []int, names []string) {
	env := launch.NewEnvironment()
	env.Add(p.attr.Env...)
	env.Set("LISTEN_FDS", strconv.Itoa(len(fds)))
	env.Set("LISTEN_FDNAMES", strings.Join(names, ":"))
	p.attr.Env = env.List()
	for _, fd := range fds {
		p.attr.Files = append(p.attr.Files, uintptr(fd))
	}
	if p.shim == nil {
		p.shim = &shim{}
	}
	p.shim.ListenPID = true
}

// take returns a copy of the socket of a service, which is opened if need be.
func (s *sockets) take(owner string, l spec.Listen) (int, error) {
	address := l.Where().String()
	for {
		all := <-s.box
		k := all[address]
		switch {
		case k == nil:
			k = &socket{owner: owner, as: l, fd: -1, busy: make(chan struct{})}
			all[address] = k
			s.box <- all
			return s.work(address, k, l, func() (err error) {
				k.fd, k.file, err = s.door.open(l)
				return err
			})
		case k.busy != nil:
			busy := k.busy
			s.box <- all
			select {
			case <-busy:
			case <-s.out.quit:
				return -1, fmt.Errorf("listen %s: the supervisor ends", address)
			}
		case k.owner != owner:
			other := k.owner
			s.box <- all
			return -1, fmt.Errorf("listen %s: service %q has it", address, other)
		case !same(k.as, l):
			k.busy = make(chan struct{})
			s.box <- all
			return s.work(address, k, l, func() error { return s.door.change(k.fd, k.file, l) })
		default:
			fd, err := dup(k.fd)
			s.box <- all
			return fd, err
		}
	}
}

// same reports whether two sockets of one address are asked for alike.
func same(a, b spec.Listen) bool {
	value := func(l spec.Listen) string {
		l.Name = "" // of the descriptor
		text, _ := l.MarshalJSON()
		return string(text)
	}
	return value(a) == value(b)
}

// work does what may take long with a socket that is marked as busy, and returns
// a copy of it. One that was never open is taken off the list.
func (s *sockets) work(address string, k *socket, as spec.Listen, do func() error) (fd int, err error) {
	done := false
	defer func() { // also if it panics
		all := <-s.box
		if k.fd < 0 {
			delete(all, address)
		} else if done {
			if err == nil {
				k.as = as
				fd, err = dup(k.fd)
			}
		}
		close(k.busy)
		k.busy = nil
		s.box <- all
	}()
	err = do()
	done = true
	return -1, err
}

func dup(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// unlisten closes sockets for good. The core says so when no start of their
// service is under way.
func (s *sockets) unlisten(e unlisten) {
	leaving := map[string]*socket{}
	all := <-s.box
	for _, address := range e.addresses {
		if k := all[address]; k != nil && k.owner == e.owner && k.busy == nil {
			k.busy = make(chan struct{})
			leaving[address] = k
		}
	}
	s.box <- all
	if len(leaving) > 0 {
		s.start(func() { s.close(leaving) })
	}
}

// close ends sockets that are marked as busy.
func (s *sockets) close(leaving map[string]*socket) {
	for address, k := range leaving {
		if k.file != (fileID{}) {
			unlink(k.as.Where().Path, k.file)
		}
		unix.Close(k.fd)
		all := <-s.box
		delete(all, address)
		s.box <- all
		close(k.busy)
		delete(leaving, address)
	}
}

// settle waits until nothing is being closed any more, but not for ever.
func (s *sockets) settle(most time.Duration) {
	late := time.After(most)
	all := <-s.box
	var busy []chan struct{}
	for _, k := range all {
		if k.busy != nil {
			busy = append(busy, k.busy)
		}
	}
	s.box <- all
	for _, b := range busy {
		select {
		case <-b:
		case <-late:
			return
		}
	}
}

// savedSocket is a socket as one program hands it to the next.
type savedSocket struct {
	Owner string      `json:"owner"`
	As    spec.Listen `json:"as"`
	FD    int         `json:"fd"`
	fileID
}

// carried lists the sockets for a program that knows what to do with them; to
// any other they are closed, and the lives that run have them alone.
func (s *sockets) carried(to *successor) (saved []savedSocket) {
	if s == nil || !to.keeps {
		return nil
	}
	all := <-s.box
	for _, k := range all {
		if k.busy == nil {
			saved = append(saved, savedSocket{k.owner, k.as, k.fd, k.file})
		}
	}
	s.box <- all
	return saved
}

// receive goes on with the sockets that were handed over, and has those back
// that were not: lives that an earlier supervisor has begun have copies.
func (s *sockets) receive(saved []savedSocket, m *model, wards map[int]int) {
	wanted := map[string]bool{}
	for _, sv := range m.services {
		for _, address := range sv.sockets {
			wanted[address] = true
		}
	}
	all := <-s.box
	for _, k := range saved {
		address := k.As.Where().String()
		if !wanted[address] { // it was about to be closed
			if k.fileID != (fileID{}) {
				unlink(k.As.Where().Path, k.fileID)
			}
			unix.Close(k.FD)
			continue
		}
		all[address] = &socket{owner: k.Owner, as: k.As, fd: k.FD, file: k.fileID}
	}
	var lost []lostSocket
	for _, sv := range m.inOrder() {
		if sv.life.pid == 0 || sv.life.spec == nil {
			continue
		}
		for i, l := range sv.life.spec.Listen {
			address := l.Where().String()
			if all[address] != nil {
				continue // an instance may have it in common with others
			}
			k := &socket{owner: ownerOf(sv.name), as: l, fd: -1, busy: make(chan struct{})}
			all[address] = k
			lost = append(lost, lostSocket{k, address, sv.name, sv.life.pid, pinned(sv.life.pid, wards), spec.FirstSocket + i})
		}
	}
	s.box <- all
	if len(lost) > 0 {
		s.start(func() {
			for len(lost) > 0 { // what a panic has left, in the next attempt
				k := lost[0]
				lost = lost[1:]
				s.regain(k)
			}
		})
	}
}

// pinned is a descriptor of our own of a process that we know: our child, or one
// that is held by a descriptor already. -1 = there is none to be had.
func pinned(pid int, wards map[int]int) (fd int) {
	var err error
	if ward, ok := wards[pid]; ok {
		fd, err = dup(ward)
	} else {
		fd, err = unix.PidfdOpen(pid, 0)
	}
	if err != nil {
		return -1
	}
	return fd
}

// warn has the loop write a line into the log.
func (s *sockets) warn(text, service string, err error) {
	s.out.send(remarked{report{slog.LevelWarn, text, []slog.Attr{slog.String("service", service), slog.String("err", err.Error())}}})
}
