package logs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// member is how many bytes of a file are compressed by themselves, so that a
// reader can begin there.
const member = 1 << 20

// sealer compresses the files that were put aside, and removes those that are
// too many. It is slow on purpose: services come first.
type sealer struct {
	places spec.Places
	log    *slog.Logger
	urgent bool
	hub    *hub
	policy func(name string) *policy
	news   helper.News
	zip    *gzip.Writer
}

const (
	// sealEvery is how often all streams are looked at, for files grow old too;
	// sealFirst, when that is for the first time.
	sealEvery = 5 * time.Minute
	sealFirst = 5 * time.Second
)

func newSealer(o Options, m *mover, h *hub) *sealer {
	return &sealer{places: o.Places, log: o.Log, urgent: o.urgent, hub: h, policy: func(name string) *policy {
		if all := m.policies.Load(); all != nil {
			return (*all)[service(name)]
		}
		return nil
	}}
}

func (z *sealer) run(ctx context.Context) {
	if !z.urgent {
		// The thread that we lower does not come back into use: it ends with us.
		runtime.LockOSThread()
		unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 19)
	}
	tick := time.NewTimer(sealFirst)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-z.hub.sealer:
			for dir, p := range z.hub.takeFull() {
				z.tend(ctx, dir, p, time.Now())
			}
		case <-tick.C:
			tick.Reset(sealEvery)
			names, _ := readNames(z.places.LogDir())
			for _, name := range names {
				if strings.HasPrefix(name, tempBegin) {
					continue
				}
				p := z.policy(name)
				if p == nil {
					p = &defaultPolicy
				}
				for _, dir := range streamDirs(z.places.LogDir(), name) {
					z.tend(ctx, dir, p, time.Now())
				}
			}
		}
	}
}

// tend has a stream be as its policy says.
func (z *sealer) tend(ctx context.Context, dir string, p *policy, now time.Time) {
	all, err := parts(dir)
	if len(all) < 2 && err == nil {
		return // nothing was put aside
	}
	if err == nil {
		err = z.thin(dir, all, p, now)
	}
	for i := 0; i+1 < len(all) && err == nil && ctx.Err() == nil; i++ { // not the last, which is written
		if all[i].gzip || !p.compress || p.tee && z.untold(dir, all[i].generation) {
			continue
		}
		if err = z.compress(ctx, dir, all[i].generation); errors.Is(err, fs.ErrNotExist) {
			err = nil // removed meanwhile
		}
	}
	if err == nil {
		all, err = parts(dir)
		if err == nil {
			err = z.thin(dir, all, p, now)
		}
	}
	if ctx.Err() == nil && z.news.Is("seal", dir, err) {
		z.log.Warn("old output not tended", "stream", dir, "err", err)
	}
}

// thin removes what is too old, too many or too large, the oldest first.
func (z *sealer) thin(dir string, all []part, p *policy, now time.Time) error {
	names, err := readNames(dir)
	if err != nil || len(all) == 0 {
		return err
	}
	aside := make([]aged, 0, len(all))
	for _, q := range all[:len(all)-1] {
		fi, err := os.Stat(q.path(dir))
		if err != nil {
			continue
		}
		aside = append(aside, aged{q, fi.ModTime(), fi.Size()})
	}
	var errs []error
	remove := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, q := range surplus(aside, p, now) {
		remove(q.path(dir))
		remove(indexPath(dir, q.generation))
	}
	// What has been left by a crash.
	for _, name := range names {
		generation, end, ok := generationOf(name)
		switch {
		case ok && end == plainEnd && generation != all[len(all)-1].generation:
			if _, err := os.Stat(gzipPath(dir, generation)); err == nil {
				remove(plainPath(dir, generation))
			}
		case ok && end == indexEnd && generation < all[0].generation,
			strings.HasPrefix(name, tempBegin) && strings.HasSuffix(name, gzipEnd):
			remove(filepath.Join(dir, name))
		}
	}
	return errors.Join(errs...)
}

// aged is a file that was put aside.
type aged struct {
	part
	at   time.Time
	size int64
}

// surplus are those of the files, the oldest first, that a policy does not keep.
func surplus(all []aged, p *policy, now time.Time) []aged {
	n := max(0, len(all)-p.files)
	for p.age > 0 && n < len(all) && now.Sub(all[n].at) > p.age {
		n++
	}
	if p.total >= 0 {
		sum := int64(0)
		for i := len(all) - 1; i >= n; i-- {
			if sum += all[i].size; sum > p.total {
				n = i + 1
			}
		}
	}
	return all[:n]
}

// untold reports whether a file has lines that are still to go to the
// supervisor's output.
func (z *sealer) untold(dir string, generation uint64) bool {
	teed, ok := readTeed(dir, generation)
	fi, err := os.Stat(plainPath(dir, generation))
	return ok && err == nil && teed < fi.Size() && time.Since(fi.ModTime()) < behindFor+time.Minute
}

// compress puts a compressed file in the place of a plain one. A crash leaves
// the plain one.
func (z *sealer) compress(ctx context.Context, dir string, generation uint64) (err error) {
	plain := plainPath(dir, generation)
	in, err := os.Open(plain)
	if err != nil {
		return err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	target := gzipPath(dir, generation)
	temp := filepath.Join(dir, tempBegin+filepath.Base(target))
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fi.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(temp)
		}
	}()
	entries, err := z.pack(ctx, out, in)
	if err != nil {
		return err
	}
	if err := appendIndex(dir, generation, entries); err != nil {
		return err
	}
	// Readers go by its age.
	if err := os.Chtimes(temp, fi.ModTime(), fi.ModTime()); err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		return err
	}
	return os.Remove(plain)
}

// pack compresses in to out, and returns what its index is to say of that.
func (z *sealer) pack(ctx context.Context, out io.Writer, in io.Reader) (entries []byte, err error) {
	var size, packed counter
	lines := int64(0)
	buf := make([]byte, 64<<10)
	buffered := bufio.NewWriterSize(io.MultiWriter(out, &packed), 64<<10)
	if z.zip == nil {
		z.zip = gzip.NewWriter(io.Discard)
	}
	for done := false; !done; {
		entries = entry{linesEntry, int64(size), lines}.append(entries)
		entries = entry{memberEntry, int64(size), int64(packed) + int64(buffered.Buffered())}.append(entries)
		z.zip.Reset(buffered)
		for left := member; left > 0 && !done; {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			n, err := io.ReadFull(in, buf[:min(left, len(buf))])
			done = err == io.EOF || err == io.ErrUnexpectedEOF
			if err != nil && !done {
				return nil, err
			}
			if _, err := z.zip.Write(buf[:n]); err != nil {
				return nil, err
			}
			size += counter(n)
			left -= n
			lines += int64(bytes.Count(buf[:n], []byte{'\n'}))
		}
		if err := z.zip.Close(); err != nil {
			return nil, err
		}
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	entries = entry{linesEntry, int64(size), lines}.append(entries)
	return entry{endEntry, int64(size), int64(packed)}.append(entries), nil
}

// counter counts what is written.
type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }
