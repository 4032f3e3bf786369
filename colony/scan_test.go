package colony

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	vanished   = "trouble config: another directory has its place and holds no spec; what runs goes on until a spec appears or a rescan is asked for"
	configOver = "trouble config: over"
)

// TestDirectoryGone: a directory that is not there, or is another and empty,
// does not mean that everything is to stop.
func TestDirectoryGone(t *testing.T) {
	fill := func(t *testing.T) *shelf {
		s := newShelf(t, trust{})
		put(t, s.file("a"), argsOf("1"))
		put(t, s.file("b"), argsOf("1"))
		s.want(s.full(), "a is 1", "b is 1")
		return s
	}
	t.Run("moved away and back", func(t *testing.T) {
		s := fill(t)
		must(t, os.Rename(s.path, s.path+".away"))
		s.want(s.hint("a"))
		s.want(s.settle(), "trouble config: cannot be read; what runs goes on: stat "+s.path+": no such file or directory")
		s.want(s.full())
		must(t, os.Rename(s.path+".away", s.path))
		must(t, os.Remove(s.file("b")))
		s.want(s.full(), configOver, "b gone")
	})
	t.Run("replaced by an empty one, until a spec appears", func(t *testing.T) {
		s := fill(t)
		must(t, os.Rename(s.path, s.path+".away"), os.Mkdir(s.path, 0o755))
		s.want(s.full(), vanished)
		s.want(s.hint("a"))
		s.want(s.settle())
		put(t, s.file("b"), argsOf("1")) // which is no news itself
		s.want(s.hint("b"), configOver)
		s.want(s.settle(), "a gone")
	})
	t.Run("replaced by an empty one, which is meant", func(t *testing.T) {
		s := fill(t)
		must(t, os.Rename(s.path, s.path+".away"), os.Mkdir(s.path, 0o755))
		s.want(s.full(), vanished)
		s.scan(true)
		s.want(s.settle(), configOver, "a gone", "b gone")
	})
	t.Run("removed and made again", func(t *testing.T) {
		s := fill(t)
		must(t, os.RemoveAll(s.path), os.Mkdir(s.path, 0o755))
		var x unix.Statx_t
		if unix.Statx(unix.AT_FDCWD, s.path, 0, unix.STATX_BTIME, &x) != nil || x.Mask&unix.STATX_BTIME == 0 {
			t.Skip("the file system gives a new directory the identity of the old one")
		}
		s.want(s.hint("a")) // the hints that RemoveAll has caused
		s.want(s.hint("b"))
		s.want(s.settle(), vanished)
		put(t, s.file("a"), argsOf("1"))
		s.want(s.full(), configOver, "b gone")
	})
	t.Run("emptied", func(t *testing.T) {
		s := fill(t)
		must(t, os.Remove(s.file("a")), os.Remove(s.file("b")))
		s.want(s.full(), "a gone", "b gone")
	})
	t.Run("replaced by a file", func(t *testing.T) {
		s := fill(t)
		must(t, os.RemoveAll(s.path))
		put(t, s.path, "")
		s.want(s.full(), "trouble config: cannot be read; what runs goes on: open "+s.path+": not a directory")
	})
	t.Run("link to another version", func(t *testing.T) {
		s := fill(t)
		must(t, os.Rename(s.path, s.path+".1"), os.Mkdir(s.path+".2", 0o755), os.Symlink(s.path+".1", s.path))
		s.want(s.full())
		put(t, s.path+".2/a", argsOf("2"))
		put(t, s.path+".2/b", argsOf("1"))
		must(t, os.Symlink(s.path+".2", s.path+".new"), os.Rename(s.path+".new", s.path))
		s.want(s.full(), "a is 2")
	})
	t.Run("not to be entered", func(t *testing.T) {
		s := fill(t)
		asNobody(t, s.path)
		must(t, os.Chmod(s.path, 0o444)) // its files can be listed, and not opened
		s.want(s.full(), "a bad: read: permission denied", "b bad: read: permission denied")
		must(t, os.Chmod(s.path, 0)) // now not even listed
		s.want(s.hint("a"))
		s.want(s.full(), "trouble config: cannot be read; what runs goes on: open "+s.path+": permission denied")
		must(t, os.Chmod(s.path, 0o755))
		s.want(s.full(), configOver, "a is 1", "b is 1")
	})
	t.Run("a file that may not be read", func(t *testing.T) {
		s := fill(t)
		must(t, os.Chmod(s.file("a"), 0))
		asNobody(t, s.path)
		s.want(s.full(), "a bad: read: permission denied")
	})
}

