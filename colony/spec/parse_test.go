package spec

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-multierror"
)

var update = flag.Bool("update", false, "rewrite testdata/spec/bad/*.problems from what Parse says")

const testdata = "../../testdata/spec"

// glob returns the files that match, by base name.
func glob(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testdata, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("glob %s: %d files, %v", pattern, len(paths), err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// each returns every problem of err.
func each(t testing.TB, err error) []Problem {
	t.Helper()
	if err == nil {
		return nil
	}
	many, ok := err.(*multierror.Error)
	if !ok {
		t.Fatalf("error is a %T", err)
	}
	var all []Problem
	for _, e := range many.Errors {
		all = append(all, *e.(*Problem))
	}
	return all
}

// TestBadSpecs holds every file of testdata/spec/bad against the problems that
// are written down beside it.
func TestBadSpecs(t *testing.T) {
	for name, data := range glob(t, "bad/*.json") {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(data)
			if s != nil || err == nil {
				t.Fatalf("Parse = %v, %v; want an error", s, err)
			}
			got := ""
			for _, p := range each(t, err) {
				got += p.Error() + "\n"
			}
			golden := filepath.Join(testdata, "bad", strings.TrimSuffix(name, ".json")+".problems")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestGoodSpecs(t *testing.T) {
	want := map[string]Spec{
		"minimal.json": {Args: []string{"/bin/true"}},
		"python.json": {
			Args:       []string{"/usr/bin/python3", "-m", "app"},
			Env:        map[string]string{"PATH": "/usr/bin", "LANG": ""},
			EnvInherit: []string{"HOME", "TZ"},
			UID:        ptr(1000),
			GID:        ptr(1000),
			Group:      []string{"web", "blue"},
			Heart:      &Beatcheck{Period: 10e9, Grace: 3, Status: "/run/hearts"},
		},
		"full.json": {
			Args:       []string{"web", "--port", "8080", ""},
			Env:        map[string]string{"PATH": "/usr/bin:/bin", "GREETING": "grüß <😀>"},
			EnvInherit: []string{"TZ"},
			EnvFile:    []string{"/etc/default/web", "-/etc/default/web.local"},
			User:       "web",
			GID:        ptr(33),
			Groups:     []string{"ssl-cert", "27"},
			Group:      []string{"front"},
			Cwd:        "/srv/web",
			Umask:      ptr(Mode(0o27)), Nice: ptr(-5), OOMScoreAdj: ptr(500), NoNewPrivs: true,
			Rlimits:      map[string]Rlimit{"nofile": {1024, 65536}, "core": {0, 0}, "memlock": {Unlimited, Unlimited}},
			Capabilities: []string{"KILL", "NET_BIND_SERVICE"},
			Cgroup:       &Cgroup{MemoryMax: ptr(Size(512 << 20)), CPUMax: ptr(CPUs(1.5)), PidsMax: ptr(100), Optional: true},
			Credentials:  map[string]string{"db": "/run/secrets/db"},
			Restart:      RestartOnFailure,
			SuccessCodes: []int{0, 2, 255},
			Backoff: Backoff{Min: ptr(Duration(100e6)), Max: ptr(Duration(60e9)),
				Factor: ptr(1.5), Jitter: ptr(0.0), Threshold: ptr(Duration(500e6))},
			Stop: Stop{Signal: 2, Grace: ptr(Duration(9500e6)),
				Command: []string{"kill", "-INT", "1"}, Scope: ScopeGroup},
			Main: true,
			Listen: []Listen{{Address: "127.0.0.1:8080"}, {Address: "udp://[::]:53"}, {Address: "unix://@web"},
				{Address: "unix:///run/web.sock", Name: "admin", Mode: ptr(Mode(0o660)), User: "web", Group: "33", Backlog: ptr(16)}},
			Stdin: StdinInherit,
			Log:   NoLog(),
			Heart: &Beatcheck{Period: 30e9, Grace: 2.5, Status: "/run/web.heart"},
		},
		"odd.json": {
			Args:      []string{"x"},
			HTTPCheck: &HTTPCheck{HTTPQuestion: HTTPQuestion{URL: "http://localhost/"}, Checks: Checks{Period: 5e9}},
			Warnings: []string{
				`unknown key "Args": did you mean "args"?`,
				`unknown key "descripton": kept for other programs`,
				`unknown key "env-file": did you mean "env_file"?`,
				`unknown key "ncolony.beatchek": did you mean "ncolony.beatcheck"?`,
				`unknown key "stop.Signal": did you mean "stop.signal"?`,
				`unknown key "stop.timeout": it has no effect`,
				`unknown key "backoff.delay": it has no effect`,
				`unknown key "backoff.treshold": did you mean "backoff.threshold"?`,
			},
		},
		"empty-lists.json": {
			Args: []string{"x"}, Env: map[string]string{}, EnvInherit: []string{},
			EnvFile: []string{}, Groups: []string{}, Group: []string{}, SuccessCodes: []int{},
		},
		"probe.json": {
			Args: []string{"x"},
			HTTPCheck: &HTTPCheck{
				HTTPQuestion: HTTPQuestion{URL: "https://localhost:8443/healthz", Socket: "/run/web.sock", Method: "HEAD", Headers: map[string]string{"Host": "example.org"},
					Status: Codes{{200, 200}, {204, 299}}, Body: "ok", BodyRegexp: "^ok$", Follow: true, CA: "/etc/ssl/own.pem"},
				Checks: Checks{Period: 10e9, Timeout: ptr(Duration(2e9)), Grace: ptr(3.0), MaxBad: ptr(2), MinGood: ptr(2), Jitter: ptr(0.0)},
			},
			TCPCheck:  &TCPCheck{Address: "[::1]:5432", Checks: Checks{Period: 60e9}},
			ExecCheck: &ExecCheck{Args: []string{"pg_isready", "-q"}, Checks: Checks{Period: 5e9, MaxBad: ptr(0)}},
			Ready:     &Readiness{HTTP: &ReadyHTTP{HTTPQuestion{URL: "unix:///run/web.sock:/ready?x=1"}}},
		},
		"ready-http.json": {Args: []string{"x"}, Ready: &Readiness{HTTP: &ReadyHTTP{HTTPQuestion{
			URL: "https://localhost/ready", Method: "POST", Headers: map[string]string{"X-A": "b"}, Status: Codes{{204, 204}}, BodyRegexp: "up", Insecure: true}},
			Timeout: ptr(Duration(5e9))}, Warnings: []string{`unknown key "ready.http.meth": did you mean "ready.http.method"?`}},
		"null-beatcheck.json": {Args: []string{"x"}},
		"schedule.json": {Args: []string{"x"}, Restart: RestartOnFailure,
			Schedule: &Schedule{Cron: "*/5 1-3,22 1 JAN mon-fri/2", Zone: "Europe/Berlin"}},
	}
	for name, data := range glob(t, "good/*.json") {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			derived := cmpopts.IgnoreFields(Spec{}, "Raw", "SHA256", "Identity", "Common")
			if diff := cmp.Diff(want[name], *got, derived); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(got.Raw, data) || got.SHA256 != sha256.Sum256(data) {
				t.Error("Raw or SHA256 is not that of the file")
			}
			written, err := got.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(written)
			if err != nil {
				t.Fatalf("parse what was marshalled: %v\n%s", err, written)
			}
			same := cmpopts.IgnoreFields(Spec{}, "Raw", "SHA256", "Identity", "Common", "Warnings")
			if diff := cmp.Diff(got, again, same); diff != "" {
				t.Errorf("after a round trip: %s", diff)
			}
		})
	}
}

// TestRawIsACopy: the caller may read the next file into the same buffer.
func TestRawIsACopy(t *testing.T) {
	data := []byte(`{"args":["x"]}`)
	s, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if string(s.Raw) != `{"args":["x"]}` {
		t.Errorf("Raw = %q", s.Raw)
	}
}

func TestMarshal(t *testing.T) {
	s := Spec{Args: []string{"sh", "-c", "a <b >c && d"}, Stop: Stop{Signal: 15, Grace: ptr(Duration(50e6))}, Groups: []string{}}
	got, err := s.Marshal()
	want := `{
  "args": [
    "sh",
    "-c",
    "a <b >c && d"
  ],
  "groups": [],
  "stop": {
    "signal": "TERM",
    "grace": 0.05
  }
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// designKeys are all keys that a spec may have. Each must be understood: one that
// is only warned about would promise what nobody does.
var designKeys = strings.Fields(`args env env_inherit env_file uid gid group user groups cwd umask nice
	oom_score_adj rlimits no_new_privs capabilities cgroup credentials restart success_codes backoff limit
	stop after requires ready watchdog main instances listen log stdin schedule ncolony.beatcheck
	ncolony.httpcheck ncolony.tcpcheck ncolony.execcheck`)

func TestEveryKeyIsUnderstood(t *testing.T) {
	for _, key := range designKeys {
		if keys[key] == nil {
			t.Errorf("%s is not", key)
		}
	}
	if got := len(keys) - 1; got != len(designKeys) { // without $schema
		t.Errorf("%d keys, designKeys has %d", got, len(designKeys))
	}
}

func TestTooLarge(t *testing.T) {
	fits := `{"args":["x"],"a.b":"` + strings.Repeat("y", MaxSpecSize-23) + `"}`
	if len(fits) != MaxSpecSize {
		t.Fatalf("%d bytes", len(fits))
	}
	if _, err := Parse([]byte(fits)); err != nil {
		t.Error(err)
	}
	_, err := Parse([]byte(fits + "\n"))
	want := &Problem{1, MaxSpecSize + 1, "too large: more than 100 KiB"}
	if diff := cmp.Diff(want, AsProblem(err)); diff != "" {
		t.Error(diff)
	}
}

func TestDepth(t *testing.T) {
	mustParse(t, `{"args":["x \"`+strings.Repeat("[", 100)+`"]}`)
	for levels, good := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		inner := levels - 1
		text := `{"args":["x [{"],"a.b":` + strings.Repeat("[", inner) + strings.Repeat("]", inner) + "}"
		if _, err := Parse([]byte(text)); (err == nil) != good {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

// TestFewProblemsAndWarnings: a file of nothing but mistakes must not make a
// status file larger than itself.
func TestFewProblemsAndWarnings(t *testing.T) {
	var wrong, odd strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&wrong, "%d,", i)
		fmt.Fprintf(&odd, `"%d%s":1,`, i, strings.Repeat("k", 20))
	}
	_, err := Parse([]byte(`{"args":[` + wrong.String() + `1]}`))
	if n := len(each(t, err)); n != maxProblems+1 {
		t.Errorf("%d problems", n)
	}
	s, err := Parse([]byte(`{` + odd.String() + `"args":["x"]}`))
	if err != nil || len(s.Warnings) != maxProblems {
		t.Errorf("%d warnings, %v", len(s.Warnings), err)
	}
}

// TestOthersKeysAreSilent: many keys of other programs do not hide a slip in ours.
func TestOthersKeysAreSilent(t *testing.T) {
	var others strings.Builder
	for i := range 100 {
		fmt.Fprintf(&others, `"ncolony.other%d":1,"mycompany.%d":{},`, i, i)
	}
	s := mustParse(t, `{`+others.String()+`"Restart":"never","args":["x"]}`)
	if diff := cmp.Diff([]string{`unknown key "Restart": did you mean "restart"?`}, s.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	long := "a" + strings.Repeat("ü", 5000)
	_, err := Parse([]byte(`{"` + long + `":1,"` + long + `":1}`))
	p := AsProblem(err)
	if len(p.Message) > 300 || !strings.Contains(p.Message, `ü"...: duplicate`) {
		t.Errorf("%d bytes: %.200s", len(p.Message), p.Message)
	}
}
