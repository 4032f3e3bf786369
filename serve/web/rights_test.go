package web

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// what there is: who may, and what those who may are answered.
var (
	pagesThere = []struct {
		path  string
		admin bool // readers may not
	}{
		{"/", false}, {"/services", false}, {"/rows", false}, {"/services/web", false}, {"/services/web/spec", false},
		{"/new", true}, {"/events", false}, {"/graph", false}, {"/colony", false},
	}
	formsThere = []struct {
		path   string
		form   url.Values
		status int // for the admin
		reader int
	}{
		{"/services/web/act", url.Values{"do": {"restart"}}, 303, 403},
		{"/services/web/act", url.Values{"do": {"start"}}, 303, 403},
		{"/services/web/act", url.Values{"do": {"stop"}}, 303, 403},
		{"/services/web/act", url.Values{"do": {"signal"}, "signal": {"HUP"}}, 303, 403},
		{"/services/web/spec", url.Values{"text": {`{"args":["/bin/true"]}`}, "do": {"check"}}, 200, 403},
		{"/new", url.Values{"name": {"other"}, "text": {`{"args":["/bin/true"]}`}, "do": {"check"}}, 200, 403},
		{"/many", url.Values{"name": {"web"}, "do": {"restart"}}, 200, 403},
		{"/colony", url.Values{"do": {"rescan"}}, 303, 403},
		{"/services/web/act", url.Values{"do": {"remove"}}, 303, 403},
		{"/logout", nil, 303, 303},
	}
)

func withForm(form url.Values, token string) url.Values {
	all := url.Values{"form": {token}}
	for key, values := range form {
		all[key] = values
	}
	return all
}

func aSmallWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.spec("web", `{"args":["/bin/sleep","1000"]}`)
	w.serve()
	return w
}

func TestWhoMaySeePages(t *testing.T) {
	w := aSmallWorld(t)
	for _, role := range []string{"", "read", "admin"} {
		v := w.visitor().login(role)
		for _, p := range pagesThere {
			got := v.get(p.path)
			want := http.StatusOK
			switch {
			case role == "":
				want = http.StatusSeeOther
				if to := got.Header.Get("Location"); !strings.HasPrefix(to, "/login") {
					t.Errorf("stranger, %s: sent to %q", p.path, to)
				}
			case role == "read" && p.admin:
				want = http.StatusForbidden
			}
			if got.StatusCode != want {
				t.Errorf("%q, %s: %d, want %d\n%s", role, p.path, got.StatusCode, want, got.text)
			}
			if p.path != "/rows" && got.StatusCode != http.StatusSeeOther && got.Header.Get("Content-Security-Policy") != allowed {
				t.Errorf("%q, %s: its policy is %q", role, p.path, got.Header.Get("Content-Security-Policy"))
			}
			// A reader is shown nothing that would fail.
			if role == "read" {
				rest := strings.ReplaceAll(got.text, `<form method="post" action="/logout">`, "")
				for _, not := range []string{`method="post" action`, `type="checkbox" name`, `href="/new"`, `Edit spec`} {
					if strings.Contains(rest, not) {
						t.Errorf("a reader sees %q on %s", not, p.path)
					}
				}
				if strings.Contains(rest, `name="do"`) {
					t.Errorf("a reader sees a button on %s", p.path)
				}
			}
		}
	}
}

