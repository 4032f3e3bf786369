package colony

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// shelf is a config directory without the goroutine that watches it: the test
// decides when it is looked at, and when a quiet time has passed.
type shelf struct {
	*configDir
	*ear
}

func newShelf(t *testing.T, tr trust) *shelf {
	e := listen(t)
	dir := filepath.Join(t.TempDir(), "config")
	must(t, os.Mkdir(dir, 0o755))
	vet := func(sp *spec.Spec) string {
		if sp.Args[0] == "vetoed" {
			return "vetoed"
		}
		return ""
	}
	return &shelf{newConfigDir(thisMachine(), dir, tr, vetFunc(vet), e.outbox(), newTroubles(e.outbox(), nil)), e}
}

func (s *shelf) file(name string) string { return filepath.Join(s.path, name) }

// hint is what a notification about a file leads to.
func (s *shelf) hint(name string) []string {
	s.look(name, time.Now())
	return s.heard()
}

// settle lets quiet times pass until none is waited for.
func (s *shelf) settle() []string {
	s.t.Helper()
	for range 100 {
		at := s.recheckAt()
		if at.IsZero() {
			return s.heard()
		}
		s.recheck(at)
	}
	s.t.Fatal("never comes to rest")
	return nil
}

// full is what a full scan tells in the end.
func (s *shelf) full() []string {
	s.t.Helper()
	s.scan(false)
	return s.settle()
}

func (s *shelf) want(got []string, want ...string) {
	s.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		s.t.Fatalf("told (-want +got):\n%s", d)
	}
}

// TestSpecIsToldAtOnce: good news does not wait.
func TestSpecIsToldAtOnce(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.hint("web"), "web is 1")
	s.want(s.hint("web"))
	put(t, s.file("api.json"), argsOf("1"))
	s.want(s.hint("api.json"), "api is 1")
	s.want(s.settle())
	s.want(s.full())
}

// TestInPlaceWrite: neither the empty file nor half of a spec is told while
// more may come; what stays is.
func TestInPlaceWrite(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.hint("web"), "web is 1")
	put(t, s.file("web"), "")
	s.want(s.hint("web"))
	put(t, s.file("web"), "{\n  \"args\": [\"run\",")
	s.want(s.hint("web"))
	put(t, s.file("web"), argsOf("2"))
	s.want(s.hint("web"), "web is 2")
	s.want(s.settle())

	put(t, s.file("web"), "{\n  \"args\": [\"run\",")
	s.want(s.hint("web"))
	s.want(s.settle(), "web bad: line 2 column 18: truncated: the text ends inside a list")
	s.want(s.full())
	must(t, os.Chtimes(s.file("web"), time.Time{}, time.Now()))
	s.want(s.full()) // the same content again
	put(t, s.file("web"), argsOf("2"))
	s.want(s.hint("web"), "web is 2") // mended, though it is what it was
}

// TestNeverLeftAlone: a file that changes all the time is judged all the same.
func TestNeverLeftAlone(t *testing.T) {
	s := newShelf(t, trust{})
	now := time.Now()
	for i := range 1000 {
		put(t, s.file("web"), "{"+strings.Repeat(" ", i))
		s.look("web", now)
		now = now.Add(quiet / 5)
		if s.recheck(now); len(s.heard()) > 0 {
			if i*int(quiet/5) < int(quietMost-quiet) {
				t.Error("told though it was not left alone")
			}
			return
		}
	}
	t.Fatal("never told")
}

// TestLookingIsNotTouching: that a file is looked at again and again does not
// make its bad news wait for longer.
func TestLookingIsNotTouching(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), "{")
	start := time.Now()
	s.look("web", start)
	s.look("web", start.Add(quiet/2))
	s.scan(false)
	if got := s.recheckAt(); !got.Equal(start.Add(quiet)) {
		t.Errorf("judged after %v", got.Sub(start))
	}
}

func TestRemoved(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.hint("web"), "web is 1")
	must(t, os.Remove(s.file("web")))
	s.want(s.hint("web"))
	s.want(s.settle(), "web gone")
	s.want(s.full())

	// An editor's backup: the old file under another name, then a new one.
	put(t, s.file("web"), argsOf("1"))
	s.want(s.hint("web"), "web is 1")
	must(t, os.Rename(s.file("web"), s.file("web~")))
	s.want(s.hint("web"))
	s.want(s.hint("web~"))
	put(t, s.file("web"), argsOf("2"))
	s.want(s.hint("web"), "web is 2")
	s.want(s.settle())

	// The same content again in a new file is no news at all.
	must(t, os.Rename(s.file("web"), s.file("web~")))
	s.want(s.hint("web"))
	put(t, s.file("web"), argsOf("2"))
	s.want(s.hint("web"))
	s.want(s.settle())
}

func TestTwoFilesOfOneName(t *testing.T) {
	const both = "web bad: both web and web.json are there; remove one"
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.full(), "web is 1")
	put(t, s.file("web.json"), argsOf("2"))
	s.want(s.hint("web.json"))
	s.want(s.settle(), both)
	s.want(s.full())
	must(t, os.Remove(s.file("web")))
	s.want(s.hint("web"), "web is 2")
	put(t, s.file("web"), "{")
	s.want(s.full(), both)
	must(t, os.Remove(s.file("web")))
	s.want(s.full(), "web is 2")
	must(t, os.Mkdir(s.file("web"), 0o755)) // a directory is no file
	s.want(s.full())

	// From one spelling to the other, with a moment in which both or none is there.
	must(t, os.Rename(s.file("web.json"), s.file("web.json.new")))
	s.want(s.hint("web.json"))
	must(t, os.Remove(s.file("web")))
	put(t, s.file("web"), argsOf("2"))
	s.want(s.hint("web"))
	s.want(s.settle())
}

