package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/bench/proc"
	"github.com/ncolony/ncolony-go/bench/result"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

const (
	// poured is how many megabytes a service writes as fast as it can.
	poured = 1024

	// catPeer is what captured output is held against: cat, with a pipe as its input
	// and a file as its output.
	catPeer = "cat"
)

// outputs measures captured output: how fast one service can write, what that
// costs, and what many cost that write nothing. Cat is measured by turns with it.
func (b *bench) outputs(ctx context.Context) error {
	size, many := poured, 10000
	if b.quick {
		size, many = 16, small
	}
	for range b.rounds {
		for _, pour := range []func(context.Context, string, int) error{b.pourCaptured, b.pourCat} {
			if err := b.inScratch(func(dir string) error { return pour(ctx, dir, size) }); err != nil {
				return err
			}
		}
	}
	return b.inScratch(func(dir string) error { return b.idleOutputs(ctx, dir, many) })
}

// inScratch has f work in a directory of its own, and ends what it has started.
func (b *bench) inScratch(f func(dir string) error) error {
	dir, err := os.MkdirTemp(b.scratch, "output")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	err = f(dir)
	if end := b.parent.End(); err == nil {
		err = end
	}
	return err
}

// pourCaptured measures one service whose output is captured.
func (b *bench) pourCaptured(ctx context.Context, dir string, size int) error {
	start := filepath.Join(dir, "go")
	p, supervisor, err := b.capturing(dir, []string{"pour"}, []string{b.programs.Pour, start, strconv.Itoa(size)})
	if err != nil {
		return err
	}
	logger, err := b.logger(ctx, p, 1)
	if err != nil {
		return err
	}
	time.Sleep(b.times.calm)
	busy := func(since float64, span time.Duration) float64 {
		return (proc.Activity([]int{supervisor}).CPU - since) / span.Seconds()
	}
	before := proc.Activity([]int{supervisor}).CPU
	time.Sleep(b.times.tick)
	idle := busy(before, b.times.tick)
	before = proc.Activity([]int{supervisor}).CPU
	took, err := b.pour(ctx, result.Ours, start, size, logger, filepath.Join(p.LogDir(), "pour", "*.log"))
	if err == nil {
		b.samples.Add("log-supervisor-cpu", result.Ours, max(0, busy(before, took)-idle))
	}
	return err
}

// pourCat measures cat.
func (b *bench) pourCat(ctx context.Context, dir string, size int) error {
	pipe, file, start := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "go")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		return err
	}
	cat, _, err := b.parent.Start([]string{"/bin/sh", "-c", `exec cat <"$0" >"$1"`, pipe, file}, proc.Options{})
	if err != nil {
		return err
	}
	if _, _, err := b.parent.Start([]string{"/bin/sh", "-c", `exec "$0" "$1" "$2" >"$3"`, b.programs.Pour, start, strconv.Itoa(size), pipe}, proc.Options{}); err != nil {
		return err
	}
	if err := b.until(ctx, "cat runs", func() bool { _, err := os.Stat(file); return err == nil }); err != nil {
		return err
	}
	_, err = b.pour(ctx, catPeer, start, size, cat, file)
	return err
}

// pour lets the writer begin, and waits until everything is in the files.
func (b *bench) pour(ctx context.Context, who, start string, size, reader int, files string) (took time.Duration, err error) {
	before := ticks(reader)
	began := time.Now()
	if err := os.WriteFile(start, nil, 0o644); err != nil {
		return 0, err
	}
	err = b.until(ctx, "all is written", func() bool { return bytesIn(files) >= int64(size)<<20 })
	if err != nil {
		return 0, err
	}
	took = time.Since(began)
	b.samples.Add("log", who, float64(size)/took.Seconds())
	b.samples.Add("log-cpu", who, float64(ticks(reader)-before)/100/float64(size)*1024)
	return took, nil
}

// idleOutputs measures the logger of many services that write nothing.
func (b *bench) idleOutputs(ctx context.Context, dir string, n int) error {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("s%05d", i)
	}
	records, err := proc.NewRecords(filepath.Join(dir, "records"))
	if err != nil {
		return err
	}
	defer records.Close()
	p, _, err := b.capturing(dir, names, []string{b.programs.Child, records.Path})
	if err != nil {
		return err
	}
	logger, err := b.logger(ctx, p, n)
	if err != nil {
		return err
	}
	time.Sleep(b.times.settle)
	b.samples.Add(name("log-memory", n), result.Ours, proc.Memory([]int{logger}).Own/(1<<20))
	before := ticks(logger)
	time.Sleep(b.times.idle)
	b.samples.Add(name("log-idle-cpu", n), result.Ours, float64(ticks(logger)-before)*10/b.times.idle.Seconds())
	return nil
}

// capturing starts a supervisor with captured services.
func (b *bench) capturing(dir string, names, argv []string) (p ctl.Places, supervisor int, err error) {
	p = ctl.Places{Config: filepath.Join(dir, "config"), Messages: filepath.Join(dir, "messages"), State: filepath.Join(dir, "state")}
	if err := os.MkdirAll(p.Config, 0o755); err != nil {
		return p, 0, err
	}
	text, _ := json.Marshal(map[string]any{"args": argv, "restart": "never", "log": map[string]any{"size": "4G", "compress": false}}) // strings
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(p.Config, name), text, 0o644); err != nil {
			return p, 0, err
		}
	}
	supervisor, _, err = b.parent.Start([]string{b.programs.Ncolony, "--root", dir}, proc.Options{})
	return p, supervisor, err
}

// logger waits until n services run and the logger has their pipes.
func (b *bench) logger(ctx context.Context, p ctl.Places, n int) (pid int, err error) {
	err = b.until(ctx, fmt.Sprintf("%d captured services run", n), func() bool {
		st, err := ctl.Colony(p)
		if err != nil || st.Counts[spec.Running] < n+1 {
			return false
		}
		log, err := ctl.StatusOf(p, "@log")
		if err != nil || log.PID == 0 {
			return false
		}
		pid = log.PID
		return proc.Memory([]int{pid}).FDs > n
	})
	return pid, err
}

func (b *bench) until(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, b.times.start)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// ticks is the processor time of a process in hundredths of a second, with that of
// threads that have ended.
func ticks(pid int) (n int) {
	if f := proc.Stat(pid); len(f) > 12 {
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		n = user + system
	}
	return n
}

// bytesIn is the size of the files of a pattern.
func bytesIn(pattern string) (n int64) {
	paths, _ := filepath.Glob(pattern)
	for _, path := range paths {
		if fi, err := os.Stat(path); err == nil {
			n += fi.Size()
		}
	}
	return n
}
