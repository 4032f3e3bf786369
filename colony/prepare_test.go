package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// program writes a program that can be executed.
func program(t *testing.T, path, text string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755), os.Chmod(path, 0o755))
	return path
}

const nothing = "#!/bin/sh\nexit 0\n"

// readEnvFile reads one element of env_file; "-path" need not exist.
func readEnvFile(file string) ([]string, error) { return launch.ReadEnvFile(file, readWhole) }

// TestEnvironment: each source in its turn, later wins, and nothing of ours.
func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/1", "A=file1\nB=file1\nHOME=/file1\nNCOLONY_NAME=forged\n")
	put(t, dir+"/2", "B=file2\nC=file2\nD=file2\n")
	t.Setenv("D", "ours")
	t.Setenv("SECRET", "ours")
	t.Setenv("NCOLONY_NAME", "that of a supervisor above")
	os.Unsetenv("UNSET")
	text := fmt.Sprintf(`{"args": ["/bin/true"], "user": "web", "env_file": [%q, %q, "-/nowhere"],
		"env": {"C": "env", "D": "env", "UNSET": "env", "USER": "env"}, "env_inherit": ["D", "UNSET", "NCOLONY_NAME"]}`, dir+"/1", dir+"/2")
	p := &preparer{colony: "c0ffee", accounts: testAccounts(t), null: 99}
	o := spawn{life: lifeID{"svc", 7}, spec: specOf(t, text)}
	got, err := p.prepare(o)
	must(t, err)
	want := []string{"HOME=/file1", "USER=env", "LOGNAME=web", "SHELL=/bin/false", "A=file1", "B=file2", "NCOLONY_NAME=svc", "C=env", "D=ours",
		"UNSET=", "NCOLONY_CONFIG=" + text, "NCOLONY_TOKEN=c0ffee:svc:7"}
	if d := cmp.Diff(want, got.attr.Env); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]uintptr{99, 1, 2}, got.attr.Files); d != "" {
		t.Error(d)
	}

	o.kind, o.argv, o.main = kindStopCommand, []string{"/bin/stop", "now"}, 4711
	got, err = p.prepare(o)
	must(t, err)
	if d := cmp.Diff(append(want, "NCOLONY_PID=4711"), got.attr.Env); d != "" || got.path != "/bin/stop" || len(got.argv) != 2 {
		t.Errorf("%s %q\n%s", got.path, got.argv, d)
	}
	if c := got.attr.Sys.Credential; os.Getuid() == 0 && (c == nil || c.Uid != 1001 || c.Gid != 2001 || len(c.Groups) != 3 || c.NoSetGroups) {
		t.Errorf("a stop command runs as %+v", c)
	}

	o = spawn{life: lifeID{"main", 1}, spec: commandSpec([]string{"/bin/true"}), kind: kindCommand}
	got, err = p.prepare(o)
	must(t, err)
	all := strings.Join(got.attr.Env, "\n")
	if !strings.Contains(all, "SECRET=ours") || !strings.Contains(all, "NCOLONY_NAME=main") || got.attr.Sys.Credential != nil {
		t.Errorf("the command has %s", all)
	}
}

func TestStreams(t *testing.T) {
	p := &preparer{null: 99}
	for _, tt := range []struct {
		text string
		kind childKind
		want []uintptr
	}{
		{`{"args": ["/x"]}`, kindService, []uintptr{99, 1, 2}},
		{`{"args": ["/x"], "stdin": "inherit"}`, kindService, []uintptr{0, 1, 2}},
		{`{"args": ["/x"], "stdin": "inherit"}`, kindStopCommand, []uintptr{99, 1, 2}},
		{`{"args": ["/x"], "log": "null"}`, kindService, []uintptr{99, 99, 99}},
	} {
		got, err := p.prepare(spawn{spec: specOf(t, tt.text), kind: tt.kind, argv: []string{"/y"}})
		must(t, err)
		if d := cmp.Diff(tt.want, got.attr.Files); d != "" {
			t.Errorf("%s: %s", tt.text, d)
		}
	}
}

