package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// raw makes a method of a function of bare parameters.
func raw(name string, do func(ctx context.Context, params json.RawMessage) (any, error)) method {
	return method{name: name, needs: operations.Reader, call: do}
}

// examples are the methods of the specification's examples.
func examples() []method {
	type operands struct {
		Minuend    int `json:"minuend"`
		Subtrahend int `json:"subtrahend"`
	}
	nothing := func(context.Context, json.RawMessage) (any, error) { return nil, nil }
	return []method{
		of("subtract", operations.Reader, "", "", func(_ context.Context, o operands) (int, error) { return o.Minuend - o.Subtrahend, nil }),
		raw("sum", func(_ context.Context, params json.RawMessage) (any, error) {
			var all []int
			sum := 0
			err := json.Unmarshal(params, &all)
			for _, n := range all {
				sum += n
			}
			return sum, err
		}),
		raw("get_data", func(context.Context, json.RawMessage) (any, error) { return []any{"hello", 5}, nil }),
		raw("update", nothing),
		raw("notify_sum", nothing),
		raw("notify_hello", nothing),
	}
}

// The examples of https://www.jsonrpc.org/specification, section 7, without the texts
// of errors, which are for people.
var specification = []struct{ title, send, want string }{
	{"positional parameters", `{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}`, `{"jsonrpc": "2.0", "result": 19, "id": 1}`},
	{"positional parameters, the other way", `{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}`, `{"jsonrpc": "2.0", "result": -19, "id": 2}`},
	{"named parameters", `{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}`, `{"jsonrpc": "2.0", "result": 19, "id": 3}`},
	{"named parameters, in another order", `{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}`, `{"jsonrpc": "2.0", "result": 19, "id": 4}`},
	{"a notification", `{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}`, ""},
	{"a notification of what there is not", `{"jsonrpc": "2.0", "method": "foobar"}`, ""},
	{"no such method", `{"jsonrpc": "2.0", "method": "foobar", "id": "1"}`, `{"jsonrpc": "2.0", "error": {"code": -32601}, "id": "1"}`},
	{"invalid JSON", `{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]`, `{"jsonrpc": "2.0", "error": {"code": -32700}, "id": null}`},
	{"an invalid request", `{"jsonrpc": "2.0", "method": 1, "params": "bar"}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}`},
	{"a batch of invalid JSON", `[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]`, `{"jsonrpc": "2.0", "error": {"code": -32700}, "id": null}`},
	{"an empty array", `[]`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}`},
	{"an invalid batch", `[1]`, `[{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}]`},
	{"three times an invalid batch", `[1,2,3]`, `[{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null},
		{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}, {"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}]`},
	{"a batch", `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
		{"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"}, {"foo": "boo"},
		{"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"}, {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
		`[{"jsonrpc": "2.0", "result": 7, "id": "1"}, {"jsonrpc": "2.0", "result": 19, "id": "2"}, {"jsonrpc": "2.0", "error": {"code": -32600}, "id": null},
		{"jsonrpc": "2.0", "error": {"code": -32601}, "id": "5"}, {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]`},
	{"a batch of notifications", `[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]`, ""},
}

// What its text says, and its examples do not show.
var beside = []struct{ title, send, want string }{
	{"an id that is null is one", `{"jsonrpc": "2.0", "method": "get_data", "id": null}`, `{"jsonrpc": "2.0", "result": ["hello", 5], "id": null}`},
	{"an id is what it was, to the digit", `{"jsonrpc": "2.0", "method": "sum", "params": [], "id": 12345678901234567890.50}`, `{"jsonrpc": "2.0", "result": 0, "id": 12345678901234567890.50}`},
	{"an id that cannot be one", `{"jsonrpc": "2.0", "method": "get_data", "id": {}}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}`},
	{"an id is known although the rest is wrong", `{"jsonrpc": "2.0", "method": 1, "id": 7}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 7}`},
	{"no result is null", `{"jsonrpc": "2.0", "method": "update", "id": 1}`, `{"jsonrpc": "2.0", "result": null, "id": 1}`},
	{"parameters that are neither", `{"jsonrpc": "2.0", "method": "sum", "params": 3, "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 1}`},
	{"parameters of another type", `{"jsonrpc": "2.0", "method": "subtract", "params": ["a", 1], "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 1}`},
	{"a parameter too many", `{"jsonrpc": "2.0", "method": "subtract", "params": [1, 2, 3], "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 1}`},
	{"a parameter is missing", `{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 1}, "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 1}`},
	{"a name in another case", `{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 1, "Subtrahend": 1}, "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 1}`},
	{"another version", `{"jsonrpc": "1.0", "method": "get_data", "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 1}`},
	{"no version", `{"method": "get_data", "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 1}`},
	{"an answer", `{"jsonrpc": "2.0", "result": 1, "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 1}`},
	{"no method", `{"jsonrpc": "2.0", "method": "", "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": 1}`},
	{"a batch in a batch", `[[{"jsonrpc": "2.0", "method": "get_data", "id": 1}]]`, `[{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}]`},
	{"a text", `"hello"`, `{"jsonrpc": "2.0", "error": {"code": -32600}, "id": null}`},
	{"two texts", `{"jsonrpc": "2.0", "method": "get_data", "id": 1} {}`, `{"jsonrpc": "2.0", "error": {"code": -32700}, "id": null}`},
	{"the same id twice", `[{"jsonrpc": "2.0", "method": "sum", "params": [1], "id": 1}, {"jsonrpc": "2.0", "method": "sum", "params": [2], "id": 1}]`,
		`[{"jsonrpc": "2.0", "result": 1, "id": 1}, {"jsonrpc": "2.0", "result": 2, "id": 1}]`},
	{"no UTF-8", "{\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"\xff\"}", `{"jsonrpc": "2.0", "error": {"code": -32700}, "id": null}`},
	{"an id is what it was, to the letter", `{"jsonrpc": "2.0", "method": "sum", "params": [], "id": "<\u003c\n>"}`, `{"jsonrpc": "2.0", "result": 0, "id": "<\u003c\n>"}`},
	{"a batch of one", `[{"jsonrpc": "2.0", "method": "sum", "params": [1], "id": 1}]`, `[{"jsonrpc": "2.0", "result": 1, "id": 1}]`},
}

func TestSpecification(t *testing.T) {
	s := newServer(examples(), quiet())
	for _, over := range transports {
		for _, c := range slices.Concat(specification, beside) {
			t.Run(over.name+"/"+c.title, func(t *testing.T) {
				got := over.exchange(t, as(operations.Reader), s, strings.ReplaceAll(c.send, "\n", " "))
				if c.want == "" {
					if len(got) > 0 {
						t.Errorf("answered with %q", got)
					}
					return
				}
				if len(got) != 1 || !equal(t, bare(t, got[0]), c.want) {
					t.Errorf("got  %q\nwant %s", got, c.want)
				}
				_, id, _ := strings.Cut(c.want, `"id": `)
				if strings.HasPrefix(c.title, "an id is what it was") && !strings.Contains(got[0], strings.TrimSuffix(id, "}")) {
					t.Errorf("got %s", got[0])
				}
			})
		}
	}
}

// A notification is acted on, whatever becomes of it.
func TestNotificationsAct(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			var done atomic.Int64
			log := &fixture.Log{}
			s := newServer([]method{raw("note", func(context.Context, json.RawMessage) (any, error) {
				done.Add(1)
				return nil, errors.New("too bad")
			})}, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			one := `{"jsonrpc":"2.0","method":"note"}`
			if got := over.exchange(t, as(operations.Reader), s, one, "["+one+","+one+"]"); len(got) > 0 {
				t.Errorf("answered with %q", got)
			}
			if done.Load() != 3 || strings.Count(log.String(), "too bad") != 3 {
				t.Errorf("%d of 3; log:\n%s", done.Load(), log)
			}
		})
	}
}

// Messages do not wait for each other, nor do the requests of a batch, and whoever is
// still being served when there is no more to read gets his answer.
func TestMessagesAreAnsweredTogether(t *testing.T) {
	const meet = together
	for _, over := range transports {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/batch=%v", over.name, batch), func(t *testing.T) {
				var here sync.WaitGroup
				here.Add(meet)
				s := newServer([]method{raw("meet", func(context.Context, json.RawMessage) (any, error) {
					here.Done()
					all := make(chan struct{})
					go func() { here.Wait(); close(all) }()
					select {
					case <-all:
						return "met", nil
					case <-time.After(10 * time.Second):
						return nil, errors.New("nobody came")
					}
				})}, quiet())
				var messages []string
				for i := range meet {
					messages = append(messages, fmt.Sprintf(`{"jsonrpc":"2.0","method":"meet","id":%d}`, i))
				}
				if batch {
					messages = []string{"[" + strings.Join(messages, ",") + "]"}
				}
				got := strings.Join(over.exchange(t, as(operations.Reader), s, messages...), "\n")
				if n := strings.Count(got, `"result":"met"`); n != meet {
					t.Errorf("%d of %d met:\n%s", n, meet, got)
				}
			})
		}
	}
}

