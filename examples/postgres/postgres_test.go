// Package postgres runs the example of this directory, with the programs of the
// system.
package postgres

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// bin is where Debian has what only PostgreSQL itself runs.
const bin = "/usr/lib/postgresql/15/bin/"

func start(t *testing.T) *example.Example {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to become the user postgres")
	}
	example.Needs(t, "postgresql", bin+"postgres", "psql")
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	run, err := os.MkdirTemp("", "pg") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	e := example.Copy(t, []string{"config/cluster", "config/postgres", "config/backup"}, "/srv/postgres/run", run, "/srv/postgres", "ROOT", `"oom_score_adj": -500,`, "")
	for _, dir := range []string{e.Root + "/data", e.Root + "/backup", run} {
		os.Mkdir(dir, 0o700)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return e.Start()
}

// ask has PostgreSQL answer a query.
func ask(t *testing.T, e *example.Example, query string) string {
	t.Helper()
	spec, err := os.ReadFile(e.Root + "/config/postgres")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(spec), `"-k", "`)
	run, _, _ := strings.Cut(rest, `"`)
	cmd := exec.Command("psql", "-h", run, "-U", "postgres", "-XAtc", query)
	u, _ := user.Lookup("postgres")
	uid, _ := strconv.Atoi(u.Uid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPostgres: the cluster is made first, a backup can be had, what was
// committed survives a kill, and the end is an orderly shutdown.
func TestPostgres(t *testing.T) {
	e := start(t)
	e.UntilState("postgres", spec.Running)
	e.Happened("the start", []string{"cluster started", "postgres started", "postgres ready"}, spec.EventStarted, spec.EventReady)
	ask(t, e, "create table notes as select 'kept' as text")
	if st := e.Status("backup"); st.State != spec.Waiting || st.Restarts != 0 || st.Generation != 0 {
		t.Errorf("the backup: %+v", st)
	}
	e.Ctl("start", "backup", "--wait")
	e.Until("the backup is over", func() bool { return e.Status("backup").LastExit != nil && e.Status("backup").PID == 0 })
	if got := e.Status("backup").LastExit.String(); got != "exit 0" {
		t.Errorf("the backup: %s", got)
	}
	dumps, _ := filepath.Glob(e.Root + "/backup/*.sql")
	if len(dumps) != 1 {
		t.Fatalf("backups: %v", dumps)
	}
	if text, err := os.ReadFile(dumps[0]); err != nil || !strings.Contains(string(text), "kept") {
		t.Errorf("%s does not have what was to be kept: %v", dumps[0], err)
	}
	first := e.Status("postgres")
	syscall.Kill(first.PID, syscall.SIGKILL)
	e.Until("PostgreSQL is back", func() bool { st := e.Status("postgres"); return st.Ready && st.Generation > first.Generation })
	if got := ask(t, e, "select text from notes"); got != "kept" {
		t.Errorf("after a kill: %q", got)
	}
	e.End()
	if out := e.Log.String(); !strings.Contains(out, "received fast shutdown request") || !strings.Contains(out, "database system is shut down") {
		t.Error("no fast shutdown")
	}
	if got := e.Status("postgres").LastExit; got == nil || got.String() != "exit 0" {
		t.Errorf("it ended with %v", got)
	}
}
