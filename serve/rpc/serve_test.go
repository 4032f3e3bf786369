package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/jhttp"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// scripted is a channel with messages that are given, and then an end.
type scripted struct {
	messages []string
	end      error // instead of io.EOF
	read     atomic.Int64
	answers  chan string
	deaf     error // of Send
	closed   atomic.Bool
}

func (c *scripted) Recv() ([]byte, error) {
	if n := int(c.read.Load()); n < len(c.messages) {
		c.read.Add(1)
		return []byte(c.messages[n]), nil
	}
	if c.end == nil {
		return nil, io.EOF
	}
	return nil, c.end
}

func (c *scripted) Send(text []byte) error {
	if c.deaf != nil {
		return c.deaf
	}
	c.answers <- string(text)
	return nil
}

func (c *scripted) Close() error {
	c.closed.Store(true)
	return nil
}

// waiting is a method that is done when its context is; begun says that it waits.
func waiting(begun chan<- struct{}) method {
	return raw("wait", func(ctx context.Context, _ json.RawMessage) (any, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, &operations.Error{Code: operations.Timeout, Detail: "not done in time"}
	})
}

const wait = `{"jsonrpc":"2.0","method":"wait","id":1}`

// When we are to end, who waits is told before the channel is closed, though nothing
// has been read to its end.
func TestServeEndsWithItsContext(t *testing.T) {
	begun := make(chan struct{}, 1)
	s := newServer([]method{waiting(begun)}, quiet())
	in, write := io.Pipe() // which never ends by itself
	defer write.Close()
	read, out := io.Pipe()
	ctx, cancel := context.WithCancel(as(operations.Reader))
	defer cancel()
	ended := served(ctx, s, Lines(in, out))
	io.WriteString(write, wait+"\n")
	fixture.Soon(t, begun)
	cancel()
	answered := make(chan string, 1)
	go func() {
		text, _ := channel.Line(read, write).Recv()
		answered <- string(text)
	}()
	if got := fixture.Soon(t, answered); !strings.Contains(got, `"code":"timeout"`) {
		t.Errorf("got %s", got)
	}
	if err := fixture.Soon(t, ended); err != nil {
		t.Error(err)
	}
}

// Whoever cannot be told anything is waited for no longer.
func TestServeEndsWhenNobodyListens(t *testing.T) {
	begun := make(chan struct{}, 2)
	s := newServer(append(examples(), waiting(begun)), quiet())
	ch := &scripted{messages: []string{wait, wait, `{"jsonrpc":"2.0","method":"get_data","id":1}`}, deaf: errors.New("gone"), end: errors.New("never")}
	err := fixture.Soon(t, served(as(operations.Reader), s, ch))
	if !errors.Is(err, ch.deaf) || !ch.closed.Load() {
		t.Errorf("ended with %v", err)
	}
}

