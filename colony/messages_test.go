package colony

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// postbox is a messages directory without the goroutine that watches it.
type postbox struct {
	*messageDir
	*ear
	looks []string // looks at the specs: what was told before, and whether forced
}

func newPostbox(t *testing.T) *postbox {
	e := listen(t)
	p := placesIn(t.TempDir())
	must(t, os.Mkdir(p.Messages, 0o755), makeState(osDisk{}, p))
	d := newMessageDir(thisMachine(), p, os.Getuid(), false, e.outbox(), newTroubles(e.outbox(), nil))
	return &postbox{messageDir: d, ear: e}
}

func (p *postbox) file(name string) string { return filepath.Join(p.path, name) }

// scanned is what a scan tells.
func (p *postbox) scanned() []string {
	p.looks = nil
	p.messageDir.scan(func(force bool) { p.looks = append(p.looks, fmt.Sprint(len(p.events), " ", force)) })
	return p.heard()
}

// later lets the patience with all that does not parse run out.
func (p *postbox) later() {
	for file, u := range p.wait {
		u.at = time.Now()
		p.wait[file] = u
	}
}

func (p *postbox) want(got []string, want ...string) {
	p.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		p.t.Fatalf("told (-want +got):\n%s", d)
	}
}

// result is what the sender of a message can read.
func (p *postbox) result(file string) string {
	var r spec.Result
	if err := readJSON(osDisk{}, p.places.Result(file), &r); err != nil {
		return "none"
	}
	return fmt.Sprintf("%s %s%s finished=%v", r.Type, r.Name, r.Group, r.Finished != nil)
}

func (p *postbox) there(name string) bool {
	_, err := os.Lstat(p.file(name))
	return err == nil
}

// TestOrder: messages are taken in the order in which they were written, each
// once, and after a look at the specs.
func TestOrder(t *testing.T) {
	p := newPostbox(t)
	base := time.Now().Add(-time.Hour)
	for file, at := range map[string]int{"c": 1, "a": 2, "b": 2, "@odd name": 3, "z.json": 0} {
		put(t, p.file(file), `{"type": "START", "name": "`+strings.TrimSuffix(file, ".json")[:1]+`x"}`)
		must(t, os.Chtimes(p.file(file), time.Time{}, base.Add(time.Duration(at)*time.Millisecond)))
	}
	put(t, p.file("@odd name"), `{"type": "RESCAN"}`)
	must(t, os.Chtimes(p.file("@odd name"), time.Time{}, base.Add(3*time.Millisecond)))
	put(t, p.file("half.new"), `{"type": "SHUTDOWN"}`)
	put(t, p.file(".hidden"), `{"type": "SHUTDOWN"}`)
	p.want(p.scanned(), "z.json received: START zx, trusted", "c received: START cx, trusted", "a received: START ax, trusted",
		"b received: START bx, trusted", "@odd name received: RESCAN, trusted")
	if d := cmp.Diff([]string{"0 true"}, p.looks); d != "" {
		t.Errorf("looks at the specs, by events before: %s", d)
	}
	for file, want := range map[string]string{"z.json": "START zx finished=false", "@odd name": "RESCAN  finished=false", ".hidden": "none"} {
		if got := p.result(file); got != want {
			t.Errorf("result of %s: %s, want %s", file, got, want)
		}
	}
	p.want(p.scanned())
	if len(p.looks) > 0 || !p.there(".hidden") || !p.there("half.new") || p.there("a") {
		t.Error("looks without need, or touches what is not for it, or leaves what is")
	}
	put(t, p.file("a"), `{"type": "START", "name": "ax"}`) // the same name again is another message
	p.want(p.scanned(), "a received: START ax, trusted")
	p.want(p.looks, "0 false")
}

func TestHalfAMessage(t *testing.T) {
	p := newPostbox(t)
	put(t, p.file("m"), `{"type": "STA`)
	p.want(p.scanned())
	p.later()
	put(t, p.file("m"), `{"type": "START", "na`) // changed: the patience begins anew
	before := time.Now()
	p.want(p.scanned())
	if at := p.recheckAt(); at.Before(before.Add(patience)) || time.Until(at) > patience {
		t.Errorf("judged in %v", time.Until(at))
	}
	put(t, p.file("m"), `{"type": "START", "name": "x"}`)
	p.want(p.scanned(), "m received: START x, trusted")
	if !p.recheckAt().IsZero() {
		t.Error("waits for a message that was taken")
	}

	put(t, p.file("m"), `{"type": "START"`)
	p.want(p.scanned())
	p.later()
	p.want(p.scanned(), "m received: bad: line 1 column 17: truncated: the text ends inside an object")
	if p.there("m") || p.result("m") != "  finished=false" {
		t.Error("a bad message stays, or has no result")
	}
	p.want(p.scanned())

	put(t, p.file("m"), "")
	p.want(p.scanned())
	must(t, os.Remove(p.file("m")))
	p.want(p.scanned())
	if !p.recheckAt().IsZero() {
		t.Error("waits for a message that is gone")
	}
}

func TestOddMessages(t *testing.T) {
	p := newPostbox(t)
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(sock)
	target := filepath.Join(t.TempDir(), "target")
	put(t, target, `{"type": "START", "name": "x"}`)
	must(t, unix.Bind(sock, &unix.SockaddrUnix{Name: p.file("a-socket")}), unix.Mkfifo(p.file("b-fifo"), 0o644),
		os.Symlink("nowhere", p.file("c-dangling")), os.Symlink(target, p.file("d-link")), os.Symlink("/dev/zero", p.file("e-device")))
	put(t, p.file("f-large"), strings.Repeat(" ", spec.MaxMessageSize+1))
	p.want(p.scanned(),
		"a-socket received: bad: not a regular file but a socket",
		"b-fifo received: bad: not a regular file but a FIFO",
		"c-dangling received: bad: dangling symbolic link to nowhere",
		"d-link received: START x, trusted",
		"e-device received: bad: not a regular file but a device")
	p.later()
	p.want(p.scanned(), "f-large received: bad: line 1 column 65537: too large: more than 64 KiB")
	list, _ := os.ReadDir(p.path)
	if len(list) > 0 {
		t.Errorf("left: %v", list)
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("what a link leads to was removed: %v", err)
	}
}

// TestStuck: what cannot be removed is acted on once, and said to be in the way.
func TestStuck(t *testing.T) {
	p := newPostbox(t)
	must(t, os.Mkdir(p.file("dir"), 0o755))
	const trouble = `trouble message dir: remove "dir": is a directory (it was acted on once)`
	p.want(p.scanned(), trouble, "dir received: bad: not a regular file but a directory")
	if got := p.result("dir"); got != "  finished=false" { // so the result comes before the removal
		t.Errorf("result: %s", got)
	}
	p.want(p.scanned())
	must(t, os.Remove(p.file("dir")))
	p.want(p.scanned(), "trouble message dir: over")
	put(t, p.file("dir"), `{"type": "RESCAN"}`)
	p.want(p.scanned(), "dir received: RESCAN, trusted")

	put(t, p.file("m"), `{"type": "START", "name": "x"}`)
	asNobody(t, p.path, p.places.ResultsDir())
	must(t, os.Chmod(p.path, 0o555))
	p.want(p.scanned(), `trouble message m: remove "m": permission denied (it was acted on once)`, "m received: START x, trusted")
	p.want(p.scanned())
	must(t, os.Chmod(p.path, 0o755))
	must(t, os.Remove(p.file("m")))
	p.want(p.scanned(), "trouble message m: over")
}

// TestAtMostOnce: the result says that a message is being acted on before the
// message goes away. The kernel tells the order.
func TestAtMostOnce(t *testing.T) {
	p := newPostbox(t)
	put(t, p.file("m"), `{"type": "START", "name": "x"}`)
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(fd)
	results, err := unix.InotifyAddWatch(fd, p.places.ResultsDir(), unix.IN_MOVED_TO)
	must(t, err)
	messages, err := unix.InotifyAddWatch(fd, p.path, unix.IN_DELETE)
	must(t, err)
	p.want(p.scanned(), "m received: START x, trusted")
	var order []string
	what := map[int]string{results: "result written", messages: "message removed"}
	b := make([]byte, 4096)
	n, err := unix.Read(fd, b)
	must(t, err)
	for b = b[:n]; len(b) >= unix.SizeofInotifyEvent; {
		order = append(order, what[int(binary.NativeEndian.Uint32(b))])
		b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
	}
	p.want(order, "result written", "message removed")

	// Taken back between the look and the act: nothing is done, nothing promised.
	put(t, p.file("m"), `{"type": "START", "name": "x"}`)
	l, ok := p.open("m", time.Now())
	must(t, os.Remove(p.file("m")))
	p.take(l, time.Now())
	p.want(p.heard())
	if !ok || p.result("m") != "none" {
		t.Error("a result is left of a message that was taken back")
	}
	if _, ok := p.open("m", time.Now()); ok {
		t.Error("a message that is gone is there")
	}
}

// TestNoResult: without a place for the result the request is acted on. That its
// answer cannot be written is for the publisher to tell, and to mend.
func TestNoResult(t *testing.T) {
	p := newPostbox(t)
	must(t, os.Remove(p.places.ResultsDir()))
	put(t, p.file("m"), `{"type": "START", "name": "x"}`)
	p.want(p.scanned(), "m received: START x, trusted")
}

func TestOldMessages(t *testing.T) {
	p := newPostbox(t)
	put(t, p.file("m"), `{"type": "SHUTDOWN"}`)
	put(t, p.file("again"), `{"type": "START", "name": "x"}`)
	p.remember()
	put(t, p.file("n"), `{"type": "SHUTDOWN"}`) // its writer may have seen what has been started since
	must(t, atomicfile.Write(p.file("again"), []byte(`{"type": "START", "name": "y"}`), 0o644, false))
	got := p.scanned()
	slices.Sort(got)
	p.want(got, "again received: START y, trusted", "m received: SHUTDOWN, old, trusted", "n received: SHUTDOWN, trusted")
}

func TestMessagesDirectoryGone(t *testing.T) {
	p := newPostbox(t)
	must(t, os.RemoveAll(filepath.Dir(p.path)))
	p.want(p.scanned())
	put(t, p.file("m"), `{"type": "RESCAN"}`)
	if got := p.scanned(); got[len(got)-1] != "m received: RESCAN, trusted" {
		t.Errorf("told %q", got)
	}
	must(t, os.RemoveAll(p.path))
	put(t, p.path, "")
	p.want(p.scanned(), "trouble messages: open "+p.path+": not a directory")
	must(t, os.Remove(p.path))
	p.want(p.scanned(), "trouble messages: over")
}

func TestWhoseMessage(t *testing.T) {
	needRoot(t)
	p := newPostbox(t)
	target, own := filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "own")
	for _, path := range []string{target, own, p.file("theirs"), p.file("mine")} {
		put(t, path, `{"type": "RESCAN"}`)
	}
	must(t, os.Chown(target, 12345, 0), os.Chown(p.file("theirs"), 12345, 0), os.Symlink(target, p.file("link")),
		os.Symlink(own, p.file("link2")), os.Lchown(p.file("link2"), 12345, 0))
	base := time.Now()
	for i, file := range []string{"theirs", "mine"} {
		must(t, os.Chtimes(p.file(file), time.Time{}, base.Add(time.Duration(i-9)*time.Second)))
	}
	p.want(p.scanned(), "theirs received: RESCAN", "mine received: RESCAN, trusted", "link received: RESCAN",
		"link2 received: RESCAN")
	p.uid = 12345 // then it is our own
	put(t, p.file("theirs"), `{"type": "RESCAN"}`)
	must(t, os.Chown(p.file("theirs"), 12345, 0))
	p.want(p.scanned(), "theirs received: RESCAN, trusted")
	p.uid, p.anyone = 0, true
	put(t, p.file("theirs"), `{"type": "RESCAN"}`)
	must(t, os.Chown(p.file("theirs"), 12345, 0))
	p.want(p.scanned(), "theirs received: RESCAN, trusted")
}
