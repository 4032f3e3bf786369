// Package monitoring holds the rules and the dashboard of this directory against
// a real colony, with the programs of Prometheus.
package monitoring

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/metrics"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// colony starts a colony in which there is something of everything, and serves its
// metrics.
func colony(t *testing.T) (e *example.Example, address string) {
	t.Helper()
	checked, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checked.Close() })
	e = example.Copy(t, nil)
	config := filepath.Join(e.Root, "config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"web": `{"args": ["/bin/sleep", "1000"], "ncolony.tcpcheck": {"address": "` + checked.Addr().String() + `", "period": 0.2}}`,
		"job": `{"args": ["/bin/sh", "-c", "exit 3"], "restart": "never"}`,
		"log": `{"args": ["/bin/sh", "-c", "echo hello; exec sleep 1000"], "log": {}}`,
		"beat": `{"args": ["/bin/sh", "-c", "while touch ` + e.Root + `/beat; do sleep 0.1; done"],
			"ncolony.beatcheck": {"period": 5, "grace": 10, "status": "` + e.Root + `/beat"}}`,
	} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e.Start()
	exporter := metrics.New(metrics.Options{Places: spec.Places{Config: config, Messages: filepath.Join(e.Root, "messages"), State: filepath.Join(e.Root, "state")}})
	server := httptest.NewServer(exporter)
	t.Cleanup(func() {
		server.Close()
		exporter.Close()
	})
	address = strings.TrimPrefix(server.URL, "http://")
	e.Until("all is told", func() bool {
		text := get(t, "http://"+address+"/metrics")
		for _, series := range []string{"service_last_beat_time_seconds{", "service_probe_ok{", "service_log_written_bytes_total{", "service_last_exit{", "service_open_fds{"} {
			if !strings.Contains(text, "\nncolony_"+series) {
				return false
			}
		}
		return true
	})
	return e, address
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return ""
	}
	return string(b)
}

// promtool runs it, and returns what it says.
func promtool(t *testing.T, in string, args ...string) {
	t.Helper()
	example.Needs(t, "prometheus", "promtool")
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func TestRules(t *testing.T) {
	promtool(t, "", "check", "rules", "rules.yml")
	promtool(t, "", "test", "rules", "rules_test.yml")
}

// TestEachAlertIsTested: each has a test in which it comes.
func TestEachAlertIsTested(t *testing.T) {
	tests := read(t, "rules_test.yml")
	all := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(read(t, "rules.yml"), -1)
	if len(all) < 10 {
		t.Fatalf("%d alerts: are they written in another way?", len(all))
	}
	for _, m := range all {
		if !regexp.MustCompile(`alertname: ` + m[1] + `\n +exp_alerts:\n`).MatchString(tests) {
			t.Errorf("nothing shows %s come", m[1])
		}
		if !regexp.MustCompile(`alertname: ` + m[1] + `\}`).MatchString(tests) {
			t.Errorf("nothing shows %s not come", m[1])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestScrape: what is told is as it should be, in the eyes of promtool; and rules,
// their tests and the dashboard are about metrics that there are.
func TestScrape(t *testing.T) {
	_, address := colony(t)
	text := get(t, "http://"+address+"/metrics")
	t.Run("promtool", func(t *testing.T) { promtool(t, text, "check", "metrics") })
	var dashboard struct {
		Title  string
		Panels []struct{ Title string }
	}
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &dashboard); err != nil || len(dashboard.Panels) < 10 {
		t.Fatalf("the dashboard: %v, %+v", err, dashboard)
	}
	named := regexp.MustCompile(`\bncolony_[a-z_0-9]+`)
	for _, file := range []string{"rules.yml", "rules_test.yml", "dashboard.json", "README.md"} {
		all := named.FindAllString(read(t, file), -1)
		if len(all) == 0 {
			t.Errorf("%s is about nothing", file)
		}
		for _, name := range all {
			if !strings.Contains(text, "\n# TYPE "+name+" ") {
				t.Errorf("%s speaks of %s, which there is not", file, name)
			}
		}
	}
}

// TestPrometheus: a real one, with the configuration of this directory, scrapes a
// real colony and answers, and has the alerts that there should be.
func TestPrometheus(t *testing.T) {
	example.Needs(t, "prometheus", "prometheus")
	e, address := colony(t)
	dir := t.TempDir()
	config := read(t, "prometheus.yml")
	for old, now := range map[string]string{"127.0.0.1:9640": address, "scrape_interval: 15s": "scrape_interval: 200ms", "evaluation_interval: 15s": "evaluation_interval: 200ms"} {
		if !strings.Contains(config, old) {
			t.Fatalf("prometheus.yml has no %s", old)
		}
		config = strings.ReplaceAll(config, old, now)
	}
	for name, text := range map[string]string{"prometheus.yml": config, "rules.yml": read(t, "rules.yml"), "ncolony.token": "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listen := fixture.Reserve(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		slow := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		defer slow.Stop()
		cmd.Wait()
		if t.Failed() {
			t.Log(read(t, filepath.Join(dir, "log")))
		}
	})
	query := func(expr string) string {
		return get(t, "http://"+listen+"/api/v1/query?query="+url.QueryEscape(expr))
	}
	for _, expr := range []string{
		`up{job="ncolony"} == 1`,
		`ncolony_up == 1`,
		`ncolony_service_state{service="web",state="running"} == 1`,
		`ncolony_service_last_exit{service="job",kind="code"} == 3`,
		`ncolony_service_probe_ok{service="web",check="tcp"} == 1`,
		`ncolony:service_beat_age:seconds{service="beat"} < 60`,
		`ncolony:service_uptime:seconds{service="web"} < 600`,
		`rate(ncolony_service_cpu_seconds_total{service="beat"}[1m]) >= 0`,
	} {
		e.Until("Prometheus answers "+expr, func() bool {
			var answer struct {
				Status string
				Data   struct{ Result []any }
			}
			err := json.Unmarshal([]byte(query(expr)), &answer)
			return err == nil && answer.Status == "success" && len(answer.Data.Result) == 1
		})
	}
	// The supervisor goes, and Prometheus sees it.
	e.End()
	e.Until("the alert is on its way", func() bool {
		return strings.Contains(query(`ALERTS{alertname="NcolonyDown"}`), fmt.Sprintf(`"instance":%q`, address))
	})
	e.Until("its services are gone", func() bool { return strings.Contains(query(`ncolony_service_state`), `"result":[]`) })
}
