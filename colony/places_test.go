package colony

import (
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// optionsIn are options for a colony in root, with a log that the test reads.
func optionsIn(root string) (Options, *strings.Builder) {
	var said strings.Builder
	return Options{Places: placesIn(root), Log: slog.New(slog.NewTextHandler(&said, nil))}, &said
}

// enter opens a house, and lets go of its locks at the end of the test.
func enter(t *testing.T, o Options) (*house, string) {
	h, err := openHouse(o, nil)
	if err != nil {
		return nil, err.Error()
	}
	t.Cleanup(h.leave)
	return h, ""
}

func TestHouseIsMade(t *testing.T) {
	o, said := optionsIn(t.TempDir() + "/deep/colony")
	o.PIDDir = o.Places.State + "-pids"
	h, why := enter(t, o)
	if why != "" {
		t.Fatal(why)
	}
	p := o.Places
	got := map[string]os.FileMode{}
	for _, dir := range []string{p.Config, p.Messages, p.State, p.StatusDir(), p.ResultsDir(), p.StoppedDir(), p.LivesDir(), p.EventsDir(), o.PIDDir} {
		fi, err := os.Stat(dir)
		must(t, err)
		got[strings.TrimPrefix(dir, filepath.Dir(p.State))] = fi.Mode().Perm()
	}
	want := map[string]os.FileMode{"/config": 0o755, "/messages": 0o755, "/state": 0o711, "/state-pids": 0o755, "/state/status": 0o750,
		"/state/results": 0o750, "/state/stopped": 0o750, "/state/lives": 0o750, "/state/events": 0o750}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	delete(h.trouble, "proc") // not for us to say
	if len(h.trouble) > 0 || said.Len() > 0 {
		t.Errorf("trouble %v, said %s", h.trouble, said)
	}
	if b, _ := os.ReadFile(p.ID()); string(b) != h.id+"\n" || len(h.id) != 16 {
		t.Errorf("id %q, kept %q", h.id, b)
	}
}

// TestOneSupervisor: the second is told who the first is. That it is our own
// process is no difference to the locks, which belong to open files.
func TestOneSupervisor(t *testing.T) {
	o, _ := optionsIn(t.TempDir())
	if _, why := enter(t, o); why != "" {
		t.Fatal(why)
	}
	put(t, o.Places.Lock(), "4711\n")
	if _, why := enter(t, o); why != "lock "+o.Places.Lock()+": another supervisor has it (pid 4711)" {
		t.Error(why)
	}
	if b, _ := os.ReadFile(o.Places.Lock()); string(b) != "4711\n" {
		t.Errorf("the second has written %q", b)
	}
	other := o
	other.Places.State += "2" // of another colony, but the same messages
	if _, why := enter(t, other); !strings.HasPrefix(why, "lock "+o.Places.Messages+": another supervisor has it") {
		t.Error(why)
	}
	other.Places.Messages += "2"
	if _, why := enter(t, other); why != "" { // the same specs are nobody's business
		t.Error(why)
	}
}

// TestAskingIsNoSupervisor: whoever asks for an instant whether we live does not
// keep us from starting; whoever keeps the lock does.
func TestAskingIsNoSupervisor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		put(t, path, "")
		open := func() int {
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			must(t, err)
			return fd
		}
		asker := open()
		must(t, unix.Flock(asker, unix.LOCK_SH))
		go func() {
			time.Sleep(time.Second) // it is held up
			unix.Close(asker)
		}()
		h := &house{}
		if err := h.take(open(), path); err != nil {
			t.Error(err)
		}
		start := time.Now()
		if err := h.take(open(), path); err == nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		h.leave()
	})
}

func TestNoTwoThingsInOneDirectory(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *spec.Places)
		both   string
	}{
		{"the same path", func(p *spec.Places) { p.Messages = p.Config }, "config and messages"},
		{"another spelling", func(p *spec.Places) { p.Messages = p.Config + "/" }, "config and messages"},
		{"a link", func(p *spec.Places) {
			must(t, os.Mkdir(p.Config, 0o755), os.Symlink(p.Config, p.Messages))
		}, "config and messages"},
		{"messages in state", func(p *spec.Places) { p.Messages = p.State }, "messages and state"},
		{"state in config", func(p *spec.Places) { p.State = p.Config }, "config and state"},
	} {
		o, _ := optionsIn(t.TempDir())
		tt.change(&o.Places)
		if _, why := enter(t, o); !strings.HasSuffix(why, ": for both "+tt.both) {
			t.Errorf("%s: %q", tt.name, why)
		}
	}
}

