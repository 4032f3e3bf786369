package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/creachadair/jrpc2/channel"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// transport carries messages to a server, and its answers back.
type transport struct {
	name string
	// exchange sends each message, the next without waiting for an answer to the one
	// before, and returns all answers, in any order, once there can be no more.
	exchange func(t *testing.T, ctx context.Context, s *Server, messages ...string) []string
}

// transports are the same to a server.
var transports = []transport{
	{"memory", func(t *testing.T, ctx context.Context, s *Server, messages ...string) []string {
		ours, theirs := channel.Direct()
		go func() {
			for _, m := range messages {
				ours.Send([]byte(m))
			}
			ours.Close()
		}()
		return collect(t, ours, served(ctx, s, theirs))
	}},
	{"stdio", func(t *testing.T, ctx context.Context, s *Server, messages ...string) []string {
		in, send, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		recv, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer recv.Close()
		go func() {
			for _, m := range messages {
				io.WriteString(send, m+"\n")
			}
			send.Close()
		}()
		ended := make(chan error, 1)
		go func() {
			err := s.Serve(ctx, Lines(in, out))
			out.Close()
			ended <- err
		}()
		return collect(t, channel.Line(recv, send), ended)
	}},
	{"HTTP", func(t *testing.T, ctx context.Context, s *Server, messages ...string) []string {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(w, r.WithContext(operations.WithCaller(r.Context(), operations.CallerOf(ctx))))
		}))
		defer h.Close()
		var mu sync.Mutex
		var answers []string
		var all sync.WaitGroup
		for _, m := range messages {
			all.Go(func() {
				res, err := http.Post(h.URL, "application/json", strings.NewReader(m))
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				text, err := io.ReadAll(res.Body)
				if err != nil {
					t.Error(err)
				}
				switch {
				case res.StatusCode == http.StatusOK && len(text) > 0 && res.Header.Get("Content-Type") == "application/json":
					mu.Lock()
					answers = append(answers, string(text))
					mu.Unlock()
				case res.StatusCode != http.StatusNoContent || len(text) > 0:
					t.Errorf("%q: %s %v %q", m, res.Status, res.Header, text)
				}
			})
		}
		all.Wait()
		return answers
	}},
}

// served has the server serve a channel.
func served(ctx context.Context, s *Server, ch channel.Channel) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ch) }()
	return ended
}

// collect receives until there is no more, and wants the server to have ended well.
func collect(t *testing.T, ch channel.Channel, ended <-chan error) (answers []string) {
	t.Helper()
	for {
		text, err := ch.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, string(text))
	}
	if err := fixture.Soon(t, ended); err != nil {
		t.Error(err)
	}
	return answers
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// as is a context of somebody with a role.
func as(role operations.Role) context.Context {
	return operations.WithCaller(context.Background(), operations.Caller{Name: "test", Role: role})
}

// equal compares JSON texts; of batches, the answers in any order.
func equal(t *testing.T, got, want string) bool {
	t.Helper()
	var a, b any
	for text, v := range map[string]*any{got: &a, want: &b} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
	}
	if got == want {
		return true
	}
	x, ok := a.([]any)
	y, both := b.([]any)
	if !ok || !both {
		return reflect.DeepEqual(a, b)
	}
	for _, one := range y {
		at := -1
		for i := range x {
			if reflect.DeepEqual(x[i], one) {
				at = i
			}
		}
		if at < 0 {
			return false
		}
		x = append(x[:at:at], x[at+1:]...)
	}
	return len(x) == 0
}

// bare takes the texts for people out of errors: programs go by the rest.
func bare(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	all, batch := v.([]any)
	if !batch {
		all = []any{v}
	}
	for _, one := range all {
		if e, ok := one.(map[string]any)["error"].(map[string]any); ok {
			if e["message"] == "" {
				t.Errorf("an error without a message: %s", text)
			}
			delete(e, "message")
			delete(e, "data")
		}
	}
	out, _ := json.Marshal(v)
	return string(bytes.TrimSpace(out))
}
