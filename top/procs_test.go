package top

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What is below the main process counts too, and only what was used meanwhile.
func TestSample(t *testing.T) {
	if _, err := os.Stat("/proc/thread-self/children"); err != nil {
		t.Skip("this kernel does not list children")
	}
	// The child of the shell is busy; the shell itself only waits for it.
	cmd := exec.Command("sh", "-c", "(while :; do :; done) & echo up; read go; kill $!")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // then it kills its child, and ends
		cmd.Wait()
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	var s sampler
	m := thisMachine()
	mains := map[string]int{"busy": cmd.Process.Pid, "none": 0x7ffffff0}
	first := s.sample(m, mains)
	if u := first["busy"]; u.known || u.cpu != 0 || u.memory < 2*100<<10 {
		t.Errorf("the first time %+v, want only memory, of two processes", u)
	}
	// Who is kept from running between two looks at a clock and at processes measures
	// too much; that does not last.
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		taken := s.sample(m, mains)
		if u := taken["busy"]; u.known && u.cpu > 1 && u.cpu < 150 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("one busy child is not seen, or taken for more: %+v", taken)
		}
	}
	if u := s.sample(m, mains)["none"]; u != (usage{}) {
		t.Errorf("no process takes %+v", u)
	}
}

// Pids of another world are not looked for in this one.
func TestMachine(t *testing.T) {
	m := thisMachine()
	if m.epoch == "" {
		t.Skip("this machine says nothing of its boot")
	}
	if !m.knows(&spec.ColonyStatus{Epoch: m.epoch}) {
		t.Error("this machine is not known")
	}
	for _, c := range []*spec.ColonyStatus{nil, {}, {Epoch: m.epoch + "1"}} {
		if m.knows(c) {
			t.Errorf("%+v is taken for this machine", c)
		}
	}
	if (machine{}).knows(&spec.ColonyStatus{}) {
		t.Error("nothing known on both sides is taken for the same")
	}
}
