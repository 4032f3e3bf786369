package ctl

import (
	"os"
	"testing"
	"time"
)

func TestAlive(t *testing.T) {
	p := newPlaces(t)
	check := func(what string, wantPID int, want bool) {
		t.Helper()
		if pid, alive, err := Alive(p); pid != wantPID || alive != want || err != nil {
			t.Errorf("%s: got %d, %v, %v, want %d, %v", what, pid, alive, err, wantPID, want)
		}
	}
	check("no state directory", 0, false)
	write(t, p.Lock(), "123\n")
	check("lock of a dead supervisor", 0, false)
	release := hold(t, p)
	check("held", os.Getpid(), true)
	check("held, asked again", os.Getpid(), true)
	if err := os.Truncate(p.Lock(), 0); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(p.Lock(), old, old); err != nil {
		t.Fatal(err)
	}
	check("held, and the pid cannot be written", 0, true)
	release()
	check("released", 0, false)
	// The question must not keep the next supervisor out.
	hold(t, p)
}

// A supervisor that has the lock and has not cleared away what the last one said
// is given the time to.
func TestAliveBegins(t *testing.T) {
	p := newPlaces(t)
	hold(t, p)
	if err := os.Truncate(p.Lock(), 0); err != nil {
		t.Fatal(err)
	}
	said := make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() {
		close(said)
		if err := os.WriteFile(p.Lock(), []byte("17\n"), 0o644); err != nil {
			t.Error(err)
		}
	})
	pid, alive, err := Alive(p)
	select {
	case <-said:
	default:
		t.Error("the answer came before the pid")
	}
	if pid != 17 || !alive || err != nil {
		t.Errorf("got %d, %v, %v, want 17 and life", pid, alive, err)
	}
	if err := os.Truncate(p.Lock(), 0); err != nil {
		t.Fatal(err)
	}
	if pid, alive, err := Alive(p); pid != 0 || !alive || err != nil {
		t.Errorf("one that does not come to it: got %d, %v, %v, want 0 and life", pid, alive, err)
	}
}

func TestAliveUnreadable(t *testing.T) {
	p := newPlaces(t)
	write(t, p.State, "a file, so that there is no lock in it")
	if _, alive, err := Alive(p); alive || err == nil {
		t.Errorf("got %v, %v, want an error", alive, err)
	}
}
