// Package forward runs the example of this directory.
package forward

import (
	"bufio"
	"net"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/examples/internal/example"
)

func TestMain(m *testing.M) { os.Exit(example.Run(m)) }

// TestLinesArrive: what web writes is sent to a server, from the first line on, and
// goes on after a restart of the server and of the forwarder.
func TestLinesArrive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e := example.Copy(t, []string{"config/web", "config/forward"}, "/srv/colony", "ROOT", "127.0.0.1:514", l.Addr().String(), "sleep 1", "sleep 0.05").Start()
	e.UntilState("forward", spec.Running)
	lines := func() {
		t.Helper()
		l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(conn)
		want := regexp.MustCompile(`^\d+ <30>1 \S+ \S+ web - stdout \[ncolony@32473 service="web" generation="\d+" stream="stdout" at="\d+:\d+" place="example"\] \d\d:\d\d:\d\d hello`)
		b := make([]byte, 0, 4096)
		for !want.Match(b) && len(b) < cap(b) {
			c, err := in.ReadByte()
			if err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			b = append(b, c)
		}
		if !want.Match(b) {
			t.Fatalf("got %q", b)
		}
	}
	lines()
	lines() // the connection was closed
	e.Ctl("restart", "forward", "--wait")
	lines()
}
