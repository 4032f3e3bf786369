package metrics

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// everything has all that there are metrics of. Periods are as long as a machine may
// be busy with something else: what is late is unwell, and restarted.
func everything(address string) map[string]string {
	return map[string]string{
		"web":    `{"args": ["/bin/sh", "-c", "sleep 1000 & (setsid sleep 1000 &) ; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; touch ROOT/up; exec sleep 1000"]}`,
		"job":    `{"args": ["/bin/sh", "-c", "exit 3"], "restart": "never"}`,
		"killed": `{"args": ["/bin/sh", "-c", "kill -9 $$"], "limit": {"restarts": 2, "within": 60}}`,
		"lost":   `{"args": ["/no/such/program"], "restart": "never"}`,
		"beat":   `{"args": ["/bin/sh", "-c", "while touch ROOT/beat; do sleep 0.1; done"], "ncolony.beatcheck": {"period": 60, "grace": 10, "status": "ROOT/beat"}}`,
		"tcp":    `{"args": ["/bin/sleep", "1000"], "ncolony.tcpcheck": {"address": "` + address + `", "period": 60, "grace": 0, "jitter": 0}}`,
		"exec":   `{"args": ["/bin/sleep", "1000"], "ncolony.execcheck": {"args": ["/bin/false"], "period": 60, "grace": 0, "jitter": 0, "maxBad": 1000}}`,
		"log":    `{"args": ["/bin/sh", "-c", "echo hello; echo trouble >&2; exec sleep 1000"], "log": {"stderr": "apart"}}`,
		"flood":  `{"args": ["/bin/sh", "-c", "while true; do echo 0123456789012345678901234567890123456789; done"], "nice": 19, "log": {"rate": 1024}}`,
		"many":   `{"args": ["/bin/sleep", "1000"], "instances": 2}`,
		"bad":    `{"args": 1}`,
		"@bad":   `{}`,
	}
}

// full starts a colony with everything, and waits until all of it is told.
func full(t *testing.T) (*colony, *exporter) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := supervise(t, everything(l.Addr().String()))
	e := serve(t, c.places)
	until(t, "all is told", func() bool {
		s := e.scrape()
		return s.has(`service_state{service="web",state="running"}`, 1) && s.has(`service_processes{service="web"}`, 3) && c.exists("up") &&
			s[`service_last_beat_time_seconds{service="beat"}`] > 0 && s.has(`service_probe_ok{check="tcp",service="tcp"}`, 1) && s.has(`service_probe_ok{check="exec",service="exec"}`, 0) &&
			s[`service_log_dropped_lines_total{service="flood",stream="stdout"}`] > 0 &&
			s.has(`service_log_written_bytes_total{service="log",stream="stdout"}`, 6) && s.has(`service_log_written_bytes_total{service="log",stream="stderr"}`, 8) &&
			s.has(`service_state{service="killed",state="failed"}`, 1) && s.has(`service_state{service="job",state="exited"}`, 1) && s.has(`service_state{service="lost",state="exited"}`, 1) &&
			s.has(`service_state{service="many@2",state="running"}`, 1) && s["bad_files"] == 1 && s["spec_errors"] == 1 &&
			s[`services{state="failed"}`] == 1 && s[`services{state="invalid"}`] == 1 && s[`services{state="exited"}`] == 2 // which the colony tells after its services
	})
	return c, e
}

