package colony

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// forked is what became of one start with these keys: what the child tells of
// itself by a shell script, or what was wrong.
func forked(t *testing.T, keys, script string) (told string, failed string) {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o777) // whoever it is
	}
	l := newListening(t, placesIn(t.TempDir()))
	text := fmt.Sprintf(`{"args": ["/bin/sh", "-c", %q], "cwd": %q%s}`, "exec >out; "+script, dir, keys)
	switch ev := l.spawner.fork(spawn{order: 1, life: lifeID{"a", 1}, spec: specOf(t, text)}).(type) {
	case spawnFailed:
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			t.Errorf("a child is left: %d, %v", pid, err)
		}
		return "", ev.fault.text
	case started:
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(ev.pid, &ws, 0, nil)
		must(t, err)
		if ws != 0 {
			t.Errorf("%s: it ended with %v", keys, ws)
		}
	}
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	must(t, err)
	return string(out), ""
}

// statusLine is what follows a name in the text of /proc/PID/status.
func statusLine(text, name string) string {
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, name); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return ""
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// TestShim: each key is what the child has, and the rest is as without it.
func TestShim(t *testing.T) {
	plain, failed := forked(t, "", "umask; cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj")
	if failed != "" {
		t.Fatal(failed)
	}
	for _, tt := range []struct{ keys, script, want string }{
		{`"umask": "0137"`, "umask", "0137\n"},
		{`"nice": 7`, "cut -d' ' -f19 /proc/self/stat", "7\n"},
		{`"oom_score_adj": 321`, "cat /proc/self/oom_score_adj", "321\n"},
		{`"rlimits": {"nofile": [77, 99], "core": 0}`, "ulimit -Sn; ulimit -Hn; ulimit -c", "77\n99\n0\n"},
		{`"rlimits": {"fsize": "1M"}`, "grep '^Max file size' /proc/self/limits | tr -s ' '", "Max file size 1048576 1048576 bytes \n"},
		{`"no_new_privs": true`, "grep NoNewPrivs /proc/self/status | tr '\t' ' '", "NoNewPrivs: 1\n"},
	} {
		got, failed := forked(t, ", "+tt.keys, tt.script)
		if got != tt.want || failed != "" {
			t.Errorf("%s: %q %s, want %q", tt.keys, got, failed, tt.want)
		}
	}
	// With one key, all others are as without a shim.
	shimmed, failed := forked(t, `, "oom_score_adj": 1000`, "umask; cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj")
	if failed != "" {
		t.Fatal(failed)
	}
	for _, name := range []string{"Uid:", "Groups:", "SigBlk:", "SigIgn:", "SigCgt:", "CapEff:", "CapBnd:", "CapInh:", "CapAmb:", "NoNewPrivs:", "Threads:",
		"Max open files", "Max stack size", "Max core file size", "Umask:", "FDSize:"} {
		if a, b := statusLine(plain, name), statusLine(shimmed, name); a != b {
			t.Errorf("%s: %q, and through a shim %q", name, a, b)
		}
	}
	if a, b := strings.Split(plain, "\n")[0], strings.Split(shimmed, "\n")[0]; a != b {
		t.Errorf("umask %s, and through a shim %s", a, b)
	}
}

// TestShimHidesItself: the child sees of the shim neither an argument, nor a
// variable, nor a descriptor.
func TestShimHidesItself(t *testing.T) {
	got, failed := forked(t, `, "nice": 1, "env": {"A": "b"}, "ready": {"fd": 5}`, `ls /proc/$$/fd; tr '\0' ' ' </proc/$$/cmdline; tr '\0' '\n' </proc/$$/environ; readlink /proc/$$/exe`)
	if strings.Contains(got, launch.ShimName) || strings.Contains(got, "ncolony.test") || strings.Contains(got, "colony.test") || failed != "" {
		t.Errorf("%s %s", got, failed)
	}
	if fds, _, _ := strings.Cut(got, "/bin/sh"); !slices.Equal(strings.Fields(fds), []string{"0", "1", "2", "5"}) {
		t.Errorf("its descriptors are %s", fds)
	}
}

// TestNoShim: who needs none is forked without, in two calls.
func TestNoShim(t *testing.T) {
	for text, want := range map[string]bool{
		`{"args": ["/bin/true"], "user": "root", "cwd": "/", "stop": {"grace": 1}, "ready": {"notify": true}}`: false,
		`{"args": ["/bin/true"], "umask": "022"}`:                                                              true,
		`{"args": ["/bin/true"], "no_new_privs": false}`:                                                       false,
		`{"args": ["/bin/true"], "capabilities": []}`:                                                          true,
	} {
		p, err := (&preparer{accounts: launch.System()}).prepare(spawn{life: lifeID{"a", 1}, spec: specOf(t, text)})
		if must(t, err); (p.shim != nil) != want {
			t.Errorf("%s: %+v", text, p.shim)
		}
	}
}