func TestEnvFileTrouble(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/bad", "A=1\nB\n")
	put(t, dir+"/large", strings.Repeat("#", spec.MaxEnvFileSize+1))
	must(t, os.Symlink("nowhere", dir+"/dangling"))
	for file, want := range map[string]string{
		dir + "/none":       "env_file " + dir + "/none: file does not exist",
		"-" + dir + "/none": "",
		"-/etc/hostname/x":  "", // below a file there is none either
		"-" + dir + "/bad":  "env_file " + dir + `/bad: line 2 column 1: no "=" in "B"`,
		dir + "/large":      "env_file " + dir + "/large: line 1 column 1048577: too large: more than 1024 KiB",
		"-" + dir:           "env_file " + dir + ": not a regular file but a directory",
		dir + "/dangling":   "env_file " + dir + "/dangling: dangling symbolic link to nowhere",
	} {
		_, err := readEnvFile(file)
		got := ""
		if err != nil {
			got = strings.TrimSpace(strings.ReplaceAll(err.Error(), "1 error occurred:\n\t* ", ""))
		}
		if got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
	put(t, dir+"/locked", "A=1\n")
	asNobody(t, dir)
	must(t, os.Chmod(dir, 0)) // we cannot know whether it is there
	if _, err := readEnvFile("-" + dir + "/locked"); err == nil || !strings.HasSuffix(err.Error(), "permission denied") {
		t.Errorf("in a directory that may not be entered: %v", err)
	}
	must(t, os.Chmod(dir, 0o755))
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"ours/tool", "ours/both", "child/both", "child/own", "cwd/bin/local", "cwd/here"} {
		program(t, dir+"/"+file, nothing)
	}
	must(t, os.MkdirAll(dir+"/child/tool", 0o755)) // a directory is no program
	put(t, dir+"/child/data", "")
	put(t, dir+"/ours/data", "")
	t.Setenv("PATH", "bin:.:"+dir+"/ours")
	for _, tt := range []struct{ name, path, cwd, want string }{
		{"tool", "", "", "/ours/tool"},
		{"tool", dir + "/child:" + dir + "/ours", "", "/ours/tool"},
		{"both", "", "", "/ours/both"},
		{"both", dir + "/child:" + dir + "/ours", "", "/child/both"},
		{"own", dir + "/nowhere:" + dir + "/child", "", "/child/own"},
		{"tool", dir + "/child", "", `no such program: "tool" in PATH ` + dir + "/child"}, // its own PATH, then, and not ours
		{"own", "", "", `no such program: "own" in PATH bin:.:` + dir + "/ours"},
		{"data", dir + "/child:" + dir + "/ours", "", "execute " + dir + "/ours/data: permission denied (it is not executable)"},
		{"./own", dir + "/child", "", "./own"},
		{"bin/own", dir + "/child", "", "bin/own"},
		{"/nowhere/x", "", "", "/nowhere/x"},
		{"local", "bin:" + dir + "/child", dir + "/cwd", "/cwd/bin/local"}, // relative to where the child will be
		{"here", ":" + dir + "/child", dir + "/cwd", "/cwd/here"},
		{"local", "bin", "", `no such program: "local" in PATH bin`},
		{"local", "", dir + "/cwd", `no such program: "local" in PATH bin:.:` + dir + "/ours"}, // our PATH is not relative to the child's
	} {
		got, err := launch.LookPath(tt.name, tt.path, tt.cwd)
		if err != nil {
			got = err.Error()
			if errors.Is(err, launch.ErrNoProgram) != strings.HasPrefix(got, "no such program") {
				t.Errorf("%s is of the wrong kind", got)
			}
		}
		want := tt.want
		for _, top := range []string{"/ours/", "/child/", "/cwd/"} {
			if strings.HasPrefix(want, top) {
				want = dir + want
			}
		}
		if got != want {
			t.Errorf("%s in %q from %q: %s, want %s", tt.name, tt.path, tt.cwd, got, want)
		}
	}
	t.Setenv("PATH", "")
	if _, err := launch.LookPath("tool", "", ""); err == nil || err.Error() != `no such program: "tool" (there is no PATH; give the whole path)` {
		t.Error(err)
	}
}

// attempt forks what must fail, and returns what is said of it.
func attempt(t *testing.T, path, dir string, c *syscall.Credential) fault {
	t.Helper()
	p := prepared{path: path, argv: []string{path}, attr: syscall.ProcAttr{Dir: dir, Sys: &syscall.SysProcAttr{Credential: c}}}
	pid, err := syscall.ForkExec(p.path, p.argv, &p.attr)
	if err == nil {
		syscall.Wait4(pid, nil, 0, nil)
		t.Errorf("execute %s in %q: no error", path, dir)
	}
	return diagnose(p, err)
}

