package serve

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// callers are all kinds of them, with the role that each has. status is what is
// answered if the role does not do.
var callers = []struct {
	name    string
	unix    *Peer // nil: TCP
	token   string
	headers []string
	role    operations.Role
	status  int
}{
	{name: "root", unix: &Peer{UID: 0}, role: operations.Admin},
	{name: "owner", unix: &Peer{UID: 1234, Groups: []int{1}}, role: operations.Admin},
	{name: "group", unix: &Peer{UID: 2, Groups: []int{3, 5678}}, role: operations.Reader, status: 403},
	{name: "stranger", unix: &Peer{UID: 2, Groups: []int{2, 0}}, status: 403},
	{name: "nobody knows who", unix: &Peer{UID: -1}, status: 403},
	{name: "stranger with a token", unix: &Peer{UID: 2}, token: "admin", status: 403},
	{name: "root from a page", unix: &Peer{UID: 0}, headers: []string{"Origin: http://evil.example"}, status: 403},
	{name: "root from a rebound page", unix: &Peer{UID: 0}, headers: []string{"Origin: http://evil.example", "Host: evil.example"}, status: 403},
	{name: "root from a known page", unix: &Peer{UID: 0}, headers: []string{"Origin: https://admin.example", "Host: colony.example"}, role: operations.Admin},
	{name: "anonymous", status: 401},
	{name: "wrong token", token: "wrong", status: 401},
	{name: "empty token", headers: []string{"Authorization: Bearer "}, status: 401},
	{name: "other scheme", headers: []string{"Authorization: Basic YTpi"}, status: 401},
	{name: "reader", token: "read", role: operations.Reader, status: 403},
	{name: "admin", token: "admin", role: operations.Admin},
	{name: "reader from its own page", token: "read", headers: []string{"Origin: http://HERE"}, role: operations.Reader, status: 403},
	{name: "admin from its own page", token: "admin", headers: []string{"Origin: http://HERE"}, role: operations.Admin},
	{name: "admin from a known page", token: "admin", headers: []string{"Origin: https://admin.example"}, role: operations.Admin},
	{name: "admin from a page", token: "admin", headers: []string{"Origin: http://evil.example"}, status: 403},
	{name: "admin from another port", token: "admin", headers: []string{"Origin: http://127.0.0.1:1"}, status: 403},
	{name: "admin from another scheme", token: "admin", headers: []string{"Origin: https://HERE"}, status: 403},
	{name: "admin from a file", token: "admin", headers: []string{"Origin: null"}, status: 403},
	{name: "admin by a wrong name", token: "admin", headers: []string{"Host: evil.example"}, status: 403},
	{name: "admin by a wrong name of the port", token: "admin", headers: []string{"Host: evil.example:80"}, status: 403},
	{name: "admin by another address", token: "admin", headers: []string{"Host: 10.0.0.1"}, status: 403},
	{name: "admin rebound", token: "admin", headers: []string{"Host: evil.example", "Origin: http://evil.example"}, status: 403},
	{name: "admin by a known name", token: "admin", headers: []string{"Host: colony.example"}, role: operations.Admin},
	{name: "admin by localhost", token: "admin", headers: []string{"Host: LocalHost:99"}, role: operations.Admin},
}

// places of the paths.
var filled = strings.NewReplacer("{name}", "web", "{request}", "some", "{type}", "spec")

