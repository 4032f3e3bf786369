package peer

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What each peer reads, with DIR for the colony's directory.
func TestSetup(t *testing.T) {
	boot := "DIR/services/s0000"
	for _, c := range []struct {
		peer    Peer
		command string
		files   map[string]string
	}{
		{&ncolony{"/n"}, "/n --root DIR --no-helpers", map[string]string{
			"config/s00000": `{"args":["/child","/records"],"env_inherit":["A"]}`, "config/s00001": `{"args":["/child","/records"],"env_inherit":["A"]}`}},
		{&bare{"bare-go", []string{"/b", "-each"}}, "/b -each 2 /child /records", map[string]string{}},
		{&s6{"/s", "/v", "/c"}, "/s -c 20000 DIR/scan", map[string]string{
			"scan/s00000/run": "#!/child /records\n", "scan/s00001/run": "#!/child /records\n"}},
		{&runit{"/r", "/v"}, "/r -P DIR/scan", map[string]string{
			"scan/s00000/run": "#!/child /records\n", "scan/s00001/run": "#!/child /records\n"}},
		{&daemontools{"/d", "/v"}, "/d DIR/scan", map[string]string{
			"scan/s00000/run": "#!/child /records\n", "scan/s00001/run": "#!/child /records\n"}},
		{&dinit{"/d", "/c"}, "/d --user --quiet --socket-path DIR/socket --services-dir DIR/services boot", map[string]string{
			"services/boot":   "type = internal\nwaits-for.d = DIR/boot.d\n",
			"services/s00000": "type = process\ncommand = /child /records\nrestart = yes\nrestart-delay = 0\nrestart-limit-count = 0\n",
			"services/s00001": "type = process\ncommand = /child /records\nrestart = yes\nrestart-delay = 0\nrestart-limit-count = 0\n",
			"boot.d/s00000":   "-> " + boot + "0", "boot.d/s00001": "-> " + boot + "1"}},
		{&pebble{"/p"}, "/usr/bin/env PEBBLE=DIR /p run", map[string]string{
			"layers/001-colony.yaml": "summary: a colony\nservices:\n" +
				"  s00000:\n    override: replace\n    command: /child /records\n    startup: enabled\n    on-success: restart\n    on-failure: restart\n    backoff-delay: 1ms\n    backoff-factor: 1.0\n" +
				"  s00001:\n    override: replace\n    command: /child /records\n    startup: enabled\n    on-success: restart\n    on-failure: restart\n    backoff-delay: 1ms\n    backoff-factor: 1.0\n"}},
		{&initOnly{"/t", "tini", []string{"-s"}}, "/t -s -- /child /records", map[string]string{}},
	} {
		dir := t.TempDir()
		colony := Colony{Dir: dir, N: 2, Child: []string{"/child", "/records"}, Env: []string{"A=b"}}
		if err := c.peer.Setup(colony); err != nil {
			t.Errorf("%s: %v", c.peer.Name(), err)
			continue
		}
		if diff := cmp.Diff(c.files, tree(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.peer.Name(), diff)
		}
		if got := strings.ReplaceAll(strings.Join(c.peer.Command(colony), " "), dir, "DIR"); got != c.command {
			t.Errorf("%s is executed as %q, want %q", c.peer.Name(), got, c.command)
		}
	}
}

// tree is the files of a directory.
func tree(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if target, err := os.Readlink(path); err == nil {
			files[name] = "-> " + strings.ReplaceAll(target, dir, "DIR")
			return nil
		}
		text, err := os.ReadFile(path)
		files[name] = strings.ReplaceAll(string(text), dir, "DIR")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSupervisord(t *testing.T) {
	dir := t.TempDir()
	s := &supervisord{"/s"}
	if err := s.Setup(Colony{Dir: dir, N: 1, Child: []string{"/child", "/records"}, Eager: true}); err != nil {
		t.Fatal(err)
	}
	files := tree(t, dir)
	for file, lines := range map[string][]string{
		"conf":               {"nodaemon=true\n", "minfds=103\n", "file=DIR/socket\n", "files=DIR/conf.d/*.conf\n"},
		"conf.d/s00000.conf": {"[program:s00000]\n", "command=/child /records\n", "startsecs=0\n"},
	} {
		for _, line := range lines {
			if !strings.Contains(files[file], line) {
				t.Errorf("%s: no %q in\n%s", file, line, files[file])
			}
		}
	}
}

// What ncolony gets is a good spec, and one that is added comes at once.
func TestNcolonySpec(t *testing.T) {
	c := Colony{Dir: t.TempDir(), N: 1, Child: []string{"/child", "/records"}, Env: []string{"A=b"}, Eager: true}
	n := &ncolony{"/n"}
	if err := n.Setup(c); err != nil {
		t.Fatal(err)
	}
	if err := n.Prepare(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := n.Add(t.Context(), c, 1, 0, nil); err != nil {
		t.Fatal(err)
	}
	for file, text := range tree(t, c.Dir) {
		sp, err := spec.Parse([]byte(text))
		if err != nil || len(sp.Warnings) > 0 {
			t.Errorf("%s: %v: %s", file, err, text)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "config", "s00001")); err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	all := []Peer{&ncolony{}, &runit{}, &bare{"bare-go-goroutines", []string{"b", "-each"}}, &initOnly{name: "tini"}}
	var most []int
	var only []bool
	for _, p := range all {
		most, only = append(most, Most(p)), append(only, Only(p))
	}
	if diff := cmp.Diff([]int{0, 1000, 9900, 0}, most); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{false, false, false, true}, only); diff != "" {
		t.Error(diff)
	}
	if some := Choose(all, []string{"tini", "s6"}); len(some) != 1 || some[0].Name() != "tini" {
		t.Errorf("chosen: %v", some)
	}
}

func TestFind(t *testing.T) {
	t.Setenv("BENCH_S6_SVSCAN", "/somewhere/else")
	if got := find("s6-svscan"); got != "/somewhere/else" {
		t.Errorf("found %q", got)
	}
	t.Setenv("PATH", t.TempDir())
	if got := find("no-such-supervisor"); got != "" {
		t.Errorf("found %q", got)
	}
}
