package metrics

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestSpoilt: a file that cannot be read costs what it would have told, and is
// counted; it is told again when it is whole.
func TestSpoilt(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 1, 100)
	p.runs("db", 1, 101)
	good, err := os.ReadFile(p.places.Status("web"))
	if err != nil {
		t.Fatal(err)
	}
	r := p.reader()
	want := func(what string, errors int, names ...string) {
		t.Helper()
		now := r.read()
		var got []string
		for _, s := range now.services {
			got = append(got, s.name)
		}
		if strings.Join(got, " ") != strings.Join(names, " ") || now.errors[what] != errors {
			t.Errorf("%v are told of, with errors %v; want %v and %d", got, now.errors, names, errors)
		}
	}
	want(ofStatus, 0, "db", "web")
	for _, text := range []string{"", string(good[:len(good)/2]), "null", "[]", `{"state": "flying"}`, `{"state": "running", "pid": "x"}`, strings.Repeat(" ", maxFileSize+1)} {
		p.write(p.places.Status("web"), text)
		want(ofStatus, 1, "db")
		want(ofStatus, 1, "db") // and not forgotten
	}
	if err := os.Remove(p.places.Status("web")); err != nil {
		t.Fatal(err)
	}
	want(ofStatus, 0, "db")
	if err := unix.Mkfifo(p.places.Status("web"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(ofStatus, 1, "db") // and nobody waits for a writer
	p.write(p.places.Status("web"), string(good))
	p.write(filepath.Join(p.places.StatusDir(), ".tmp-x.json"), "{")
	p.write(filepath.Join(p.places.StatusDir(), "\xff.json"), "{")
	want(ofStatus, 0, "db", "web")
	p.write(p.places.Heart("web"), `{"state": "broken"}`)
	want(ofHeart, 1, "db", "web")
	p.write(p.places.Probe("web"), `{"checks": 1}`)
	want(ofProbe, 1, "db", "web")
	p.write(p.places.Colony(), `{"pid": `)
	if now := r.read(); now.colony != nil || now.errors[ofColony] != 1 {
		t.Errorf("%+v %v", now.colony, now.errors)
	}
}

// TestVanished: without its state directory a colony is not up, and it is again
// when that is back.
func TestVanished(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 1, 100)
	e := serve(t, p.places, func(o *Options) { o.Proc = p.proc })
	series := `service_state{service="web",state="running"}`
	e.scrape().want(t, map[string]float64{"up": 1, series: 1})
	if err := os.Rename(p.places.State, p.places.State+".gone"); err != nil {
		t.Fatal(err)
	}
	s := e.scrape()
	s.want(t, map[string]float64{"up": 0, `reading_errors{what="supervisor"}`: 0})
	if _, told := s[series]; told {
		t.Error("the service is told of")
	}
	if err := os.Rename(p.places.State+".gone", p.places.State); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(p.places.StatusDir()); err != nil {
		t.Fatal(err)
	}
	e.scrape().want(t, map[string]float64{"up": 1, `reading_errors{what="status"}`: 1, `reading_errors{what="heart"}`: 0, `services{state="running"}`: 1})
}

// TestNoProc: without processes to look at, services are told of all the same.
func TestNoProc(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 1, 100)
	p.proc = filepath.Join(p.proc, "none")
	now := p.reader().read()
	if s := now.service(t, "web"); s.usage != nil || s.spent != nil || now.supervisor != nil || now.errors[ofProcesses] != 1 {
		t.Errorf("%+v %v", s, now.errors)
	}
}

