package image

import (
	"bytes"
	"context"
	"crypto/rand"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every command and every wait. It is only met by a failure.
const patience = 2 * time.Minute

// prefix begins the name of everything that this run leaves in the engine until
// it is removed.
var prefix = "ncolony-test-" + strings.ToLower(rand.Text()[:10])

func TestMain(m *testing.M) {
	os.Setenv("DOCKER_BUILDKIT", "0") // the other builder wants to fetch things
	code := m.Run()
	for _, image := range built {
		docker("", "rmi", "-f", image)
	}
	os.Exit(code)
}

// built are the images to remove at the end, the youngest first.
var (
	built   []string
	builtMu sync.Mutex
)

// said is how a command ended and what it wrote.
type said struct {
	code     int // -1: it did not end by itself
	out, err string
}

// docker runs the command with the given stdin.
func docker(stdin string, args ...string) said {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	s := said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
		s.code, s.err = -1, s.err+err.Error()
	}
	return s
}

// must runs the command, which has to succeed, and returns what it wrote.
func must(t *testing.T, args ...string) string {
	t.Helper()
	s := docker("", args...)
	if s.code != 0 {
		t.Fatalf("docker %s: code %d\n%s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	return strings.TrimSpace(s.out)
}

// base builds, once, the image under test with a shell in it, and returns its
// tag. The test is skipped where that cannot be.
func base(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("containers take longer than -short allows")
	}
	b := makeBase()
	if b.skip != "" {
		t.Skip(b.skip)
	}
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.tag
}

type baseImage struct {
	tag  string
	skip string // why there cannot be one
	err  error
}

var makeBase = sync.OnceValue(func() (b baseImage) {
	if _, err := exec.LookPath("docker"); err != nil {
		return baseImage{skip: "no docker command"}
	}
	if s := docker("", "version", "--format", "{{.Server.Version}}"); s.code != 0 {
		return baseImage{skip: "no container engine: " + strings.TrimSpace(s.err)}
	}
	busybox, err := staticBusybox()
	if err != nil {
		return baseImage{skip: err.Error()}
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return baseImage{err: err}
	}
	defer os.RemoveAll(dir)
	if err := fill(dir, busybox); err != nil {
		return baseImage{err: err}
	}
	image, tag := prefix+":local", prefix+":shell"
	if err := build(dir, "Dockerfile", image, "--target", "local"); err != nil {
		return baseImage{err: err}
	}
	if err := build(dir, "base.Dockerfile", tag, "--build-arg", "IMAGE="+image); err != nil {
		return baseImage{err: err}
	}
	s := docker("", "run", "--rm", "--network", "none", "-v", dir+":/seen:ro", "--entrypoint", "/bin/test", tag, "-e", "/seen/busybox")
	if s.code == 1 {
		return baseImage{skip: "the container engine does not see the files of this machine"}
	} else if s.code != 0 {
		return baseImage{err: fmt.Errorf("run the image: code %d: %s", s.code, s.err)}
	}
	return baseImage{tag: tag}
})

// fill makes dir a context for both images: the binaries, built as the Makefile
// does, a busybox, and the Dockerfiles.
func fill(dir, busybox string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // with nothing in the cache
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=test", "-o", dir+"/dist/", "../cmd/ncolony", "../cmd/ncolony-ctl", "../cmd/ncolony-heartcheck", "../cmd/ncolony-log", "../cmd/ncolony-probe", "../cmd/ncolony-schedule", "../cmd/ncolony-serve", "../cmd/ncolony-top")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build ncolony: %w\n%s", err, out)
	}
	for from, to := range map[string]string{
		"../Dockerfile": "Dockerfile", "../.dockerignore": ".dockerignore", "testdata/base.Dockerfile": "base.Dockerfile", busybox: "busybox",
	} {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// build makes an image of the context dir, and has it removed at the end.
func build(dir, file, tag string, more ...string) error {
	args := append([]string{"build", "--network", "none", "-q", "-t", tag, "-f", filepath.Join(dir, file)}, more...)
	s := docker("", append(args, dir)...)
	if s.code != 0 {
		return fmt.Errorf("build %s: code %d\n%s%s", file, s.code, s.out, s.err)
	}
	builtMu.Lock()
	defer builtMu.Unlock()
	built = append([]string{tag}, built...)
	return nil
}

// staticBusybox finds a busybox that needs no libraries, which an image from
// scratch has not.
func staticBusybox() (string, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return "", errors.New("no busybox to put into images (Debian: busybox-static)")
	}
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is not static (Debian: busybox-static)", path)
		}
	}
	return path, nil
}