// TestShimFails: whatever cannot be done is a failed start that names it.
func TestShimFails(t *testing.T) {
	dir := t.TempDir()
	script := program(t, dir+"/script", "#!/nowhere/sh\n")
	put(t, dir+"/plain", "text")
	for _, tt := range []struct {
		spec, want string
		class      faultClass
	}{
		{`"args": ["/nowhere/x"]`, "execute /nowhere/x: no such file", faultMissing},
		{fmt.Sprintf(`"args": [%q]`, script), "its interpreter does not exist", faultOther},
		{fmt.Sprintf(`"args": [%q]`, dir+"/plain"), "permission denied (it is not executable)", faultOther},
		{`"args": ["/bin/true"], "cwd": "/nowhere"`, "cwd: enter /nowhere: no such file or directory", faultOther},
		{`"args": ["/bin/true"], "rlimits": {"nofile": 99000000}`, "set rlimits.nofile", faultOther},
	} {
		l := newListening(t, placesIn(t.TempDir()))
		ev := l.spawner.fork(spawn{order: 1, life: lifeID{"a", 1}, spec: specOf(t, `{"umask": "022", `+tt.spec+`}`)})
		if f, ok := ev.(spawnFailed); !ok || !strings.Contains(f.fault.text, tt.want) || f.fault.class != tt.class {
			t.Errorf("%s: %+v, want %q", tt.spec, ev, tt.want)
		}
	}
}

// TestCapabilities: a service that is not root has what is named, its programs
// have it too, and nothing else can be had any more.
func TestCapabilities(t *testing.T) {
	needsRoot(t)
	bind := exec.Command("/bin/true")
	bind.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE}}
	if err := bind.Run(); err != nil {
		t.Skipf("we do not have the capability ourselves: %v", err)
	}
	const status = "cat /proc/self/status"
	for _, tt := range []struct{ keys, uid, want string }{
		{`"uid": 4711, "capabilities": ["net_bind_service"]`, "4711", "0000000000000400"},
		{`"uid": 4711, "capabilities": []`, "4711", "0000000000000000"},
		{`"capabilities": ["CAP_NET_BIND_SERVICE", "Chown"]`, "0", "0000000000000401"},
		{`"uid": 4711, "no_new_privs": true, "capabilities": ["CAP_KILL"]`, "4711", "0000000000000020"},
	} {
		got, failed := forked(t, ", "+tt.keys, status)
		for _, set := range []string{"CapInh:", "CapPrm:", "CapEff:", "CapBnd:"} {
			if statusLine(got, set) != tt.want || failed != "" {
				t.Errorf("%s: %s %q %s, want %s", tt.keys, set, statusLine(got, set), failed, tt.want)
			}
		}
		if uid, _, _ := strings.Cut(statusLine(got, "Uid:"), " "); uid != tt.uid {
			t.Errorf("%s: uid %s", tt.keys, uid)
		}
	}
	if _, failed := forked(t, `, "capabilities": ["SYS_MODULE", "NET_RAW"]`, "true"); failed != "" && !strings.Contains(failed, "the supervisor does not have it") {
		t.Error(failed)
	}
}

// TestUsersThroughAShim: the same users and groups as without.
func TestUsersThroughAShim(t *testing.T) {
	needsRoot(t)
	const script = "grep -E '^(Uid|Gid|Groups):' /proc/self/status"
	for _, keys := range []string{`, "uid": 4711`, `, "gid": 4712`, `, "uid": 4711, "gid": 5`, `, "user": "nobody"`, `, "user": "nobody", "groups": [7, 8]`, `, "uid": 0`, `, "groups": []`} {
		plain, failed := forked(t, keys, script)
		shimmed, alsoFailed := forked(t, keys+`, "nice": 1`, script)
		if plain != shimmed || plain == "" || failed+alsoFailed != "" {
			t.Errorf("%s: %q %s, and through a shim %q %s", keys, plain, failed, shimmed, alsoFailed)
		}
	}
}

// TestUserNamespace: where ids have no meaning, or groups cannot be dropped, the
// error says so. An ordinary user's namespace maps nobody but one.
func TestUserNamespace(t *testing.T) {
	if os.Getenv(rootKey) != "" { // in it
		for _, keys := range []string{"", `, "nice": 1`} {
			_, failed := forked(t, `, "uid": 4711, "groups": []`+keys, "true")
			fmt.Printf("unmapped%s: %s\n", keys, failed)
			_, failed = forked(t, `, "uid": 0`+keys, "true")
			fmt.Printf("ours%s: %q\n", keys, failed)
		}
		return
	}
	t.Parallel()
	for _, deny := range []bool{false, true} {
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestUserNamespace$", "-test.v")
		cmd.Env = append(os.Environ(), rootKey+"="+t.TempDir(), "TMPDIR=/tmp")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER,
			UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			GidMappingsEnableSetgroups: !deny,
		}
		out, err := cmd.CombinedOutput()
		if err != nil && len(out) == 0 {
			t.Skipf("no user namespace to be had here: %v", err)
		}
		text := string(out)
		for _, keys := range []string{"", `, "nice": 1`} {
			want := "the user namespace that we are in knows no such id, see /proc/self/uid_map"
			if deny && len(ourGroups()) > 0 {
				want = "the user namespace that we are in denies setgroups"
			}
			if !strings.Contains(statusLine(text, "unmapped"+keys+":"), want) {
				t.Errorf("deny %v, keys %q: %s\nwant %q", deny, keys, text, want)
			}
			if ours := statusLine(text, "ours"+keys+":"); !deny && ours != `""` {
				t.Errorf("as root of the namespace, keys %q: %s", keys, ours)
			}
		}
	}
}

// TestStopCommandIsAsTheService: what ends it runs with its limits.
func TestStopCommandIsAsTheService(t *testing.T) {
	p, err := (&preparer{accounts: launch.System()}).prepare(spawn{life: lifeID{"a", 1}, kind: kindStopCommand, argv: []string{"/bin/true"},
		spec: specOf(t, `{"args": ["/bin/sleep", "1"], "umask": "077"}`)})
	if must(t, err); p.shim == nil || *p.shim.Umask != spec.Mode(0o77) {
		t.Errorf("%+v", p.shim)
	}
}
