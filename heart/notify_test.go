//go:build linux || darwin || freebsd

package heart

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestNotify(t *testing.T) {
	t.Setenv(envNotify, "")
	if err := Notify("READY=1"); err != nil {
		t.Errorf("nobody to tell: %v", err)
	}
	path := filepath.Join(t.TempDir(), "socket")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv(envNotify, path)
	if err := Notify("READY=1", "STATUS=up"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err != nil || string(b[:n]) != "READY=1\nSTATUS=up" {
		t.Errorf("%q, %v", b[:n], err)
	}
	// Nobody reads: it does not wait for ever.
	for err == nil {
		err = Notify("WATCHDOG=1")
	}
	c.Close()
	for _, bad := range []string{path, "vsock:2:1", filepath.Join(path, "x")} {
		t.Setenv(envNotify, bad)
		if err := Notify("READY=1"); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
