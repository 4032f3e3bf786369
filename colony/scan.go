package colony

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// fileKey tells whether a file may have changed since it was read.
type fileKey struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // nanoseconds
}

func keyOf(fi os.FileInfo) fileKey {
	st := fi.Sys().(*unixStat)
	return fileKey{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}
}

// dirID tells one directory from another of the same path. The time of birth
// is part of it because a new directory likes to get the inode number of the
// one that was just removed; it is 0 on file systems that keep none.
type dirID struct {
	dev, ino uint64
	born     int64
}

// noDir is no directory: any that is there is another.
var noDir = dirID{born: -1}

// statDir is os.Stat with an identity for a directory.
func statDir(path string) (os.FileInfo, dirID, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, dirID{}, err
	}
	st := fi.Sys().(*unixStat)
	id := dirID{dev: uint64(st.Dev), ino: st.Ino}
	var x unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_BTIME, &x) == nil && x.Mask&unix.STATX_BTIME != 0 {
		id.born = x.Btime.Sec*1e9 + int64(x.Btime.Nsec)
	}
	return fi, id, nil
}

// trust decides whose files we believe. The zero value believes everybody.
type trust struct {
	on    bool // we are root and nobody said --insecure
	group int  // may write the directories beside root's; -1 = none
}

const insecureHint = " (hint: --insecure waives this check)"

// dir says why a directory must not be believed; nil = it may.
func (t trust) dir(path string, fi os.FileInfo) error {
	if !t.on {
		return nil
	}
	st := fi.Sys().(*unixStat)
	why := ""
	switch {
	case fi.Mode()&0o002 != 0:
		why = "everybody may write it"
	case fi.Mode()&0o020 != 0 && st.Gid != 0 && int(st.Gid) != t.group:
		why = fmt.Sprintf("group %d may write it", st.Gid)
	default:
		return nil
	}
	if readOnly(path) {
		return nil
	}
	return fmt.Errorf("use directory %s: %s, and whoever can write it is root here%s", path, why, insecureHint)
}

// readOnly reports whether nothing can be written there, whatever its mode.
func readOnly(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_RDONLY != 0
}

// file says why a spec must not be believed, given the owner of its directory.
func (t trust) file(path string, fi os.FileInfo, dirOwner uint32) error {
	if !t.on {
		return nil
	}
	if uid := fi.Sys().(*unixStat).Uid; uid != 0 && uid != dirOwner {
		return fmt.Errorf("owned by uid %d, neither root nor the directory's owner%s", uid, insecureHint)
	}
	if fi.Mode()&0o002 != 0 && !readOnly(path) {
		return fmt.Errorf("everybody may write it, and whoever can is root here%s", insecureHint)
	}
	return nil
}

// errIgnore marks what is no file at all for the config directory: a
// sub-directory.
var errIgnore = errors.New("not a regular file but a directory")

// readRegular reads a file that must be regular once symbolic links are
// followed. It never blocks on a FIFO, never opens a device for good, and reads
// at most limit+1 bytes. Files of /proc that call themselves regular and yet make
// a reader wait, like kmsg, cannot be read.
func readRegular(path string, limit int) ([]byte, os.FileInfo, error) {
	fd, err := openRaw(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, explainOpen(path, err)
	}
	defer unix.Close(fd)
	fi := &rawInfo{name: path}
	if err := syscall.Fstat(fd, &fi.st); err != nil {
		return nil, nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, nil, irregular(fi.Mode())
	}
	// One more than there is, so that the end is seen without growing.
	b, err := readFD(fd, make([]byte, 0, min(fi.Size(), int64(limit))+1), limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("read: %w", err)
	}
	return b, fi, nil
}

// irregular names what stands where a file should.
func irregular(m os.FileMode) error {
	switch {
	case m.IsDir():
		return errIgnore
	case m&os.ModeNamedPipe != 0:
		return errors.New("not a regular file but a FIFO")
	case m&os.ModeSocket != 0:
		return errors.New("not a regular file but a socket")
	case m&os.ModeDevice != 0:
		return errors.New("not a regular file but a device")
	default:
		return errors.New("not a regular file")
	}
}

