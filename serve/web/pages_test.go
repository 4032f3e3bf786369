package web

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// whereTo are the pages of a wide world.
var whereTo = []string{"/", "/services", "/services?state=running&sort=memory&down=1", "/services/database", "/services/database?grep=line&stream=stdout", "/services/mailer", "/services/report",
	"/services/worker", "/services/worker@2", "/services/@log", "/services/database/spec", "/services/report/spec", "/new", "/events", "/events?service=mailer&type=exited", "/graph", "/colony"}

// TestPages opens every page in a real browser, as admin and as reader, and has it
// looked over for what keeps people out: labels, contrast, headings, the order of the
// focus. The console has to be quiet, in which what the policy forbids would be told.
func TestPages(t *testing.T) {
	w := newWideWorld(t)
	b := newBrowser(w)
	b.open("/login")
	b.examine("/login")
	for _, role := range []string{"admin", "read"} {
		b.login(role)
		for _, path := range whereTo {
			if role == "read" && path == "/new" {
				continue
			}
			for _, l := range lights {
				if l != lights[0] && (role == "read" || testing.Short()) {
					continue // the same in other colours
				}
				b.in(l)
				b.open(path)
				b.examine(role + ", " + path + ", " + l.name)
				if wide := value[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
					t.Errorf("%s, %s: %d pixels too wide", path, l.name, wide)
				}
			}
			b.quiet(role + ", " + path)
		}
		b.do("log out", chromedp.Click(`.who button`))
		b.until("logged out", `location.pathname === "/login"`)
	}
	b.quiet("the end")
}

// examine looks for what an assistive technology, or weak eyes, would stumble over.
func (b *browser) examine(where string) {
	b.w.t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "examine.js"))
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, found := range value[[]string](b, string(script)) {
		b.w.t.Errorf("%s: %s", where, found)
	}
}

// TestExamine has the script find what is wrong with a page that is.
func TestExamine(t *testing.T) {
	w := newWorld(t)
	w.serve()
	b := newBrowser(w)
	b.open("/login")
	for what, spoil := range map[string]string{
		"has no label":   `document.querySelector("label").replaceWith(document.querySelector("input[type=password]"))`,
		"contrast":       `document.querySelector(".hint").style.color = "#bbb"`,
		"has no text":    `document.querySelector("main button").textContent = ""`,
		"alt":            `document.querySelector("img").removeAttribute("alt")`,
		"tabindex":       `document.querySelector("main button").tabIndex = 3`,
		"heading":        `document.querySelector("h1").outerHTML = "<h3>x</h3>"`,
		"twice":          `document.querySelector("h1").id = "main"`,
		"cannot be seen": `document.querySelector("main button").style.outline = "none"`,
	} {
		b.open("/login")
		value[bool](b, `(() => { `+spoil+`; return true })()`)
		script, err := os.ReadFile(filepath.Join("testdata", "examine.js"))
		if err != nil {
			t.Fatal(err)
		}
		if found := value[[]string](b, string(script)); !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, what) }) {
			t.Errorf("%s: found only %q", what, found)
		}
	}
}

