package top

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/procstat"
)

// usage is what the processes of a service take: the main process and all below it.
type usage struct {
	known  bool    // cpu is: there were two looks
	cpu    float64 // percent of one CPU
	memory int64   // bytes that are resident; what is shared counts for each
}

// machine is where we look for processes.
type machine struct {
	epoch string // as a supervisor of the same pids would write it; "" = unknown
	page  int64
}

func thisMachine() machine {
	m := machine{page: int64(os.Getpagesize())}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if init, ok := readProcess(1); ok && err == nil {
		m.epoch = strings.TrimSpace(string(boot)) + "/" + strconv.FormatUint(init.Begun, 10)
	}
	return m
}

// knows says whether the pids that a supervisor writes are those that we see: we
// may be in another container, or look at files of another machine.
func (m machine) knows(c *spec.ColonyStatus) bool {
	return c != nil && m.epoch != "" && c.Epoch == m.epoch
}

// readProcess reads what a process has used so far. One that has ended and was not
// waited for is still one.
func readProcess(pid int) (p procstat.Process, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return p, false
	}
	return procstat.Parse(b)
}

// children are the pids below a process, of all of its threads.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/children"))
	for _, file := range files {
		b, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// sampler measures what services take, from one look to the next.
type sampler struct {
	at   time.Time
	used map[int]procstat.Process // as seen then
}

// sample measures the services with these main processes.
func (s *sampler) sample(m machine, mains map[string]int) map[string]usage {
	now, before := time.Now(), s.used
	passed := now.Sub(s.at).Seconds()
	s.at, s.used = now, map[int]procstat.Process{}
	taken := make(map[string]usage, len(mains))
	for name, pid := range mains {
		var u usage
		var used uint64
		queue := []int{pid}
		for ; len(queue) > 0; queue = queue[1:] {
			p, ok := readProcess(queue[0])
			if !ok {
				continue
			}
			if was, ok := before[queue[0]]; ok && was.Begun == p.Begun && p.CPU >= was.CPU {
				used += p.CPU - was.CPU
				u.known = u.known || queue[0] == pid
			}
			s.used[queue[0]] = p
			u.memory += int64(p.Pages) * m.page
			queue = append(queue, children(queue[0])...)
		}
		if u.known && passed > 0 {
			u.cpu = float64(used) / procstat.Ticks / passed * 100
		}
		taken[name] = u
	}
	return taken
}
