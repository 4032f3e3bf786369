package spec

import "testing"

// TestPlaces holds the layout of the state directory that docs/format.md
// promises.
func TestPlaces(t *testing.T) {
	p := Places{Config: "/c", Messages: "/m", State: "/s"}
	for got, want := range map[string]string{
		p.Status("web"):   "/s/status/web.json",
		p.StatusDir():     "/s/status",
		p.Result("1.web"): "/s/results/1.web.json",
		p.ResultsDir():    "/s/results",
		p.StoppedDir():    "/s/stopped",
		p.LivesDir():      "/s/lives",
		p.EventsDir():     "/s/events",
		p.Colony():        "/s/colony.json",
		p.Lock():          "/s/lock",
		p.ID():            "/s/id",
		p.Children():      "/s/children",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
