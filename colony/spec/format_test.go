package spec

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestFormatPage: docs/format.md must not forget a key, state, type or field.
func TestFormatPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	words := append([]string{}, topKeys...)
	for _, s := range States {
		words = append(words, string(s))
	}
	for _, m := range Types {
		words = append(words, string(m))
	}
	words = append(words, EventColonyStarted, EventColonyEnded, EventDraining, EventStarted, EventSpawnFailed, EventExited,
		EventEmptied, EventTerminating, EventKilled, EventSpecChanged, EventSpecInvalid, EventRemoved, EventRequested,
		EventAnswered, EventDegraded, EventRecovered, EventPanicked)
	for _, v := range []any{Backoff{}, Stop{}, Beatcheck{}, Message{}, Result{}, StopNote{}, Status{}, Exit{}, ColonyStatus{}, Event{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			words = append(words, tag)
		}
	}
	for _, w := range words {
		in := strings.Contains(string(page), "`"+w+"`")
		for _, around := range [][2]string{{"{", ","}, {" ", ","}, {" ", "}"}} { // as in `{at, by, reason}`
			in = in || strings.Contains(string(page), around[0]+w+around[1])
		}
		if !in {
			t.Errorf("docs/format.md does not mention %q", w)
		}
	}
}
