package check

import (
	"os"
	"testing"
	"time"
)

// TestBornBy: a process is as old as the kernel says, but no younger than was
// noted; of one that is not there nothing else is known.
func TestBornBy(t *testing.T) {
	late := time.Now().Add(time.Hour)
	born := bornBy(os.Getpid(), late)
	if age := time.Since(born); age < 0 || age > 10*time.Minute {
		t.Errorf("this test is %v old", age)
	}
	if again := bornBy(os.Getpid(), late); again.Sub(born).Abs() > time.Second {
		t.Errorf("%v, and then %v", born, again)
	}
	early := time.Now().Add(-time.Hour)
	if got := bornBy(os.Getpid(), early); got != early {
		t.Errorf("%v, noted at %v", got, early)
	}
	if got := bornBy(1<<30, early); got != early {
		t.Errorf("nobody: %v", got)
	}
}