// TestColony: what is told of a real colony is so.
func TestColony(t *testing.T) {
	t.Parallel()
	c, e := full(t)
	s := e.scrape()
	s.want(t, map[string]float64{
		"up":                                                             1,
		"draining":                                                       0,
		`services{state="failed"}`:                                       1,
		`services{state="invalid"}`:                                      1,
		`services{state="exited"}`:                                       2,
		`services{state="stopped"}`:                                      0,
		"panics_total":                                                   0,
		"reading_services_omitted":                                       0,
		`service_ready{service="web"}`:                                   1,
		`service_ready{service="job"}`:                                   0,
		`service_restarts_total{service="web"}`:                          0,
		`service_restarts_total{service="killed"}`:                       2,
		`service_last_exit{kind="code",service="job"}`:                   3,
		`service_last_exit{kind="signal",service="killed"}`:              9,
		`service_last_exit{kind="spawn_error",service="lost"}`:           0,
		`service_processes{service="many@1"}`:                            1,
		`service_heart{service="beat",state="beating"}`:                  1,
		`service_beat_period_seconds{service="beat"}`:                    60,
		`service_log_written_bytes_total{service="log",stream="stdout"}`: 6,
		`service_log_written_bytes_total{service="log",stream="stderr"}`: 8,
		`service_log_size_bytes{service="log",stream="stderr"}`:          8,
		`service_log_dropped_bytes_total{service="log",stream="stdout"}`: 0,
		`service_state{service="@log",state="running"}`:                  1,
		`service_state{service="@probe",state="running"}`:                1,
		`service_state{service="@heartcheck",state="running"}`:           1,
		`info{version="` + strings.TrimSpace(version(t, c)) + `"}`:       1,
		`service_open_fds{service="many@1"}`:                             float64(openFDs(t, c.status("many@1").PID)),
		`service_start_time_seconds{service="tcp"}`:                      float64(c.status("tcp").Since.UnixMilli()) / 1000,
		`service_last_exit_time_seconds{service="job"}`:                  float64(c.status("job").LastExit.At.UnixMilli()) / 1000,
		`service_probe_bad{check="tcp",service="tcp"}`:                   0,
	})
	for _, what := range whats {
		s.want(t, map[string]float64{`reading_errors{what="` + what + `"}`: 0})
	}
	for series, most := range map[string]float64{
		`service_cpu_seconds_total{service="web"}`:                         100,
		`service_resident_memory_bytes{service="web"}`:                     1 << 30,
		`service_open_fds{service="web"}`:                                  100,
		"supervisor_cpu_seconds_total":                                     100,
		"supervisor_resident_memory_bytes":                                 1 << 30,
		"supervisor_open_fds":                                              1000,
		"supervisor_threads":                                               100,
		"reading_duration_seconds":                                         30,
		`service_probe_bad{check="exec",service="exec"}`:                   1000,
		`service_probe_duration_seconds{check="exec",service="exec"}`:      10,
		`service_log_dropped_bytes_total{service="flood",stream="stdout"}`: 1e12,
		`service_log_written_bytes_total{service="flood",stream="stdout"}`: 1e9,
	} {
		if v := s[series]; v <= 0 || v > most {
			t.Errorf("%s is %v", series, v)
		}
	}
	for _, series := range []string{"supervisor_start_time_seconds", "reading_time_seconds", `service_last_beat_time_seconds{service="beat"}`, `service_probe_time_seconds{check="tcp",service="tcp"}`} {
		if age := time.Since(time.UnixMilli(int64(s[series] * 1000))); age < -time.Second || age > time.Hour {
			t.Errorf("%s is %v ago", series, age)
		}
	}
	for _, family := range []string{"service_state", "service_last_exit", "service_heart"} {
		for _, name := range []string{"web", "job", "beat"} {
			if n := s.about(family, `service="`+name+`"`); len(n) > 1 {
				t.Errorf("%v", n)
			}
		}
	}
	for _, family := range []string{"service_processes", "service_start_time_seconds", "service_open_fds"} {
		if n := s.about(family, `service="job"`); n != nil {
			t.Errorf("%v, and it does not run", n)
		}
	}
}

func version(t *testing.T, c *colony) string {
	t.Helper()
	s, err := os.ReadFile(c.places.Colony())
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(s), `"version":`)
	_, after, _ = strings.Cut(after, `"`)
	v, _, _ := strings.Cut(after, `"`)
	return v
}

func openFDs(t *testing.T, pid int) int {
	t.Helper()
	names, err := namesIn("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestEnds: when the supervisor has gone nothing is told of its services, and when
// another has adopted them, everything is again, and counters have gone on.
func TestEnds(t *testing.T) {
	t.Parallel()
	c := supervise(t, map[string]string{"web": everything("")["web"]})
	e := serve(t, c.places)
	until(t, "the service is told of", func() bool { return c.exists("up") && e.scrape().has(`service_processes{service="web"}`, 3) })
	before := e.scrape()
	pid := c.status("web").PID
	c.cmd.Process.Signal(syscall.SIGKILL)
	c.cmd.Wait()
	s := e.scrape()
	s.want(t, map[string]float64{"up": 0})
	for series := range s {
		if series != "up" && !strings.HasPrefix(series, "reading_") {
			t.Errorf("%s is told, and there is no supervisor", series)
		}
	}
	c.start()
	until(t, "the service is told of again", func() bool {
		s := e.scrape() // events are read first, and the last status of the one before is there from the beginning
		return s.has(`service_state{service="web",state="running"}`, 1) && s.has(`events_total{type="adopted"}`, 1) && s.has(`service_processes{service="web"}`, 2)
	})
	if got := c.status("web").PID; got != pid {
		t.Fatalf("pid %d, was %d", got, pid)
	}
	s = e.scrape()
	// The third has left the session, and no parent leads to it.
	s.want(t, map[string]float64{`service_processes{service="web"}`: 2, `events_total{type="adopted"}`: 1})
	const series = `service_cpu_seconds_total{service="web"}`
	if s[series] < before[series] {
		t.Errorf("%v, was %v", s[series], before[series])
	}
}

// TestLives: the processor time of a service goes on in its next life.
func TestLives(t *testing.T) {
	t.Parallel()
	c := supervise(t, map[string]string{"web": `{"args": ["/bin/sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; touch ROOT/up; exec sleep 1000"]}`})
	e := serve(t, c.places)
	spent := func() float64 { return e.scrape()[`service_cpu_seconds_total{service="web"}`] }
	up := func() bool { return c.exists("up") && spent() > 0 }
	until(t, "the service has used its time", up)
	first := spent()
	if err := os.Remove(c.root + "/up"); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(c.status("web").PID, syscall.SIGKILL)
	until(t, "the next life has, too", func() bool { return up() && c.status("web").Generation == 2 })
	if second := spent(); second < first*1.3 {
		t.Errorf("%v s in the first life, and %v s in both", first, second)
	}
	e.scrape().want(t, map[string]float64{`service_restarts_total{service="web"}`: 1, `service_last_exit{kind="signal",service="web"}`: 9,
		`events_total{type="exited"}`: 1})
}
