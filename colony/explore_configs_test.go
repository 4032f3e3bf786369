package colony

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestExplore takes the core to every state that it can come to, for several
// small alphabets: in each, every order of events is tried until no new state
// appears. See configuration for what each leaves out.
func TestExplore(t *testing.T) {
	for _, c := range configurations(t) {
		t.Run(c.name, func(t *testing.T) {
			if !c.short && os.Getenv("EXPLORE") != "all" {
				t.Skip("EXPLORE is not set: see make explore")
			}
			explore(t, c)
		})
	}
}

// The manners in which processes end, beside 0 and 1 as exit codes.
var (
	fails       = manner{name: " and leaves nothing", code: 1, alone: true}
	succeeds    = manner{name: " and leaves nothing", code: 0, alone: true}
	failsQuiet  = manner{name: " and leaves nothing that we know of", code: 1}
	leavesGroup = manner{name: " and leaves something in its group", code: 1, leaves: leavesInGroup}
	leavesRest  = manner{name: " and leaves something outside its group", code: 1, leaves: leavesOutside}
	leavesOther = manner{name: " and leaves something that is nobody's", code: 1, leaves: leavesStray}
)

// The specs and messages of the alphabets.
const (
	plain   = `{"args":["x"]}`
	changed = `{"args":["y"]}`
	atOnce  = `{"args":["y"],"stop":{"grace":0}}`
	grouped = `{"args":["x"],"group":["g"]}`
	beating = `{"args":["x"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}}`

	restartA  = `{"type":"RESTART","name":"a"}`
	stopA     = `{"type":"STOP","name":"a"}`
	startA    = `{"type":"START","name":"a"}`
	restartB  = `{"type":"RESTART","name":"b"}`
	stopB     = `{"type":"STOP","name":"b"}`
	startB    = `{"type":"START","name":"b"}`
	all       = `{"type":"RESTART-ALL"}`
	group     = `{"type":"RESTART-GROUP","group":"g"}`
	shutdown  = `{"type":"SHUTDOWN"}`
	upgrading = `{"type":"UPGRADE"}`
)

