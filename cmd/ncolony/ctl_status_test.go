package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A supervisor that has the lock and has not cleared away what the last one
// said is given the time to.
func TestSettled(t *testing.T) {
	p := spec.Places{State: t.TempDir()}
	if alive, err := settled(p); alive || err != nil {
		t.Errorf("no lock: got %v, %v", alive, err)
	}
	if err := os.WriteFile(p.Lock(), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Open(p.Lock())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	say := func(pid int) {
		data, err := json.Marshal(spec.ColonyStatus{PID: pid})
		if err != nil {
			t.Error(err)
		}
		temporary := filepath.Join(p.State, ".new")
		if err := os.WriteFile(temporary, data, 0o644); err != nil {
			t.Error(err)
		}
		if err := os.Rename(temporary, p.Colony()); err != nil {
			t.Error(err)
		}
	}
	say(1) // the last one's
	const clearing = 50 * time.Millisecond
	begin := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(clearing)
		say(os.Getpid())
	}()
	alive, err := settled(p)
	took := time.Since(begin)
	<-done
	if !alive || err != nil || took < clearing {
		t.Errorf("got %v, %v after %v, want life after %v", alive, err, took, clearing)
	}
	say(1)
	if alive, err := settled(p); !alive || err != nil {
		t.Errorf("one that cannot write: got %v, %v", alive, err)
	}
}

func TestDescribeBadFile(t *testing.T) {
	const want = `bad file "a b": no`
	for file, why := range map[string]string{"a b": "no", `"a b"`: `name "a b": no`} {
		if got := describeBadFile(file, why); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
