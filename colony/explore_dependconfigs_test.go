package colony

import (
	"fmt"
	"testing"
	"time"
)

// dependConfigurations are the alphabets of dependencies, readiness, watchdogs
// and limits.
func dependConfigurations(t *testing.T, policy policy) []*configuration {
	limited := policy
	limited.budget = 3 * time.Second
	two, three := []string{"a", "b"}, []string{"a", "b", "c"}
	notifying := paperSpec{"a", specOf(t, `{"args":["x"],"ready":{"notify":true}}`)}
	of := func(name, text string) paperSpec { return paperSpec{name, specOf(t, text)} }
	quiet := []manner{fails}
	oldReady := paperTelling{text: "READY=1", old: true}
	return []*configuration{
		{
			name: "requires: stop", names: two, policy: policy, manners: quiet, tells: []paperTelling{saysReady},
			specs: []paperSpec{notifying, of("b", needing("a", ""))}, messages: messagesOf(t, stopA, startA),
		},
		{
			name: "requires: restart", names: two, policy: policy, manners: quiet, tells: []paperTelling{saysReady},
			specs: []paperSpec{notifying, of("b", needing("a", ""))}, messages: messagesOf(t, restartA, startB),
		},
		{
			name: "requires: stop of the other", names: two, policy: policy, manners: quiet, tells: []paperTelling{saysReady},
			specs: []paperSpec{notifying, of("b", needing("a", ""))}, messages: messagesOf(t, stopB, startB),
		},
		{
			name: "requires: restart of the other", names: two, policy: policy, manners: quiet, tells: []paperTelling{saysReady},
			specs: []paperSpec{notifying, of("b", needing("a", ""))}, messages: messagesOf(t, restartB),
		},
		{
			name: "requires, seen late", names: two, policy: policy, manners: quiet, tells: []paperTelling{saysReady}, unseen: true,
			specs: []paperSpec{notifying, of("b", needing("a", ""))},
		},
		{
			name: "a row of three", names: three, policy: policy, manners: quiet, still: true,
			specs: []paperSpec{of("a", plain), of("b", needing("a", "")), of("c", needing("b", ""))}, messages: messagesOf(t, stopA, startA, stopB),
		},
		{
			name: "after a job", names: two, policy: policy, manners: []manner{fails, succeeds}, exits: true,
			specs: []paperSpec{of("a", `{"args":["x"],"restart":"never"}`), of("b", needing("", "a"))}, messages: messagesOf(t, startA, stopA),
		},
		{
			name: "a job that is required", names: two, policy: policy, manners: []manner{fails, succeeds}, exits: true,
			specs: []paperSpec{of("a", `{"args":["x"],"restart":"never"}`), of("b", needing("a", ""))}, messages: messagesOf(t, restartA),
		},
		{
			name: "ready in time", short: true, names: two[:1], policy: policy, manners: []manner{fails, succeeds}, exits: true, paused: true,
			specs:    []paperSpec{notifying, of("a", `{"args":["x"],"ready":{"notify":true},"restart":"on-failure"}`)},
			tells:    []paperTelling{saysReady, oldReady, {text: "STOPPING=1"}, {text: "EXTEND_TIMEOUT_USEC=1000000"}},
			messages: messagesOf(t, startA, restartA, `{"type":"READY","name":"a"}`, fmt.Sprintf(`{"type":"READY","name":"a","generation":%d}`, currentGen-1)),
		},
		{
			name: "watchdog", short: true, names: two[:1], policy: policy, manners: []manner{fails}, paused: true,
			specs:    []paperSpec{of("a", `{"args":["x"],"watchdog":10,"stop":{"dump":"ABRT"}}`), of("a", `{"args":["x"],"watchdog":10}`)},
			tells:    []paperTelling{{text: "WATCHDOG=1"}, {text: "WATCHDOG=trigger"}, {text: "STOPPING=1"}, {text: "WATCHDOG=trigger", old: true}},
			messages: messagesOf(t, stopA, startA, restartA),
		},
		{
			name: "limit", short: true, names: two[:1], policy: policy, manners: quiet, faults: []faultClass{faultOther, faultBusy},
			specs:    []paperSpec{of("a", `{"args":["x"],"limit":{"restarts":1,"within":60}}`), of("a", `{"args":["x"],"limit":{"restarts":1,"within":60,"then":{"retry":600}}}`)},
			messages: messagesOf(t, stopA, startA, restartA),
		},
		{
			name: "limit of what is required", names: two, policy: policy, manners: quiet,
			specs:    []paperSpec{of("a", `{"args":["x"],"limit":{"restarts":0,"within":60}}`), of("a", `{"args":["x"],"limit":{"restarts":0,"within":60,"then":{"retry":600}}}`), of("b", needing("a", ""))},
			messages: messagesOf(t, startA, stopB, startB),
		},
		{
			name: "limit and shutdown", short: true, names: two, policy: policy, manners: quiet,
			specs: []paperSpec{of("a", `{"args":["x"],"limit":{"restarts":0,"within":60,"then":"shutdown"}}`), of("b", needing("a", ""))},
		},
		{
			name: "drain in reverse", names: three, policy: policy, manners: quiet, drains: true, still: true, tells: []paperTelling{saysReady},
			specs: []paperSpec{notifying, of("b", needing("a", "")), of("c", needing("", "a"))},
		},
		{
			name: "drain in reverse and in time", names: two, policy: limited, manners: quiet, drains: true, still: true, faults: []faultClass{faultOther},
			specs: []paperSpec{of("a", plain), of("b", needing("a", ""))}, messages: messagesOf(t, restartA),
		},
		{
			name: "drain in reverse and edits", names: two, policy: policy, manners: quiet, drains: true, kept: true,
			specs: []paperSpec{of("a", plain), of("a", changed), of("b", needing("a", ""))},
		},
		{
			name: "cycles", names: two, policy: policy, manners: quiet, kept: true,
			specs: []paperSpec{of("a", plain), of("a", needing("b", "")), of("b", plain), of("b", needing("", "a"))},
		},
		{
			name: "cycles that are removed", names: two, policy: policy, manners: quiet,
			specs: []paperSpec{of("a", `{"args":["x"]}`), of("a", needing("b", "")), of("b", needing("a", ""))},
		},
		{
			name: "ready and upgrade", short: true, names: two[:1], policy: policy, manners: quiet,
			specs: []paperSpec{notifying}, tells: []paperTelling{saysReady, oldReady}, messages: messagesOf(t, upgrading, startA),
		},
		{
			name: "cycles of three", names: three, policy: policy, manners: quiet, kept: true,
			specs: []paperSpec{of("a", needing("b", "")), of("b", needing("", "a")), of("b", plain), of("c", needing("b", ""))},
		},
	}
}

var saysReady = paperTelling{text: "READY=1"}