// TestGone: a process may end between any two looks at it, and may not let us
// look.
func TestGone(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 1, 100)
	p.process(process{pid: 100, parent: paperPID, group: 100, session: 100, cpu: 100, resident: 1 << 20, threads: 3}, 4)
	p.process(process{pid: 101, parent: 100, group: 100, session: 100, cpu: 50, resident: 1 << 20}, 2)
	p.process(process{pid: 102, parent: 100, group: 100, session: 100, cpu: 25, dead: true, resident: 1 << 20}, 9)
	if err := os.Mkdir(filepath.Join(p.proc, "103"), 0o755); err != nil {
		t.Fatal(err) // its stat is gone already
	}
	r := p.reader()
	web := func() *service { return r.read().service(t, "web") }
	if got := *web().usage; got != (usage{1.75, 2 << 20, 6, 2, 4}) {
		t.Errorf("%+v", got)
	}
	if err := os.RemoveAll(filepath.Join(p.proc, "101", "fd")); err != nil {
		t.Fatal(err)
	}
	if got := web().usage; got.fds != 4 {
		t.Errorf("%+v", got)
	}
	p.write(filepath.Join(p.proc, "101", "fd"), "no directory")
	if got := web().usage; got.fds != -1 {
		t.Errorf("%+v", got)
	}
	p.write(filepath.Join(p.proc, "101", "stat"), "101 (torn")
	if now := r.read(); now.errors[ofProcesses] != 1 || now.service(t, "web").usage.processes != 1 {
		t.Errorf("%+v %v", now.service(t, "web").usage, now.errors)
	}
	for _, pid := range []int{100, 101, 102} {
		p.ends(pid)
	}
	if s := web(); s.usage != nil || *s.spent != 1.75 {
		t.Errorf("%+v", s)
	}
}

// TestMost: of more services than may be told of, the first are, and the others
// are counted.
func TestMost(t *testing.T) {
	p := newPaper(t)
	for i, name := range []string{"a", "b", "c", "d", "@log"} {
		p.runs(name, 1, 100+i)
	}
	e := serve(t, p.places, func(o *Options) { o.Proc, o.Most = p.proc, 3 })
	s := e.scrape()
	s.want(t, map[string]float64{"reading_services_omitted": 2})
	if n := s.about("service_state", "service="); len(n) != 3 || !strings.Contains(n[0], "@log") {
		t.Errorf("%v", n)
	}
}

// TestShared: scrapes at the same time, and those close behind, are told of one
// reading; later ones of another.
func TestShared(t *testing.T) {
	p := newPaper(t)
	e := New(Options{Places: p.places, Proc: p.proc, Fresh: time.Hour})
	defer e.Close()
	readings := make([]*reading, 20)
	var all sync.WaitGroup
	for i := range readings {
		all.Go(func() {
			readings[i] = e.reader.fresh()
			if _, err := e.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, r := range readings {
		if r != readings[0] {
			t.Fatal("there was more than one reading")
		}
	}
	e.reader.o.Fresh = time.Nanosecond
	if e.reader.fresh() == readings[0] {
		t.Error("an old reading is told of")
	}
	// Who waits for a reading that takes longer than readings are fresh is told of
	// it, too.
	e.reader.mu.Lock()
	begin, done := make(chan struct{}), make(chan *reading)
	for range readings {
		go func() {
			<-begin
			done <- e.reader.fresh()
		}()
	}
	close(begin)
	slow := &reading{at: time.Now(), took: time.Hour}
	e.reader.last = slow
	e.reader.mu.Unlock()
	for range readings {
		if <-done != slow {
			t.Error("another reading was made")
		}
	}
}

// TestAside: what hangs is not waited for, and nothing is begun beside it.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a aside
		if !a.do(func() {}) {
			t.Error("what does not hang does")
		}
		hung := make(chan struct{})
		began := time.Now()
		if a.do(func() { <-hung }) || time.Since(began) != hangTime {
			t.Errorf("it was waited for, or not: %v", time.Since(began))
		}
		if a.do(func() { t.Error("a second one is begun") }) || time.Since(began) != hangTime {
			t.Error("a second one is done")
		}
		close(hung)
		synctest.Wait()
		if !a.do(func() {}) {
			t.Error("it hangs for ever")
		}
	})
}

