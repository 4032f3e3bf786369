package peer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// supervisord is one process in Python, which is told of changes by XML-RPC.
type supervisord struct{ program string }

func findSupervisord() Peer {
	if program := find("supervisord"); program != "" {
		return &supervisord{program}
	}
	return nil
}

func (s *supervisord) Name() string       { return "supervisord" }
func (s *supervisord) Programs() []string { return nil } // Python, mostly

const supervisordMain = `[supervisord]
nodaemon=true
user=%[3]d
logfile=/dev/null
logfile_maxbytes=0
pidfile=%[1]s/pid
childlogdir=%[1]s
minfds=%[2]d
[unix_http_server]
file=%[1]s/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[include]
files=%[1]s/conf.d/*.conf
`

func (s *supervisord) Setup(c Colony) error {
	if err := os.MkdirAll(filepath.Join(c.Dir, "conf.d"), 0o755); err != nil {
		return err
	}
	for i := range c.N {
		if err := s.Prepare(c, i); err != nil {
			return err
		}
	}
	// A service has three pipes.
	return os.WriteFile(filepath.Join(c.Dir, "conf"), fmt.Appendf(nil, supervisordMain, c.Dir, 3*c.N+100, os.Getuid()), 0o644)
}

func (s *supervisord) Command(c Colony) []string {
	return []string{s.program, "-c", filepath.Join(c.Dir, "conf")}
}

func (s *supervisord) Prepare(c Colony, i int) error {
	seconds := 1
	if c.Eager {
		seconds = 0
	}
	text := fmt.Sprintf("[program:%s]\ncommand=%s\nautorestart=true\nstartsecs=%d\nstartretries=1000000\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
		Name(i), strings.Join(c.Child, " "), seconds)
	return os.WriteFile(filepath.Join(c.Dir, "conf.d", Name(i)+".conf"), []byte(text), 0o644)
}

func (s *supervisord) Add(ctx context.Context, c Colony, i, _ int, _ Run) error {
	if err := s.call(ctx, c, "supervisor.reloadConfig"); err != nil {
		return err
	}
	return s.call(ctx, c, "supervisor.addProcessGroup", Name(i))
}

// call calls a method with strings as its parameters.
func (s *supervisord) call(ctx context.Context, c Colony, method string, params ...string) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(c.Dir, "socket"))
	}}}
	var b strings.Builder
	fmt.Fprintf(&b, "<methodCall><methodName>%s</methodName><params>", method)
	for _, p := range params {
		fmt.Fprintf(&b, "<param><value><string>%s</string></value></param>", p)
	}
	b.WriteString("</params></methodCall>")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://supervisor/RPC2", strings.NewReader(b.String()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	if strings.Contains(string(body), "<fault>") {
		return fmt.Errorf("call %s: %s", method, body)
	}
	return nil
}
