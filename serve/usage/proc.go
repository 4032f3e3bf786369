package usage

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/internal/procstat"
)

// id tells a process from others that have had its number.
type id struct {
	pid   int
	begun uint64
}

// look adds up what the processes of each session use.
func (r *Recorder) look(services map[int]string, now time.Time) (used map[string]Sample, seen map[id]uint64) {
	used, seen = make(map[string]Sample, len(services)), map[id]uint64{}
	dir, err := os.Open(r.proc)
	if err != nil {
		return used, seen
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return used, seen
	}
	since := now.Sub(r.at).Seconds()
	page := uint64(os.Getpagesize()) / 1024
	buf := make([]byte, 1024)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, ok := readStat(filepath.Join(r.proc, name, "stat"), buf)
		service := services[p.Session]
		if !ok || service == "" {
			continue
		}
		s := used[service]
		s.Memory += uint32(p.Pages * page)
		key := id{pid, p.Begun}
		seen[key] = p.CPU
		if r.before != nil && since > 0 { // what is new has used all of it since
			s.CPU += float32(float64(p.CPU-min(r.before[key], p.CPU)) / procstat.Ticks / since * 100)
		}
		used[service] = s
	}
	return used, seen
}

// readStat reads a stat file. A process that is gone, or dead, is none.
func readStat(path string, buf []byte) (p procstat.Process, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return p, false
	}
	defer f.Close()
	n, err := f.Read(buf)
	if err != nil {
		return p, false
	}
	p, ok = procstat.Parse(buf[:n])
	return p, ok && !p.Dead
}
