package web

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// What a browser without scripts shows, and can send.

func TestReadWithoutScripts(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		name := fmt.Sprintf("s%03d", i)
		w.spec(name, `{"args":["/bin/sleep","`+fmt.Sprint(i)+`"]}`)
		w.write(w.places.Status(name), statusOf(name, spec.Running, 0))
	}
	w.write(w.places.Status("s007"), statusOf("s007", spec.Failed, 0))
	w.spec("<b>", `{"args":["/bin/true"]}`) // no name of a service
	w.serve()
	v := w.visitor().login("read")
	for path, has := range map[string][]string{
		"/":                          {"What is wrong", ">s007</a>", "no supervisor is running", "250 services"},
		"/services":                  {">s000</a>", ">s099</a>", "page 1 of 3", `href="/services?page=2"`},
		"/services?page=3":           {">s200</a>", ">s249</a>", `rel="prev"`},
		"/services?page=99":          {">s249</a>"},
		"/services?text=s&sort=cpu":  {`href="/services?down=1&sort=cpu&text=s"`, `href="/services?sort=cpu&state=failed&text=s"`},
		"/services?down=1":           {">s249</a>", `aria-sort="descending"`},
		"/services?state=failed":     {">s007</a>", "1 service"},
		"/services?text=SLEEP+24":    {">s024</a>", "11 services"},
		"/services?sort=state":       {">s007</a>"},
		"/services/s007":             {"s007", "failed"},
		"/services/s007/spec":        {"/bin/sleep"},
		"/colony":                    {"none is running"},
		"/events?type=nonsense":      {"is none"},
		"/services/s007?grep=%5B":    {"error parsing regexp"},
		"/services/s007?stream=what": {"neither stdout nor stderr"},
	} {
		got := v.get(path)
		text := html.UnescapeString(got.text)
		for _, want := range has {
			if got.StatusCode != 200 || !strings.Contains(text, want) {
				t.Errorf("%s: %d, without %q", path, got.StatusCode, want)
			}
		}
	}
	for path, status := range map[string]int{"/services/nobody": 404, "/services/nobody/spec": 404, "/static/nothing.js": 404, "/services/..%2f..%2fetc": 400} {
		if got := v.get(path); got.StatusCode != status || !strings.Contains(got.text, "<main") {
			t.Errorf("%s: %d, want a page with %d", path, got.StatusCode, status)
		}
	}
	if text := v.get("/services?text=%3Cscript%3E").text; strings.Contains(text, "<script>") {
		t.Error("what is asked for is taken for a part of the page")
	}
	got := v.get(staticURL("app.js"))
	if got.StatusCode != 200 || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("the module: %d %v", got.StatusCode, got.Header)
	}
}

// What is wrong comes first, the worst of it before the rest.
func TestWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	now := time.Now().UTC()
	for name, change := range map[string]func(*spec.Status){
		"well":    func(*spec.Status) {},
		"failing": func(st *spec.Status) { st.State, st.Reason = spec.Failed, "5 restarts in 10s" },
		"looping": func(st *spec.Status) { st.State, st.LastExit = spec.Backingoff, code(7) },
		"misspelt": func(st *spec.Status) {
			st.SpecError = &spec.Problem{Line: 3, Column: 9, Message: "args: must be a list"}
		},
		"hung": func(st *spec.Status) { st.PID, st.Watched.Heart = 1, true },
		"sick": func(st *spec.Status) {
			st.PID, st.Watched.Probe = 1, true
		},
		"@log": func(st *spec.Status) { st.State = spec.Stopped },
	} {
		st := spec.Status{Name: name, State: spec.Running, Since: now.Add(-time.Hour), Generation: 4, Ready: true}
		change(&st)
		w.write(w.places.Status(name), string(must(json.Marshal(st))))
	}
	for path, v := range map[string]any{
		w.places.Heart("hung"): spec.Heartbeat{Name: "hung", State: spec.HeartOverdue, Generation: 4, LastBeat: &now},
		w.places.Probe("sick"): spec.Probes{Name: "sick", Checks: map[string]spec.Probe{"http": {Error: "status 503", Bad: 2, Generation: 4}}},
		w.places.Colony():      spec.ColonyStatus{Degraded: map[string]string{"@log": "no room"}, BadFiles: map[string]string{"a b": "has a space"}},
		filepath.Join(w.places.State, "crashes/looping/1.json"): spec.Crash{Name: "looping", Exit: code(7), Lines: []string{"last <words>"}},
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		w.write(path, string(must(json.Marshal(v))))
	}
	w.serve()
	v := w.visitor().login("read")
	text := html.UnescapeString(v.get("/").text)
	at := 0
	for _, want := range []string{`bad file "a b"`, "degraded: @log: no room", "/services/failing", "failed", "5 restarts in 10s", "/services/looping", "crash loop", "exit 7", "/services/@log", "helper",
		"/services/misspelt", "invalid spec", "line 3 column 9: args: must be a list", "/services/hung", "overdue", "no heartbeat since", "/services/sick", "unwell", "http check bad 2 times: status 503"} {
		next := strings.Index(text[at:], want)
		if next < 0 {
			t.Fatalf("no %q where it is to be in\n%s", want, text)
		}
		at += next
	}
	wrong, _, _ := strings.Cut(text, `id="counts"`)
	if strings.Contains(wrong, "/services/well") {
		t.Error("one that is well is among what is wrong")
	}
	if text := v.get("/services/looping").text; !strings.Contains(text, "last &lt;words&gt;") {
		t.Error("the last words of a crash are not shown, or not as text")
	}
	if text := v.get("/services/hung").text; !strings.Contains(text, "Heartbeat: overdue") {
		t.Error("the heartbeat is not shown")
	}
}