func TestNames(t *testing.T) {
	s := newShelf(t, trust{})
	for _, name := range []string{".web", "#web#", "web~", "web.new", "web.tmp", "web.swp", "web.bak", "a.dpkg-old", "a.rpmsave"} {
		put(t, s.file(name), "{")
	}
	must(t, os.Mkdir(s.file("sub"), 0o755), os.Mkdir(s.file("bad sub"), 0o755), os.Symlink(s.path, s.file("loop")))
	long := strings.Repeat("n", 101)
	for _, name := range []string{"a b", "@x", "tab\there", "byte\xff", long} {
		put(t, s.file(name), argsOf("1"))
	}
	s.want(s.full(), `bad files: "byte\xff" (name "byte\xff": must not contain '�', only letters, digits and . _ + -), `+
		`@x (name "@x": names that begin with "@" are the helpers'), `+
		`a b (name "a b": must not contain ' ', only letters, digits and . _ + -), `+
		long+` (name "`+long[:64]+`"...: 101 bytes long, at most 100), `+
		"tab\there"+` (name "tab\there": must not contain '\t', only letters, digits and . _ + -)`)
	s.want(s.full(), "loop gone") // if there was a service of that name before, it is none now
	s.want(s.full())
	for _, name := range []string{"a b", long, "tab\there", "byte\xff"} {
		must(t, os.Remove(s.file(name)))
	}
	s.want(s.hint("a b"), `bad files: @x (name "@x": names that begin with "@" are the helpers')`)
	must(t, os.Remove(s.file("@x")))
	s.want(s.full(), "bad files: ")
}

// TestOddFiles: whatever stands where a spec should is named, and never waited
// for.
func TestOddFiles(t *testing.T) {
	s := newShelf(t, trust{})
	at := func(name string) string { return filepath.Join(t.TempDir(), name) }
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(sock)
	must(t, unix.Bind(sock, &unix.SockaddrUnix{Name: s.file("socket")}),
		unix.Mkfifo(s.file("fifo"), 0o644),
		os.Symlink("fifo", s.file("tofifo")),
		os.Symlink("socket", s.file("tosocket")),
		os.Symlink("/dev/null", s.file("todevice")),
		os.Symlink(at("nowhere"), s.file("dangling")),
		os.Symlink("loop", s.file("loop")),
		os.Symlink(s.path, s.file("todir")),
		os.Symlink("fifo/x", s.file("through")),
		os.Symlink("/proc/self/mem", s.file("mem")))
	put(t, s.file("large"), argsOf(strings.Repeat("x", spec.MaxSpecSize)))
	put(t, s.file("binary"), "\x7fELF\x00\x01")
	put(t, s.file("empty"), "")
	put(t, s.file("vetoed"), `{"args": ["vetoed"]}`)
	to, _ := os.Readlink(s.file("dangling"))
	odd := map[string]string{
		"socket": "not a regular file but a socket", "tosocket": "not a regular file but a socket",
		"fifo": "not a regular file but a FIFO", "tofifo": "not a regular file but a FIFO",
		"todevice": "not a regular file but a device",
		"dangling": "dangling symbolic link to " + to,
		"loop":     "symbolic links that lead in a circle",
		"through":  "read: not a directory",
		"mem":      "read: input/output error",
		"large":    "line 1 column 102401: too large: more than 100 KiB",
		"binary":   "line 1 column 5: not text: a NUL byte",
		"empty":    "line 1 column 1: empty file",
		"vetoed":   "vetoed",
	}
	got := map[string]string{}
	for _, said := range s.full() {
		name, why, _ := strings.Cut(said, " bad: ")
		got[name] = why
	}
	if d := cmp.Diff(odd, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	s.want(s.full(), "todir gone") // likewise
	s.want(s.full())
	for name := range odd {
		must(t, os.Remove(s.file(name)))
		put(t, s.file(name), argsOf("1"))
	}
	if got := len(s.full()); got != len(odd) {
		t.Errorf("%d of %d told as mended", got, len(odd))
	}
}

func TestDeviceNode(t *testing.T) {
	needRoot(t)
	s := newShelf(t, trust{})
	if err := unix.Mknod(s.file("dev"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))); err != nil {
		t.Skipf("needs to make a device node: %v", err)
	}
	s.want(s.full(), "dev bad: not a regular file but a device")
}

// TestVanishing: a file that is listed and gone when it is read.
func TestVanishing(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.full(), "web is 1")
	s.compare([]string{"web", "api"}, map[string]bool{"web": true, "api": true}, time.Now())
	s.want(s.settle())
	must(t, os.Remove(s.file("web")))
	s.compare([]string{"web", "api"}, map[string]bool{"web": true, "api": true}, time.Now())
	s.want(s.settle(), "web gone")
}

// TestExpected: what is expected of a file saves its parsing if it is true, and
// changes nothing of what is told.
func TestExpected(t *testing.T) {
	s := newShelf(t, trust{})
	old := specOf(t, argsOf("1"))
	for _, name := range []string{"api", "gone", "web", "worker"} {
		s.expect(name, old)
	}
	put(t, s.file("api.json"), argsOf("1"))
	put(t, s.file("web"), argsOf("1"))
	put(t, s.file("worker"), argsOf("2"))
	s.want(s.full(), "api is 1", "web is 1", "worker is 2")
	for _, name := range []string{"api", "web"} {
		if s.told[name].spec != old {
			t.Errorf("%s was parsed again", name)
		}
	}
	if len(s.files) != 3 {
		t.Errorf("of files there are %v", s.files)
	}
}
