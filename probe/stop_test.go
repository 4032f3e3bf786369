package probe

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// build builds the program.
func build(t testing.TB) string {
	program := filepath.Join(t.TempDir(), "ncolony-probe")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/ncolony-probe").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

// startProgram has the program run until the end of the test.
func (c *colony) startProgram() *os.Process {
	c.t.Helper()
	cmd := exec.Command(build(c.t), "--config", c.places.Config, "--messages", c.places.Messages, "--state", c.places.State)
	cmd.Stderr = c
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process
}

// The program is stopped while a check is under way, for longer than that may
// take; when it goes on the answer is there, and nobody is to blame.
func TestStoppedAndContinued(t *testing.T) {
	t.Parallel()
	asked, answer, answered := make(chan bool), make(chan bool, 100), make(chan bool, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answer
		w.Header().Set("Content-Length", "0")
		w.(http.Flusher).Flush()
		answered <- true
	}))
	defer s.Close()
	defer close(answer)
	c := newColony(t)
	const period = time.Second // in which we have to notice that it asks
	c.config("web", `{"args":["x"],"ncolony.httpcheck":{"url":%q,"period":1,"grace":0,"jitter":0,"maxBad":0}}`, s.URL)
	c.status("web", spec.Running, 1)
	process := c.startProgram()
	for range 3 {
		<-asked
		if err := process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(period + period/4) // its time is over, by any clock but its own
		answer <- true
		<-answered // before it may lose patience
		process.Signal(syscall.SIGCONT)
	}
	<-asked
	list, err := os.ReadDir(c.places.Messages)
	if err == nil && len(list) > 0 {
		b, _ := os.ReadFile(filepath.Join(c.places.Messages, list[0].Name()))
		t.Errorf("%s\nlog:\n%s", b, c.logged.String())
	}
}
