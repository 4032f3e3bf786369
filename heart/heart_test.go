package heart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var longAgo = time.Unix(1e9, 0)

// supervise makes the test's environment that of a service.
func supervise(t *testing.T, name, status string) {
	t.Helper()
	t.Setenv(envName, name)
	t.Setenv(envConfig, fmt.Sprintf(`{"ncolony.beatcheck": {"period": 3, "status": %q}}`, status))
	own = sync.OnceValues(FromEnv)
	t.Cleanup(func() { own = sync.OnceValues(FromEnv) })
}

// heartOf returns the heart of the environment.
func heartOf(t *testing.T) *Heart {
	t.Helper()
	h, err := FromEnv()
	if err != nil || h == nil {
		t.Fatalf("FromEnv() = %v, %v", h, err)
	}
	return h
}

// backdate makes path a file that was not beaten for years.
func backdate(t *testing.T, path string) {
	t.Helper()
	if err := os.Chtimes(path, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
}

func checkBeaten(t *testing.T, path string) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.ModTime().Equal(longAgo) {
		t.Errorf("%s was not beaten", path)
	}
}

func TestOutside(t *testing.T) {
	for _, config := range []string{"", `{"args": ["x"]}`} {
		t.Setenv(envConfig, config)
		own = sync.OnceValues(FromEnv)
		h, err := Start(t.Context())
		if h != nil || err != nil {
			t.Errorf("Start() = %v, %v, want nil, nil", h, err)
		}
		if err := Beat(); err != nil {
			t.Errorf("Beat() = %v", err)
		}
		if h.Path() != "" || h.Period() != 0 || h.Interval() != 0 || h.Beat() != nil || h.Err() != nil {
			t.Error("a nil heart does something")
		}
		h.Run(t.Context()) // returns
	}
}

func TestMalformed(t *testing.T) {
	t.Setenv(envConfig, `{"ncolony.beatcheck": {"status": "x"}}`)
	own = sync.OnceValues(FromEnv)
	if h, err := Start(t.Context()); h != nil || err == nil {
		t.Errorf("Start() = %v, %v, want an error", h, err)
	}
	if err := Beat(); err == nil {
		t.Error("Beat() = nil, want an error")
	}
}

func TestBeatFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "beat")
	supervise(t, "web", path)
	if err := Beat(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := fi.Mode().Perm(); got&^0o644 != 0 || got&0o600 != 0o600 {
		t.Errorf("mode %v, want 0644 less the umask", got)
	}

	if err := os.WriteFile(path, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	backdate(t, path)
	if err := Beat(); err != nil {
		t.Fatal(err)
	}
	checkBeaten(t, path)
	if err := create(path); err != nil { // somebody else was faster
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "kept" {
		t.Errorf("content %q, want it kept", got)
	}
}

// A directory may be mounted or made after the program has started.
func TestBeatDirectory(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "beats")
	supervise(t, "web@2", dir)
	h := heartOf(t)
	if got := h.Path(); got != dir {
		t.Errorf("Path() = %q before there is a directory, want %q", got, dir)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.Beat(); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "web@2")
	if got := h.Path(); got != want {
		t.Errorf("Path() = %q, want %q", got, want)
	}
	checkBeaten(t, want)
}

func TestBeatErrors(t *testing.T) {
	root := t.TempDir()
	missing := filepath.Join(root, "none")
	for _, tt := range []struct{ name, status, path string }{
		{"web", filepath.Join(missing, "beat"), filepath.Join(missing, "beat")},
		{"web", missing + "/", filepath.Join(missing, "web")},
		{"", root, root},
		{"..", root, root},
		{"a/b", root, root},
	} {
		supervise(t, tt.name, tt.status)
		h := heartOf(t)
		err := h.Beat()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", tt.path)) {
			t.Errorf("Beat() with status %q, name %q = %v, want an error that names %q", tt.status, tt.name, err, tt.path)
		}
		if h.Err() != err {
			t.Errorf("Err() = %v, want %v", h.Err(), err)
		}
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of the missing directory: %v, want that nobody made it", err)
	}
}

// Err is about the latest beat only.
func TestBeatRecovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	supervise(t, "web", filepath.Join(dir, "beat"))
	h := heartOf(t)
	if err := h.Beat(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Beat() = %v, want fs.ErrNotExist", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.Beat(); err != nil || h.Err() != nil {
		t.Errorf("Beat() = %v, Err() = %v, want nil", err, h.Err())
	}
}

// Start beats at once, then three times a period, through failures, until its
// context ends.
func TestStart(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "d")
	path := filepath.Join(dir, "beat")
	supervise(t, "web", path)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		h, err := Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !errors.Is(h.Err(), fs.ErrNotExist) {
			t.Errorf("Err() = %v at once, want fs.ErrNotExist", h.Err())
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(time.Second)
			synctest.Wait()
			if h.Err() != nil {
				t.Errorf("Err() = %v", h.Err())
			}
			checkBeaten(t, path)
			backdate(t, path)
		}
		time.Sleep(time.Second / 2)
		synctest.Wait()
		if fi, err := os.Stat(path); err != nil || !fi.ModTime().Equal(longAgo) {
			t.Errorf("%v, %v: beaten before its time", fi, err)
		}
		cancel()
		time.Sleep(time.Minute)
		if fi, err := os.Stat(path); err != nil || !fi.ModTime().Equal(longAgo) {
			t.Errorf("%v, %v: beaten after the end", fi, err)
		}
	})
}

func TestOnError(t *testing.T) {
	supervise(t, "web", filepath.Join(t.TempDir(), "none", "beat"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		h := heartOf(t)
		calls := 0
		h.OnError = func(err error) {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("OnError(%v)", err)
			}
			calls++
		}
		h.Run(ctx)
		if calls != 3 {
			t.Errorf("OnError was called %d times in 2.5 s, want 3", calls)
		}
	})
}

// The fallback for systems on which only the owner may touch.
func TestRewrite(t *testing.T) {
	for _, content := range []string{"", "\n", "kept"} {
		path := filepath.Join(t.TempDir(), "beat")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		backdate(t, path)
		if err := rewrite(path); err != nil {
			t.Fatal(err)
		}
		checkBeaten(t, path)
		want := content
		if want == "" {
			want = "\n"
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("rewrite turned %q into %q, want %q", content, got, want)
		}
	}
}

func BenchmarkBeat(b *testing.B) {
	h := &Heart{status: filepath.Join(b.TempDir(), "beat"), name: "web", period: time.Second}
	for b.Loop() {
		if err := h.Beat(); err != nil {
			b.Fatal(err)
		}
	}
}