// What is too much is refused, and what comes behind it is answered.
func TestLimits(t *testing.T) {
	s := newServer(examples(), quiet())
	one := `{"jsonrpc":"2.0","method":"get_data","id":"good"}`
	batch := func(n int) string { return "[" + strings.Repeat(one+",", n-1) + one + "]" }
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			for _, c := range []struct {
				name, message, want string
			}{
				{"message", `{"jsonrpc":"2.0","method":"get_data","id":1,"params":{"x":"` + strings.Repeat("x", maxMessage) + `"}}`, `"code":"too-large"`},
				{"several times that", strings.Repeat("[", 3*maxMessage), `"code":"too-large"`},
				{"batch", batch(maxBatch + 1), `"code":"too-large"`},
				{"batch of next to nothing", "[" + strings.Repeat("1,", maxMessage/2-1) + "1]", `"code":"too-large"`},
				{"depth", strings.Repeat("[", maxMessage/2), `"code":-32700`},
				{"all but too much", batch(maxBatch), `[{"jsonrpc":"2.0","id":"good"`},
				{"a message that just fits", strings.Repeat(" ", maxMessage-len(one)) + one, `"result":["hello",5]`},
			} {
				got := over.exchange(t, as(operations.Reader), s, c.message, one)
				slices.SortFunc(got, func(a, b string) int { return strings.Index(a, "good") - strings.Index(b, "good") })
				if len(got) != 2 || !slices.ContainsFunc(got, func(a string) bool { return strings.Contains(a, c.want) }) ||
					!slices.ContainsFunc(got, func(a string) bool { return strings.HasPrefix(a, `{"jsonrpc":"2.0","id":"good","result"`) }) {
					t.Errorf("%s: got %.300q", c.name, got)
				}
			}
		})
	}
}