func TestWhoMaySendForms(t *testing.T) {
	w := aSmallWorld(t)
	for _, f := range formsThere {
		for _, role := range []string{"", "read", "admin"} {
			v := w.visitor().login(role)
			own := v.form("/")
			other := w.visitor().login("admin").form("/")
			refused := map[string]int{"": 401, "read": f.reader, "admin": 403}[role]
			if role == "read" && f.path == "/logout" {
				refused = 403
			}
			for name, got := range map[string]got{
				"no form token":          v.post(f.path, f.form),
				"a wrong form token":     v.post(f.path, withForm(f.form, "nonsense")),
				"another's form token":   v.post(f.path, withForm(f.form, other)),
				"another site":           v.post(f.path, withForm(f.form, own), "Origin: http://evil.example"),
				"another port":           v.post(f.path, withForm(f.form, own), "Origin: http://127.0.0.1:1"),
				"an origin without name": v.post(f.path, withForm(f.form, own), "Origin: null"),
			} {
				want := refused
				if strings.Contains(name, "another site") || strings.Contains(name, "port") || strings.Contains(name, "origin") {
					want = 403
				}
				if got.StatusCode != want {
					t.Errorf("%q, %s %v with %s: %d, want %d", role, f.path, f.form, name, got.StatusCode, want)
				}
			}
			if _, err := os.Stat(filepath.Join(w.places.Config, "web")); err != nil {
				t.Fatalf("%q, %s %v: a form that was refused has removed the spec", role, f.path, f.form)
			}
			left, err := os.ReadDir(w.places.Messages)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				t.Errorf("%q, %s %v: a form that was refused has sent %s", role, f.path, f.form, e.Name())
			}
			if role == "" {
				continue
			}
			want := map[string]int{"read": f.reader, "admin": f.status}[role]
			if got := v.post(f.path, withForm(f.form, own)); got.StatusCode != want {
				t.Errorf("%q, %s %v: %d, want %d\n%s", role, f.path, f.form, got.StatusCode, want, got.text)
			}
			left, err = os.ReadDir(w.places.Messages)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				os.Remove(filepath.Join(w.places.Messages, e.Name()))
			}
			w.spec("web", `{"args":["/bin/sleep","1000"]}`)
			w.eventually("the spec to be seen", func() bool { return v.get("/services/web").StatusCode != 404 })
		}
	}
}

// A cookie alone changes nothing by the interface of programs, but may read.
func TestCookieOnlyReadsTheAPI(t *testing.T) {
	w := aSmallWorld(t)
	v := w.visitor().login("admin")
	if got := v.get("/v1/services/web"); got.StatusCode != 200 {
		t.Errorf("read: %d", got.StatusCode)
	}
	r, err := http.NewRequest("DELETE", w.base+"/v1/services/web", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.do(r); got.StatusCode != 401 {
		t.Errorf("remove: %d, want 401", got.StatusCode)
	}
}

func TestLogin(t *testing.T) {
	w := aSmallWorld(t)
	v := w.visitor()
	if got := v.get("/services/web?stream=stderr"); got.Header.Get("Location") != "/login?to=%2Fservices%2Fweb%3Fstream%3Dstderr" {
		t.Errorf("sent to %q", got.Header.Get("Location"))
	}
	for _, token := range []string{"", "nonsense", w.token("admin")[1:]} {
		got := v.post("/login", url.Values{"token": {token}})
		if got.StatusCode != 401 || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("token %q: %d, cookie %q", token, got.StatusCode, got.Header.Get("Set-Cookie"))
		}
	}
	if got := v.post("/login", url.Values{"token": {w.token("admin")}}, "Origin: http://evil.example"); got.StatusCode != 403 || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("another site has somebody logged in: %d", got.StatusCode)
	}
	for to, want := range map[string]string{"/services/web": "/services/web", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "": "/"} {
		if got := w.visitor().post("/login", url.Values{"token": {w.token("admin")}, "to": {to}}); got.Header.Get("Location") != want {
			t.Errorf("to %q leads to %q", to, got.Header.Get("Location"))
		}
	}
	got := v.post("/login", url.Values{"token": {" " + w.token("admin") + "\n"}})
	cookie := got.Header.Get("Set-Cookie")
	for _, has := range []string{"HttpOnly", "SameSite=Strict", "Max-Age=43200", "Path=/"} {
		if !strings.Contains(cookie, has) {
			t.Errorf("the cookie %q is not %s", cookie, has)
		}
	}
	if strings.Contains(cookie, w.token("admin")) {
		t.Error("the token is in the cookie")
	}
	if got := v.get("/"); got.StatusCode != 200 || strings.Contains(got.text, w.token("admin")) {
		t.Errorf("after the login: %d", got.StatusCode)
	}
	old := v.client.Jar.Cookies(must(url.Parse(w.base)))[0]
	if got := v.post("/logout", url.Values{"form": {v.form("/")}}); got.StatusCode != 303 {
		t.Errorf("logout: %d", got.StatusCode)
	}
	thief := w.visitor()
	thief.client.Jar.SetCookies(must(url.Parse(w.base)), []*http.Cookie{old})
	for name, v := range map[string]*visitor{"who has logged out": v, "a cookie that was kept": thief} {
		if got := v.get("/"); got.StatusCode != 303 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
}

