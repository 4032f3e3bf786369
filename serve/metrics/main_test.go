package metrics

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// programs is the directory of ncolony and ncolony-probe, which are built when the
// first test needs them.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "metrics"); err != nil {
		return "", err
	}
	built = dir
	out, err := exec.Command("go", "build", "-o", dir, "../../cmd/...").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
})

// built is what is to be removed in the end; "" = nothing.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// patience bounds every wait. Only a failing test takes it.
const patience = time.Minute

// colony is a colony with a real supervisor.
type colony struct {
	t      *testing.T
	root   string
	places spec.Places
	cmd    *exec.Cmd
}

func placesIn(root string) spec.Places {
	return spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
}

// supervise starts a supervisor over these specs. ROOT in them is the root.
func supervise(t *testing.T, specs map[string]string) *colony {
	t.Helper()
	c := &colony{t: t, root: t.TempDir()}
	c.places = placesIn(c.root)
	if err := os.Mkdir(c.places.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range specs {
		c.write(name, text)
	}
	c.start()
	t.Cleanup(c.end)
	return c
}

func (c *colony) write(name, text string) {
	c.t.Helper()
	temp := filepath.Join(c.places.Config, "."+name)
	if err := os.WriteFile(temp, []byte(strings.ReplaceAll(text, "ROOT", c.root)), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(c.places.Config, name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *colony) start() {
	c.t.Helper()
	dir, err := programs()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command(filepath.Join(dir, "ncolony"), "--root", c.root, "-m", "0.05", "-M", "0.1")
	log, err := os.OpenFile(filepath.Join(c.root, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.cmd.Stderr, c.cmd.Stdout = log, log
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// end ends the supervisor and what a killed one has left.
func (c *colony) end() {
	if c.cmd.ProcessState == nil {
		c.cmd.Process.Signal(syscall.SIGTERM)
		c.cmd.Wait()
	}
	statuses, _ := ctl.Status(c.places)
	for _, st := range statuses {
		if _, alive, _ := ctl.Alive(c.places); st.PID > 1 && !alive {
			syscall.Kill(-st.PID, syscall.SIGKILL)
		}
	}
	if c.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(c.root, "log"))
		c.t.Logf("%s", log)
	}
}

func (c *colony) status(name string) spec.Status {
	st, err := ctl.StatusOf(c.places, name)
	if err != nil {
		return spec.Status{}
	}
	return *st
}

// exists reports whether a service has made a file in the root.
func (c *colony) exists(name string) bool {
	_, err := os.Stat(filepath.Join(c.root, name))
	return err == nil
}

func (c *colony) untilState(name string, state spec.State) {
	c.t.Helper()
	until(c.t, fmt.Sprintf("%s is %s", name, state), func() bool { return c.status(name).State == state })
}

func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// exporter serves metrics of a colony, each scrape with a reading of its own.
type exporter struct {
	*Exporter
	t   *testing.T
	url string
}

func serve(t *testing.T, places spec.Places, change ...func(*Options)) *exporter {
	t.Helper()
	o := Options{Places: places, Fresh: time.Nanosecond}
	for _, f := range change {
		f(&o)
	}
	e := &exporter{Exporter: New(o), t: t}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		e.Close()
	})
	e.url = server.URL + "/metrics"
	return e
}

// text is what a scrape says.
func (e *exporter) text() string {
	e.t.Helper()
	r, err := http.Get(e.url)
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		e.t.Fatalf("%s %v\n%s", r.Status, err, b)
	}
	return string(b)
}

// scrape is what a scrape says, by series without the prefix ncolony_:
// service_ready{service="web"}.
type scrape map[string]float64

func (e *exporter) scrape() scrape {
	e.t.Helper()
	return samplesIn(e.t, e.text())
}

func samplesIn(t *testing.T, text string) scrape {
	t.Helper()
	s := scrape{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		series, ours := strings.CutPrefix(line[:at], "ncolony_")
		if err != nil || !ours {
			t.Fatalf("%q: %v", line, err)
		}
		if _, twice := s[series]; twice {
			t.Fatalf("%s is there twice", series)
		}
		s[series] = v
	}
	return s
}

// about are the series of a family that have a label.
func (s scrape) about(family, label string) []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, float64) bool) {
		for series, v := range s {
			name, labels, _ := strings.Cut(series, "{")
			if name == family && strings.Contains(labels, label) && !yield(series, v) {
				return
			}
		}
	})))
}

// want checks values.
func (s scrape) want(t *testing.T, want map[string]float64) {
	t.Helper()
	for _, series := range slices.Sorted(maps.Keys(want)) {
		if got, there := s[series]; !there {
			t.Errorf("%s is not there", series)
		} else if got != want[series] {
			t.Errorf("%s is %v, want %v", series, got, want[series])
		}
	}
}

// has reports whether a series is there with a value.
func (s scrape) has(series string, v float64) bool {
	got, there := s[series]
	return there && got == v
}
