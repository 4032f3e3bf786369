package colony

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ncolony/ncolony-go/colony/spec"
)

// note appends an event of each name, and returns the error in words.
func note(j *journal, names ...string) string {
	var events []spec.Event
	for _, name := range names {
		events = append(events, spec.Event{Type: spec.EventStarted, Name: name})
	}
	return fmt.Sprint(j.append(events))
}

// noted lists what a file of events says, with "torn" for a line that says
// nothing, and checks that numbers only grow.
func noted(t *testing.T, path string) (all []string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	last := uint64(0)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var e spec.Event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			all = append(all, "torn")
			continue
		}
		if e.Seq <= last {
			t.Errorf("%s: %d follows %d", path, e.Seq, last)
		}
		last = e.Seq
		all = append(all, fmt.Sprint(e.Seq, " ", e.Name))
	}
	return all
}

func wantNoted(t *testing.T, path string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, noted(t, path)); d != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(path), d)
	}
}

// TestNumbersNeverRepeat: not over starts, and not when files are lost.
func TestNumbersNeverRepeat(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, currentEvents)
	if err := note(openJournal(osDisk{}, dir), "a", "b"); err != "<nil>" {
		t.Fatal(err)
	}
	note(openJournal(osDisk{}, dir), "c") // killed and started again
	wantNoted(t, current, "1 a", "2 b", "1003 c")
	must(t, os.Remove(current)) // the reservation is left
	j := openJournal(osDisk{}, dir)
	note(j, "d")
	wantNoted(t, current, "2004 d")
	must(t, os.Remove(filepath.Join(dir, "seq"))) // the lines are left
	note(openJournal(osDisk{}, dir), "e")
	wantNoted(t, current, "2004 d", "2005 e")
	put(t, filepath.Join(dir, "seq"), "garbage")
	must(t, os.Rename(current, current+".1")) // just rotated
	note(openJournal(osDisk{}, dir), "f")
	wantNoted(t, current, "2006 f")

	j = openJournal(osDisk{}, dir)
	must(t, os.Remove(current))
	for i := range 2*seqBlock + 5 { // over the end of a block
		note(j, fmt.Sprint(i))
	}
	all := noted(t, current)
	var reserved, last uint64
	fmt.Sscan(all[len(all)-1], &last)
	b, _ := os.ReadFile(filepath.Join(dir, "seq"))
	fmt.Sscan(string(b), &reserved)
	if reserved < last {
		t.Errorf("%d is used and %d reserved", last, reserved)
	}
	names := make([]string, 3*seqBlock) // more at once than a block
	note(j, names...)
	b, _ = os.ReadFile(filepath.Join(dir, "seq"))
	fmt.Sscan(string(b), &reserved)
	if reserved < j.seq {
		t.Errorf("%d is used and %d reserved", j.seq, reserved)
	}
}

func TestTornEvent(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, currentEvents)
	put(t, current, `{"seq":7,"type":"started","name":"a"}`+"\n"+`{"seq":8,"ty`)
	j := openJournal(osDisk{}, dir)
	note(j, "b")
	note(j, "c")
	wantNoted(t, current, "7 a", "torn", "8 b", "9 c")
}

func TestEventsFileGone(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, currentEvents)
	j := openJournal(osDisk{}, dir)
	note(j, "a")
	must(t, os.Remove(current))
	note(j, "b")
	wantNoted(t, current, "2 b")
	must(t, os.Rename(current, current+".mine")) // as one rotates by hand
	note(j, "c")
	wantNoted(t, current, "3 c")
	wantNoted(t, current+".mine", "2 b")
	must(t, os.Rename(dir, dir+".away"))
	if err := note(j, "lost"); !strings.Contains(err, "open events: ") {
		t.Errorf("no directory: %s", err)
	}
	must(t, os.Rename(dir+".away", dir))
	if err := note(j, "d"); err != "<nil>" {
		t.Error(err)
	}
	wantNoted(t, current, "3 c", "5 d")
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, currentEvents)
	j := openJournal(osDisk{}, dir)
	for i := range 2 * journalFiles {
		must(t, os.WriteFile(current, nil, 0o640))
		must(t, os.Truncate(current, journalSize-10)) // all but full
		j.close()
		if err := note(j, fmt.Sprint(i)); err != "<nil>" {
			t.Fatal(err)
		}
	}
	note(j, "last")
	list, err := os.ReadDir(dir)
	must(t, err)
	var files []string
	for _, e := range list {
		if e.Name() != "seq" {
			files = append(files, e.Name()+" "+lastLine(t, filepath.Join(dir, e.Name())))
		}
	}
	want := []string{"current.jsonl last", "current.jsonl.1 9", "current.jsonl.2 8", "current.jsonl.3 7", "current.jsonl.4 6"}
	if d := cmp.Diff(want, files); d != "" {
		t.Error(d)
	}
}

// lastLine is the name in the last event of a file.
func lastLine(t *testing.T, path string) string {
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	end, _ := f.Seek(0, io.SeekEnd)
	b := make([]byte, min(end, 200))
	f.ReadAt(b, end-int64(len(b)))
	var e spec.Event
	json.Unmarshal(b[strings.LastIndexByte(strings.TrimRight(string(b), "\n"), '\n')+1:], &e)
	return e.Name
}

// TestEventsOnFullDisk: what does not fit is lost, and nothing is left of a line
// that fitted in part.
func TestEventsOnFullDisk(t *testing.T) {
	dir := smallDisk(t)
	current := filepath.Join(dir, currentEvents)
	j := openJournal(osDisk{}, dir)
	note(j, "a")
	ballast := fill(t, dir)
	long := strings.Repeat("x", 5000) // more than the rest of a page
	for range 3 {
		if err := note(j, long); !strings.Contains(err, "no space left on device") {
			t.Fatalf("on a full disk: %s", err)
		}
	}
	must(t, os.Remove(ballast))
	if err := note(j, "b"); err != "<nil>" {
		t.Error(err)
	}
	wantNoted(t, current, "1 a", "5 b")
}

// TestNoRoomForNumbers: numbers that could not be reserved are asked for again,
// and are used meanwhile.
func TestNoRoomForNumbers(t *testing.T) {
	dir := t.TempDir()
	seq := filepath.Join(dir, "seq")
	must(t, os.Mkdir(seq, 0o755))
	j := openJournal(osDisk{}, dir)
	first, second := note(j, "a"), note(j, "b")
	if want := "write " + seq + ": not a regular file"; first != want || second != want {
		t.Errorf("said %q, then %q; want %q", first, second, want)
	}
	must(t, os.Remove(seq))
	if err := note(j, "c"); err != "<nil>" {
		t.Error(err)
	}
	wantNoted(t, filepath.Join(dir, currentEvents), "1 a", "2 b", "3 c")
	if b, _ := os.ReadFile(seq); string(b) != "1003\n" {
		t.Errorf("reserved up to %s", b)
	}
}
