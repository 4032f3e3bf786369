package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// recipe is what the page has for a language, and what surrounds it in a program
// that hangs when there is a file hang/NAME, which it removes.
type recipe struct {
	fence  string // the language of the page's blocks
	blocks int    // so many of them belong together
	needs  string // to be run
	args   []string
	before string // the blocks
	after  string
}

var recipes = map[string]recipe{
	"sh": {fence: "sh", blocks: 1, needs: "sh", args: []string{"sh", "FILE"},
		before: `work() { sleep 0.1; if rm "hang/$NCOLONY_NAME" 2>/dev/null; then exec sleep 1000; fi; }` + "\n"},
	"python": {fence: "python", blocks: 2, needs: "python3", args: []string{"python3", "FILE"},
		before: `
import os, time
def work():
    time.sleep(0.1)
    try:
        os.remove("hang/" + os.environ["NCOLONY_NAME"])
    except FileNotFoundError:
        return True
    time.sleep(1000)
`},
	"asyncio": {fence: "python", blocks: 3, needs: "python3", args: []string{"python3", "FILE"},
		before: "import os\nwork = lambda: False\n", after: `
import asyncio
async def main():
    task = asyncio.create_task(beating(heart))
    while True:
        await asyncio.sleep(0.1)
        try:
            os.remove("hang/" + os.environ["NCOLONY_NAME"])
        except FileNotFoundError:
            continue
        time.sleep(1000)
asyncio.run(main())
`},
	"node": {fence: "js", blocks: 1, needs: "node", args: []string{"node", "FILE"},
		after: `
startHeart();
setInterval(() => {
  try { fs.rmSync("hang/" + process.env.NCOLONY_NAME); } catch { return; }
  for (;;);
}, 100);
`},
	"c": {fence: "c", blocks: 1, needs: "cc", args: []string{"FILE.out"},
		after: `
#include <string.h>
int main(void)
{
	char flag[4096] = "hang/";
	strcat(flag, getenv("NCOLONY_NAME"));
	for (;;) {
		beat("/run/hearts");
		usleep(100 * 1000);
		if (unlink(flag) == 0)
			pause();
	}
}
`},
}

// Each recipe of the page runs under a real supervisor: it beats, it hangs, and it
// is restarted for it and beats again.
func TestHeartRecipes(t *testing.T) {
	page, err := os.ReadFile("hearts.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, m := range fence.FindAllStringSubmatch(string(page), -1) {
		blocks[m[1]] = append(blocks[m[1]], m[2])
	}
	root := t.TempDir()
	p := spec.Places{Config: root + "/config", Messages: root + "/messages", State: root + "/state"}
	for _, dir := range []string{p.Config, root + "/hearts", root + "/hang"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(root, "ncolony")
	build := exec.Command("go", "build", "-o", root, "../cmd/ncolony", "../cmd/ncolony-heartcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	supervise(t, binary, root)
	for name, r := range recipes {
		if _, err := exec.LookPath(r.needs); err == nil {
			r.add(t, p, root, name, blocks[r.fence])
		}
	}
	pulses := map[string]*pulse{}
	for name, r := range recipes {
		if _, err := exec.LookPath(r.needs); err == nil {
			pulses[name] = &pulse{}
		}
	}
	lives := map[string]uint64{}
	eventually(t, "each beats for longer than a period", func() bool { // all at once: each takes its time
		for name, b := range pulses {
			if b.look(p, name, 0); lives[name] == 0 && b.times >= 5 {
				lives[name] = b.life
				if err := os.WriteFile(filepath.Join(root, "hang", name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		return len(lives) == len(pulses)
	})
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			if lives[name] == 0 {
				t.Skipf("there is no %s here", r.needs)
			}
			next := &pulse{}
			eventually(t, "another life beats", func() bool {
				next.look(p, name, lives[name])
				return next.times > 0
			})
			if next.life != lives[name]+1 {
				t.Errorf("life %d, and then %d", lives[name], next.life)
			}
			events, err := os.ReadFile(filepath.Join(p.EventsDir(), "current.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(events), "RESTART "+name+": no heartbeat for") {
				t.Errorf("life %d was not ended for its heart:\n%s", lives[name], events)
			}
		})
	}
}

// add adds a service that is made of the page's blocks.
func (r recipe) add(t *testing.T, p spec.Places, root, name string, blocks []string) {
	t.Helper()
	if len(blocks) < r.blocks {
		t.Fatalf("the page has %d blocks of %s, want %d", len(blocks), r.fence, r.blocks)
	}
	file := filepath.Join(root, name+"."+r.fence)
	text := strings.ReplaceAll(r.before+strings.Join(blocks[:r.blocks], "\n")+r.after, "/run/hearts", root+"/hearts")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if r.needs == "cc" {
		if out, err := exec.Command("cc", "-Wall", "-Werror", "-O", "-o", file+".out", file).CombinedOutput(); err != nil {
			t.Fatalf("cc: %v\n%s", err, out)
		}
	}
	var args []string
	for _, arg := range r.args {
		args = append(args, strings.ReplaceAll(arg, "FILE", file))
	}
	service, err := json.Marshal(map[string]any{"args": args, "cwd": root, "env_inherit": []string{"PATH", "HOME"},
		"ncolony.beatcheck": map[string]any{"period": "2s", "grace": 2, "status": root + "/hearts"}})
	if err == nil {
		err = ctl.Add(p, name, service)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// supervise starts a supervisor, which ends with the test.
func supervise(t *testing.T, binary, root string) {
	t.Helper()
	cmd := exec.Command(binary, "--root", root)
	log, err := os.Create(root + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		kill.Stop()
		log.Close()
		if text, err := os.ReadFile(root + "/log"); t.Failed() && err == nil {
			t.Logf("the supervisor says:\n%s", text)
		}
	})
}

// pulse is what was seen of a heart.
type pulse struct {
	life  uint64
	last  time.Time
	times int // that it was seen to beat in that life, of which three are a period
}

// look counts beats of a life after that one.
func (b *pulse) look(p spec.Places, name string, after uint64) {
	var h spec.Heartbeat
	if text, err := os.ReadFile(p.Heart(name)); err != nil || json.Unmarshal(text, &h) != nil || h.Generation <= after || h.State != spec.HeartBeating {
		return
	}
	if h.Generation != b.life {
		*b = pulse{life: h.Generation}
	}
	if fi, err := os.Stat(h.File); err == nil && !fi.ModTime().Equal(b.last) {
		b.last = fi.ModTime()
		b.times++
	}
}

// eventually waits until ok is true; the time is only a bound on a failure.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
