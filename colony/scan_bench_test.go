package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What a look at a directory costs in which nothing has changed: that is all a
// colony does while nothing happens.
func BenchmarkScanUnchanged(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			old := time.Now().Add(-time.Hour)
			for i := range n {
				path := filepath.Join(dir, fmt.Sprintf("service-%05d", i))
				if err := os.WriteFile(path, []byte(`{"args":["/bin/true"]}`), 0o644); err != nil {
					b.Fatal(err)
				}
				os.Chtimes(path, old, old)
			}
			events := make(chan event, n+10)
			c := newConfigDir(thisMachine(), dir, trust{}, vetFunc(func(*spec.Spec) string { return "" }), outbox{events, nil}, newTroubles(outbox{events, nil}, nil))
			c.reader.clock = func() time.Time { return time.Now().Add(time.Hour) } // nothing is young
			c.scan(false)
			b.ReportAllocs()
			for b.Loop() {
				c.scan(false)
			}
		})
	}
}
