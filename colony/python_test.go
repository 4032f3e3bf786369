package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTwistedSiblings: Twisted, of which the Python program is made, writes a
// sibling and renames it. Today the sibling has sixteen characters of base64 in
// front, as random as can be; it once had not. Either way its end is ".new", and
// what it becomes is seen, with notifications and without.
func TestTwistedSiblings(t *testing.T) {
	inBothWays(t, func(t *testing.T, w *watched) {
		for i, front := range []string{"", "-uqVw8JX0h_G3kZ2", "_uqVw8JX0h-G3kZ2", "0uqVw8JX0hG3kZ2=", "AuqVw8JX0hG3kZ2s"} {
			set := func(path, text string) []string {
				t.Helper()
				sibling := filepath.Join(filepath.Dir(path), front+filepath.Base(path)+".new")
				f, err := os.OpenFile(sibling, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o777)
				must(t, err)
				_, err = f.WriteString(text)
				must(t, err, f.Close())
				told := w.past() // it is looked at, if ever, while it is there
				must(t, os.Rename(sibling, path))
				return told
			}
			name := fmt.Sprint("web", i%2) // new ones, and ones that are replaced
			message := fmt.Sprintf("%03dMessage.4711", i)
			isSet, isReceived := fmt.Sprint(name, " is ", i), message+" received: RESTART "+name+", trusted"
			told := append(set(w.file(name), argsOf(fmt.Sprint(i))), w.hear(isSet)...)
			told = append(told, set(filepath.Join(w.places.Messages, message), `{"type": "RESTART", "name": "`+name+`"}`)...)
			told = append(told, w.hear(isReceived)...)
			if d := cmp.Diff([]string{isSet, isReceived}, told); d != "" {
				t.Errorf("%q: told (-want +got):\n%s", front, d)
			}
		}
	})
}