// Every route, for everybody.
func TestAuthorisation(t *testing.T) {
	extra := Route{Pattern: "POST /extra", Needs: operations.Reader, Serve: func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "") }}
	w := newWorld(t, func(o *Options) {
		o.Hosts, o.Origins = []string{"colony.example"}, []string{"https://admin.example"}
	}, extra)
	w.server.access.owner = func() (int, error) { return 1234, nil }
	w.server.access.group = func() (int, error) { return 5678, nil }
	routes := append(w.server.routes(), extra)
	if len(routes) < 20 {
		t.Fatal(len(routes))
	}
	// What is let through must have something to find, and must not do harm to the next.
	fixture.Put(t, w.places.Status("web"), status("web", "running", 1))
	for _, c := range callers {
		if c.unix != nil {
			w.as(*c.unix)
		}
		for _, route := range routes {
			fixture.Put(t, filepath.Join(w.places.Config, "web"), `{"args":["x"]}`)
			method, path, _ := strings.Cut(route.Pattern, " ")
			headers := slices.Clone(c.headers)
			client, base := w.unix, "http://ncolony"
			if c.unix == nil {
				client, base = w.web, "http://"+w.tcp
			}
			for i := range headers {
				headers[i] = strings.ReplaceAll(headers[i], "HERE", w.tcp)
			}
			switch c.token {
			case "":
			case "wrong":
				headers = append(headers, "Authorization: Bearer "+w.token("admin")[1:]+"A")
			default:
				headers = append(headers, "Authorization: Bearer "+w.token(c.token))
			}
			got := send(t, client, newRequest(t, method, base+filled.Replace(path), "", headers...))
			switch refused := got.StatusCode == 401 || got.StatusCode == 403; {
			case c.role >= route.Needs && refused:
				t.Errorf("%s: %s: %d\n%s", c.name, route.Pattern, got.StatusCode, got.text)
			case c.role < route.Needs && got.StatusCode != c.status:
				t.Errorf("%s: %s: %d, want %d\n%s", c.name, route.Pattern, got.StatusCode, c.status, got.text)
			case refused:
				got.problem(t)
				if got.StatusCode == 401 && got.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %s: no WWW-Authenticate", c.name, route.Pattern)
				}
			}
		}
	}
	if text, err := os.ReadFile(filepath.Join(w.places.Config, "web")); err != nil || string(text) != `{"args":["x"]}` {
		t.Errorf("somebody who may not has written %q, %v", text, err)
	}
	if list, _ := os.ReadDir(w.places.Messages); len(list) != 0 {
		t.Errorf("somebody has sent %v", list)
	}
}

// A method that no route has is refused by all paths, and does nothing.
func TestMethods(t *testing.T) {
	w := newWorld(t, nil)
	has := map[string]bool{}
	for _, route := range w.server.routes() {
		has[route.Pattern] = true
	}
	for _, route := range w.server.routes() {
		_, path, _ := strings.Cut(route.Pattern, " ")
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
			if has[method+" "+path] {
				continue
			}
			got := send(t, w.unix, w.request(method, filled.Replace(path), ""))
			if got.StatusCode != 405 || got.Header.Get("Allow") == "" {
				t.Errorf("%s %s: %d, allowed %q", method, path, got.StatusCode, got.Header.Get("Allow"))
			}
			got.problem(t)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/", "/v2/services", "/v1/services/web/explode", "/metrics"} {
		w.call(404, "GET", path, "").problem(t)
	}
}

// What another site's page can have a browser send without being asked is no use.
func TestForms(t *testing.T) {
	w := newWorld(t, nil)
	fixture.Hold(t, w.places)
	fixture.Put(t, filepath.Join(w.places.Config, "web"), `{"args":["x"]}`)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonx", "text/plain; x=application/json"} {
		for _, r := range []string{"POST /v1/messages", "POST /v1/services/web/signal", "PUT /v1/services/other", "PATCH /v1/services/web"} {
			method, path, _ := strings.Cut(r, " ")
			w.call(415, method, path, `{"type":"RESCAN"}`, "Content-Type: "+kind).problem(t)
		}
	}
	w.call(202, "POST", "/v1/messages", `{"type":"RESCAN"}`, "Content-Type: application/json; charset=utf-8")
}

// A reader is not shown what only the owner of a file may read.
func TestHiddenSpec(t *testing.T) {
	w := newWorld(t, nil)
	w.server.access.group = func() (int, error) { return 5678, nil }
	path := filepath.Join(w.places.Config, "web")
	fixture.Put(t, path, `{"args":["x"],"env":{"KEY":"secret"}}`)
	fixture.Put(t, w.places.Status("web"), status("web", "running", 1))
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w.call(200, "GET", "/v1/services/web/spec", "")
	w.as(Peer{UID: 2, Groups: []int{5678}})
	w.call(403, "GET", "/v1/services/web/spec", "").problem(t)
	got := w.call(200, "GET", "/v1/services/web", "")
	if strings.Contains(got.text, "secret") || got.Header.Get("ETag") != "" || !strings.Contains(got.text, `"state":"running"`) {
		t.Errorf("%s", got.text)
	}
	w.as(Peer{UID: 2, Groups: []int{5678}})
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := w.call(200, "GET", "/v1/services/web/spec", ""); !strings.Contains(got.text, "secret") {
		t.Errorf("%s", got.text)
	}
}

