package metrics

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// process is what is seen of a process.
type process struct {
	pid, parent    int
	group, session int
	begun          uint64 // ticks since the machine was started
	cpu            uint64 // ticks; of the process and of those of its children that it has waited for
	resident       int64  // bytes
	threads        int
	dead           bool // a zombie: it has used what it has, and is not there
	descriptors    func() (int, error)
}

// machine is where the processes are.
type machine struct {
	root   string // /proc
	aside  aside
	tokens map[processID]string // of processes that it was looked for in; "" = it has none
}

// processID tells a process from others that have had its number.
type processID struct {
	pid   int
	begun uint64
}

func (p *process) id() processID { return processID{p.pid, p.begun} }

// look reads all processes, once. What ends meanwhile is not there; where there
// is no /proc, nothing is.
func (m *machine) look(fail func(error)) map[int]*process {
	proc, err := procfs.NewFS(m.root)
	var all procfs.Procs
	if err == nil {
		all, err = proc.AllProcs()
	}
	if err != nil {
		fail(err)
		return nil
	}
	seen := make(map[int]*process, len(all))
	page := int64(os.Getpagesize())
	for _, p := range all {
		s, err := p.Stat()
		if gone(err) {
			continue
		}
		if err != nil {
			fail(err)
			continue
		}
		seen[p.PID] = &process{
			pid: p.PID, parent: s.PPID, group: s.PGRP, session: s.Session, begun: s.Starttime,
			cpu:         uint64(s.UTime) + uint64(s.STime) + uint64(max(s.CUTime, 0)) + uint64(max(s.CSTime, 0)),
			resident:    int64(s.RSS) * page,
			threads:     s.NumThreads,
			dead:        s.State == "Z" || s.State == "X",
			descriptors: p.FileDescriptorsLen,
		}
	}
	return seen
}

// gone reports whether err says that a process has ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// booted is when the machine was started, by the clock as it is set now; zero =
// not known.
func (m *machine) booted() time.Time {
	proc, err := procfs.NewFS(m.root)
	if err != nil {
		return time.Time{}
	}
	s, err := proc.Stat()
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(s.BootTime), 0)
}

// tokenKey is the variable by which a process is told to be of a life: COLONY:NAME:GENERATION.
const tokenKey = "NCOLONY_TOKEN="

// tokensOf looks for the tokens of processes that belong to nobody by their
// session, group or parent. Each is asked once.
func (m *machine) tokensOf(asked []*process) map[processID]string {
	known := make(map[processID]string, len(asked))
	var unknown []processID
	for _, p := range asked {
		if t, ok := m.tokens[p.id()]; ok {
			known[p.id()] = t
		} else {
			unknown = append(unknown, p.id())
		}
	}
	if len(unknown) > 0 {
		found := make([]string, len(unknown))
		root := m.root
		if m.aside.do(func() {
			for i, id := range unknown {
				found[i] = token(root, id.pid)
			}
		}) {
			for i, id := range unknown {
				known[id] = found[i]
			}
		}
	}
	m.tokens = known
	return known
}

// token is that of a process; "" = it has none, or we may not look.
func token(root string, pid int) string {
	proc, err := procfs.NewFS(root)
	if err != nil {
		return ""
	}
	p, err := proc.Proc(pid)
	if err != nil {
		return ""
	}
	environment, err := p.Environ()
	if err != nil {
		return ""
	}
	for _, kv := range environment {
		if t, ok := strings.CutPrefix(kv, tokenKey); ok {
			return t
		}
	}
	return ""
}
