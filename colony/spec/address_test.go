package spec

import (
	"regexp"
	"testing"
)

// FuzzAddress holds what is written out by hand to what a regular expression says.
func FuzzAddress(f *testing.F) {
	address := regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+(%[^\]]+)?\]|[^\[\]:/\s]+):([0-9]+)$`)
	token := regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	for _, s := range []string{"", ":", "a:1", "a:", ":1", "a:1x", "a b:1", "[::1]:80", "[::1%eth0]:80", "[::1%]:80", "[%x]:1", "[]:1", "[::1:80", "::1]:80", "[g]:1", "a/b:1",
		"[::1]]:1", "[::1%a]b]:1", "[::1%a%b]:1", "a:b:1", "a:99999999999", "GET", "X-A", "a:1\n", "ä:1", "\xff:1", "G T", "[::1%\n]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		port, is := isAddress(s)
		if parts := address.FindStringSubmatch(s); is != (parts != nil) || is && port != parts[3] {
			t.Errorf("isAddress(%q) = %q, %v; the expression finds %q", s, port, is, parts)
		}
		if got, want := isToken(s), token.MatchString(s); got != want {
			t.Errorf("isToken(%q) = %v, want %v", s, got, want)
		}
	})
}