// bare takes the path off an error: who reports it names the file already.
func bare(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// hidden is an error that does not even tell whether there is such a file.
type hidden struct{ error }

func (h hidden) Unwrap() error { return h.error }

// explainOpen says why a name that is in the directory cannot be opened. Only
// what is certainly not there is os.ErrNotExist: a directory that lets us list
// it and look at nothing in it is not an empty one.
func explainOpen(path string, err error) error {
	fi, lerr := os.Lstat(path)
	switch {
	case errors.Is(lerr, os.ErrNotExist), errors.Is(lerr, unix.ENOTDIR):
		return os.ErrNotExist
	case lerr != nil:
		return hidden{fmt.Errorf("read: %w", bare(lerr))}
	case errors.Is(err, os.ErrNotExist) && fi.Mode()&os.ModeSymlink != 0:
		to, _ := os.Readlink(path)
		return fmt.Errorf("dangling symbolic link to %s", to)
	case errors.Is(err, unix.ELOOP):
		return errors.New("symbolic links that lead in a circle")
	}
	if to, terr := os.Stat(path); terr == nil && to.Mode()&(os.ModeSocket|os.ModeDevice) != 0 {
		return irregular(to.Mode())
	}
	return fmt.Errorf("read: %w", bare(err))
}

// found is what a name in the config directory amounts to: exactly one of spec
// and problem, or neither when there is no file.
type found struct {
	spec    *spec.Spec
	problem *spec.Problem
}

func (f found) absent() bool { return f.spec == nil && f.problem == nil }

// same reports whether two looks have found the same.
func (f found) same(o found) bool {
	if f.absent() != o.absent() || (f.spec == nil) != (o.spec == nil) {
		return false
	}
	if f.spec != nil {
		return f.spec.SHA256 == o.spec.SHA256
	}
	return f.problem == nil || *f.problem == *o.problem
}

// vetter says what is wrong with a spec here, and what is odd; see vetting.
type vetter interface {
	problem(*spec.Spec) string
	odd(*spec.Spec) []string
}

// reader reads specs.
type reader struct {
	disk  disk
	clock func() time.Time
	dir   string
	trust trust
	owner uint32 // of the directory
	vet   vetter
	last  *spec.Spec // the last one that was read: many files are copies of one
}

// entry is one file of the config directory as it was last read.
type entry struct {
	found
	key    fileKey
	hidden bool // there may be no such file
	young  bool // written so shortly before that the key may not tell the next write
}

// young reports whether a file was changed so shortly before now that its next
// change may leave it with the same times. The change time is what counts: the
// time of modification can be set to anything, and copying does.
func young(key fileKey, now time.Time) bool {
	return now.Sub(time.Unix(0, key.ctime)).Abs() < coarse || now.Sub(time.Unix(0, key.mtime)).Abs() < coarse
}

// coarse is how far apart two writes must be for certain to differ in mtime, on
// file systems and kernels with the coarsest clock.
const coarse = 2 * time.Second

// read looks at one file; old is what was found there the last time.
func (r *reader) read(file string, old entry) entry {
	b, fi, err := r.disk.readRegular(filepath.Join(r.dir, file), spec.MaxSpecSize)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, errIgnore):
		return entry{young: true}
	case err != nil:
		_, hidden := errors.AsType[hidden](err)
		return entry{found: found{problem: &spec.Problem{Message: err.Error()}}, hidden: hidden, young: true}
	}
	e := entry{key: keyOf(fi)}
	e.young = young(e.key, r.clock())
	if err := r.trust.file(filepath.Join(r.dir, file), fi, r.owner); err != nil {
		e.problem = &spec.Problem{Message: err.Error()}
		return e
	}
	sp := old.spec
	if sp == nil || !bytes.Equal(b, sp.Raw) {
		sp = r.last
	}
	if sp == nil || !bytes.Equal(b, sp.Raw) {
		if sp, err = spec.Parse(b); err != nil {
			e.problem = spec.AsProblem(err)
			return e
		}
		sp.Warnings = append(sp.Warnings, r.vet.odd(sp)...)
	}
	if why := r.vet.problem(sp); why != "" {
		e.problem = &spec.Problem{Message: why}
		return e
	}
	e.spec, r.last = sp, sp
	return e
}
