// Command measure measures ncolony beside other supervisors and beside the limits:
// a bare loop in C and one in Go. See docs/performance.md.
//
//	go run ./bench/measure -only restart,start -peers s6,runit -rounds 5
//	go run ./bench/measure -table docs/performance.md    # the last run's tables, into a page
//
// It runs in a pid namespace of its own where the kernel allows that, so that
// nothing it has started can outlive it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ncolony/ncolony-go/bench/proc"
	"github.com/ncolony/ncolony-go/bench/programs"
	"github.com/ncolony/ncolony-go/bench/result"
)

// options are the flags.
type options struct {
	only, peers []string
	rounds      int
	quick       bool
	out         string
	version     string
}

func main() {
	var o options
	var only, peers, table string
	flag.StringVar(&only, "only", "", "measurements, with commas between: "+strings.Join(kinds, " "))
	flag.StringVar(&peers, "peers", "", "peers, with commas between; ncolony and the limits are always among them")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds, each from scratch")
	flag.BoolVar(&o.quick, "quick", false, "everything, but small: to see whether it works")
	flag.StringVar(&o.out, "out", "bench/out", "directory for the results")
	flag.StringVar(&o.version, "version", "dev", "what to call the version of ncolony")
	flag.StringVar(&table, "table", "", "put the tables of the last run into this page, and measure nothing")
	flag.Parse()
	o.only, o.peers = list(only), list(peers)
	if o.quick {
		o.rounds = min(o.rounds, 2)
	}
	code, err := 0, o.check()
	switch {
	case err != nil:
	case table != "":
		err = o.page(table)
	case proc.Inside():
		err = o.inside()
	default:
		code, err = o.outside()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// scratchKey in the environment names the directory for what is temporary.
const scratchKey = "BENCH_SCRATCH"

// outside builds what is measured, and measures in a namespace.
func (o options) outside() (code int, err error) {
	if _, err := programs.Build(filepath.Join(o.out, "bin")); err != nil {
		return 1, err
	}
	where := "/dev/shm"
	if info, err := os.Stat(where); err != nil || !info.IsDir() {
		where = os.TempDir()
	}
	scratch, err := os.MkdirTemp(where, "ncolony-bench")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	os.Setenv(scratchKey, scratch)
	code, err = proc.Space()
	if err != nil {
		fmt.Fprintf(os.Stderr, "measure: %v: without one, then\n", err)
		return 0, o.measure(scratch)
	}
	return code, nil
}

// inside measures as PID 1 of a namespace.
func (o options) inside() error {
	if err := proc.OwnProc(); err != nil {
		return err
	}
	return o.measure(os.Getenv(scratchKey))
}

// measure does all there is to do, and shows it. What was measured before an
// interruption is shown too.
func (o options) measure(scratch string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	b, err := newBench(o, scratch)
	if err != nil {
		return err
	}
	failed := b.all(ctx)
	if err := b.show(); err != nil {
		return err
	}
	return failed
}

// files are where the results are.
func (o options) files() (results, run string) {
	return filepath.Join(o.out, "result.json"), filepath.Join(o.out, "run.json")
}

// page puts the last run's tables into a page.
func (o options) page(file string) error {
	var r result.Results
	var run result.Run
	results, about := o.files()
	if err := result.Read(results, &r); err != nil {
		return err
	}
	if err := result.Read(about, &run); err != nil {
		return err
	}
	return r.UpdatePage(file, run)
}
