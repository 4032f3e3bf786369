package forward

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkForward is how fast what is kept is sent, in lines of 128 bytes, and
// what a forwarder takes for it. The receivers count bytes and do nothing else.
func BenchmarkForward(b *testing.B) {
	const size = 64 << 20
	line := strings.Repeat("x", 127) + "\n"
	for _, kind := range []string{"loki", "otlp", "syslog"} {
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(size)
			cpu := time.Duration(0)
			for range b.N {
				root := b.TempDir()
				dir := filepath.Join(placesIn(root).LogDir(), "web")
				if err := os.MkdirAll(dir, 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "1700000000.log"), bytes.Repeat([]byte(line), size/len(line)), 0o644); err != nil {
					b.Fatal(err)
				}
				if err := os.Symlink("1700000000.log", filepath.Join(dir, "current")); err != nil {
					b.Fatal(err)
				}
				var got atomic.Int64 // bytes, with what is around the lines
				url := swallow(b, kind, &got)
				cmd := exec.Command("/proc/self/exe")
				cmd.Env = append(os.Environ(), "FORWARD_TEST="+url, "FORWARD_ROOT="+root)
				began := time.Now()
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				to, err := Parse(url, Settings{})
				if err != nil {
					b.Fatal(err)
				}
				for end := began.Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
					cur, err := loadCursor(placesIn(root), to.id())
					if err == nil && cur.Bytes >= size/int64(len(line))*int64(len(line)-1) {
						break
					}
					if time.Now().After(end) {
						b.Errorf("not within a minute: %+v", cur)
						break
					}
				}
				b.ReportMetric(float64(size/len(line))/time.Since(began).Seconds(), "lines/s")
				cmd.Process.Signal(syscall.SIGTERM)
				cmd.Wait()
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				if got.Load() < size {
					b.Errorf("%d bytes have come", got.Load())
				}
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N)*float64(1<<30)/size, "cpu-s/GiB")
		})
	}
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// swallow is a receiver.
func swallow(b *testing.B, kind string, got *atomic.Int64) (url string) {
	if kind != "syslog" {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(counter{got}, r.Body)
		}))
		b.Cleanup(s.Close)
		return kind + "+" + s.URL
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(counter{got}, conn)
			}()
		}
	}()
	return "syslog+tcp://" + l.Addr().String()
}
