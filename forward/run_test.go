package forward

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A forwarder that is killed, again and again, loses no line.
func TestKilled(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{"size": "256K", "files": 1000, "compress": false}`)
	const n = 60000
	killed := make(chan struct{})
	go func() {
		for i := 0; i < n; i += 1000 {
			if i == n/2 {
				<-killed // for the first time, however slow this test is
			}
			write(web, numbered("line", i, i+1000))
		}
	}()
	kills := 0
	for seen := -1; ; kills++ {
		p := c.process(r.url("loki"))
		var once []string
		c.until("something arrives", func() bool { once, _ = r.texts("web"); return len(once) > seen })
		if len(once) == n {
			break
		}
		seen = len(once)
		p.Process.Kill()
		p.Wait()
		if kills == 0 {
			close(killed)
		}
	}
	again := c.whole(&r.got, "web", numbered("line", 0, n))
	t.Logf("%d kills, %d of %d lines came again", kills, again, n)
}

// Of two forwarders with one cursor the second waits for the end of the first.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{}`)
	first := c.process(r.url("loki"))
	write(web, []string{"one"})
	c.whole(&r.got, "web", []string{"one"})
	c.process(r.url("loki"))
	write(web, []string{"two"})
	c.whole(&r.got, "web", []string{"one", "two"})
	first.Process.Signal(syscall.SIGTERM)
	first.Wait()
	write(web, []string{"three"})
	// The signal may come before the first has written down that "two" was taken.
	if again := c.whole(&r.got, "web", []string{"one", "two", "three"}); again > 1 {
		t.Errorf("%d lines came again", again)
	}
}

// While the receiver is away, old output is removed. What is missing is counted and
// said, and what is there arrives.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{"size": 4096, "files": 3, "compress": false}`)
	c.forward(r.url("loki"), Settings{})
	write(web, numbered("line", 0, 10))
	c.whole(&r.got, "web", numbered("line", 0, 10))
	r.behaves(func(w http.ResponseWriter, _ *http.Request, _ []gotLine) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	})
	write(web, numbered("line", 10, 11)) // no other line is in the batch that is tried first
	c.until("it is asked", func() bool { return len(r.requests()) > 0 })
	write(web, numbered("line", 11, 5000)) // 50 KB; 16 KB are kept
	c.until("old files are removed", func() bool { return c.newest("web", "line 4999") && c.parts("web") <= 4 })
	r.behaves(nil)
	write(web, []string{"last"})
	var once []string
	c.until("the last line arrives", func() bool {
		once, _ = r.texts("web")
		return once[len(once)-1] == "last"
	})
	gaps := 0
	number := 9
	for _, text := range once[10 : len(once)-1] {
		var n int
		switch _, err := fmt.Sscanf(text, "line %d", &n); {
		case strings.HasPrefix(text, "[ncolony: output from ") && strings.HasSuffix(text, " was removed before it was forwarded]"):
			gaps++
			number = -1
		case err != nil, number >= 0 && n != number+1:
			t.Fatalf("%q behind line %d", text, number)
		default:
			number = n
		}
	}
	if gaps == 0 || number != 4999 {
		t.Errorf("%d gaps, the last line is %d", gaps, number)
	}
	c.until(fmt.Sprintf("%d gaps are counted", gaps), func() bool { return c.cursor(r.url("loki")).Gaps == gaps })
}

// parts is how many files there are of a stream.
func (c *colony) parts(stream string) (n int) {
	entries, _ := os.ReadDir(c.places.LogDir() + "/" + stream)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".log") {
			n++
		}
	}
	return n
}

// newest reports whether a line is the last that is kept of a stream.
func (c *colony) newest(stream, line string) bool {
	b, _ := os.ReadFile(c.places.LogDir() + "/" + stream + "/current")
	return strings.HasSuffix(string(b), line+"\n")
}

// A line without an end is sent when its end does not come, and at our own end; one
// whose end comes in time is one line.
func TestHalf(t *testing.T) {
	t.Parallel()
	c, r := newColony(t), newReceiver(t)
	web := c.service("web", `{}`)
	url := r.url("loki")
	within := func(half time.Duration) (stop func()) {
		return c.forward(url, Settings{Timeout: long}, func(o *Options) { o.half = half })
	}
	stop := within(time.Hour)
	fmt.Fprint(web, "first\nhal")
	c.whole(&r.got, "web", []string{"first"})
	fmt.Fprint(web, "f a line\nthe end")
	c.whole(&r.got, "web", []string{"first", "half a line"})
	c.until("it is known", func() bool { return c.cursor(url).Lines == 2 })
	stop()
	want := []string{"first", "half a line", "the end"}
	c.whole(&r.got, "web", want)
	within(100 * time.Millisecond)
	fmt.Fprint(web, " of it\nand a")
	want = append(want, " of it", "and a")
	c.whole(&r.got, "web", want)
	fmt.Fprint(web, "nother\n")
	if again := c.whole(&r.got, "web", append(want, "nother")); again > 0 {
		t.Errorf("%d lines came again", again)
	}
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]string{
		"syslog://h": "", "syslog+udp://h:1": "", "syslog+tcp://[::1]:5": "", "syslog+tls://h": "", "syslog+unix:///dev/log": "",
		"loki+http://h": "", "loki+https://u:p@h/x": "", "otlp+http://h:4318": "", "otlp+https://h": "",
		"http://h": `"http" is none of`, "loki://h": "is none of", "syslog+tcp:///x": "has no host", "syslog+unix://h/x": "must be syslog+unix:///PATH",
		"syslog+unix:": "must be", "%": "read URL", "loki+http://u:secret@[h": "read URL",
	} {
		d, err := Parse(raw, Settings{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", raw, err)
		}
		if err == nil {
			d.open().close()
		}
	}
	for what, s := range map[string]Settings{
		"label":        {Labels: map[string]string{"a-b": "c"}},
		"authorities":  {CA: "/nonexistent"},
		"has no heade": {Headers: http.Header{"A": nil}},
	} {
		raw := "syslog+tls://h"
		if _, err := Parse(raw, s); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	a, _ := Parse("loki+http://u:secret@logs.example.org:3100", Settings{})
	b, _ := Parse("loki+http://v:other@logs.example.org:3100", Settings{})
	c, _ := Parse("loki+http://logs.example.org:3101", Settings{})
	if a.id() != b.id() || a.id() == c.id() || !strings.HasPrefix(a.id(), "loki-http-logs.example.org-3100-") || strings.Contains(a.String(), "secret") {
		t.Errorf("%s, %s, %s; %s", a.id(), b.id(), c.id(), a)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "x": 0, "99999999999": againLongest, "Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
