package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/bench/result"
)

// show prints what was measured, and writes it down.
func (b *bench) show() error {
	b.perChild()
	r := b.samples.Summarize()
	run := result.Run{Machine: machine(), Date: time.Now().UTC().Format(time.DateOnly), Version: b.version, Rounds: b.rounds, Notes: b.notes}
	if b.quick {
		fmt.Println("quick: these figures say that everything works, and nothing else.")
	}
	fmt.Printf("%s\n\nMedians, (p99), and how many times ncolony's.\n\n%s\n%s", run.Machine, r.Figures(b.notes).Text(), r.Verdicts().Text())
	results, about := b.files()
	if err := result.Write(results, r); err != nil {
		return err
	}
	if err := result.Write(about, run); err != nil {
		return err
	}
	for _, name := range r.Names() {
		if err := os.WriteFile(filepath.Join(b.out, name+".svg"), []byte(r.SVG(name)), 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("\nAll of it is in %s, and a chart for each measurement beside it.\n", results)
	return nil
}

// machine is where this was measured, in one line.
func machine() string {
	var uts unix.Utsname
	unix.Uname(&uts)
	var info unix.Sysinfo_t
	unix.Sysinfo(&info)
	cpu := runtime.GOARCH
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(uts.Release[:]), "-")
	return fmt.Sprintf("%d cores (%s), %d GiB, Linux %s, %s", runtime.NumCPU(), cpu, info.Totalram*uint64(info.Unit)>>30, release, runtime.Version())
}