// configurations are the alphabets. Each has a complete set of states; what is
// not in the same alphabet is not tried together.
func configurations(t *testing.T) []*configuration {
	policy := policy{threshold: time.Second, grace: 5 * time.Second, minDelay: time.Second, maxDelay: time.Second}
	helped, limited, growing := policy, policy, policy
	helped.helpers = map[string]*spec.Spec{heartcheck: specOf(t, `{"args":["h"]}`)}
	limited.budget = 3 * time.Second
	growing.maxDelay = 2 * time.Second
	one, two := []string{"a"}, []string{"a", "b"}
	some := []faultClass{faultOther, faultBusy}
	every := []faultClass{faultOther, faultMissing, faultTransient, faultBusy}
	return append([]*configuration{
		{
			name: "requests", names: one, policy: policy, faults: some, manners: []manner{fails, failsQuiet, leavesRest},
			specs: specsOf(t, plain), messages: messagesOf(t, restartA, stopA, startA),
		},
		{
			name: "requests of one life", short: true, names: one, policy: policy, faults: some, manners: []manner{fails}, orphans: true,
			specs: specsOf(t, plain, atOnce), broken: true,
			messages: messagesOf(t, restartA, stopA, startA, `{"type":"SIGNAL","name":"a","signal":"HUP"}`,
				fmt.Sprintf(`{"type":"RESTART","name":"a","generation":%d}`, currentGen), fmt.Sprintf(`{"type":"RESTART","name":"a","generation":%d}`, currentGen-1)),
		},
		{
			name: "edits", names: one, policy: policy, faults: some, manners: []manner{fails, failsQuiet, leavesRest}, broken: true,
			specs: specsOf(t, plain, changed),
		},
		{
			name: "restart policies", names: one, policy: policy, faults: every, manners: []manner{fails, succeeds}, exits: true, long: true,
			specs:    specsOf(t, plain, `{"args":["x"],"restart":"on-failure"}`, `{"args":["x"],"restart":"never"}`, `{"args":["x"],"backoff":{"min":0}}`),
			messages: messagesOf(t, stopA, startA),
		},
		{
			name: "schedules", short: true, names: one, policy: policy, faults: some, manners: []manner{fails, succeeds}, exits: true,
			specs: specsOf(t, plain, `{"args":["x"],"schedule":{"every":60}}`, `{"args":["y"],"restart":"on-failure","schedule":{"every":60}}`), messages: messagesOf(t, startA, stopA),
		},
		{
			name: "delays", short: true, names: one, policy: growing, faults: some, manners: []manner{fails}, long: true, grow: true,
			specs: specsOf(t, plain, changed), messages: messagesOf(t, restartA, stopA, startA),
		},
		{
			name: "stop commands", short: true, names: one, policy: policy, manners: []manner{fails, succeeds}, faults: []faultClass{faultOther},
			specs: specsOf(t, `{"args":["x"],"stop":{"command":["c"]}}`), messages: messagesOf(t, stopA),
		},
		{
			name: "scopes", names: one, policy: policy, faults: []faultClass{faultOther}, manners: []manner{leavesGroup, failsQuiet},
			specs: specsOf(t, `{"args":["x"],"stop":{"scope":"main"}}`, `{"args":["x"],"stop":{"scope":"group"}}`, plain),
		},
		{
			name: "nobody answers", names: one, policy: policy, faults: []faultClass{faultOther}, manners: []manner{failsQuiet, leavesRest},
			hangs: true, untold: true, orphans: true, specs: specsOf(t, plain), messages: messagesOf(t, stopA),
		},
		{
			name: "drain", names: one, policy: policy, faults: []faultClass{faultOther}, manners: []manner{failsQuiet, leavesGroup}, drains: true,
			specs: specsOf(t, plain), messages: messagesOf(t, shutdown),
		},
		{
			name: "drain with strays", names: one, policy: policy, faults: []faultClass{faultOther}, manners: []manner{fails, failsQuiet, leavesOther}, drains: true,
			specs: specsOf(t, plain), messages: messagesOf(t, stopA),
		},
		{
			name: "drain in time", names: one, policy: limited, faults: []faultClass{faultOther}, manners: []manner{failsQuiet, leavesGroup}, drains: true,
			specs: specsOf(t, plain),
		},
		{
			name: "main", names: one, policy: policy, faults: every, manners: []manner{fails, succeeds}, exits: true, drains: true,
			specs: specsOf(t, `{"args":["x"],"main":true}`, `{"args":["x"],"main":true,"restart":"on-failure"}`, `{"args":["x"],"main":true,"restart":"always"}`), messages: messagesOf(t, stopA, startA),
		},
		{
			name: "two mains", names: two, policy: policy, manners: []manner{succeeds}, exits: true,
			specs: specsOf(t, `{"args":["x"],"main":true,"restart":"always"}`, plain),
		},
		{
			name: "upgrade", names: one, policy: policy, faults: []faultClass{faultOther}, manners: []manner{fails, leavesRest},
			specs: specsOf(t, plain), messages: messagesOf(t, upgrading),
		},
		{
			name: "upgrade and drain", short: true, names: one, policy: policy, faults: some, manners: []manner{fails}, drains: true, broken: true,
			specs: specsOf(t, plain), messages: messagesOf(t, startA, stopA, upgrading),
		},
		{
			name: "two", names: two, policy: policy, faults: some, manners: []manner{fails},
			specs: specsOf(t, plain), messages: messagesOf(t, restartA, stopA, startA, restartB, stopB, startB),
		},
		{
			name: "two at once", names: two, policy: policy, faults: []faultClass{faultOther}, manners: []manner{fails}, groups: []string{"g"},
			specs: specsOf(t, grouped), messages: messagesOf(t, stopA, all),
		},
		{
			name: "two by group", names: two, policy: policy, faults: []faultClass{faultOther}, manners: []manner{fails}, groups: []string{"g"},
			specs: specsOf(t, grouped), messages: messagesOf(t, stopA, group),
		},
		{
			name: "two in a group", names: two, policy: policy, manners: []manner{fails}, groups: []string{"g"},
			specs: specsOf(t, grouped), messages: messagesOf(t, restartA, stopA, startA, stopB, group),
		},
		{
			name: "helper", names: []string{"a", heartcheck}, policy: helped, faults: []faultClass{faultOther}, manners: []manner{fails}, drains: true,
			specs: specsOf(t, plain, beating), messages: messagesOf(t, stopA, `{"type":"STOP","name":"@heartcheck"}`, `{"type":"START","name":"@heartcheck"}`),
		},
		{
			name: "helper and upgrade", names: []string{"a", heartcheck}, policy: helped, faults: []faultClass{faultOther}, manners: []manner{fails},
			specs: specsOf(t, plain, beating), messages: messagesOf(t, upgrading),
		},
	}, dependConfigurations(t, policy)...)
}

func messagesOf(t *testing.T, texts ...string) (all []paperMessage) {
	for _, text := range texts {
		msg, err := spec.ParseMessage([]byte(text))
		if err != nil {
			t.Fatalf("parse %s: %v", text, err)
		}
		file := describe(msg)
		if msg.Generation != nil {
			file += fmt.Sprintf(" of generation %d", *msg.Generation)
		}
		all = append(all, paperMessage{file, msg})
	}
	return all
}

func specsOf(t *testing.T, texts ...string) (all []paperSpec) {
	for _, text := range texts {
		all = append(all, paperSpec{"", specOf(t, text)})
	}
	return all
}