// A token that is changed ends what was begun with it.
func TestTokenIsTakenBack(t *testing.T) {
	w := aSmallWorld(t)
	v := w.visitor().login("admin")
	other := w.visitor().login("read")
	if err := os.Remove(filepath.Join(w.places.State, "serve.token.admin")); err != nil {
		t.Fatal(err)
	}
	if got := v.get("/"); got.StatusCode != 303 {
		t.Errorf("after the token is gone: %d", got.StatusCode)
	}
	if got := other.get("/"); got.StatusCode != 200 {
		t.Errorf("the other token: %d", got.StatusCode)
	}
}

// On the socket the rights of the peer hold, also through a tunnel: by any name that
// is no site's.
func TestSocket(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the test is to be the owner of the directory, or root")
	}
	w := aSmallWorld(t)
	client := &http.Client{Timeout: fixture.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", w.socket)
		}}}
	t.Cleanup(client.CloseIdleConnections)
	v := &visitor{w, client}
	for base, want := range map[string]int{"http://localhost:8080": 200, "http://127.0.0.1:8080": 200, "http://ncolony": 200, "http://evil.example": 403, "http://192.0.2.1": 403} {
		w.base = base
		got := v.get("/")
		if got.StatusCode != want {
			t.Errorf("%s: %d, want %d", base, got.StatusCode, want)
		}
		if want == 200 && strings.Contains(got.text, "Log out") {
			t.Error("one who never logged in is asked whether to log out")
		}
	}
	w.base = "http://localhost:8080"
	if got := v.get("/login"); got.StatusCode != 303 {
		t.Errorf("login: %d, want 303", got.StatusCode)
	}
	ask := url.Values{"do": {"remove"}}
	if got := v.post("/services/web/act", ask); got.StatusCode != 403 {
		t.Errorf("without a form token: %d", got.StatusCode)
	}
	ask.Set("form", v.form("/services/web"))
	if got := v.post("/services/web/act", ask, "Origin: http://localhost:9090"); got.StatusCode != 403 {
		t.Errorf("from another page of this machine: %d", got.StatusCode)
	}
	if got := v.get("/services/web"); got.StatusCode != 200 {
		t.Errorf("the service is gone: %d", got.StatusCode)
	}
	w.write(w.places.Status("web"), statusOf("web", spec.Running, 0))
	if got := v.post("/services/web/act", url.Values{"do": {"nonsense"}, "form": {ask.Get("form")}}); got.StatusCode != 400 {
		t.Errorf("nonsense: %d", got.StatusCode)
	}
}

// A spec that is its owner's alone is not shown to readers.
func TestSecretSpec(t *testing.T) {
	w := aSmallWorld(t)
	path := filepath.Join(w.places.Config, "web")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.visitor().login("read").get("/services/web/spec"); got.StatusCode != 403 || strings.Contains(got.text, "sleep") {
		t.Errorf("a reader: %d\n%s", got.StatusCode, got.text)
	}
	if got := w.visitor().login("admin").get("/services/web/spec"); got.StatusCode != 200 || !strings.Contains(got.text, "sleep") {
		t.Errorf("the admin: %d", got.StatusCode)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
