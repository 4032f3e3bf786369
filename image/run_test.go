package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A container with one program has its output and its exit code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	base(t)
	for _, tc := range []struct {
		name    string
		command []string
		code    int
		out     string
		err     string // somewhere in it
	}{
		{"0", []string{"--", "sh", "-c", "echo out; echo err >&2"}, 0, "out\n", "err\n"},
		{"7", []string{"--", "sh", "-c", "echo out; exit 7"}, 7, "out\n", "code=7"},
		{"killed", []string{"--", "sh", "-c", "kill -KILL $$"}, 137, "", "signal=KILL"},
		{"terminated", []string{"--", "sh", "-c", "kill -TERM $$"}, 143, "", "signal=TERM"},
		{"missing", []string{"--", "/no/such/program"}, 127, "", "execute /no/such/program: no such file"},
		{"not in PATH", []string{"--", "no-such-program"}, 127, "", `no such program: \"no-such-program\" in PATH /`},
		{"not executable", []string{"--", "/etc/hosts"}, 126, "", "execute /etc/hosts: permission denied"},
		{"version", []string{"--version"}, 0, "ncolony test\n", ""},
		{"usage", []string{"--no-such-flag"}, 2, "", "--no-such-flag"},
		{"nobody there", []string{"ctl", "status"}, 5, "", "no supervisor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := attached(t, nil, tc.command...)
			if s.code != tc.code || s.out != tc.out || !strings.Contains(s.err, tc.err) {
				t.Errorf("code %d, out %q, err %q; want %d, %q and in err %q", s.code, s.out, s.err, tc.code, tc.out, tc.err)
			}
		})
	}
}

// An image made with FROM ncolony for one program.
func TestImageOfAProgram(t *testing.T) {
	t.Parallel()
	app := derived(t, "app.Dockerfile")
	for _, tc := range []struct {
		command []string
		want    said
	}{
		{nil, said{code: 9, out: "the program\n"}},
		{[]string{"sh", "-c", "echo another; exit 3"}, said{code: 3, out: "another\n"}},
	} {
		args := []string{"run", "--name", newName(t), "--network", "none", app}
		if got := docker("", append(args, tc.command...)...); got.code != tc.want.code || got.out != tc.want.out {
			t.Errorf("%v: %+v, want %+v", tc.command, got, tc.want)
		}
	}
}

// An image made with FROM ncolony for a colony: specs that were copied and
// specs that `ctl add` has written while it was built. It also has a health
// check.
func TestImageOfAColony(t *testing.T) {
	t.Parallel()
	c := startImage(t, derived(t, "colony.Dockerfile"), nil)
	c.until("copied", spec.Running)
	c.until("added", spec.Running)
	eventually(t, "the container is healthy", func() bool {
		return must(t, "inspect", "-f", "{{.State.Health.Status}}", c.name) == "healthy"
	})
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// derived builds an image on the base image.
func derived(t *testing.T, file string) (tag string) {
	t.Helper()
	image := base(t)
	tag = prefix + ":" + strings.TrimSuffix(file, ".Dockerfile")
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if err := build(dir, file, tag, "--build-arg", "IMAGE="+image); err != nil {
		t.Fatal(err)
	}
	return tag
}

// What .dockerignore lets through is enough to build ncolony, and little more.
func TestContext(t *testing.T) {
	t.Parallel()
	base(t)
	tag, name := prefix+":context", newName(t)
	if err := build("..", "image/testdata/context.Dockerfile", tag); err != nil {
		t.Fatal(err)
	}
	must(t, "create", "--name", name, "--network", "none", tag)
	dir := t.TempDir()
	must(t, "cp", name+":/src", dir)
	cmd := exec.Command("go", "build", "-o", t.TempDir(), "./cmd/ncolony", "./cmd/ncolony-ctl", "./cmd/ncolony-heartcheck", "./cmd/ncolony-log", "./cmd/ncolony-probe", "./cmd/ncolony-schedule", "./cmd/ncolony-serve", "./cmd/ncolony-top")
	cmd.Dir, cmd.Env = filepath.Join(dir, "src"), append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("build ncolony: %v\n%s", err, out)
	}
	for _, file := range []string{".git", "image/run_test.go", "colony/testdata", "colony/arch_test.go"} {
		if _, err := os.Stat(filepath.Join(dir, "src", file)); err == nil {
			t.Errorf("%s was sent to the engine", file)
		}
	}
}

// All of stdin reaches the program, and its end does.
func TestPipedInput(t *testing.T) {
	t.Parallel()
	image := base(t)
	input := strings.Repeat("0123456789abcde\n", 1<<16)
	s := docker(input, "run", "-i", "--name", newName(t), "--network", "none", image, "--", "cat")
	if s.code != 0 || s.out != input {
		t.Errorf("code %d and %d bytes, want 0 and %d", s.code, len(s.out), len(input))
	}
}

// The container's environment is the program's, and that of services only as far
// as they ask for it.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	const say = `echo "$NCOLONY_NAME has <$GIVEN>"`
	options, _ := specs(t, map[string]string{
		"asks":     shell(say, `"restart": "never"`, `"env_inherit": ["GIVEN"]`),
		"does-not": shell(say, `"restart": "never"`),
	})
	c := start(t, append(options, "-e", "GIVEN=x y"), "--", "sh", "-c", say+"; "+loop)
	c.says("main has <x y>")
	c.says("asks has <x y>")
	c.says("does-not has <>")
}

// A colony in which a service double-forks has no zombies.
func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	options, _ := specs(t, map[string]string{
		"forker": shell("for i in 0 1 2 3 4 5 6 7 8 9; do ( sleep 0.1 & ) ; done; " + loop),
	})
	c := start(t, options)
	eventually(t, "ten orphans were reaped", func() bool { return c.colony().Orphans >= 10 })
	eventually(t, "no zombie is left", func() bool {
		for _, line := range strings.Split(c.inside("sh", "-c", "cat /proc/[0-9]*/stat").out, "\n") {
			if _, rest, ok := strings.Cut(line, ") "); ok && rest[0] == 'Z' {
				return false
			}
		}
		return true
	})
}
