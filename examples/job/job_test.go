// Package job runs the example of this directory, with the programs of the
// system.
package job

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// TestJob: the colony ends with the job, and with its code.
func TestJob(t *testing.T) {
	example.Needs(t, "redis-server", "redis-server", "redis-cli")
	for _, tt := range []struct {
		name, input, result string
		code                int
		events              []string
	}{
		{"words", "to be or not to be", "be 2\nnot 1\nor 1\nto 2\n", 0, []string{"redis started", "count started", "count exited", "redis exited"}},
		{"none", "", "", 3, []string{"redis started", "count started", "count exited", "redis exited"}},
		{"failure", "-", "", 1, []string{"redis started", "count started", "count exited", "count started", "count exited", "count started", "count exited", "redis exited"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := example.Copy(t, []string{"config/redis", "config/count", "count.sh"}, "/srv/job", "ROOT")
			if tt.input != "-" {
				if err := os.WriteFile(filepath.Join(e.Root, "input.txt"), []byte(tt.input), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			e.Start()
			e.Cmd.Wait()
			if code := e.Cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got, _ := os.ReadFile(filepath.Join(e.Root, "result.txt")); string(got) != tt.result {
				t.Errorf("result %q, want %q", got, tt.result)
			}
			if diff := cmp.Diff(tt.events, e.Events(spec.EventStarted, spec.EventExited)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