// TestDiagnose: the kernel has one number for many things; we say which it was.
func TestDiagnose(t *testing.T) {
	dir := t.TempDir()
	good := program(t, dir+"/good", nothing)
	put(t, dir+"/data", nothing)
	must(t, os.Symlink("nowhere", dir+"/dangling"), os.Symlink("loop", dir+"/loop"))
	busy, err := os.OpenFile(program(t, dir+"/busy", nothing), os.O_WRONLY, 0)
	must(t, err)
	defer busy.Close()
	for _, tt := range []struct {
		path, dir string
		want      fault
	}{
		{dir + "/none", "", fault{"execute " + dir + "/none: no such file", faultMissing}},
		{"./none", dir, fault{"execute ./none: no such file", faultMissing}},
		{dir + "/dangling", "", fault{"execute " + dir + "/dangling: no such file", faultMissing}},
		{dir + "/loop", "", fault{"execute " + dir + "/loop: too many levels of symbolic links", faultOther}},
		{good + "/x", "", fault{"execute " + good + "/x: not a directory", faultOther}},
		{program(t, dir+"/nointerpreter", "#!/no/such/shell\n"), "", fault{"execute " + dir + "/nointerpreter: its interpreter does not exist (the #! line, or the loader of a dynamic program)", faultOther}},
		{program(t, dir+"/dos", "#!/bin/sh\r\nexit 0\r\n"), "", fault{"execute " + dir + "/dos: its interpreter does not exist (the #! line, or the loader of a dynamic program)", faultOther}},
		{program(t, dir+"/text", "echo hello\n"), "", fault{"execute " + dir + "/text: not a program for this machine, and no script with a #! line", faultOther}},
		{program(t, dir+"/empty", ""), "", fault{"execute " + dir + "/empty: not a program for this machine, and no script with a #! line", faultOther}},
		{dir, "", fault{"execute " + dir + ": is a directory", faultOther}},
		{dir + "/data", "", fault{"execute " + dir + "/data: permission denied (it is not executable)", faultOther}},
		{"./data", dir, fault{"execute ./data: permission denied (it is not executable)", faultOther}},
		{dir + "/busy", "", fault{"execute " + dir + "/busy: text file busy", faultBusy}},
		{good, dir + "/nowhere", fault{"cwd: stat " + dir + "/nowhere: no such file or directory", faultOther}},
		{good, good, fault{"cwd: " + good + " is not a directory", faultOther}},
	} {
		if d := cmp.Diff(tt.want, attempt(t, tt.path, tt.dir, nil), cmp.AllowUnexported(fault{})); d != "" {
			t.Errorf("%s in %q (-want +got):\n%s", tt.path, tt.dir, d)
		}
	}
	for _, err := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if f := diagnose(prepared{path: good}, err); f.class != faultTransient {
			t.Errorf("%v: %+v", err, f)
		}
		if f := unprepared(fmt.Errorf("env_file /x: %w", err)); f.class != faultTransient || f.text != "env_file /x: "+err.Error() {
			t.Errorf("%v: %+v", err, f)
		}
	}
	for _, err := range []error{syscall.E2BIG, syscall.EINVAL, syscall.EIO} {
		if f := diagnose(prepared{path: good, attr: syscall.ProcAttr{Sys: &syscall.SysProcAttr{}}}, err); f.text != "execute "+good+": "+err.Error() || f.class != faultOther {
			t.Errorf("%v: %+v", err, f)
		}
	}
}

func TestDiagnoseRights(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	private := program(t, dir+"/private/tool", nothing)
	must(t, os.Chmod(dir+"/private", 0o700), os.Chmod(program(t, dir+"/root-only", nothing), 0o700))
	if os.Getuid() == 0 {
		nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
		for path, in := range map[string]string{private: "", dir + "/root-only": "", "/bin/true": dir + "/private"} {
			want := "execute " + path + ": permission denied for uid 65534 (or to enter its directory)"
			if f := attempt(t, path, in, nobody); f.text != want {
				t.Errorf("%s in %q: %s", path, in, f.text)
			}
		}
	}
	must(t, os.Chmod(dir+"/private", 0))
	t.Cleanup(func() { os.Chmod(dir+"/private", 0o755) })
	asNobody(t, dir)
	p := prepared{path: "/bin/true", attr: syscall.ProcAttr{Dir: dir + "/private", Sys: &syscall.SysProcAttr{}}}
	if f := diagnose(p, syscall.EACCES); f.text != "cwd: enter "+dir+"/private: permission denied" {
		t.Error(f.text)
	}
	p = prepared{path: "/bin/true", attr: syscall.ProcAttr{Sys: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 5}}}}
	if f := diagnose(p, syscall.EPERM); f.text != "become uid 5, gid 0: operation not permitted (the supervisor needs CAP_SETUID and CAP_SETGID)" {
		t.Error(f.text)
	}
}