// A batch cannot ask for more than we would hold: what was not begun says so.
func TestAnswersOfABatchAreBounded(t *testing.T) {
	var begun atomic.Int64
	s := newServer([]method{raw("large", func(context.Context, json.RawMessage) (any, error) {
		begun.Add(1)
		return strings.Repeat("x", 1<<20), nil
	})}, quiet())
	one := `{"jsonrpc":"2.0","method":"large","id":1}`
	got := string(s.Answer(as(operations.Reader), []byte("["+strings.Repeat(one+",", maxBatch-1)+one+"]")))
	if len(got) > maxAnswer+together<<20+maxBatch<<10 {
		t.Errorf("%d bytes", len(got))
	}
	refused := strings.Count(got, `"code":"too-large"`)
	if n := int(begun.Load()); n < maxAnswer>>20 || n+refused != maxBatch {
		t.Errorf("%d begun, %d refused", n, refused)
	}
}

// At most so many messages of a channel are under way; who sends more is not read.
func TestAChannelIsNotReadAhead(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	s := newServer([]method{raw("hold", func(context.Context, json.RawMessage) (any, error) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		now.Add(-1)
		return nil, nil
	})}, quiet())
	ch := &scripted{answers: make(chan string, 4*maxWaiting)}
	for range 3 * maxWaiting {
		ch.messages = append(ch.messages, `{"jsonrpc":"2.0","method":"hold","id":1}`)
	}
	ended := served(as(operations.Reader), s, ch)
	for end := time.Now().Add(20 * time.Second); now.Load() < maxWaiting; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d under way", now.Load())
		}
	}
	// One more may be held, and one be waited for with it.
	if n := ch.read.Load(); n > maxWaiting+2 {
		t.Errorf("%d messages were read", n)
	}
	close(release)
	if err := fixture.Soon(t, ended); err != nil || len(ch.answers) != 3*maxWaiting || most.Load() > maxWaiting {
		t.Errorf("%v, %d answers, %d at once", err, len(ch.answers), most.Load())
	}
}

// A mistake of ours costs one request, and is told in the log alone.
func TestAPanicIsAnError(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			log := &fixture.Log{}
			s := newServer(append(examples(), raw("oops", func(context.Context, json.RawMessage) (any, error) { panic("secret") })), slog.New(slog.NewTextHandler(log, nil)))
			got := over.exchange(t, as(operations.Reader), s, `[{"jsonrpc":"2.0","method":"oops","id":1},{"jsonrpc":"2.0","method":"oops"},{"jsonrpc":"2.0","method":"get_data","id":2}]`)
			if len(got) != 1 || strings.Contains(got[0], "secret") ||
				!equal(t, bare(t, got[0]), `[{"jsonrpc":"2.0","id":1,"error":{"code":-32603}},{"jsonrpc":"2.0","id":2,"result":["hello",5]}]`) {
				t.Errorf("got %q", got)
			}
			if strings.Count(log.String(), "panic=secret") != 2 || !strings.Contains(log.String(), "conformance_test.go") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}
