package metrics

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cgroup"
)

// group is the control group of a life, and those that it has made below.
type group struct {
	members []int
	cpu     float64 // seconds, of all that were ever in it; -1 = not known
}

// groupsOf are the control groups of lives, by NAME:GENERATION. Most colonies have
// none, and then there is nothing to be read.
func groupsOf(p spec.Places, supervisor int) map[string]group {
	own, err := cgroup.Of(strconv.Itoa(supervisor))
	if err != nil {
		return nil
	}
	home := cgroup.Home(own, colonyID(p))
	names, err := namesIn(home)
	if err != nil {
		return nil
	}
	all := map[string]group{}
	for _, name := range names {
		if strings.Contains(name, ":") {
			all[name] = readGroup(filepath.Join(home, name))
		}
	}
	return all
}

func readGroup(dir string) group {
	g := group{cpu: groupCPU(dir)}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if err != nil {
			return nil
		}
		for text := range strings.FieldsSeq(string(b)) {
			if pid, err := strconv.Atoi(text); err == nil {
				g.members = append(g.members, pid)
			}
		}
		return nil
	})
	return g
}

// groupCPU is the processor time of a group and those below it, in seconds; -1 =
// it cannot be read.
func groupCPU(dir string) float64 {
	b, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "usage_usec "); ok {
			if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64); err == nil {
				return float64(n) / 1e6
			}
		}
	}
	return -1
}
