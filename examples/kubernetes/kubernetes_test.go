// Package kubernetes_test runs the example of this directory without a cluster.
package kubernetes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// patience bounds every wait. Only a failing test takes it.
const patience = time.Minute

// manifest is what the tests want to know of colony.yaml.
type manifest struct {
	specs map[string]string // the data of the ConfigMap
	pod   pod
}

type pod struct {
	Grace    int `yaml:"terminationGracePeriodSeconds"`
	Security struct {
		RunAsNonRoot bool   `yaml:"runAsNonRoot"`
		User         uint32 `yaml:"runAsUser"`
		Group        uint32 `yaml:"runAsGroup"`
		FSGroup      uint32 `yaml:"fsGroup"`
		Seccomp      struct {
			Type string
		} `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []struct {
		Name     string
		EmptyDir *struct{ Medium string } `yaml:"emptyDir"`
		Config   *struct {
			Name string
			Mode os.FileMode `yaml:"defaultMode"`
		} `yaml:"configMap"`
	}
}

type container struct {
	Command, Args []string
	Env           []struct{ Name, Value string }
	Security      struct {
		ReadOnlyRoot bool  `yaml:"readOnlyRootFilesystem"`
		Escalation   *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities struct{ Add, Drop []string }
	} `yaml:"securityContext"`
	Startup   probe `yaml:"startupProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Liveness  probe `yaml:"livenessProbe"`
	Mounts    []struct {
		Name     string
		Path     string `yaml:"mountPath"`
		ReadOnly bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	Exec    struct{ Command []string }
	Timeout int `yaml:"timeoutSeconds"`
}

// read reads colony.yaml, with each old replaced by the new behind it.
func read(t *testing.T, oldnew ...string) manifest {
	t.Helper()
	text, err := os.ReadFile("colony.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
	}
	var deployment struct {
		Kind string
		Spec struct {
			Template struct{ Spec pod }
		}
	}
	in := yaml.NewDecoder(strings.NewReader(strings.NewReplacer(oldnew...).Replace(string(text))))
	if err := errors.Join(in.Decode(&config), in.Decode(&deployment)); err != nil {
		t.Fatal(err)
	}
	m := manifest{config.Data, deployment.Spec.Template.Spec}
	if config.Kind != "ConfigMap" || deployment.Kind != "Deployment" || len(m.pod.Containers) != 1 || len(m.pod.Volumes) != 2 {
		t.Fatalf("not a ConfigMap and a Deployment of one container with two volumes: %+v", m)
	}
	if v := m.pod.Volumes[1]; v.Config == nil || v.Config.Name != config.Metadata.Name {
		t.Fatalf("the volume %+v is not the ConfigMap %q", v, config.Metadata.Name)
	}
	return m
}

// TestSpecs: each entry is a good spec, about which there is nothing to remark.
func TestSpecs(t *testing.T) {
	m := read(t)
	budget := durationOf(t, "--shutdown-timeout", m.pod.Containers[0].Args)
	for file, text := range m.specs {
		if _, kind := spec.NameOf(file); kind != spec.FileSpec {
			t.Errorf("%s: a file of that name is %s", file, kind)
		}
		s, err := spec.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(s.Warnings) > 0 {
			t.Errorf("%s: %q", file, s.Warnings)
		}
		if grace := s.Stop.Grace; grace != nil && grace.D() >= budget {
			t.Errorf("%s: has a grace of %v, and all of the shutdown has %v", file, grace, budget)
		}
	}
	if grace := time.Duration(m.pod.Grace) * time.Second; grace <= budget {
		t.Errorf("the kubelet kills after %v, and the shutdown may take %v", grace, budget)
	}
}

// durationOf is the value of a flag in argv; 0 if it is not there.
func durationOf(t *testing.T, flag string, argv []string) time.Duration {
	t.Helper()
	at := slices.Index(argv, flag) + 1
	if at == 0 || at == len(argv) {
		return 0
	}
	d, err := time.ParseDuration(argv[at])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPod: it asks for no right that it does not need.
func TestPod(t *testing.T) {
	m := read(t)
	p, c := m.pod, m.pod.Containers[0]
	for what, ok := range map[string]bool{
		"runs as a user that the kubelet can tell from root": p.Security.RunAsNonRoot && p.Security.User != 0 && p.Security.Group != 0,
		"may read the ConfigMap":                             p.Security.FSGroup == p.Security.Group && p.Volumes[1].Config.Mode == 0o440,
		"has the seccomp profile of the runtime":             p.Security.Seccomp.Type == "RuntimeDefault",
		"cannot write its root":                              c.Security.ReadOnlyRoot,
		"cannot get more rights":                             c.Security.Escalation != nil && !*c.Security.Escalation,
		"has no capabilities":                                slices.Equal(c.Security.Capabilities.Drop, []string{"ALL"}) && c.Security.Capabilities.Add == nil,
		"keeps its state in memory":                          p.Volumes[0].EmptyDir != nil && p.Volumes[0].EmptyDir.Medium == "Memory",
		"mounts state where its root is":                     c.Mounts[0].Name == p.Volumes[0].Name && c.Mounts[0].Path == c.Env[0].Value && c.Env[0].Name == "NCOLONY_ROOT",
		"mounts the ConfigMap where its config is":           c.Mounts[1].Name == p.Volumes[1].Name && c.Mounts[1].Path == c.Env[0].Value+"/config" && c.Mounts[1].ReadOnly,
	} {
		if !ok {
			t.Errorf("not true: the pod %s", what)
		}
	}
}

// TestColony runs the pod's command lines over the ConfigMap, as the kubelet
// would, and applies another ConfigMap.
func TestColony(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("needs what the image has: ", err)
	}
	dir := t.TempDir()
	for d := dir; d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // for another user
			t.Fatal(err)
		}
	}
	ncolony, root := filepath.Join(dir, "ncolony"), filepath.Join(dir, "run")
	_, port, _ := net.SplitHostPort(fixture.Reserve(t))
	if out, err := exec.Command("go", "build", "-o", dir, "../../cmd/ncolony", "../../cmd/ncolony-ctl", "../../cmd/ncolony-heartcheck").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	m := read(t, "/bin/ncolony", ncolony, "/run/ncolony", root, "8080", port)
	c := m.pod.Containers[0]
	n := &node{t: t, pod: m.pod, root: root}
	n.makeVolumes()

	before := maps.Clone(m.specs)
	before["old.json"] = `{"args": ["sleep", "1000"]}`
	n.project(before)
	supervisor := n.command(append(c.Command, c.Args...)...)
	var log bytes.Buffer
	supervisor.Stderr, supervisor.Stdout = &log, &log
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if supervisor.ProcessState == nil { // the test has failed
			n.end(supervisor)
		}
		if t.Failed() {
			t.Logf("the pod's log:\n%s", &log)
		}
	})

	for what, p := range map[string]probe{"startup": c.Startup, "readiness": c.Readiness, "liveness": c.Liveness} {
		n.until(what+" probe", func() error {
			out, err := n.command(p.Exec.Command...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
		if limit := time.Duration(p.Timeout) * time.Second; limit <= max(time.Second, durationOf(t, "--timeout", p.Exec.Command)) {
			t.Errorf("the kubelet breaks the %s probe off after %v", what, limit)
		}
	}
	n.until("the web server shows what the worker has written", func() error {
		res, err := http.Get("http://127.0.0.1:" + port + "/")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || len(text) == 0 {
			return fmt.Errorf("%s, %q, %v", res.Status, text, err)
		}
		return nil
	})
	if uid := n.uidOf(n.services()["web"].PID); os.Getuid() == 0 && uid != m.pod.Security.User {
		t.Errorf("the web server runs as %d", uid)
	}

	was := n.services()
	if d := cmp.Diff([]string{"@heartcheck", "old", "web", "worker"}, slices.Sorted(maps.Keys(was))); d != "" {
		t.Fatalf("services (-want +got):\n%s", d)
	}
	after := maps.Clone(m.specs)
	after["worker.json"] = strings.Replace(after["worker.json"], "sleep 5", "sleep 6", 1)
	after["new.json"] = `{"args": ["sleep", "1000"]}`
	n.project(after)
	var is map[string]spec.Status
	n.until("the colony follows", func() error {
		is = n.services()
		if d := cmp.Diff([]string{"@heartcheck", "new", "web", "worker"}, slices.Sorted(maps.Keys(is))); d != "" {
			return fmt.Errorf("services (-want +got):\n%s", d)
		}
		if is["worker"].Generation == was["worker"].Generation || is["worker"].State != spec.Running || is["new"].State != spec.Running {
			return fmt.Errorf("worker: %+v, new: %+v", is["worker"], is["new"])
		}
		return nil
	})
	for _, name := range []string{"web", "@heartcheck"} {
		if was[name].PID != is[name].PID || was[name].Generation != is[name].Generation {
			t.Errorf("%s was restarted: %+v, now %+v", name, was[name], is[name])
		}
	}
	for name, st := range is {
		if st.SpecError != nil || len(st.Warnings) > 0 {
			t.Errorf("%s: %v, %q", name, st.SpecError, st.Warnings)
		}
	}

	if err := n.end(supervisor); err != nil {
		t.Errorf("at its end: %v", err)
	}
	for name, st := range is {
		if err := syscall.Kill(st.PID, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s, pid %d, is left behind: %v", name, st.PID, err)
		}
	}
	for line := range strings.Lines(log.String()) {
		// A kubelet that is slow between the new data and its links is told of.
		if strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, "dangling symbolic link to ..data/") {
			t.Errorf("an error is in the log: %s", line)
		}
	}
}

// node does for a pod what the kubelet does.
type node struct {
	t        *testing.T
	pod      pod
	root     string // mount point of the first volume; the second is in it
	versions int
}

// makeVolumes makes them as the kubelet makes an emptyDir, and what a ConfigMap
// is put in.
func (n *node) makeVolumes() {
	n.t.Helper()
	for _, dir := range []string{n.root, filepath.Join(n.root, "config")} {
		if err := errors.Join(os.Mkdir(dir, 0o777), n.give(dir), os.Chmod(dir, 0o777|os.ModeSetgid)); err != nil {
			n.t.Fatal(err)
		}
	}
}

// give leaves a file to root and to the group of fsGroup, if it can.
func (n *node) give(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(path, 0, int(n.pod.Security.FSGroup))
}

// project puts data into the config volume: into a directory of its own, to
// which ..data then leads in one step, and the names through that.
func (n *node) project(data map[string]string) {
	n.t.Helper()
	n.versions++
	volume := filepath.Join(n.root, "config")
	version := fmt.Sprintf("..2026_01_02_03_04_05.%09d", n.versions)
	errs := []error{os.Mkdir(filepath.Join(volume, version), 0o755)}
	for name, text := range data {
		file := filepath.Join(volume, version, name)
		errs = append(errs, os.WriteFile(file, []byte(text), 0o600), n.give(file), os.Chmod(file, n.pod.Volumes[1].Config.Mode))
	}
	link := filepath.Join(volume, "..data")
	old, _ := os.Readlink(link)
	errs = append(errs, n.give(filepath.Join(volume, version)), os.Symlink(version, link+"_tmp"), os.Rename(link+"_tmp", link))
	for name := range data {
		if _, err := os.Lstat(filepath.Join(volume, name)); err != nil {
			errs = append(errs, os.Symlink(filepath.Join("..data", name), filepath.Join(volume, name)))
		}
	}
	entries, err := os.ReadDir(volume)
	errs = append(errs, err)
	for _, e := range entries {
		if _, found := data[e.Name()]; !found && e.Name()[0] != '.' {
			errs = append(errs, os.Remove(filepath.Join(volume, e.Name())))
		}
	}
	if old != "" {
		errs = append(errs, os.RemoveAll(filepath.Join(volume, old)))
	}
	if err := errors.Join(errs...); err != nil {
		n.t.Fatal(err)
	}
}

// command is argv as it runs in the container: with its environment, and with
// its user if we may choose one.
func (n *node) command(argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // the image's
	for _, v := range n.pod.Containers[0].Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	if s := n.pod.Security; os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.User, Gid: s.Group, Groups: []uint32{s.FSGroup}}}
	}
	return cmd
}

