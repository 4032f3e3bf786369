package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	supervisor "github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cgroup"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// As in the program, the first thread never forks, and we may be a shim.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	supervisor.Shim(os.Args)
	another()
	os.Exit(m.Run())
}

// specOf parses a spec.
func specOf(t *testing.T, text string) *spec.Spec {
	t.Helper()
	sp, err := spec.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

// shell asks a shell script, as the service of a spec.
func shell(ctx context.Context, sp *spec.Spec, script string, limit time.Duration) Answer {
	return once(ctx, "exec", program{[]string{"/bin/sh", "-c", script}}, limit, about{name: "web", spec: sp, life: helper.Life{Generation: 7, PID: 4711}})
}

// gone reports whether the process whose pid is in a file is no more; a zombie is
// none.
func gone(file string) bool {
	b, _ := os.ReadFile(file)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestExec(t *testing.T) {
	t.Setenv("NCOLONY_TOKEN", "colony:@probe:3")
	t.Setenv("OURS", "secret")
	t.Setenv("SHARED", "shared")
	dir := t.TempDir()
	sp := specOf(t, fmt.Sprintf(`{"args":["x"],"cwd":%q,"env":{"A":"b"},"env_inherit":["SHARED"]}`, dir))
	for script, want := range map[string]string{
		"exit 0":                          "",
		"exit 2":                          "/bin/sh ended with exit status 2",
		"kill -9 $$":                      "/bin/sh ended with signal: killed",
		"echo why; echo then >&2; exit 1": `exit status 1: "why\nthen"`,
		"yes | head -c 1000000; exit 1":   `exit status 1: "`,
		`test "$PWD" = ` + dir:            "",
		`test "$A$OURS$SHARED" = bshared`: "",
		`test "$NCOLONY_NAME,$NCOLONY_PID,$NCOLONY_TOKEN" = web,4711,colony:@probe:3`: "",
		`read x || exit 0; exit 1`: "", // there is no input
		`test "$(ps -o sid= -p $$ 2>/dev/null || cut -d" " -f6 /proc/$$/stat)" -eq $$`: "", // in a session of its own
	} {
		asked(t, script, shell(t.Context(), sp, script, soon), want)
	}
	missing := once(t.Context(), "exec", program{[]string{"no-such-program"}}, soon, about{spec: sp})
	asked(t, "missing", missing, `no such program: "no-such-program"`)
	asked(t, "no directory", shell(t.Context(), specOf(t, `{"args":["x"],"cwd":"/nowhere"}`), "true", soon), "execute /bin/sh: no such file")
	asked(t, "no user", shell(t.Context(), specOf(t, `{"args":["x"],"user":"nobody-here"}`), "true", soon), "no such user")
	asked(t, "no variables", shell(t.Context(), specOf(t, `{"args":["x"],"env_file":["/nowhere"]}`), "true", soon), "env_file /nowhere")
}

func TestExecAsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	sp := specOf(t, `{"args":["x"],"uid":4242,"gid":4343,"groups":["4444"]}`)
	asked(t, "id", shell(t.Context(), sp, `test "$(id -u) $(id -g) $(id -G)" = "4242 4343 4343 4444"`, soon), "")
}

// At its timeout a program goes with all that it has started; and what it leaves
// behind, when it ends by itself.
func TestExecChildren(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"timeout":           {`sleep 1000 & echo $! > %[1]s; wait`, "no answer within"},
		"it ignores TERM":   {`trap "" TERM HUP INT; (trap "" TERM HUP INT; while :; do sleep 1; done) & echo $! > %[1]s; wait`, "no answer within"},
		"it leaves a child": {`sleep 1000 & echo $! > %[1]s; exit 0`, ""},
		"a child holds its output, and has failed": {`sleep 1000 & echo $! > %[1]s; exit 1`, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			sp := specOf(t, `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"}}`)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			limit := soon
			if tt.want == "no answer within" {
				// Its time is over when its child is there.
				limit = 0
				go func() {
					for ctx.Err() == nil {
						if b, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(b), "\n") {
							cancel()
						}
						time.Sleep(5 * time.Millisecond)
					}
				}()
				tt.want = "signal: killed"
			}
			asked(t, name, shell(ctx, sp, fmt.Sprintf(tt.script, file), limit), tt.want)
			fixture.Eventually(t, "its child is gone", func() bool { return gone(file) })
		})
	}
}

// A daemon that a check has started, in a session of its own, goes with it; and so
// does what the daemon has started, and what has no mark of ours any more.
func TestExecDaemon(t *testing.T) {
	for name, how := range map[string]string{"marked": "setsid", "unmarked": "env -i PATH=$PATH setsid"} {
		for end, want := range map[string]string{"exit 0": "", "exit 1": "exit status 1", "sleep 1000": "signal: killed"} {
			file := filepath.Join(t.TempDir(), "pid")
			sp := specOf(t, `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"}}`)
			ctx, cancel := context.WithCancel(t.Context())
			if want == "signal: killed" {
				go func() {
					for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
						if _, err := os.Stat(file); err == nil {
							cancel()
						}
					}
				}()
			}
			// The daemon and its child, which is in a session of its own again.
			script := `%[2]s sh -c 'setsid sleep 1000 & echo $! > %[1]s.child; echo $$ > %[1]s.tmp; mv %[1]s.tmp %[1]s; exec sleep 1000' & while ! test -e %[1]s; do sleep 0.01; done; %[3]s`
			a := shell(ctx, sp, fmt.Sprintf(script, file, how, end), 3*time.Minute)
			cancel()
			asked(t, name+", "+end, a, want)
			for _, of := range []string{file, file + ".child"} {
				if !gone(of) {
					b, _ := os.ReadFile(of)
					pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
					if err == nil {
						syscall.Kill(pid, syscall.SIGKILL)
					}
					t.Errorf("%s, %s: %s is not gone: %q", name, end, filepath.Base(of), b)
				}
			}
		}
	}
	if list, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); len(list) > 0 {
		t.Errorf("left: %s", list)
	}
}

