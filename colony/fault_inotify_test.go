package colony

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Where a user may have no inotify instance, or no watch, the directories are
// polled, and that is said until it may have some again. The limits are those of
// a user namespace, and a service of it raises them.
func TestInotifyIsUsedUp(t *testing.T) {
	for file, c := range map[string]struct{ what, why string }{
		"max_inotify_instances": {"inotify", "no inotify instance to be had, polling instead: "},
		"max_inotify_watches":   {"watch", "no watch to be had, polling instead: "},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			limit := "/proc/sys/user/" + file
			s := newSuper(t, t.TempDir(), true).set(writeKey+"="+limit+"=0", frequencyKey+"=1h")
			s.cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			s.cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			s.cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
			if _, err := os.Stat(limit); err != nil {
				t.Skipf("no such limit here: %v", err)
			}
			probe := exec.Command("/bin/true")
			probe.SysProcAttr = s.cmd.SysProcAttr
			if err := probe.Run(); err != nil {
				t.Skipf("no user namespace to be had here: %v", err)
			}
			s.publishes()
			if c.what == "watch" {
				c.what += " " + placesIn(s.root).Config
			}
			if why := s.degraded(c.what, true); !strings.HasPrefix(why, c.why) {
				t.Errorf("it says %q, want %q", why, c.why)
			}
			s.add("a", `{"args":["/bin/sleep","600"]}`)
			a := s.until("a", spec.Running)
			s.add("raise", with(map[string]any{"args": []string{"/bin/sh", "-c", fmt.Sprintf("echo 1000 > %s", limit)}, "restart": "never"}))
			if st := s.until("raise", spec.Exited); st.LastExit.Code == nil || *st.LastExit.Code != 0 {
				t.Fatalf("the limit cannot be raised: %+v", st.LastExit)
			}
			s.sound()
			s.add("b", `{"args":["/bin/sleep","600"]}`)
			s.until("b", spec.Running)
			s.untouched(a)
			if code := s.term(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
