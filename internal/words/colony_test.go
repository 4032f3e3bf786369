package words

import (
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestBadFile(t *testing.T) {
	const want = `bad file "a b": no`
	for file, why := range map[string]string{"a b": "no", `"a b"`: `name "a b": no`} {
		if got := BadFile(file, why); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Where there is not room for all, what tells one colony from another stays.
func TestHeadline(t *testing.T) {
	now := time.Now()
	clock := now.Local().Format(time.TimeOnly)
	c := &spec.ColonyStatus{PID: 7, Started: now.Add(-time.Minute), Version: "1.2.3"}
	of := func(root string) spec.Places {
		return spec.Places{Config: root + "/config", Messages: root + "/messages", State: root + "/state"}
	}
	for _, tc := range []struct {
		root  string
		alive bool
		width int
		want  string
	}{
		{"/srv/colony", true, 60, "ncolony /srv/colony  pid 7  up 1m0s  1.2.3          " + clock},
		{"/home/somebody/with/many/directories/colony", true, 60, "ncolony …directories/colony  pid 7  up 1m0s  1.2.3  " + clock},
		{"/home/somebody/with/many/directories/colony", false, 80, "ncolony …ries/colony  no supervisor is running; this is what the last…  " + clock},
		{"/srv/colony", true, 24, "ncolony /srv/…  " + clock},
		{"/srv/colony", true, 5, clock[:4] + "…"},
		{"/srv/colony", true, 0, ""},
	} {
		if got := Headline(of(tc.root), c, tc.alive, now, tc.width); got != tc.want {
			t.Errorf("at %d: %q, want %q", tc.width, got, tc.want)
		}
	}
}