func TestEditWithoutScripts(t *testing.T) {
	w := aSmallWorld(t)
	v := w.visitor().login("admin")
	path := filepath.Join(w.places.Config, "web")
	old := must(os.ReadFile(path))
	edit := func(to string, text string, more url.Values) got {
		form := url.Values{"form": {v.form("/new")}, "text": {text}, "before": {operations.Hash(old)}}
		for key, values := range more {
			form[key] = values
		}
		return v.post(to, form)
	}
	good := "{\"args\": [\"/bin/sleep\", \"5\"]}\n"
	apply := url.Values{"do": {"apply"}, "checked": {operations.Hash([]byte(good))}}

	bad := edit("/services/web/spec", "{\r\n \"args\": 3\r\n}", url.Values{"do": {"apply"}})
	if bad.StatusCode != 200 || !strings.Contains(bad.text, "line 2 column 10") || strings.Contains(bad.text, `value="apply"`) {
		t.Errorf("a bad text: %d\n%s", bad.StatusCode, bad.text)
	}
	shown := edit("/services/web/spec", good, url.Values{"do": {"check"}})
	for _, has := range []string{`class="removed"`, `class="added"`, "It is restarted", "<code>args</code>", `value="apply"`, operations.Hash([]byte(good))} {
		if !strings.Contains(shown.text, has) {
			t.Errorf("a good text: no %s in\n%s", has, shown.text)
		}
	}
	// What was not looked at is not applied.
	if got := edit("/services/web/spec", good+" ", apply); got.StatusCode != 200 || !strings.Contains(got.text, "another one than was checked") {
		t.Errorf("another text than was checked: %d", got.StatusCode)
	}
	if now := must(os.ReadFile(path)); string(now) != string(old) {
		t.Errorf("the spec is %s", now)
	}
	if got := edit("/services/web/spec", good, apply); got.StatusCode != 303 || !strings.HasPrefix(got.Header.Get("Location"), "/services/web?notice=") {
		t.Errorf("apply: %d\n%s", got.StatusCode, got.text)
	} else if told := v.get(got.Header.Get("Location")); !strings.Contains(told.text, "The spec is in place.") {
		t.Error("it is not told what came of it")
	}
	if now := must(os.ReadFile(path)); string(now) != good {
		t.Errorf("the spec is %s", now)
	}
	// Somebody else was faster.
	if got := edit("/services/web/spec", good, apply); got.StatusCode != 412 || !strings.Contains(got.text, "is another one") {
		t.Errorf("a spec that has changed: %d", got.StatusCode)
	}
	for name, status := range map[string]int{"web": 412, "": 400, "a/b": 400, "other": 303} {
		if got := edit("/new", good, url.Values{"name": {name}, "do": {"apply"}, "checked": apply["checked"]}); got.StatusCode != status {
			t.Errorf("new %q: %d, want %d\n%s", name, got.StatusCode, status, got.text)
		}
	}
	if now := must(os.ReadFile(filepath.Join(w.places.Config, "other"))); string(now) != good {
		t.Errorf("the new spec is %s", now)
	}
	if got := edit("/services/web/spec", strings.Repeat(" ", spec.MaxSpecSize+1), nil); got.StatusCode != 413 {
		t.Errorf("a large text: %d", got.StatusCode)
	}
	if got := edit("/services/web/spec", strings.Repeat(" ", largest+1), nil); got.StatusCode != 400 {
		t.Errorf("a large form: %d", got.StatusCode)
	}
}

func TestManyWithoutScripts(t *testing.T) {
	w := newWorld(t)
	for i := range mostAtOnce + 1 {
		name := fmt.Sprintf("s%04d", i)
		w.write(w.places.Status(name), statusOf(name, spec.Running, 0))
	}
	w.write(w.places.Status("s0001"), statusOf("s0001", spec.Stopped, 0))
	w.serve()
	v := w.visitor().login("admin")
	token := v.form("/")
	ask := func(form url.Values) got { return v.post("/many", withForm(form, token)) }
	got := ask(url.Values{"do": {"restart"}, "name": {"s0000", "s0001", "nobody"}})
	for _, has := range []string{"Really restart 2 services", "ended, and started again", `value="s0001"`} {
		if got.StatusCode != 200 || !strings.Contains(got.text, has) {
			t.Errorf("preview: %d, without %q", got.StatusCode, has)
		}
	}
	for what, form := range map[string]url.Values{
		"nothing chosen": {"do": {"restart"}},
		"no such action": {"do": {"remove"}, "name": {"s0000"}},
		"too many":       {"do": {"restart"}, "all": {"1"}},
	} {
		if got := ask(form); got.StatusCode != 400 {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
	}
	if got := ask(url.Values{"do": {"stop"}, "all": {"1"}, "text": {"s000"}, "state": {"running"}}); !strings.Contains(got.text, "Really stop 9 services") {
		t.Errorf("all that match: %d", got.StatusCode)
	}
	left := must(os.ReadDir(w.places.Messages))
	if len(left) != 0 {
		t.Errorf("a preview has sent %d messages", len(left))
	}
	// Without a supervisor the messages lie there, and that is told.
	got = ask(url.Values{"do": {"restart"}, "name": {"s0000", "s0001"}, "sure": {"1"}})
	if told := v.get(got.Header.Get("Location")); !strings.Contains(told.text, "no supervisor is running") {
		t.Errorf("without a supervisor: %d\n%s", got.StatusCode, told.text)
	}
	if left := must(os.ReadDir(w.places.Messages)); len(left) != 2 {
		t.Errorf("%d messages", len(left))
	}
}