// TestBeats: the file knows better than @heartcheck, if it can be asked; and what
// was beaten in another life is nothing.
func TestBeats(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 2, 100)
	told, beaten := time.Unix(1700000000, 0), time.Unix(1700000050, 0)
	file := filepath.Join(p.places.State, "beat")
	heart := spec.Heartbeat{Name: "web", State: spec.HeartBeating, Generation: 2, File: file, Period: 10, LastBeat: &told}
	p.json(p.places.Heart("web"), heart)
	r := p.reader()
	want := func(want time.Time) {
		t.Helper()
		if got := r.read().service(t, "web").beat; !got.Equal(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	want(told)
	p.write(file, "")
	if err := os.Chtimes(file, beaten, beaten); err != nil {
		t.Fatal(err)
	}
	want(beaten)
	r.beats.aside.done = make(chan struct{}) // somebody's file system hangs
	want(told)
	r.beats.aside.done = nil
	heart.Generation = 1
	p.json(p.places.Heart("web"), heart)
	want(time.Time{})
}

// TestProbes: what was found out about another life is not told, nor what is not
// asked.
func TestProbes(t *testing.T) {
	p := newPaper(t)
	p.runs("web", 2, 100)
	p.json(p.places.Probe("web"), spec.Probes{Name: "web", Checks: map[string]spec.Probe{
		"http": {OK: true, Generation: 2, Bad: 1}, "tcp": {OK: true, Generation: 1}, "other": {OK: true, Generation: 2}}})
	s := serve(t, p.places, func(o *Options) { o.Proc = p.proc }).scrape()
	s.want(t, map[string]float64{`service_probe_ok{check="http",service="web"}`: 1, `service_probe_bad{check="http",service="web"}`: 1})
	if n := s.about("service_probe_ok", ""); len(n) != 1 {
		t.Errorf("%v", n)
	}
}

// TestUnchanged: a file is read again when it has changed, and as long as another
// change might look the same.
func TestUnchanged(t *testing.T) {
	p := newPaper(t)
	path := p.places.Status("web")
	p.runs("web", 1, 100)
	var f file[spec.Status]
	read := func() *spec.Status {
		t.Helper()
		if err := f.read(path, always); err != nil || f.content == nil {
			t.Fatalf("%v %v", f.content, err)
		}
		return f.content
	}
	future, old := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, future, future); err != nil {
		t.Fatal(err)
	}
	if first := read(); first == read() {
		t.Error("a file that is young is not read again")
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if first := read(); first != read() {
		t.Error("a file that has not changed is read again")
	}
	p.runs("web", 2, 100)
	if st := read(); st.Generation != 2 {
		t.Errorf("%+v", st)
	}
}

// TestFormats: who asks for OpenMetrics gets it.
func TestFormats(t *testing.T) {
	p := newPaper(t)
	e := serve(t, p.places, func(o *Options) { o.Proc = p.proc })
	request, err := http.NewRequest(http.MethodGet, e.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "application/openmetrics-text") {
		t.Errorf("%s %q", response.Status, kind)
	}
}

// FuzzScrape: whatever is in the files, what is told can be told: labels are names
// and words, and no series is there twice.
func FuzzScrape(f *testing.F) {
	f.Add(`{"state": "running", "pid": 100, "generation": 1, "last_exit": {"signal": "KILL"}}`, `{"state": "beating", "generation": 1, "last_beat": "2026-01-01T00:00:00Z"}`,
		`{"checks": {"http": {"ok": true, "generation": 1}, "other": {}}}`, `{"version": "1", "counts": {"running": 1, "x": 2}}`)
	f.Add(`{"state": "running\n", "last_exit": {}}`, `{"state": "\ud800"}`, `{"checks": {"\xff": {}}}`, `{"version": "\u0000\"\n"}`)
	p := newPaper(f)
	e := New(Options{Places: p.places, Proc: p.proc, Fresh: time.Nanosecond})
	f.Cleanup(e.Close)
	f.Fuzz(func(t *testing.T, status, heart, probe, colony string) {
		p.t = t
		p.write(p.places.Status("web"), status)
		p.write(p.places.Heart("web"), heart)
		p.write(p.places.Probe("web"), probe)
		p.write(p.places.Colony(), colony)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
		for series := range samplesIn(t, w.Body.String()) {
			if _, labels, _ := strings.Cut(series, "{"); strings.Contains(labels, "service=") && !strings.Contains(labels, `service="web"`) {
				t.Errorf("%s", series)
			}
		}
	})
}