// TestVolume is a ConfigMap as Kubernetes mounts it: the files are links through
// ..data, which is a link that is swapped.
func TestVolume(t *testing.T) {
	s := newShelf(t, trust{})
	version := func(n string, specs ...string) {
		must(t, os.Mkdir(s.file("..2026_"+n), 0o755))
		for _, name := range specs {
			put(t, s.file("..2026_"+n+"/"+name), argsOf(n))
		}
		must(t, os.Symlink("..2026_"+n, s.file("..data_tmp")), os.Rename(s.file("..data_tmp"), s.file("..data")))
	}
	version("1", "a", "b")
	must(t, os.Symlink("..data/a", s.file("a")), os.Symlink("..data/b", s.file("b")))
	s.want(s.full(), "a is 1", "b is 1")
	version("2", "a", "b", "c")
	must(t, os.RemoveAll(s.file("..2026_1")), os.Symlink("..data/c", s.file("c")))
	s.want(s.full(), "a is 2", "b is 2", "c is 2")
	version("3", "a", "b")
	s.want(s.full(), "a is 3", "b is 3", "c bad: dangling symbolic link to ..data/c")
	must(t, os.Remove(s.file("c")))
	s.want(s.full(), "c gone")
}

// TestUnannounced: what no notification tells is found by the next scan.
func TestUnannounced(t *testing.T) {
	s := newShelf(t, trust{})
	elsewhere := filepath.Join(t.TempDir(), "spec")
	put(t, elsewhere, argsOf("1"))
	must(t, os.Symlink(elsewhere, s.file("link")), os.Link(elsewhere, s.file("hard")))
	put(t, s.file("quick"), argsOf("1"))
	s.want(s.full(), "hard is 1", "link is 1", "quick is 1")
	put(t, elsewhere, argsOf("2"))
	s.want(s.full(), "hard is 2", "link is 2")

	// The same size and the same time of modification, as copying preserves it,
	// and soon after the last look: the kernel's clock may not have ticked.
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	must(t, os.Chtimes(s.file("quick"), old, old))
	s.want(s.full())
	if e := s.files["quick"]; !e.young {
		t.Error("a file that was just changed counts as old, by a time that was set to the past")
	}
	put(t, s.file("quick"), argsOf("2"))
	must(t, os.Chtimes(s.file("quick"), old, old))
	s.want(s.full(), "quick is 2")
}

// TestUnchangedIsNotRead: a scan reads what has changed, and nothing else.
func TestUnchangedIsNotRead(t *testing.T) {
	s := newShelf(t, trust{})
	put(t, s.file("web"), argsOf("1"))
	s.want(s.full(), "web is 1")
	e := s.files["web"]
	e.young = false // two seconds later
	e.found = found{}
	s.files["web"] = e
	s.want(s.full())
	if !s.files["web"].absent() {
		t.Error("read again")
	}
	put(t, s.file("web"), argsOf("two"))
	s.want(s.full(), "web is two")
}

// TestTrust: root runs nothing that somebody else could have written.
func TestTrust(t *testing.T) {
	needRoot(t)
	const other, group = 12345, 23456
	s := newShelf(t, trust{on: true, group: -1})
	put(t, s.file("mine"), argsOf("1"))
	put(t, s.file("theirs"), argsOf("1"))
	must(t, os.Chown(s.file("theirs"), other, other))
	const distrusted = "theirs bad: owned by uid 12345, neither root nor the directory's owner (hint: --insecure waives this check)"
	s.want(s.full(), "mine is 1", distrusted)
	must(t, os.Symlink(s.file("theirs"), s.file("link")))
	s.want(s.full(), strings.Replace(distrusted, "theirs", "link", 1))
	must(t, os.Chown(s.path, other, other), os.Chmod(s.path, 0o755))
	for name, e := range s.files {
		e.young = true // its owner was changed, and not the file
		s.files[name] = e
	}
	s.want(s.full(), "link is 1", "theirs is 1")
	put(t, s.file("open"), argsOf("1"))
	must(t, os.Chmod(s.file("open"), 0o666))
	s.want(s.full(), "open bad: everybody may write it, and whoever can is root here (hint: --insecure waives this check)")
	must(t, os.Chmod(s.file("open"), 0o664))
	s.want(s.full(), "open is 1")
	must(t, os.Remove(s.file("open")))
	s.want(s.full(), "open gone")

	refused := func(why string) string {
		return "trouble config: cannot be read; what runs goes on: use directory " + s.path + ": " + why +
			", and whoever can write it is root here (hint: --insecure waives this check)"
	}
	must(t, os.Chmod(s.path, 0o777), os.Remove(s.file("mine")))
	s.want(s.hint("mine"))
	s.want(s.settle(), refused("everybody may write it"))
	must(t, os.Chmod(s.path, 0o775), os.Chown(s.path, other, group))
	s.want(s.full(), refused("group 23456 may write it"))
	s.reader.trust.group = group
	s.want(s.full(), configOver, "mine gone")
	s.reader.trust.group = -1
	must(t, os.Chown(s.path, other, 0)) // root's own group
	s.want(s.full())
	s.reader.trust = trust{}
	must(t, os.Chmod(s.path, 0o777))
	s.want(s.full())
}

// TestTrustReadOnly: what cannot be written at all may have any mode.
func TestTrustReadOnly(t *testing.T) {
	dir := smallDisk(t)
	must(t, os.Chmod(dir, 0o777))
	fi, _, err := statDir(dir)
	must(t, err)
	tr := trust{on: true, group: -1}
	if tr.dir(dir, fi) == nil {
		t.Error("trusted though everybody may write it")
	}
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if err := tr.dir(dir, fi); err != nil {
		t.Error(err)
	}
}
