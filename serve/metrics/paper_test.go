package metrics

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// paper is a colony that is only files: a state directory whose lock the test
// holds, and a /proc of its own.
type paper struct {
	t      testing.TB
	places spec.Places
	proc   string
}

// The supervisor on paper.
const paperPID = 10

func newPaper(t testing.TB) *paper {
	t.Helper()
	p := &paper{t: t, places: placesIn(t.TempDir()), proc: t.TempDir()}
	for _, dir := range []string{p.places.StatusDir(), p.places.HeartDir(), p.places.ProbeDir(), p.places.EventsDir(), p.places.LogDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Create(p.places.Lock())
	if err == nil {
		_, err = fmt.Fprintln(lock, paperPID)
	}
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	p.write(p.places.ID(), "c0ffee")
	p.write(filepath.Join(p.proc, "stat"), "cpu  1 2 3 4 5 6 7 0 0 0\nbtime 1700000000\n")
	p.process(process{pid: paperPID, parent: 1, group: paperPID, session: paperPID}, 7)
	p.json(p.places.Colony(), spec.ColonyStatus{PID: paperPID, Version: "1", Counts: map[spec.State]int{spec.Running: 1}})
	return p
}

func (p *paper) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		p.t.Fatal(err)
	}
}

func (p *paper) json(path string, v any) {
	p.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(path, string(b))
}

// runs writes the status of a service that runs.
func (p *paper) runs(name string, generation uint64, pid int) {
	p.t.Helper()
	p.json(p.places.Status(name), spec.Status{Name: name, State: spec.Running, Since: time.Unix(1700000000, 0), PID: pid, Generation: generation, Ready: true})
}

// process writes what the kernel says of a process.
func (p *paper) process(of process, fds int, environment ...string) {
	p.t.Helper()
	dir := filepath.Join(p.proc, strconv.Itoa(of.pid))
	state := "S"
	if of.dead {
		state = "Z"
	}
	rest := strings.Repeat(" 0", 28)
	p.write(dir+"/stat", fmt.Sprintf("%d (a) b(c) %s %d %d %d 0 -1 0 0 0 0 0 %d 0 0 0 20 0 %d 0 %d 0 %d%s\n",
		of.pid, state, of.parent, of.group, of.session, of.cpu, max(of.threads, 1), of.begun, of.resident/int64(os.Getpagesize()), rest))
	p.write(dir+"/environ", strings.Join(environment, "\x00")+"\x00")
	for i := range fds {
		p.write(fmt.Sprintf("%s/fd/%d", dir, i), "")
	}
}

// ends removes a process.
func (p *paper) ends(pid int) {
	p.t.Helper()
	if err := os.RemoveAll(filepath.Join(p.proc, strconv.Itoa(pid))); err != nil {
		p.t.Fatal(err)
	}
}

// reader reads the colony on paper.
func (p *paper) reader() *reader {
	r := newReader(Options{Places: p.places, Log: slog.New(slog.DiscardHandler), Most: DefaultMost, Proc: p.proc})
	p.t.Cleanup(r.close)
	return r
}

// service is what was seen of one.
func (now *reading) service(t *testing.T, name string) *service {
	t.Helper()
	for i := range now.services {
		if now.services[i].name == name {
			return &now.services[i]
		}
	}
	t.Fatalf("%q is not told of", name)
	return nil
}