func TestDirectoriesThatCannotBe(t *testing.T) {
	o, _ := optionsIn(t.TempDir())
	put(t, o.Places.Config, "")
	if _, why := enter(t, o); why != "make config directory: mkdir "+o.Places.Config+": not a directory" {
		t.Error(why)
	}
	o.Command = []string{"true"}
	if _, why := enter(t, o); why != "use directory "+o.Places.Config+": it is a file" {
		t.Error(why)
	}
	must(t, os.Remove(o.Places.Config), os.Symlink("/proc/nowhere", o.Places.Config))
	if _, why := enter(t, o); why != "" { // a command needs no specs
		t.Error(why)
	}

	o, _ = optionsIn(t.TempDir())
	put(t, o.Places.State, "")
	put(t, o.Places.Messages, "")
	if _, why := enter(t, o); why != "use directory "+o.Places.Messages+": it is a file" {
		t.Error(why)
	}
	must(t, os.Remove(o.Places.Messages), os.Symlink("/proc/nowhere", o.Places.Messages))
	h, why := enter(t, o)
	if why != "" || h.trouble["state"] == nil || h.trouble["messages"] == nil || len(h.locks) != 0 {
		t.Fatalf("%s; trouble %v", why, h.trouble)
	}
	if got := h.trouble["state"].Error(); got != "kept in memory only: mkdir "+o.Places.State+": not a directory" {
		t.Error(got)
	}
	if len(h.id) != 16 {
		t.Errorf("id %q", h.id)
	}
	if old := h.readPast(o.Log); old.resumption || len(old.statuses)+len(old.notes) > 0 {
		t.Errorf("past %+v", old)
	}
}

// TestReadOnlyState: without a place to write there is still a lock.
func TestReadOnlyState(t *testing.T) {
	o, _ := optionsIn(t.TempDir())
	must(t, makeState(osDisk{}, o.Places))
	put(t, o.Places.Lock(), "")
	must(t, os.Chmod(o.Places.Lock(), 0o444), os.Chmod(o.Places.State, 0o555))
	t.Cleanup(func() { os.Chmod(o.Places.State, 0o755) })
	asNobody(t, filepath.Dir(o.Places.State))
	h, why := enter(t, o)
	if why != "" || h.trouble["state"] == nil {
		t.Fatalf("%s; trouble %v", why, h.trouble)
	}
	if _, why := enter(t, o); !strings.HasPrefix(why, "lock "+o.Places.Lock()+": another supervisor has it") {
		t.Errorf("a second one: %q", why)
	}
}

func TestInsecureDirectories(t *testing.T) {
	needRoot(t)
	const group = 23456
	for _, tt := range []struct {
		name  string
		dir   func(p spec.Places) string
		mode  os.FileMode
		gid   int
		trust string
		want  string
	}{
		{"config for all", func(p spec.Places) string { return p.Config }, 0o777, 0, "", "everybody may write it"},
		{"messages for all, sticky", func(p spec.Places) string { return p.Messages }, os.ModeSticky | 0o777, 0, "", "everybody may write it"},
		{"messages for a group", func(p spec.Places) string { return p.Messages }, 0o770, group, "", "group 23456 may write it"},
		{"messages for a trusted group", func(p spec.Places) string { return p.Messages }, 0o770, group, "23456", ""},
		{"messages for root's group", func(p spec.Places) string { return p.Messages }, 0o770, 0, "", ""},
		{"a group that does not exist", func(p spec.Places) string { return p.Messages }, 0o755, 0, "no-such-group", `--trust-group: no such group: "no-such-group"`},
	} {
		o, _ := optionsIn(t.TempDir())
		o.TrustGroup = tt.trust
		dir := tt.dir(o.Places)
		must(t, os.MkdirAll(dir, 0o755), os.Chown(dir, 0, tt.gid), os.Chmod(dir, tt.mode))
		want := tt.want
		if strings.HasSuffix(want, "may write it") {
			want = "use directory " + dir + ": " + want + ", and whoever can write it is root here (hint: --insecure waives this check)"
		}
		if _, why := enter(t, o); why != want {
			t.Errorf("%s: %q, want %q", tt.name, why, want)
		}
		if o.Insecure = true; tt.want != "" && tt.trust == "" {
			if _, why := enter(t, o); why != "" {
				t.Errorf("%s, waived: %s", tt.name, why)
			}
		}
	}
	o, said := optionsIn(t.TempDir())
	must(t, os.Mkdir(o.Places.Config, 0o755), os.Chown(o.Places.Config, 12345, 0))
	if _, why := enter(t, o); why != "" || !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "uid=12345") {
		t.Errorf("%q, said %s", why, said)
	}
}

