package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/bench/proc"
	"github.com/ncolony/ncolony-go/bench/programs"
)

// guarded is a colony of children that report for themselves.
type guarded struct {
	*colony
	child   string
	records *proc.Records
}

func newGuarded(t *testing.T) guarded {
	t.Helper()
	c := newColony(t)
	p, err := programs.Compile(c.root)
	if err != nil {
		t.Skipf("no C compiler for the children: %v", err)
	}
	records, err := proc.NewRecords(filepath.Join(c.root, "records"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	return guarded{c, p.Child, records}
}

// service adds a service whose restarts are not delayed.
func (g guarded) service(name string) {
	g.add(name, map[string]any{"args": []string{g.child, g.records.Path}, "backoff": map[string]any{"min": 0}})
}

// births waits until n children have begun, and returns the last pid.
func (g guarded) births(n int) (pid int) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	list, err := g.records.Until(ctx, proc.KindChild, n)
	if err != nil {
		g.t.Fatal(err)
	}
	return list[n-1].PID
}

// What there is for each child is some memory, and neither a thread nor a
// descriptor. All of it is compared within one run: 1,000 children with 10.
func TestFlatCost(t *testing.T) {
	const few, many = 10, 1000
	g := newGuarded(t)
	use := func(n int) proc.Usage {
		g.births(n)
		g.running(n)
		u := proc.Memory([]int{g.cmd.Process.Pid})
		for range 50 { // what it writes at the moment is no descriptor of a child's, and no memory that it keeps
			time.Sleep(100 * time.Millisecond)
			now := proc.Memory([]int{g.cmd.Process.Pid})
			u.FDs, u.Own, u.Threads = min(u.FDs, now.FDs), min(u.Own, now.Own), max(u.Threads, now.Threads)
		}
		if u.Own == 0 {
			t.Skip("the kernel does not say how much memory a process has")
		}
		return u
	}
	for i := range few {
		g.service(fmt.Sprintf("s%04d", i))
	}
	g.start()
	before := use(few)
	for i := few; i < many; i++ {
		g.service(fmt.Sprintf("s%04d", i))
	}
	after := use(many)
	each := (after.Own - before.Own) / (many - few) // not of the program, whose pages come and go
	t.Logf("from %d to %d children: %d and %d threads, %d and %d descriptors, %.0f bytes for each child", few, many, before.Threads, after.Threads, before.FDs, after.FDs, each)
	// 13 to 15 are made at the start, so that none is wanted when none is to be had.
	if after.Threads > 20 {
		t.Errorf("%d threads with %d children, want at most 20", after.Threads, many)
	}
	if after.FDs != before.FDs {
		t.Errorf("%d descriptors with %d children, %d with %d", after.FDs, many, before.FDs, few)
	}
	// Half of this is what is known of the child, the rest is between objects and
	// the collector's own. A thread for each child would be 20 KiB more.
	if each > bytesPerChild {
		t.Errorf("%.0f bytes for each child, want at most %d", each, bytesPerChild)
	}
}

// bytesPerChild is a fifth more than there ever was when it was measured, on a
// machine that was busy with other things.
const bytesPerChild = 3 << 10
