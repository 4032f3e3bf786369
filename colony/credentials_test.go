package colony

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// TestVault: who is given credentials can read them, nobody can change them, and
// nobody else gets there.
func TestVault(t *testing.T) {
	dir := t.TempDir()
	v := vault{colony: "c0ffee", memory: []string{"/nowhere"}, disk: dir + "/state/credentials"}
	put(t, dir+"/secret", "hunter2\n")
	life := lifeID{"web", 7}
	user := identity{}
	if os.Getuid() == 0 {
		user = identity{Set: true, UID: 4711, GID: 4712}
	}
	for range 2 { // one that died while it was filled is filled anew
		at, err := v.fill(life, map[string]string{"db": dir + "/secret", "empty": "/dev/null/../null"}, user)
		if err == nil {
			t.Fatalf("a device is a credential: %s", at)
		}
		if at, err = v.fill(life, map[string]string{"db": dir + "/secret"}, user); at != dir+"/state/credentials/web:7" {
			t.Fatal(at, err)
		}
	}
	for path, mode := range map[string]os.FileMode{"": 0o711, "web:7": 0o500, "web:7/db": 0o400} {
		fi, err := os.Lstat(filepath.Join(v.disk, path))
		must(t, err)
		if fi.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), mode)
		}
		if st := fi.Sys().(*unixStat); user.Set && path != "" && (st.Uid != 4711 || st.Gid != 4712) {
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
	}
	b, err := os.ReadFile(v.dir(life) + "/db")
	if must(t, err); string(b) != "hunter2\n" {
		t.Errorf("%q", b)
	}
	v.clear(map[string]bool{"web:7": true})
	must(t, unix.Access(v.dir(life), unix.F_OK))
	v.close()
	must(t, unix.Access(v.dir(life), unix.F_OK))
	v.empty(life)
	v.close()
	if list, err := os.ReadDir(v.disk); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v, %v", list, err)
	}
}

// TestVaultRefuses: nothing is half filled, and a place that is not ours alone
// is not used.
func TestVaultRefuses(t *testing.T) {
	dir := t.TempDir()
	v := vault{colony: "c0ffee", memory: []string{"/nowhere"}, disk: dir + "/credentials"}
	put(t, dir+"/large", strings.Repeat("x", spec.MaxCredentialSize+1))
	put(t, dir+"/fits", strings.Repeat("x", spec.MaxCredentialSize))
	must(t, unix.Mkfifo(dir+"/fifo", 0o600))
	life := lifeID{"a", 1}
	for from, want := range map[string]string{
		dir + "/nowhere": "db: read " + dir + "/nowhere: file does not exist",
		dir:              "db: read " + dir + ": not a regular file but a directory",
		dir + "/fifo":    "db: read " + dir + "/fifo: not a regular file but a FIFO",
		dir + "/large":   "db: read " + dir + "/large: more than 1 MiB",
	} {
		_, err := v.fill(life, map[string]string{"a": dir + "/fits", "db": from}, identity{})
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		if _, err := os.Stat(v.dir(life)); err == nil {
			t.Error("it is half filled")
		}
	}
	must(t, os.Chmod(v.disk, 0o777))
	if _, err := v.fill(life, nil, identity{}); err == nil || !strings.Contains(err.Error(), "it is not ours alone; remove it") {
		t.Error(err)
	}
	must(t, os.Remove(v.disk), os.Symlink(dir, v.disk))
	if _, err := v.fill(life, nil, identity{}); err == nil || !strings.Contains(err.Error(), "it is not ours alone; remove it") {
		t.Error(err)
	}
}

// TestCredentials: a service reads them, and nothing that we say or show has
// them; they are gone with the life, also if nobody was there at its end.
func TestCredentials(t *testing.T) {
	root := t.TempDir()
	const secret = "s3cr3t-that-nobody-shall-see"
	put(t, root+"/secret", secret)
	s := startSuper(t, root, false)
	text := func(more ...any) string {
		return with(map[string]any{"credentials": map[string]string{"db": root + "/secret"}, "env": map[string]string{"OUT": root + "/out"},
			"args": []string{"/bin/sh", "-c", `cat "$CREDENTIALS_DIRECTORY/db" >$OUT.tmp; echo >>$OUT.tmp; echo "$CREDENTIALS_DIRECTORY" >>$OUT.tmp; mv $OUT.tmp $OUT; exec sleep 600`}}, more...)
	}
	s.add("a", text())
	a := s.until("a", spec.Running)
	await(root + "/out")
	got, err := os.ReadFile(root + "/out")
	must(t, err)
	said, dir, _ := strings.Cut(strings.TrimSpace(string(got)), "\n")
	if said != secret || !strings.HasSuffix(dir, "/a:1") {
		t.Fatalf("%q", got)
	}
	shown := ""
	show := func(path string) {
		b, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(filepath.Base(path), atomicfile.Temp) { // it has its name now
			must(t, err)
		}
		shown += string(b)
	}
	show(procPath(a.PID, "environ"))
	show(procPath(a.PID, "cmdline"))
	show(s.log)
	must(t, filepath.WalkDir(s.places.State, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(path, dir) {
			show(path)
		}
		return err
	}))
	if !strings.Contains(shown, "CREDENTIALS_DIRECTORY") || !strings.Contains(shown, root+"/secret") {
		t.Error("this has not looked where something could be")
	}
	if strings.Contains(shown, secret) {
		t.Error("the secret can be seen")
	}
	s.send(`{"type": "RESTART", "name": "a"}`)
	a = s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 2 })
	s.eventually("those of the life before are gone", func() bool { _, err := os.Stat(dir); return err != nil })
	second := strings.TrimSuffix(dir, "1") + "2"
	must(t, unix.Access(second, unix.F_OK))
	s.murder()
	unix.Kill(a.PID, unix.SIGKILL)
	s = startSuper(t, root, false)
	s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 3 })
	s.eventually("those of the life that nobody saw end are gone", func() bool { _, err := os.Stat(second); return err != nil })
	must(t, os.Remove(root+"/secret"))
	s.add("a", text("restart", "never", "umask", "077"))
	if st := s.until("a", spec.Exited); !strings.Contains(st.LastExit.SpawnError, "credentials: db: read "+root+"/secret: file does not exist") {
		t.Errorf("%+v", st.LastExit)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if list, err := os.ReadDir(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v, %v", fmt.Sprint(list), err)
	}
}
