package web

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// browser is a real one, with one tab.
type browser struct {
	w   *world
	ctx context.Context

	mu         sync.Mutex
	complaints []string // what is in its console that should not be
}

// newBrowser starts a browser, which ends with the test.
func newBrowser(w *world) *browser {
	w.t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		w.t.Skip("there is no chromium, which Debian has as a package")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile(w.t)), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(60*time.Second))
	ctx, leave := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(ctx)
	b := &browser{w: w, ctx: ctx}
	w.t.Cleanup(func() { // which kills the browser if it does not end by itself
		last, cancel := context.WithTimeout(ctx, 20*time.Second)
		chromedp.Cancel(last)
		cancel()
		end()
		leave()
	})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		w.t.Fatalf("start the browser: %v", err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // else nothing looks as if it had it
	b.in(lights[0])
	return b
}

// profile is a directory that a browser may still write to when the test has ended.
func profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ncolony-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(5 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		}
	})
	return dir
}

// hear takes down what the console says.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
	}
}

// patient is how long something in a browser may take.
const patient = 60 * time.Second

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fatal(what, err)
	}
}

// fatal ends the test, and tells what the page shows.
func (b *browser) fatal(what string, err error) {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.w.t.Fatalf("%s: %v; the page says:\n%s", what, err, text)
}

func call[P, R any](b *browser, command cdp.Command[P, R], p P) R {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	r, err := chromedp.Call(ctx, command, p)
	if err != nil {
		b.w.t.Fatalf("%+v: %v", p, err)
	}
	return r
}

// open loads a page.
func (b *browser) open(path string) {
	b.w.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.w.base+path))
}

// until waits for an expression to be true, on whatever page is there by then.
func (b *browser) until(what, expression string) {
	b.w.t.Helper()
	for end := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patient)
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		cancel()
		if err == nil && is {
			return
		}
		if time.Now().After(end) {
			b.fatal(what, fmt.Errorf("%s is not true within %v: %v", expression, patient, err))
		}
	}
}

// value is that of an expression, which may be a promise.
func value[T any](b *browser, expression string) T {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fatal(expression, err)
	}
	return v
}

// login logs in as people do.
func (b *browser) login(role string) {
	b.w.t.Helper()
	b.open("/login")
	b.do("log in", chromedp.SendKeys(`input[name=token]`, b.w.token(role)), chromedp.Click(`main button`))
	b.until("logged in", `document.querySelector("h1").innerText === "Overview"`)
}

// quiet fails if the browser had anything to complain of.
func (b *browser) quiet(where string) {
	b.w.t.Helper()
	value[bool](b, "true") // what was said before is here by then
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		b.w.t.Errorf("%s: the console says\n%s", where, strings.Join(b.complaints, "\n"))
	}
	b.complaints = nil
}

// light is how a page is looked at.
type light struct {
	name          string
	scheme        string // "light" or "dark"
	width, height int64
}

var lights = []light{{"light", "light", 1200, 900}, {"dark", "dark", 1200, 900}, {"narrow", "light", 380, 800}}

func (b *browser) in(l light) {
	b.w.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
}

// picture writes what is to be seen into a file.
func (b *browser) picture(path string) {
	b.w.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		png, err = small(png)
	}
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		b.w.t.Fatal(err)
	}
}

// newWideWorld is a colony with a bit of everything, and a supervisor.
func newWideWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	long := `["/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i of the output; echo warning $i >&2; sleep 1; done"]`
	w.spec("database", `{"args": `+long+`, "log": {"stderr": "apart"}, "ready": {"log": "line 1"}}`)
	w.spec("cache", `{"args": ["/bin/sh", "-c", "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.3; done"], "group": ["stores"]}`)
	w.spec("api", `{"args": ["/bin/sh", "-c", "echo serving; exec sleep 1000"], "log": {}, "requires": ["database", "cache"]}`)
	w.spec("web", `{"args": ["/bin/sleep", "1000"], "after": ["api"], "requires": ["assets"]}`)
	w.spec("assets", `{"args": ["/bin/sleep", "1000"]}`)
	w.spec("worker", `{"args": ["/bin/sleep", "1000"], "instances": 3, "after": ["database"]}`)
	w.spec("mailer", `{"args": ["/bin/sh", "-c", "echo cannot reach the server at all; exit 3"], "log": {}, "restart": "always"}`)
	w.spec("report", "{\n  \"args\": [\"/bin/true\"],\n  \"restart\": \"sometimes\"\n}\n")
	w.spec("migrate", `{"args": ["/bin/true"], "restart": "never"}`)
	w.supervise()
	w.serve()
	w.eventually("a colony that is up", func() bool {
		return w.state("web") == spec.Running && w.state("mailer") == spec.Backingoff && w.state("worker@3") == spec.Running && w.state("report") == spec.Invalid && w.state("migrate") == spec.Exited
	})
	return w
}
