package colony

import (
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// spawner forks, in goroutines of its own: ForkExec returns only after chdir and
// exec, and a file system that does not answer must not make the loop deaf. None
// of them is ever on our first thread, which offFirstThread keeps idle: the kernel
// gives orphans to that one, and our children stay apart from them (see orphanage).
type spawner struct {
	preparer *preparer
	ledger   *ledger
	orders   chan spawn
	relieved chan struct{} // closed when the goroutines at work are to end
	out      outbox
	start    func(func()) // runs a function as a goroutine
	backlog  []spawn      // the loop's own: what does not fit in orders
}

func newSpawner(p *preparer, l *ledger, out outbox, start func(func())) *spawner {
	sp := &spawner{preparer: p, ledger: l, orders: make(chan spawn, 4*spawnWindow), out: out, start: start}
	sp.hire()
	return sp
}

// spawners is how many goroutines take orders. The runtime has only one fork at
// a time; meanwhile another prepares the next, or notes the last in the ledger.
const spawners = 2

// hire starts the goroutines that take orders.
func (sp *spawner) hire() {
	sp.relieved = make(chan struct{})
	relieved := sp.relieved
	for range spawners {
		sp.start(func() { sp.work(relieved) })
	}
}

// relieve lets other goroutines take the remaining orders. Those at work end
// when they come back, if they ever do.
func (sp *spawner) relieve() {
	close(sp.relieved)
	sp.hire()
}

// spawn takes an order without blocking.
func (sp *spawner) spawn(o spawn) {
	sp.backlog = append(sp.backlog, o)
	sp.push()
}

// push moves orders from the backlog to the goroutine as far as they fit. The
// loop calls it again after each answer.
func (sp *spawner) push() {
	for len(sp.backlog) > 0 {
		select {
		case sp.orders <- sp.backlog[0]:
			sp.backlog = sp.backlog[1:]
		default:
			return
		}
	}
	sp.backlog = nil
}

func (sp *spawner) work(relieved <-chan struct{}) {
	for {
		select {
		case <-relieved:
			return
		default:
		}
		select {
		case <-relieved:
			return
		case o := <-sp.orders:
			sp.out.send(sp.fork(o))
		case <-sp.out.quit:
			return
		}
	}
}

// fork performs one order. Whatever goes wrong, the order is answered.
func (sp *spawner) fork(o spawn) (ev event) {
	defer func() {
		if p := recover(); p != nil {
			ev = spawnFailed{o.order, fault{text: fmt.Sprintf("internal error: panic: %v", p)}}
		}
	}()
	p, err := sp.preparer.prepare(o)
	if err != nil {
		return spawnFailed{o.order, unprepared(err)}
	}
	defer closeAll(p.opened)
	p.touch()
	ears := sp.preparer.ears
	ear, err := ears.open(o, &p)
	if err != nil {
		return spawnFailed{o.order, unprepared(err)}
	}
	pid := 0
	defer func() { ears.forked(o.order, ear, pid) }()
	if p.shim != nil {
		var failed *fault
		if pid, failed = p.shim.fork(p); failed != nil {
			return spawnFailed{o.order, *failed}
		}
		return sp.begun(o, pid, p.warning)
	}
	pid, err = syscall.ForkExec(p.path, p.argv, &p.attr)
	if err != nil && p.attr.Sys.Foreground {
		// The terminal is not ours after all: a session of its own, then.
		p.attr.Sys = &syscall.SysProcAttr{Setsid: true}
		pid, err = syscall.ForkExec(p.path, p.argv, &p.attr)
	}
	if err != nil {
		return spawnFailed{o.order, diagnose(p, err)}
	}
	return sp.begun(o, pid, p.warning)
}

// begun notes what an order has become.
func (sp *spawner) begun(o spawn, pid int, warning string) event {
	if o.kind != kindStopCommand {
		sp.ledger.begin(o.life, pid, o.spec)
	}
	return started{o.order, pid, warning}
}

// touch meets a file system that does not answer in system calls of which the
// Go runtime knows that they may block. ForkExec is none: its thread waits for
// the child's chdir and exec with the runtime held, and the next collection of
// garbage would stop all of us. (What remains is a file system that dies in the
// instant between.)
func (p prepared) touch() {
	if p.attr.Dir != "" {
		unix.Access(p.attr.Dir, unix.X_OK)
	}
	program := p.path
	if !filepath.IsAbs(program) {
		program = filepath.Join(p.attr.Dir, program)
	}
	if fd, err := unix.Open(program, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0); err == nil {
		unix.Pread(fd, make([]byte, 256), 0)
		unix.Close(fd)
	}
}