// TestLifeOfAService adds, breaks, repairs, restarts and removes a service by what is
// on the pages.
func TestLifeOfAService(t *testing.T) {
	w := newWorld(t)
	w.supervise()
	w.serve()
	b := newBrowser(w)
	b.login("admin")
	write := func(text string) {
		b.do("write", chromedp.SetValue("#text", text), chromedp.SendKeys("#text", " "))
	}

	// Added.
	b.do("new", chromedp.Navigate(w.base+"/new"), chromedp.SendKeys(`input[name=name]`, "web"))
	write(`{"args": ["/bin/sleep", 1000]}`)
	b.until("what is wrong, while it is written", `document.querySelector("#draft .fault")?.textContent.includes("line 1 column 25")`)
	if value[bool](b, `Boolean(document.querySelector("button[value=apply]"))`) {
		t.Error("what is wrong can be applied")
	}
	write(`{"args": ["/bin/sleep", "1000"]}`)
	b.until("what would change", `document.querySelector("pre.diff .added") && document.querySelector("button[value=apply]")`)
	b.do("apply", chromedp.Click("button[value=apply]"))
	b.until("it runs, without the page being loaded again", `location.pathname === "/services/web" && document.querySelector("#head .state")?.textContent === "running"`)
	if w.state("web") != spec.Running {
		t.Errorf("it is %s", w.state("web"))
	}

	// Broken: by a program that is not there.
	b.do("edit", chromedp.Click(`a[href="/services/web/spec"]`))
	b.until("the editor", `document.querySelector("#text")?.value.includes("1000")`)
	write(`{"args": ["/nowhere/program"]}`)
	b.until("that it is restarted", `document.querySelector("#draft")?.textContent.includes("It is restarted") && document.querySelector("pre.diff .removed")`)
	b.do("apply", chromedp.Click("button[value=apply]"))
	b.until("that it fails", `location.pathname === "/services/web" && document.querySelector("#head .state")?.textContent === "backoff"`)
	b.open("/")
	b.until("it is among what is wrong", `[...document.querySelectorAll(".troubles li")].some(li => li.innerText.includes("web") && li.innerText.includes("crash loop"))`)
	// And by its file.
	w.spec("web", "{\n  \"args\": 3\n}\n")
	b.until("its bad spec comes by itself", `document.querySelector(".troubles")?.textContent.includes("line 2 column 11")`)

	// Repaired.
	b.open("/services/web/spec")
	b.until("the fault is shown", `document.querySelector("#draft .fault")`)
	write(`{"args": ["/bin/sleep", "2000"]}`)
	b.until("it can be applied", `document.querySelector("button[value=apply]")`)
	b.do("apply", chromedp.Click("button[value=apply]"))
	b.until("it runs again", `location.pathname === "/services/web" && document.querySelector("#head .state")?.textContent === "running"`)

	// Restarted, by the keyboard.
	before := value[string](b, `document.querySelector("#story .what").textContent`)
	b.do("restart", chromedp.Focus("button[value=restart]"), chromedp.KeyEvent("\r"))
	b.until("that it was", `document.querySelector(".banner.good")?.textContent.startsWith("restarted, pid")`)
	b.until("that it runs", `document.querySelector("#head .state")?.textContent === "running"`)
	if after := value[string](b, `document.querySelector("#story .what").textContent`); after == before {
		t.Errorf("before and after the restart: %s", after)
	}
	b.do("stop", chromedp.Click("button[value=stop]"))
	b.until("that it is stopped", `document.querySelector("#head .state")?.textContent === "stopped"`)
	b.do("start", chromedp.Click("button[value=start]"))
	b.until("that it is started", `document.querySelector("#head .state")?.textContent === "running"`)

	// One of many.
	b.open("/services")
	b.until("the table", `document.querySelector("#rows tbody input")`)
	b.do("choose", chromedp.Click(`#rows tbody input`), chromedp.Click(`button[value=restart]`))
	b.until("what would be done", `document.querySelector("h1").textContent.includes("Really restart 1 service") && document.querySelector(".parts").textContent.includes("ended, and started again")`)
	b.do("be sure", chromedp.Click(`button.danger`))
	b.until("that it is done", `document.querySelector(".banner.good")?.textContent.includes("1 of 1 done")`)

	// Removed.
	b.open("/services/web")
	b.do("more", chromedp.Click("details summary.button"), chromedp.Click("button[value=remove]"))
	b.until("that it is gone", `location.pathname === "/services" && document.querySelector(".banner.good")?.textContent.includes("removed")`)
	if _, err := os.Stat(filepath.Join(w.places.Config, "web")); err == nil || w.state("web") != "" {
		t.Errorf("it is still there: %v, %s", err, w.state("web"))
	}
	b.quiet("the end")
}

