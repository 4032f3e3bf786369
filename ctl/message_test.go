package ctl

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func compact(t *testing.T, s string) string {
	t.Helper()
	var in any
	if err := json.Unmarshal([]byte(s), &in); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(in); err != nil { // sorted
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestSend(t *testing.T) {
	for want, send := range map[string]func(Places) (string, error){
		`{"name":"web","type":"RESTART"}`:                func(p Places) (string, error) { return Restart(p, "web") },
		`{"name":"web@2","type":"RESTART"}`:              func(p Places) (string, error) { return Restart(p, "web@2") },
		`{"type":"RESTART-ALL"}`:                         RestartAll,
		`{"group":"g","type":"RESTART-GROUP"}`:           func(p Places) (string, error) { return RestartGroup(p, "g") },
		`{"name":"web","type":"START"}`:                  func(p Places) (string, error) { return Start(p, "web") },
		`{"name":"@heartcheck","type":"STOP"}`:           func(p Places) (string, error) { return Stop(p, "@heartcheck") },
		`{"name":"web","signal":"HUP","type":"SIGNAL"}`:  func(p Places) (string, error) { return Signal(p, "web", 1) },
		`{"type":"RESCAN"}`:                              Rescan,
		`{"type":"SHUTDOWN"}`:                            Shutdown,
		`{"generation":3,"name":"web","type":"RESTART"}`: func(p Places) (string, error) { return Send(p, of("web", 3, "")) },
		`{"name":"web","reason":"x y","type":"RESTART"}`: func(p Places) (string, error) { return Send(p, of("web", 0, "x y")) },
	} {
		p := newPlaces(t)
		file, err := send(p)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		got := tree(t, p.Messages)
		for file := range got {
			got[file] = compact(t, got[file])
		}
		if diff := cmp.Diff(map[string]string{file: want}, got); diff != "" {
			t.Errorf("messages directory (-want +got):\n%s", diff)
		}
	}
}

func of(name string, generation uint64, reason string) spec.Message {
	m := spec.Message{Type: spec.RestartService, Name: name, Reason: reason}
	if generation != 0 {
		m.Generation = &generation
	}
	return m
}

func TestSendRefuses(t *testing.T) {
	for what, m := range map[string]spec.Message{
		"no type":   {Name: "web"},
		"no name":   {Type: spec.RestartService},
		"no group":  {Type: spec.RestartGroup},
		"no signal": {Type: spec.SendSignal, Name: "web"},
		"bad name":  {Type: spec.RestartService, Name: "../web"},
		"too long":  {Type: spec.Rescan, Reason: strings.Repeat("x", spec.MaxMessageSize)},
	} {
		p := newPlaces(t)
		if file, err := Send(p, m); err == nil {
			t.Errorf("%s: sent as %q", what, file)
		}
		if left := tree(t, p.Messages); len(left) > 0 {
			t.Errorf("%s: left %v", what, left)
		}
	}
}

// Nobody may see half a message: what is not renamed yet has a dot.
func TestSendNames(t *testing.T) {
	p := newPlaces(t)
	var sent []string
	for range 200 {
		file, err := Rescan(p)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, file)
	}
	if !slices.IsSorted(sent) {
		t.Error("messages do not sort by the time at which they were sent")
	}
	if n := len(tree(t, p.Messages)); n != 200 {
		t.Errorf("%d messages are there, want 200", n)
	}
}

// A clock that is set back does not turn the order round.
func TestMessageFileClock(t *testing.T) {
	now := time.Now()
	first, second := messageFile(now), messageFile(now.Add(-time.Hour))
	if first >= second {
		t.Errorf("%q does not sort before %q", first, second)
	}
}

func TestSendNoDirectory(t *testing.T) {
	p := newPlaces(t)
	write(t, p.Messages, "a file")
	if _, err := Rescan(p); err == nil {
		t.Error("sent into a file")
	}
	if content, _ := os.ReadFile(filepath.Join(p.Messages)); string(content) != "a file" {
		t.Errorf("the file is %q now", content)
	}
}
