package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// `docker stop` ends everything in time, and gives the program's own code.
func TestStop(t *testing.T) {
	t.Parallel()
	base(t)
	const (
		polite = `trap "exit 5" TERM; echo main is up; ` + loop
		deaf   = `trap "" TERM; echo service is up; ` + loop
	)
	for _, tc := range []struct {
		name    string
		service string
		command []string
		code    int
	}{
		{"with a program", shell("echo service is up; " + loop), []string{"--", "sh", "-c", polite}, 5},
		{"without one", shell("echo service is up; " + loop), nil, 0},
		{"a service takes no notice", shell(deaf, `"stop": {"grace": 1}`), []string{"--", "sh", "-c", polite}, 5},
		{"a service wants more time than there is", shell(deaf, `"stop": {"grace": "1h"}`),
			[]string{"--shutdown-timeout", "2", "--", "sh", "-c", polite}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			options, _ := specs(t, map[string]string{"service": tc.service})
			c := start(t, options, tc.command...)
			c.says("service is up\n")
			if tc.command != nil {
				c.says("main is up\n")
			}
			if code := c.stop(); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
		})
	}
}

// What takes too long is killed before the engine would do it, without being told
// how long the engine waits. (Here it waits for longer, so that a slow machine
// does not decide.)
func TestStopWithoutEnd(t *testing.T) {
	t.Parallel()
	options, _ := specs(t, map[string]string{"service": shell(`trap "" TERM; echo service is up; `+loop, `"stop": {"grace": "1h"}`)})
	c := start(t, options)
	c.says("service is up\n")
	if code := c.stop("-t", "50"); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	c.says("the time to shut down is over")
}

// `docker kill -s` reaches the program.
func TestSignalsReachTheProgram(t *testing.T) {
	t.Parallel()
	c := start(t, nil, "--", "sh", "-c", `for s in HUP USR1 USR2 WINCH; do trap "echo got $s" $s; done; echo up; `+loop)
	c.says("up\n")
	for _, s := range []string{"HUP", "USR1", "USR2", "WINCH"} {
		must(t, "kill", "-s", s, c.name)
		c.says("got " + s + "\n")
	}
	must(t, "kill", "-s", "INT", c.name)
	if e := c.wait(); e.ExitCode != 130 {
		t.Errorf("exit code %d after INT, want 130", e.ExitCode)
	}
}

// HUP to a colony has the directories looked at, and an emptiness believed that
// was not before: that of another directory in the place of the first.
func TestHangupRescans(t *testing.T) {
	t.Parallel()
	base(t)
	dir := t.TempDir()
	swap := func(to string) {
		err := os.Symlink(to, filepath.Join(dir, "next"))
		if err == nil {
			err = os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"full", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "full", "service"), []byte(shell(loop)), 0o644); err != nil {
		t.Fatal(err)
	}
	swap("full")
	c := start(t, []string{"-v", dir + ":/specs:ro"}, "--config", "/specs/current", "--frequency", "0.2")
	c.until("service", spec.Running)
	swap("empty")
	eventually(t, "the supervisor sees that its directory has gone", func() bool { return len(c.colony().Degraded) > 0 })
	if st := c.status()["service"]; st.State != spec.Running || st.Generation != 1 {
		t.Errorf("the service is %+v, want it to go on", st)
	}
	must(t, "kill", "-s", "HUP", c.name)
	eventually(t, "the service is gone", func() bool { return len(c.status()) == 0 })
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