// TestOutput follows what a service writes, and searches it.
func TestOutput(t *testing.T) {
	w := newWideWorld(t)
	b := newBrowser(w)
	b.login("read")
	b.open("/services/database")
	b.until("lines of both streams", `document.querySelector("#log").innerText.includes("line 2 of") && document.querySelector("#log .stderr")`)
	seen := value[int](b, `document.querySelectorAll("#log div").length`)
	b.until("more of them", fmt.Sprintf(`document.querySelectorAll("#log div").length > %d`, seen+1))
	b.do("search", chromedp.SendKeys("#log-filter input[name=grep]", "warning [12]$"))
	b.until("what was found", `(() => { const all = [...document.querySelectorAll("#log div")]; return all.length === 2 && all.every(l => /warning [12]$/.test(l.textContent)) })()`)
	b.do("a stream", chromedp.SetValue("#log-filter select", "stdout"))
	value[bool](b, `document.querySelector("#log-filter select").dispatchEvent(new Event("input", {bubbles: true}))`)
	b.until("nothing", `document.querySelector("#log .empty")`)
	b.quiet("output")
}

// frames is what a browser was measured at.
type frames struct {
	Still, Scroll, Draw, Filter []float64 // milliseconds
	Wrong                       string
}

// budget is what our script may take of the 16.7 ms that a frame has: the browser is
// to have the rest.
const budget = 8.0

// TestManyServices scrolls and filters ten thousand services. What is held to the
// budget is how long our own script takes for the fastest tenth of the frames, all rows
// of each of which are new. The rest is printed, for it is the machine's as well: the
// slower frames, the time between two frames beside that of a page that stands still, and
// the time from a key to the rows.
func TestManyServices(t *testing.T) {
	services := 10000
	if testing.Short() {
		services = 1000
	}
	w := newWorld(t)
	for i := range services {
		name := fmt.Sprintf("service-%05d", i)
		state := spec.Running
		if i%100 == 7 {
			state = spec.Failed
		}
		for path, text := range map[string]string{
			filepath.Join(w.places.Config, name): fmt.Sprintf(`{"args":["/usr/bin/program","--number","%d"]}`, i),
			w.places.Status(name):                statusOf(name, state, 0),
		} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.serve()
	b := newBrowser(w)
	b.login("admin")
	b.open("/services")
	b.until("the table", fmt.Sprintf(`document.querySelector("table").ariaRowCount === "%d" && document.querySelectorAll("#rows tbody a").length > 10`, services+1))
	script, err := os.ReadFile(filepath.Join("testdata", "measure.js"))
	if err != nil {
		t.Fatal(err)
	}
	var f frames
	if err := json.Unmarshal([]byte(value[string](b, string(script))), &f); err != nil {
		t.Fatal(err)
	}
	if f.Wrong != "" {
		t.Error(f.Wrong)
	}
	t.Logf("%d services, milliseconds: script of a frame %s; between frames %s, and standing still %s; from a key to the rows %s",
		services, spread(f.Draw), spread(f.Scroll), spread(f.Still), spread(f.Filter))
	if len(f.Draw) < 50 || quantile(f.Draw, 0.1) > budget {
		t.Errorf("the script takes %s ms in a frame, and may take %v", spread(f.Draw), budget)
	}
	if quantile(f.Filter, 0) > 1000 {
		t.Errorf("a filter takes %s ms", spread(f.Filter))
	}
	b.quiet("many")

	// All that match, with a preview.
	b.do("filter", chromedp.SendKeys("#filter", "service-0012"))
	b.until("ten of them", `document.getElementById("total").textContent === "10 services"`)
	b.do("all", chromedp.Click("input[name=all]"), chromedp.Click("button[value=stop]"))
	b.until("the preview", `document.querySelector("h1").textContent.includes("Really stop 10 services") && document.querySelectorAll("input[name=name]").length === 10`)
}

func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

func spread(all []float64) string {
	return fmt.Sprintf("%.1f (half), %.1f (95 of 100), %.1f (most) of %d", quantile(all, 0.5), quantile(all, 0.95), quantile(all, 1), len(all))
}