// end ends the supervisor in order or, if that takes too long, by force together
// with its services.
func (n *node) end(supervisor *exec.Cmd) error {
	supervisor.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() {
		supervisor.Process.Kill()
		statuses, _ := filepath.Glob(filepath.Join(n.root, "state/status/*.json"))
		for _, path := range statuses {
			var st spec.Status
			if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &st) == nil && st.PID > 0 {
				syscall.Kill(-st.PID, syscall.SIGKILL) // each leads a group of its own
			}
		}
	})
	defer kill.Stop()
	return supervisor.Wait()
}

// services are the statuses by name, as ctl tells them.
func (n *node) services() map[string]spec.Status {
	n.t.Helper()
	out, err := n.command(n.pod.Containers[0].Command[0], "ctl", "status", "--json").Output()
	var all []spec.Status
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		n.t.Fatalf("ctl status: %v\n%s", err, out)
	}
	named := map[string]spec.Status{}
	for _, st := range all {
		named[st.Name] = st
	}
	return named
}

func (n *node) uidOf(pid int) uint32 {
	n.t.Helper()
	fi, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil {
		n.t.Fatal(err)
	}
	return fi.Sys().(*syscall.Stat_t).Uid
}

func (n *node) until(what string, do func() error) {
	n.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("%s, not within %v: %v", what, patience, err)
		}
	}
}