func TestReadPast(t *testing.T) {
	o, _ := optionsIn(t.TempDir())
	p := o.Places
	must(t, makeState(osDisk{}, p))
	h := &house{outside: thisMachine(), places: p, epoch: "now"}
	past := func(colony spec.ColonyStatus) past {
		must(t, writeJSON(osDisk{}, p.Colony(), colony, 0o644))
		return h.readPast(slog.New(slog.NewTextHandler(io.Discard, nil)))
	}
	must(t, writeJSON(osDisk{}, p.Status("web"), spec.Status{Name: "web", Generation: 7}, 0o640), writeJSON(osDisk{}, p.Status("web@1"), spec.Status{Name: "web@1"}, 0o640),
		writeJSON(osDisk{}, p.Status("copy"), spec.Status{Name: "web"}, 0o640), writeJSON(osDisk{}, p.StoppedDir()+"/web", spec.StopNote{Reason: "why"}, 0o640))
	put(t, p.Status("torn"), "{")
	put(t, p.StatusDir()+"/.tmp-1", "{")
	put(t, p.StoppedDir()+"/.tmp-1", "{")
	put(t, p.StoppedDir()+"/torn", "")
	must(t, os.Mkdir(p.StoppedDir()+"/dir", 0o755))
	got := past(spec.ColonyStatus{Epoch: "now", Generations: 9})
	if d := cmp.Diff([]spec.Status{{Name: "web", Generation: 7}, {Name: "web@1"}}, got.statuses); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]spec.StopNote{"web": {Reason: "why"}, "torn": {}}, got.notes); d != "" {
		t.Error(d)
	}
	if !got.resumption || got.generations != 9 {
		t.Errorf("past %+v", got)
	}
	if left := visible(osDisk{}, p.StatusDir()); len(left) != 4 {
		t.Errorf("left %q, want all: this start may be killed before it has taken them over", left)
	}
	if past(spec.ColonyStatus{Epoch: "now", Clean: true}).resumption || past(spec.ColonyStatus{Epoch: "before"}).resumption {
		t.Error("resumes what has ended")
	}
	put(t, p.Colony(), "{")
	if h.readPast(o.Log).resumption {
		t.Error("resumes what it cannot read")
	}
	put(t, p.Children(), "{")
	h.clearPast(estate{}, h.readPast(o.Log))
	if left := append(visible(osDisk{}, p.StatusDir()), visible(osDisk{}, p.LivesDir())...); left != nil {
		t.Errorf("left %q", left)
	}
	if again := h.readPast(o.Log); again.resumption || again.generations != 7 {
		t.Errorf("the numbers of the lives are lost: %+v", again)
	}
}

// TestColonyID: it is made once, and anew when it can be none.
func TestColonyID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	first, made, err := colonyID(osDisk{}, path)
	if must(t, err); !made {
		t.Error("it was there")
	}
	if again, made, err := colonyID(osDisk{}, path); err != nil || made || again != first {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
	for _, spoilt := range []string{"", "short\n", strings.Repeat("\x00", 16), strings.Repeat(":", 16), "../../../../../..\n"} {
		put(t, path, spoilt)
		id, made, err := colonyID(osDisk{}, path)
		if _, bad := hex.DecodeString(id); err != nil || !made || bad != nil || len(id) != 16 || id == first {
			t.Errorf("instead of %q: %q, %v", spoilt, id, err)
		}
		if kept, _, err := colonyID(osDisk{}, path); err != nil || kept != id {
			t.Errorf("instead of %q: %q, then %q, %v", spoilt, id, kept, err)
		}
	}
	if id, _, err := colonyID(osDisk{}, "/proc/nowhere/id"); err == nil || len(id) != 16 {
		t.Errorf("%q, %v", id, err)
	}
}

func TestEpoch(t *testing.T) {
	e := epoch()
	if e != epoch() || strings.Contains(e, "unknown") || strings.Count(e, "/") != 1 {
		t.Errorf("epoch %q", e)
	}
}

func TestParseStat(t *testing.T) {
	tail := " S 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 1000 0\n"
	for line, want := range map[string]stat{
		"42 (cat)" + tail:               {"cat", 'S', 1, 2, 3, 4711},
		"42 (a) R 9 (b) c)" + tail:      {"a) R 9 (b) c", 'S', 1, 2, 3, 4711},
		"42 (\n ()" + tail:              {"\n (", 'S', 1, 2, 3, 4711},
		"42 ()" + tail:                  {"", 'S', 1, 2, 3, 4711},
		"":                              {},
		"42 cat S":                      {},
		"42 )cat(" + tail:               {},
		"42 (cat) S 1 2 3":              {},
		"42 (cat)" + tail[:len(tail)/2]: {},
	} {
		got, err := parseStat([]byte(line))
		if (err == nil) != (want != stat{}) || err == nil && got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	if d := cmp.Diff([]int{1, 22, 333}, parsePIDs([]byte("1 22\n333 x "))); d != "" {
		t.Error(d)
	}
}
