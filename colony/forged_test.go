package colony

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Every process can put a token of ours into its environment, and a spec beside
// it. A supervisor that looks for what an earlier one has left must not run as
// root what it finds there, nor lose a service over it.
func TestForgedTokens(t *testing.T) {
	needRoot(t)
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	s := startSuper(t, root, false)
	s.add("web", with(doing("wait", filepath.Join(dir, "up"))))
	s.read(filepath.Join(dir, "up"))
	before := s.until("web", "running")
	id, err := os.ReadFile(s.places.ID())
	must(t, err)
	loot := filepath.Join(dir, "loot")
	config, _ := json.Marshal(map[string]any{"args": []string{"x"}, "stop": map[string]any{"command": []string{"/bin/sh", "-c", "echo >" + loot}}})
	forge := func(life string) int {
		cmd := exec.Command("/bin/sleep", "600")
		cmd.Dir = "/"
		cmd.Env = []string{fmt.Sprintf("%s%s:%s", tokenKey, strings.TrimSpace(string(id)), life), "NCOLONY_CONFIG=" + string(config)}
		cmd.SysProcAttr = sessionOfItsOwn()
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		must(t, cmd.Start())
		gone := make(chan struct{})
		go func() { cmd.Wait(); close(gone) }()
		t.Cleanup(func() { cmd.Process.Kill(); <-gone })
		return cmd.Process.Pid
	}
	evil, later := forge("evil:1"), forge("web:99")
	for _, life := range []string{":1", "../../evil:1", "@:1", "web:18446744073709551615", "web:-1"} {
		forge(life)
	}
	s.murder()
	s = startSuper(t, root, false)
	s.eventually("the forged life is ended", func() bool { _, known := s.status("evil"); return !known && !alive(evil) })
	if _, err := os.Stat(loot); err == nil {
		t.Error("a command of another user was run as root")
	}
	if st := s.until("web", "running"); st.PID != before.PID || st.Generation != before.Generation {
		t.Errorf("was %+v, is %+v", before, st)
	}
	if !alive(later) {
		t.Error("who claims to be a later life of one that lasts was signalled")
	}
}
