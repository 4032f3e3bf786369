package logs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// BenchmarkMove is how fast one service can write: to the logger, and to cat with
// its output in a file, for comparison. cpu-s/GiB is what the reader takes.
func BenchmarkMove(b *testing.B) {
	const size = 512 << 20
	run := func(b *testing.B, name string, reader func(c *colony, pipe *os.File) (stop func() *os.ProcessState, got func() int64)) {
		b.Run(name, func(b *testing.B) {
			var cpu time.Duration
			b.SetBytes(size)
			for range b.N {
				c := &colony{nil, placesIn(b.TempDir()), ""}
				c.root = filepath.Dir(c.places.State)
				for _, dir := range []string{c.places.Config, c.places.LogDir()} {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						b.Fatal(err)
					}
				}
				content := `{"args": ["/bin/true"], "log": {"size": "1G", "compress": false}}`
				if err := os.WriteFile(filepath.Join(c.places.Config, "web"), []byte(content), 0o644); err != nil {
					b.Fatal(err)
				}
				pipe := makePipe(b, c.dir("web"))
				stop, got := reader(c, pipe)
				block := bytes.Repeat([]byte(strings.Repeat("x", 127)+"\n"), 512)
				began := time.Now()
				for range size / len(block) {
					if _, err := pipe.Write(block); err != nil {
						b.Fatal(err)
					}
				}
				fixture.Eventually(b, "all is there", func() bool { return got() == size })
				b.ReportMetric(float64(size)/(1<<20)/time.Since(began).Seconds(), "MiB/s")
				state := stop()
				cpu += state.UserTime() + state.SystemTime()
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N)*float64(1<<30)/size, "cpu-s/GiB")
		})
	}
	start := func(b *testing.B, cmd *exec.Cmd) func() *os.ProcessState {
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		return func() *os.ProcessState {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
			return cmd.ProcessState
		}
	}
	run(b, "logger", func(c *colony, _ *os.File) (func() *os.ProcessState, func() int64) {
		stop := start(b, loggerCommand(c.root))
		fixture.Eventually(b, "the logger is up", func() bool { return Running(c.places) })
		return stop, func() int64 { return fileSize(c.dir("web")) }
	})
	run(b, "cat", func(c *colony, pipe *os.File) (func() *os.ProcessState, func() int64) {
		path := filepath.Join(c.root, "file")
		out, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		defer out.Close()
		cmd := exec.Command("cat", pipe.Name())
		cmd.Stdout = out
		return start(b, cmd), func() int64 { fi, _ := os.Stat(path); return fi.Size() }
	})
}

// fileSize is size, where a variable has its name.
func fileSize(dir string) int64 { return size(dir) }

func loggerCommand(root string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "LOGS_TEST=logger", "LOGS_ROOT="+root)
	cmd.Stderr = os.Stderr
	return cmd
}

// BenchmarkIdle is what 10,000 services cost that write nothing.
func BenchmarkIdle(b *testing.B) {
	const n = 10000
	root := b.TempDir()
	p := placesIn(root)
	os.MkdirAll(p.Config, 0o755)
	for i := range n {
		makePipe(b, filepath.Join(p.LogDir(), fmt.Sprintf("service-%05d", i)))
		content := fmt.Sprintf(`{"args": ["/bin/true", "%d"], "log": {}}`, i)
		if err := os.WriteFile(filepath.Join(p.Config, fmt.Sprintf("service-%05d", i)), []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	cmd := loggerCommand(root)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	proc := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	fixture.Eventually(b, "all pipes are open", func() bool { fds, _ := os.ReadDir(proc + "fd"); return len(fds) > n })
	before := ticks(b, proc)
	time.Sleep(20 * time.Second)
	b.ReportMetric(float64(ticks(b, proc)-before)/20, "cpu-%")
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if f[0] == "VmRSS:" || f[0] == "RssAnon:" {
			kib, _ := strconv.Atoi(f[1])
			b.ReportMetric(float64(kib)/1024, "MiB-"+strings.TrimSuffix(f[0], ":"))
		}
	}
}

// ticks is the processor time of a process, in hundredths of a second.
func ticks(b *testing.B, proc string) int {
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}
