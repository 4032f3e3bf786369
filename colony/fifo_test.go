package colony

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestFIFO: a service reads what others write, over restarts of the supervisor
// and without ever seeing the end; only its user may write; it goes with the
// service.
func TestFIFO(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	s := startSuper(t, root, false)
	user := ""
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534
		user = `, "uid": 65534`
		for d := dir; d != "/" && d != "/tmp"; d = filepath.Dir(d) {
			must(t, os.Chmod(d, 0o777))
		}
	}
	out := filepath.Join(dir, "out")
	s.add("web", `{"args": ["/bin/sh", "-c", "while read -r line; do echo \"$line\" >`+out+`.part; mv `+out+`.part `+out+`; done; echo end >`+out+`"], "stdin": "fifo"`+user+`}`)
	s.until("web", spec.Running)
	path := s.places.Stdin("web")
	say := func(text string) {
		t.Helper()
		os.Remove(out)
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		must(t, err)
		_, err = f.WriteString(text + "\n")
		must(t, err)
		must(t, f.Close())
		if got := strings.TrimSpace(s.read(out)); got != text {
			t.Errorf("it has read %q, want %q", got, text)
		}
	}
	say("one")
	say("two")
	fi, err := os.Stat(path)
	must(t, err)
	if st := fi.Sys().(*syscall.Stat_t); fi.Mode() != os.ModeNamedPipe|0o600 || int(st.Uid) != uid {
		t.Errorf("%s: %v of uid %d", path, fi.Mode(), st.Uid)
	}
	list, _ := os.ReadDir(procPath(s.cmd.Process.Pid, "fd"))
	for _, f := range list {
		if to, _ := os.Readlink(procPath(s.cmd.Process.Pid, "fd/"+f.Name())); to == path {
			t.Error("the supervisor has it open")
		}
	}
	s.murder()
	say("while nobody supervises")
	s = startSuper(t, root, false)
	before := s.until("web", spec.Running).PID
	say("three")
	if r := s.send(`{"type":"RESTART","name":"web"}`); !r.OK || r.OldPID != before {
		t.Fatalf("%+v", r)
	}
	say("four")
	s.remove("web")
	s.eventually("it goes with the service", func() bool { _, err := os.Stat(path); return errors.Is(err, os.ErrNotExist) })
}

// TestFIFOThatIsNone: what stands in its place stays, and is named.
func TestFIFOThatIsNone(t *testing.T) {
	p := placesIn(t.TempDir())
	must(t, makeState(osDisk{}, p))
	f := fifos{p}
	path := p.Stdin("web")
	for what, put := range map[string]func() error{
		"file":      func() error { return os.WriteFile(path, []byte("text"), 0o600) },
		"directory": func() error { return os.Mkdir(path, 0o700) },
		"link":      func() error { return os.Symlink("/dev/null", path) },
	} {
		must(t, put())
		if fd, err := f.open("web", os.Getuid(), os.Getgid()); err == nil || !strings.Contains(err.Error(), "stdin: open "+path+": a file that is no FIFO stands there") {
			t.Errorf("%s: %d, %v", what, fd, err)
		}
		f.remove("web")
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: it was removed", what)
		}
		must(t, os.Remove(path))
	}
	// One of an earlier start serves again, with its rights put right; the
	// directory is made anew.
	must(t, os.Remove(p.StdinDir()))
	for range 2 {
		fd, err := f.open("web", os.Getuid(), os.Getgid())
		must(t, err)
		var st unix.Stat_t
		must(t, unix.Fstat(fd, &st))
		if st.Mode != unix.S_IFIFO|0o600 {
			t.Errorf("mode %o", st.Mode)
		}
		f.remove("web")
		if _, err := os.Stat(path); err != nil {
			t.Error("removed while a life has it")
		}
		must(t, unix.Close(fd))
		must(t, os.Chmod(path, 0o666))
	}
	f.remove("web")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("not removed: %v", err)
	}
	must(t, unix.Mkfifo(p.Stdin("a"), 0o600))
	must(t, unix.Mkfifo(p.Stdin("b"), 0o600))
	clearFIFOs(osDisk{}, p, map[string]bool{"a": true, "b": false})
	if list, _ := os.ReadDir(p.StdinDir()); len(list) != 1 || list[0].Name() != "a" {
		t.Errorf("left: %s", strconv.Itoa(len(list)))
	}
}
