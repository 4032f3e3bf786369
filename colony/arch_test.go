package colony

import (
	"bytes"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ncolony/ncolony-go/"

// pure are the files of the core: they decide, and touch nothing.
var pure = []string{"model.go", "event.go", "effect.go", "step.go", "reconcile.go", "restart.go", "orders.go", "lives.go", "stop.go", "drain.go",
	"requests.go", "schedule.go", "helpers.go", "signals.go", "status.go", "timers.go", "family.go", "family_requests.go", "family_depend.go",
	"snapshot.go", "restore.go", "check.go", "mend.go", "upgrade.go", "adopt.go", "listen.go"}

// TestHouse keeps the rules of the house where a reviewer would have to
// remember them.
func TestHouse(t *testing.T) {
	for file, f := range parseTree(t, "..") {
		test := strings.HasSuffix(file, "_test.go")
		src, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > 360 && !test {
			t.Errorf("%s: %d lines; a file has one job and about 350 at most", file, n)
		}
		if test {
			continue
		}
		in := func(dir string) bool { return strings.HasPrefix(file, dir) }
		core := in("colony/") && slices.Contains(pure, filepath.Base(file)) && filepath.Dir(file) == "colony"
		for _, i := range f.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			switch {
			case in("colony/") && slices.Contains([]string{"os/exec", "net", "net/http", "os/user", "sync", "sync/atomic"}, path):
				// Children are forked and waited for by the loop alone; nothing is
				// accepted from a network; state has one owner and needs no lock.
				t.Errorf("%s imports %s", file, path)
			case core && slices.Contains([]string{"os", "syscall", "io", "golang.org/x/sys/unix", "math/rand", "math/rand/v2", "context"}, path):
				t.Errorf("%s imports %s: the core touches nothing", file, path)
			case in("heart/") && filepath.Dir(file) == "heart" && strings.Contains(path, "."):
				t.Errorf("%s imports %s: programs link heart, and get nothing else with it", file, path)
			case strings.HasPrefix(path, module) && !allowed(filepath.Dir(file), strings.TrimPrefix(path, module)):
				t.Errorf("%s imports %s: imports go one way, cmd -> {colony, ctl, heart} -> colony/spec", file, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if core {
					t.Errorf("%s starts a goroutine", file)
				}
			case *ast.KeyValueExpr:
				// The kernel sends it when the thread that forked ends, not the process.
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Pdeathsig" && !in("bench/") {
					t.Errorf("%s sets Pdeathsig: it would kill children that have done nothing", file)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && core && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "Sleep"}, n.Sel.Name) {
					t.Errorf("%s calls time.%s: the core has no clock", file, n.Sel.Name)
				}
			}
			return true
		})
	}
}

// allowed says which of our packages may import which.
func allowed(from, to string) bool {
	switch {
	case to == "internal/fixture":
		return false // but tests
	case strings.HasPrefix(from, "cmd/"):
		return true
	case to == "internal/cli", to == "internal/companion":
		return from == "internal/program" && to == "internal/cli" // and the command lines
	case strings.HasPrefix(from, "bench/"): // programs that measure ours, from outside
		return strings.HasPrefix(to, "bench/") || to == "ctl" || to == "colony/spec"
	case from == "internal/words":
		return to == "colony/spec"
	case from == "internal/story":
		return to == "colony/spec" || to == "ctl" || to == "logs" || to == "internal/words"
	case to == "internal/story", to == "internal/words":
		return from == "top" || strings.HasPrefix(from, "serve") // and the command line
	case from == "top":
		return to == "colony/spec" || to == "ctl" || to == "logs" || to == "internal/places" || to == "internal/procstat" || to == "internal/terminal"
	case from == "serve/metrics": // which only reads, whatever is there
		return to == "colony/spec" || to == "ctl" || to == "logs" || to == "internal/helper" || to == "internal/cgroup" || to == "internal/procstat"
	case from == "logs":
		return to == "colony/spec" || to == "heart" || to == "internal/helper" || to == "internal/atomicfile"
	case strings.HasPrefix(from, "serve"): // programs that are called over a network, and act as the command line does
		return strings.HasPrefix(to, "serve/") || from == "serve/web" && to == "serve" || to == "ctl" || to == "logs" || to == "colony/spec" || to == "docs/schema" || strings.HasPrefix(to, "internal/")
	case strings.HasPrefix(to, "serve"):
		return false // but its program
	case from == "forward":
		return to == "logs" || to == "colony/spec" || to == "heart" || to == "internal/helper" || to == "internal/atomicfile"
	case to == "logs":
		return false // but the command line
	case from == "internal/cli":
		return to == "internal/places" || to == "colony/spec"
	case from == "internal/program":
		return to == "internal/places" || to == "colony/spec"
	case to == "internal/atomicfile":
		return from == "colony" || from == "ctl" || from == "schedule" || from == "probe" || strings.HasPrefix(from, "heart/")
	case to == "internal/cgroup":
		return from == "probe" || from == "colony"
	case to == "internal/launch":
		return from == "colony" || from == "ctl" || from == "probe"
	case to == "internal/helper":
		return from == "heart/check" || from == "schedule" || from == "probe"
	case to == "probe":
		return false // but its program
	case to == "internal/cron":
		return from == "colony" || from == "colony/spec" || from == "ctl" || from == "schedule"
	case to == "schedule":
		return false // but the command line
	case to == "ctl/convert":
		return from == "docs" // whose examples are what it gives
	case from == "examples/internal/example", from == "internal/fixture": // which only tests import
		return to == "colony/spec"
	case to == "colony/spec":
		return from == "colony" || from == "ctl" || from == "ctl/convert" || from == "docs" || from == "internal/places" || from == "heart/check" || from == "docs/schema" || from == "internal/schemagen" || from == "schedule" || from == "probe" || from == "internal/launch" || from == "internal/helper"
	case to == "heart":
		return strings.HasPrefix(from, "heart/") || from == "internal/helper"
	default:
		return false
	}
}

// parseTree parses every Go file of the project.
func parseTree(t *testing.T, root string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files[filepath.ToSlash(rel)] = f
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What PID 1 links: no server, no NSS, no cryptography of others. (Plain "net"
// comes with pflag, for its flags of IP addresses; the linker drops most of it.)
func TestWhatTheBinaryLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"cmd/ncolony").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		switch dep {
		case "net/http", "os/user", "text/template", "html/template", "regexp", "compress/gzip", "crypto/tls", "go.yaml.in/yaml/v3", "github.com/spf13/cobra":
			t.Errorf("cmd/ncolony links %s", dep)
		}
	}
}
