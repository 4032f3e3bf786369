package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who is too many depends on the file alone, and not on whose status is still there.
func TestSuperfluous(t *testing.T) {
	for _, tc := range []struct {
		what   string
		file   string
		before []string
		want   []string
	}{
		{"fewer", `{"args": ["a"], "instances": 1}`, []string{"web@1", "web@2", "web@3"}, []string{"web@2", "web@3"}},
		{"more", `{"args": ["a"], "instances": 3}`, []string{"web@1"}, nil},
		{"none", `{"args": ["a"], "instances": 0}`, []string{"web@1", "web@2"}, []string{"web@1", "web@2"}},
		{"none, as before", `{"args": ["a"], "instances": 0}`, []string{"web"}, nil},
		{"some after none", `{"args": ["a"], "instances": 1}`, []string{"web"}, []string{"web"}},
	} {
		if diff := cmp.Diff(tc.want, superfluous("web", []byte(tc.file), tc.before)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.what, diff)
		}
	}
}