// A channel that fails ends the server, after what it had to answer.
func TestServeEndsWhenReadingFails(t *testing.T) {
	s := newServer(examples(), quiet())
	ch := &scripted{messages: []string{`{"jsonrpc":"2.0","method":"get_data","id":1}`}, end: errors.New("torn"), answers: make(chan string, 1)}
	err := fixture.Soon(t, served(as(operations.Reader), s, ch))
	if !errors.Is(err, ch.end) || !ch.closed.Load() || len(ch.answers) != 1 {
		t.Errorf("ended with %v, %d answers", err, len(ch.answers))
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxMessage)
	for _, c := range []struct {
		name, in string
		want     []string // "!" = refused
	}{
		{"nothing", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"the last without an end", "a\nb", []string{"a", "b"}},
		{"CRLF", "a\r\nb\r\n", []string{"a", "b"}},
		{"empty lines", "\n \r\n\na\n\n", []string{"a"}},
		{"the longest", long + "\n" + long + "\r\n" + long, []string{long, long, long}},
		{"too long", "a\n" + long + "xxx\nb\n", []string{"a", "!", "b"}},
		{"far too long", strings.Repeat(long, 5) + "\nb", []string{"!", "b"}},
		{"too long, without an end", long + "xxx", []string{"!"}},
	} {
		for how, in := range map[string]io.Reader{"whole": strings.NewReader(c.in), "by halves": iotest.HalfReader(strings.NewReader(c.in)), "with the end": iotest.DataErrReader(strings.NewReader(c.in))} {
			l := Lines(in, nil)
			var got []string
			for {
				text, err := l.Recv()
				if err == io.EOF {
					break
				}
				switch {
				case err == nil:
					got = append(got, string(text))
				case goesOn(err):
					got = append(got, "!")
				default:
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") || len(got) != len(c.want) {
				t.Errorf("%s, %s: got %.50q", c.name, how, got)
			}
		}
	}
	torn := Lines(io.MultiReader(strings.NewReader("half of a"), iotest.ErrReader(errors.New("torn"))), nil)
	if text, err := torn.Recv(); err == nil || text != nil {
		t.Errorf("half a line was taken for one: %q", text)
	}
}

// The library's client, which is written by others, understands us over all channels.
func TestTheLibrarysClient(t *testing.T) {
	s := newServer(examples(), quiet())
	ctx := as(operations.Reader)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(operations.WithCaller(r.Context(), operations.CallerOf(ctx))))
	}))
	defer h.Close()
	ours, theirs := channel.Direct()
	in, send := io.Pipe()
	recv, out := io.Pipe()
	ends := []<-chan error{served(ctx, s, theirs), served(ctx, s, Lines(in, out))}
	for name, ch := range map[string]channel.Channel{"memory": ours, "lines": channel.Line(recv, send), "HTTP": jhttp.NewChannel(h.URL, nil)} {
		client := jrpc2.NewClient(ch, nil)
		var got int
		if err := client.CallResult(ctx, "subtract", []int{42, 23}, &got); err != nil || got != 19 {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		if err := client.Notify(ctx, "update", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all, err := client.Batch(ctx, []jrpc2.Spec{{Method: "get_data"}, {Method: "update", Notify: true}, {Method: "foobar"}})
		if err != nil || len(all) != 2 || all[0].Error() != nil || all[1].Error() == nil || all[1].Error().Code != jrpc2.MethodNotFound {
			t.Errorf("%s: %v, %v", name, all, err)
		}
		if name == "lines" { // the pipe that it reads has no end by itself
			out.Close()
		}
		client.Close()
	}
	for _, ended := range ends {
		fixture.Soon(t, ended) // one of them had its pipe closed
	}
}

// What HTTP itself has to say.
func TestHTTP(t *testing.T) {
	s := newServer(examples(), quiet())
	post := func(kind string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/rpc", body).WithContext(as(operations.Reader))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent && (w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		return w
	}
	one := `{"jsonrpc":"2.0","method":"get_data","id":1}`
	for kind, status := range map[string]int{"application/json": 200, "application/json; charset=utf-8": 200, "text/plain": 415, "": 415, "application/x-www-form-urlencoded": 415} {
		if w := post(kind, strings.NewReader(one)); w.Code != status {
			t.Errorf("%q: %d, want %d", kind, w.Code, status)
		}
	}
	if w := post("application/json", strings.NewReader("{")); w.Code != 200 || !strings.Contains(w.Body.String(), "-32700") {
		t.Errorf("a parse error is %d %s", w.Code, w.Body)
	}
	if w := post("application/json", io.MultiReader(strings.NewReader(`{"jsonrpc":`), iotest.ErrReader(errors.New("torn")))); w.Code != 400 {
		t.Errorf("half a body is %d %s", w.Code, w.Body)
	}
	s.held.Store(maxHeld - 64<<10 - 4*int64(len(one)))
	if w := post("application/json", strings.NewReader(one)); w.Code != 200 {
		t.Errorf("the last that there is room for is %d %s", w.Code, w.Body)
	}
	held := s.held.Load()
	for _, body := range []io.Reader{strings.NewReader(one + " "), io.MultiReader(strings.NewReader(one))} { // longer; and of unknown length
		if w := post("application/json", body); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"code":"too-many"`) {
			t.Errorf("too many are %d %s", w.Code, w.Body)
		}
	}
	if s.held.Load() != held {
		t.Errorf("%d bytes are held for nobody", s.held.Load()-held)
	}
}

// patient is a writer that notes its deadlines.
type patient struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
}

func (p *patient) SetReadDeadline(t time.Time) error {
	p.reads = append(p.reads, t)
	return nil
}

func (p *patient) SetWriteDeadline(t time.Time) error {
	p.writes = append(p.writes, t)
	return nil
}

// Who waits is not cut off while he does, and has a while to read the answer.
func TestAnswersThatAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer([]method{raw("slow", func(ctx context.Context, _ json.RawMessage) (any, error) {
			time.Sleep(5 * time.Minute)
			return nil, ctx.Err()
		})}, quiet())
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("POST", "/rpc", strings.NewReader(`{"jsonrpc":"2.0","method":"slow","id":1}`)).WithContext(as(operations.Reader))
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), `"result":null`) {
			t.Errorf("got %s", w.Body)
		}
		if len(w.reads) != 1 || !w.reads[0].IsZero() || len(w.writes) != 2 || !w.writes[0].IsZero() || !w.writes[1].Equal(time.Now().Add(patience)) {
			t.Errorf("deadlines to read %v, to write %v", w.reads, w.writes)
		}
	})
}

// A call has its time, and what it is asked to wait beside.
func TestCallsHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := func(ctx context.Context) (time.Duration, error) {
			begun := time.Now()
			<-ctx.Done()
			return time.Since(begun), nil
		}
		for params, c := range map[string]struct {
			method
			want time.Duration
		}{
			`{}`:                       {of("x", 0, "", "", func(ctx context.Context, _ none) (time.Duration, error) { return until(ctx) }), callTime},
			`{"name":"web","wait":60}`: {of("x", 0, "", "", func(ctx context.Context, _ removed) (time.Duration, error) { return until(ctx) }), callTime + time.Minute},
			`{"name":"web"}`:           {of("x", 0, "", "", func(ctx context.Context, _ acted) (time.Duration, error) { return until(ctx) }), callTime + operations.DefaultWait},
			`["web",1,1,"","","24h"]`:  {of("x", 0, "", "", func(ctx context.Context, _ acted) (time.Duration, error) { return until(ctx) }), callTime + operations.MaxWait},
		} {
			got, err := c.call(t.Context(), json.RawMessage(params))
			if err != nil || got != any(c.want) {
				t.Errorf("%s: %v, %v, want %v", params, got, err, c.want)
			}
		}
	})
}