// Tokens are secrets from the first moment, and count as their files say now.
func TestTokens(t *testing.T) {
	w := newWorld(t, nil)
	path := filepath.Join(w.places.State, "serve.token.admin")
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	try := func(token string) int {
		return send(t, w.web, newRequest(t, "GET", "http://"+w.tcp+"/v1/colony", "", "Authorization: Bearer "+token)).StatusCode
	}
	old := w.token("admin")
	if len(old) < 50 || old == w.token("read") || try(old) != 200 || try(w.token("read")) != 200 || try(strings.ToLower(old)) != 401 {
		t.Errorf("the token %q does not do", old)
	}
	if err := os.WriteFile(path, []byte("another-token-that-is-long\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := try(old), try("another-token-that-is-long"); a != 401 || b != 200 {
		t.Errorf("after a change: %d, %d", a, b)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := try("another-token-that-is-long"); got != 401 || !strings.Contains(w.log.String(), "it must be 0600") {
		t.Errorf("one that others may read: %d\n%s", got, w.log)
	}
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := try("short"); got != 401 {
		t.Errorf("a short one: %d", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := try("short"); got != 401 {
		t.Errorf("a removed one: %d", got)
	}
	if fresh := w.token("admin"); fresh == old || try(fresh) != 200 {
		t.Errorf("no fresh token instead: %q", fresh)
	}
}

// The kernel itself says who calls.
func TestPeer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to call as others")
	}
	w := newWorld(t, func(o *Options) {
		o.Peer = nil
		o.SocketGroup = 4321
	})
	// Else most could not even connect, which is the other half of the protection.
	if fi, err := os.Stat(w.socket); err != nil || fi.Mode().Perm() != 0o660 || fi.Sys().(*syscall.Stat_t).Gid != 4321 {
		t.Fatalf("%v %v", fi, err)
	}
	if err := os.Chmod(w.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(w.places.State, 1001, -1); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{w.places.State, filepath.Dir(w.places.State), filepath.Dir(filepath.Dir(w.places.State))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name      string
		uid, gid  int
		groups    []int
		get, kill int
	}{
		{"root", 0, 0, nil, 200, 404},
		{"the owner", 1001, 1001, nil, 200, 404},
		{"a member", 1002, 4321, nil, 200, 403},
		{"a member by another group", 1002, 1002, []int{7, 4321, 8}, 200, 403},
		{"a member by the last of many", 1002, 1002, append(slices.Repeat([]int{7}, 999), 4321), 200, 403},
		{"root's group", 1002, 0, []int{0}, 403, 403},
		{"a stranger", 1002, 1002, []int{7}, 403, 403},
	} {
		c := dialAs(t, w.socket, tt.uid, tt.gid, tt.groups)
		in := bufio.NewReader(c)
		for _, ask := range []struct {
			method, path string
			status       int
		}{{"GET", "/v1/colony", tt.get}, {"DELETE", "/v1/services/web", tt.kill}} {
			r := w.request(ask.method, ask.path, "")
			if err := r.Write(c); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(in, r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != ask.status {
				t.Errorf("%s: %s %s: %d, want %d", tt.name, ask.method, ask.path, res.StatusCode, ask.status)
			}
		}
		c.Close()
	}
}

// dialAs connects as somebody else: on a thread that becomes him, and ends.
func dialAs(t *testing.T, path string, uid, gid int, groups []int) net.Conn {
	t.Helper()
	type dialed struct {
		net.Conn
		error
	}
	done := make(chan dialed)
	go func() {
		runtime.LockOSThread() // for good
		list := make([]uint32, len(groups)+1)
		for i, g := range groups {
			list[i] = uint32(g)
		}
		for _, call := range [][4]uintptr{
			{syscall.SYS_SETGROUPS, uintptr(len(groups)), pointer(list), 0},
			{syscall.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
			{syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				done <- dialed{nil, errno}
				return
			}
		}
		runtime.KeepAlive(list)
		c, err := net.Dial("unix", path)
		done <- dialed{c, err}
	}()
	d := <-done
	if d.error != nil {
		t.Fatalf("call as %d: %v", uid, d.error)
	}
	return d.Conn
}

func pointer(list []uint32) uintptr { return uintptr(unsafe.Pointer(&list[0])) }
