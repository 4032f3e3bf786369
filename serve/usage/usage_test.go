package usage

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// paper is a /proc of our own.
type paper struct {
	t   *testing.T
	dir string
}

func (p paper) put(pid, session int, cpu, begun, pages uint64) {
	p.t.Helper()
	dir := filepath.Join(p.dir, fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	text := fmt.Sprintf("%d (x) S 1 %d %d 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 %d 0 %d 0\n", pid, session, session, cpu, begun, pages)
	if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// A process that has ended, and that nobody has waited for yet, is none.
func TestZombie(t *testing.T) {
	for state, want := range map[string]bool{"S": true, "Z": false, "X": false} {
		path := filepath.Join(t.TempDir(), "stat")
		text := "42 (x) " + state + " 1 40 41 0 -1 4194304 0 0 0 0 120 30 7 7 20 0 1 0 9000 1000000 256 18446744073709551615"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if p, ok := readStat(path, make([]byte, 1024)); ok != want {
			t.Errorf("in state %s it is %+v %v", state, p, ok)
		}
	}
}

func TestSessionsAddUp(t *testing.T) {
	proc := paper{t, t.TempDir()}
	r := New(func() map[int]string { return map[int]string{10: "web"} })
	r.proc = proc.dir
	page := uint32(os.Getpagesize()) / 1024
	at := time.Unix(1000, 0)

	proc.put(10, 10, 500, 1, 100)
	proc.put(11, 10, 100, 1, 50)
	proc.put(12, 12, 9999, 1, 9999) // of nobody
	r.sample(at)
	if s, ok := r.Now("web"); !ok || s != (Sample{Memory: 150 * page}) {
		t.Errorf("first: %+v %v; what was used before is not of now", s, ok)
	}
	proc.put(10, 10, 700, 1, 100) // 2 s of 20
	proc.put(11, 10, 50, 99, 50)  // another one, 0.5 s
	r.sample(at.Add(20 * time.Second))
	if s, _ := r.Now("web"); math.Abs(float64(s.CPU)-12.5) > 1e-3 {
		t.Errorf("CPU %v, want 12.5", s.CPU)
	}
	if _, ok := r.Now("other"); ok {
		t.Error("there is a sample of a service that is none")
	}
}

func TestOnlyAnHour(t *testing.T) {
	proc := paper{t, t.TempDir()}
	leaders := map[int]string{10: "web"}
	r := New(func() map[int]string { return leaders })
	r.proc = proc.dir
	at := time.Unix(1000, 0)
	turn := func() {
		r.sample(at)
		at = at.Add(Every)
	}
	proc.put(10, 10, 0, 1, 1)
	for range length + 5 {
		turn()
	}
	if hour := r.Hour("web"); len(hour) != length || hour[length-1].Time != at.Add(-Every) || !hour[0].Time.Before(hour[1].Time) {
		t.Fatalf("%d samples, want %d", len(hour), length)
	}
	leaders = nil
	for range 10 {
		turn()
	}
	leaders = map[int]string{10: "web"}
	turn()
	hour := r.Hour("web")
	for i, p := range hour[len(hour)-12:] {
		if up := i == 0 || i == 11; up != (p.Memory > 0) {
			t.Errorf("sample %d: %+v", i, p.Sample)
		}
	}
	leaders = nil
	for range length - 1 {
		turn()
	}
	if hour := r.Hour("web"); len(hour) != length || hour[0].Memory == 0 || hour[1].Memory != 0 {
		t.Errorf("%d samples; the last one of the hour before is to be the only one", len(hour))
	}
	turn()
	if len(r.rings) != 0 || r.Hour("web") != nil {
		t.Errorf("%d rings are left", len(r.rings))
	}
}

func TestBounded(t *testing.T) {
	proc := paper{t, t.TempDir()}
	proc.put(10, 10, 0, 1, 1)
	name := ""
	r := New(func() map[int]string { return map[int]string{10: name} })
	r.proc = proc.dir
	for i := range MostServices {
		r.rings[fmt.Sprint("old-", i)] = &ring{turn: 1}
	}
	name = "new"
	r.sample(time.Unix(1000, 0))
	if len(r.rings) != MostServices {
		t.Errorf("%d rings", len(r.rings))
	}
}

// TestRealProcess looks at a process that computes.
func TestRealProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Skipf("sh: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	r := New(func() map[int]string { return map[int]string{cmd.Process.Pid: "busy"} })
	r.sample(time.Now())
	for end := time.Now().Add(time.Minute); ; {
		r.sample(time.Now())
		if s, ok := r.Now("busy"); ok && s.CPU > 1 && s.Memory > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a busy process does nothing")
		}
		time.Sleep(20 * time.Millisecond) // it needs a tick to be seen
	}
}