// A daemon of a check that still runs is not the business of another that is over.
func TestExecDaemonOfAnother(t *testing.T) {
	dir := t.TempDir()
	sp := specOf(t, fmt.Sprintf(`{"args":["x"],"cwd":%q,"env":{"PATH":"/usr/bin:/bin"}}`, dir))
	done := make(chan Answer)
	go func() {
		done <- shell(t.Context(), sp, `(setsid sh -c 'echo $$ > tmp; mv tmp pid; exec sleep 1000' &); while ! test -e over; do sleep 0.01; done; kill -0 $(cat pid)`, soon)
	}()
	fixture.Eventually(t, "the daemon is there", func() bool { return exists(filepath.Join(dir, "pid")) })
	for range 3 {
		asked(t, "another", shell(t.Context(), sp, "exit 0", soon), "")
	}
	if err := os.WriteFile(filepath.Join(dir, "over"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	asked(t, "the daemon's", <-done, "")
	fixture.Eventually(t, "the daemon is gone", func() bool { return gone(filepath.Join(dir, "pid")) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A check may not do what its service may not.
func TestExecLot(t *testing.T) {
	sp := specOf(t, `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"},"umask":"027","rlimits":{"nofile":64,"core":0},"no_new_privs":true,"nice":7,"oom_score_adj":500}`)
	asked(t, "limits", shell(t.Context(), sp, `test "$(umask) $(ulimit -n) $(ulimit -c) $(nice) $(cat /proc/self/oom_score_adj) $(grep NoNewPrivs /proc/self/status)" = "0027 64 0 7 500 NoNewPrivs:	1"`, soon), "")
	asked(t, "bad end", shell(t.Context(), sp, "echo no; exit 3", soon), `/bin/sh ended with exit status 3: "no"`)
	asked(t, "cwd", shell(t.Context(), specOf(t, `{"args":["x"],"umask":"027","cwd":"/nowhere"}`), "exit 0", soon), "cwd: enter /nowhere: no such file")
	missing := once(t.Context(), "exec", program{[]string{"/no/such/program"}}, soon, about{spec: specOf(t, `{"args":["x"],"nice":1}`)})
	asked(t, "missing", missing, "execute /no/such/program: no such file")
}

func TestExecCapabilities(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	sp := specOf(t, `{"args":["x"],"env":{"PATH":"/usr/bin:/bin"},"uid":4242,"gid":4343,"capabilities":["NET_BIND_SERVICE"]}`)
	asked(t, "capabilities", shell(t.Context(), sp, `test "$(id -u) $(id -g) $(grep -E 'Cap(Eff|Bnd)' /proc/self/status | cut -f2 | tr '\n' ' ')" = "4242 4343 0000000000000400 0000000000000400 "`, soon), "")
}

// Credentials and control group are those of the life.
func TestExecLife(t *testing.T) {
	p := spec.Places{State: t.TempDir()}
	if err := os.WriteFile(p.ID(), []byte("c0ffee\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	whom := about{name: "web", spec: specOf(t, `{"args":["x"],"credentials":{"a":"/b"}}`), places: p}
	if dir := whom.credentials(); dir != "" {
		t.Errorf("without a life: %s", dir)
	}
	whom.life = helper.Life{Generation: 7, PID: 4711}
	want := whom.credentials()
	if !strings.HasSuffix(want, "c0ffee/web:7") && want != p.CredentialsDir()+"/web:7" {
		t.Errorf("credentials are in %s", want)
	}
	asked(t, "credentials", once(t.Context(), "exec", program{[]string{"/bin/sh", "-c", `test "$CREDENTIALS_DIRECTORY" = ` + want}}, soon, whom), "")

	own, err := cgroup.Of("self")
	if err != nil {
		t.Skipf("no control groups here: %v", err)
	}
	group := filepath.Join(own, fmt.Sprintf("probe-test-%d", os.Getpid()), "web:7")
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Skipf("no control groups for us: %v", err)
	}
	defer os.Remove(filepath.Dir(group))
	defer os.Remove(group)
	main := exec.Command("sleep", "1000")
	if err := main.Start(); err != nil {
		t.Fatal(err)
	}
	defer main.Wait()
	defer main.Process.Kill()
	whom.spec, whom.life.PID = specOf(t, `{"args":["x"],"cgroup":{"pids_max":100}}`), main.Process.Pid
	here := `! grep -q web:7 /proc/self/cgroup`
	for _, moved := range []bool{false, true} {
		if moved {
			here = `grep -q web:7 /proc/self/cgroup`
			if err := os.WriteFile(group+"/cgroup.procs", []byte(strconv.Itoa(main.Process.Pid)), 0); err != nil {
				t.Skipf("no control groups for us: %v", err)
			}
		}
		asked(t, "cgroup", once(t.Context(), "exec", program{[]string{"/bin/sh", "-c", here}}, soon, whom), "")
	}
}
