package colony

import (
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// @probe runs while a spec asks for health checks or becomes ready by an answer,
// says so in the status of those that it asks, and its failure to start is told
// there.
func TestProberIsNeeded(t *testing.T) {
	for _, text := range []string{
		`{"args":["x"],"ncolony.httpcheck":{"url":"http://localhost/","period":1}}`,
		`{"args":["x"],"ncolony.tcpcheck":{"address":"localhost:1","period":1}}`,
		`{"args":["x"],"ncolony.execcheck":{"args":["x"],"period":1}}`,
		`{"args":["x"],"ready":{"http":"http://localhost/"}}`,
		`{"args":["x"],"ready":{"tcp":"localhost:1"}}`,
		`{"args":["x"],"ready":{"exec":["x"]}}`,
	} {
		p := testPolicy
		p.helpers = map[string]*spec.Spec{prober: helperSpec([]string{"p"})}
		w := newWorld(t, p)
		w.see("plain", `{"args":["x"],"ncolony.httpcheck":null,"ready":{"notify":true}}`)
		w.settle()
		if w.m.services[prober] != nil {
			t.Fatal("@probe runs, and nobody needs it")
		}
		w.see("web", text)
		w.settle()
		helper := w.m.services[prober]
		if helper == nil || helper.phase != up {
			t.Fatalf("%s: no @probe", text)
		}
		if st := w.status["web"]; !st.Watched.Probe || len(st.Warnings) > 0 {
			t.Errorf("%s: watched %+v, warnings %q", text, st.Watched, st.Warnings)
		}
		if st := w.status["plain"]; st.Watched.Probe {
			t.Errorf("plain: watched %+v", st.Watched)
		}
		w.see("web", `{"args":["x"]}`)
		w.settle()
		if w.told[helper.life.pid] == nil && helper.phase == up {
			t.Errorf("%s: @probe runs on", text)
		}
	}
	w := newWorld(t, testPolicy)
	w.see("web", `{"args":["x"],"ncolony.httpcheck":{"url":"http://localhost/","period":1}}`)
	w.settle()
	if st := w.status["web"]; len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0], "only if you run `ncolony probe`") {
		t.Errorf("warnings %q", st.Warnings)
	}
}
