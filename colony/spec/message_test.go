package spec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMessage(t *testing.T) {
	tests := []struct {
		text string
		want *Message
		bad  string
	}{
		{text: `{"type":"RESTART","name":"web"}`, want: &Message{Type: RestartService, Name: "web"}},
		{text: `{"type":"RESTART-ALL"}`, want: &Message{Type: RestartAll}},
		{text: `{"type":"RESTART-GROUP","group":"g"}`, want: &Message{Type: RestartGroup, Group: "g"}},
		{text: `{"type":"RESTART","name":"web.json"}`, want: &Message{Type: RestartService, Name: "web"}},
		{text: `{"type":"RESTART","name":".json"}`, want: &Message{Type: RestartService, Name: ".json"}},
		{text: `{"type":"STOP","name":"web","generation":18446744073709551,"reason":""}`,
			want: &Message{Type: StopService, Name: "web", Generation: ptr(uint64(18446744073709551))}},
		{text: `{"type":"START","name":"web@2","pid":1e1}`, want: &Message{Type: StartService, Name: "web@2", PID: ptr(10)}},
		{text: `{"type":"SIGNAL","name":"web","signal":"sighup"}`, want: &Message{Type: SendSignal, Name: "web", Signal: 1}},
		{text: `{"type":"SIGNAL","name":"web","signal":9}`, want: &Message{Type: SendSignal, Name: "web", Signal: 9}},
		{text: `{"type":"READY","name":"@heartcheck"}`, want: &Message{Type: Ready, Name: "@heartcheck"}},
		{text: `{"type":"RESCAN","reason":"why"}`, want: &Message{Type: Rescan, Reason: "why"}},
		{text: `{"type":"UPGRADE"}`, want: &Message{Type: Upgrade}},
		{text: `{"type":"UPGRADE","path":"/x"}`, want: &Message{Type: Upgrade, Path: "/x"}},
		{text: `{"type":"SHUTDOWN"}`, want: &Message{Type: Shutdown}},
		{text: `{"type":"RESTART-ALL","name":7,"group":null,"signal":"?","path":[],"sender":{"a":1}}`, want: &Message{Type: RestartAll}},

		{text: ``, bad: "line 1 column 1: empty file"},
		{text: `{"type":"RESTART"`, bad: "line 1 column 18: truncated: the text ends inside an object"},
		{text: `[]`, bad: "line 1 column 1: not an object: it must begin with {"},
		{text: `{}`, bad: "line 1 column 1: type: missing"},
		{text: `{"type":null}`, bad: "line 1 column 9: type: must not be null"},
		{text: `{"type":5}`, bad: "line 1 column 9: type: must be a string, not a number"},
		{text: `{"type":"restart"}`, bad: `line 1 column 9: type: unknown type "restart": did you mean "RESTART"?`},
		{text: `{"type":"RESTART_ALL"}`, bad: `line 1 column 9: type: unknown type "RESTART_ALL": did you mean "RESTART-ALL"?`},
		{text: `{"type":"DANCE"}`, bad: `line 1 column 9: type: unknown type "DANCE": known are RESTART, RESTART-ALL, RESTART-GROUP, STOP, START, SIGNAL, READY, RESCAN, UPGRADE, SHUTDOWN`},
		{text: `{"type":"RESTART"}`, bad: "line 1 column 1: name: missing, RESTART needs it"},
		{text: `{"type":"RESTART","name":null}`, bad: "line 1 column 26: name: must not be null"},
		{text: `{"type":"RESTART","name":""}`, bad: "line 1 column 26: name: must not be empty"},
		{text: `{"type":"RESTART-GROUP","group":["g"]}`, bad: "line 1 column 33: group: must be a string, not a list"},
		{text: "{\"type\":\"SIGNAL\",\n \"signal\":true,\n \"pid\":0, \"generation\":-1, \"reason\":1}",
			bad: "line 1 column 1: name: missing, SIGNAL needs it; line 2 column 11: signal: must be a name or a number, not a boolean; " +
				"line 3 column 8: pid: must be from 1 to 2147483647; line 3 column 24: generation: must be from 1 to 9223372036854775807; " +
				"line 3 column 37: reason: must be a string, not a number"},
		{text: `{"type":"UPGRADE","path":"x"}`, bad: `line 1 column 26: path: must be an absolute path, not "x"`},
		{text: `{"type":"STOP","type":"START","name":"x"}`, bad: `line 1 column 16: "type": duplicate key, first on line 1`},
		{text: `{"type":"RESCAN","x":"` + strings.Repeat("x", MaxMessageSize) + `"}`, bad: "line 1 column 65537: too large: more than 64 KiB"},
	}
	for _, tt := range tests {
		got, err := ParseMessage([]byte(tt.text))
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.bad, said); diff != "" {
			t.Errorf("%.80s: %s", tt.text, diff)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%.80s: %s", tt.text, diff)
		}
		if got == nil {
			continue
		}
		// What the Go library writes is what the supervisor reads.
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseMessage(written); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%s: %v, %v", written, again, err)
		}
	}
}
