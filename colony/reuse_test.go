package colony

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// A process number that a stranger really has by now: in a pid namespace the
// next number can be chosen. The stranger is not adopted, and never signalled.
func TestReusedPID(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may choose the next process number")
	}
	cmd := exec.Command(os.Args[0])
	cmd.SysProcAttr = newPIDNamespace(t)
	cmd.Env = append(os.Environ(), modeKey+"=reuse", rootKey+"="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	timer := time.AfterFunc(5*waitMost, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, tail(out.Bytes(), 3000))
	}
	if strings.Contains(out.String(), "cannot choose") {
		t.Skip(out.String())
	}
}

// reusePID is PID 1 of the namespace: it kills a supervisor and its child, gives
// the child's number to a stranger, and starts another supervisor.
func reusePID() error {
	root := os.Getenv(rootKey)
	p := placesIn(root)
	if err := os.MkdirAll(p.Config, 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(p.Config+"/a", []byte(`{"args":["/bin/sleep","600"]}`), 0o644, false); err != nil {
		return err
	}
	begin := func(after uint64) (*exec.Cmd, spec.Status, error) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), modeKey+"=supervise")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, spec.Status{}, err
		}
		for end := time.Now().Add(waitMost); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			var st spec.Status
			if readJSON(osDisk{}, p.Status("a"), &st) == nil && st.State == spec.Running && st.Generation > after {
				return cmd, st, nil
			}
		}
		return nil, spec.Status{}, fmt.Errorf("the service does not run")
	}
	var st spec.Status
	var stranger *exec.Cmd
	for tries := 0; stranger == nil; tries++ {
		first, life, err := begin(st.Generation)
		if err != nil {
			return err
		}
		st = life
		time.Sleep(3 * ticks) // else the stranger may have the same start time, too
		first.Process.Kill()
		first.Wait()
		unix.Kill(st.PID, unix.SIGKILL)
		unix.Wait4(st.PID, nil, 0, nil) // it is ours now
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(st.PID-1)), 0); err != nil {
			fmt.Printf("cannot choose a process number: %v\n", err)
			return nil
		}
		other := exec.Command("/bin/sleep", "600")
		other.SysProcAttr = sessionOfItsOwn()
		if err := other.Start(); err != nil {
			return err
		}
		switch { // a thread that our runtime has begun just now may have the number
		case other.Process.Pid == st.PID:
			stranger = other
		case tries == 5:
			return fmt.Errorf("the stranger has pid %d, and not %d", other.Process.Pid, st.PID)
		}
	}
	second, st2, err := begin(st.Generation)
	if err != nil {
		return err
	}
	if st2.PID == st.PID || st2.LastExit == nil || !st2.LastExit.Unknown {
		return fmt.Errorf("the service is %+v", st2)
	}
	second.Process.Signal(unix.SIGTERM)
	if err := second.Wait(); err != nil {
		return fmt.Errorf("the second supervisor: %w", err)
	}
	if !alive(stranger.Process.Pid) {
		return fmt.Errorf("the stranger was ended")
	}
	return nil
}
