// Package places finds the directories of a colony, as every program of ncolony
// does: by the same flags, the same environment and the same defaults.
package places

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Flags are the flags that name a colony. Every command takes them and comes to
// the same directories. Empty = not given.
type Flags struct {
	Root, Config, Messages, State string
}

// Register adds the flags to a set.
func (f *Flags) Register(fs *pflag.FlagSet) {
	fs.StringVar(&f.Root, "root", "", "directory that holds config, messages and state (env NCOLONY_ROOT)")
	fs.StringVar(&f.Config, "config", "", "directory of specs (default ROOT/config)")
	fs.StringVar(&f.Messages, "messages", "", "directory of requests (default ROOT/messages)")
	fs.StringVar(&f.State, "state", "", "directory of what the supervisor says (default ROOT/state; MESSAGES.state with --messages alone)")
}

// surroundings are what the directories depend on beside the flags.
type surroundings struct {
	getenv func(string) string
	uid    int
	cwd    string                // "" = unknown
	usable func(dir string) bool // whether we can write in dir, or make it
}

// resolve returns the directories that f names, absolute. temporary is not
// empty when there is no better root than one below /tmp: that directory, which
// has to be checked before it is trusted.
func (f Flags) resolve(s surroundings) (p spec.Places, temporary string, err error) {
	root := f.Root
	if root == "" {
		root = s.getenv("NCOLONY_ROOT")
	}
	p = spec.Places{Config: f.Config, Messages: f.Messages, State: f.State}
	if p.State == "" && root == "" && p.Messages != "" {
		p.State = filepath.Clean(p.Messages) + ".state"
	}
	if root == "" && (p.Config == "" || p.Messages == "" || p.State == "") {
		root, temporary = s.defaultRoot()
	}
	for _, dir := range []struct {
		path  *string
		below string
	}{{&p.Config, "config"}, {&p.Messages, "messages"}, {&p.State, "state"}} {
		if *dir.path == "" {
			*dir.path = filepath.Join(root, dir.below)
		}
		if !filepath.IsAbs(*dir.path) {
			if s.cwd == "" {
				return spec.Places{}, "", fmt.Errorf("find directory %q: the working directory is unknown", *dir.path)
			}
			*dir.path = filepath.Join(s.cwd, *dir.path)
		}
		*dir.path = filepath.Clean(*dir.path)
	}
	return p, temporary, nil
}

// defaultRoot is where a colony of this user lives when nobody says otherwise.
func (s surroundings) defaultRoot() (root, temporary string) {
	if s.uid == 0 {
		return "/var/lib/ncolony", ""
	}
	if dir := s.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ncolony"), ""
	}
	if home := s.getenv("HOME"); filepath.IsAbs(home) {
		if dir := filepath.Join(home, ".local/state/ncolony"); s.usable(dir) {
			return dir, ""
		}
	}
	dir := "/tmp/ncolony-" + strconv.Itoa(s.uid)
	return dir, dir
}

// placeless is that no colony can be found.
type placeless struct{ error }

func (e *placeless) Unwrap() error { return e.error }

// Hint is the way out.
func (e *placeless) Hint() string { return "name a directory with --root or NCOLONY_ROOT" }

// Find resolves f in our own surroundings. A root below /tmp is made, or
// refused unless it is ours alone: anybody could have put one there. Its errors
// know a way out, by a method Hint.
func (f Flags) Find() (spec.Places, error) {
	cwd, _ := os.Getwd()
	p, temporary, err := f.resolve(surroundings{os.Getenv, os.Geteuid(), cwd, canWrite})
	if err == nil && temporary != "" {
		err = ownTemporary(temporary, os.Geteuid())
	}
	if err != nil {
		return spec.Places{}, &placeless{err}
	}
	return p, nil
}

// ownTemporary makes dir with mode 0700, or checks that it is a directory of
// that mode, of uid, and no link to one. Where it cannot be made, as on a
// read-only root, there is nothing to distrust; a supervisor then does without.
func ownTemporary(dir string, uid int) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !fi.IsDir():
		return fmt.Errorf("use %s: not a directory", dir)
	case !ok || int(st.Uid) != uid:
		return fmt.Errorf("use %s: it belongs to somebody else", dir)
	case fi.Mode().Perm() != 0o700:
		return fmt.Errorf("use %s: its mode is %04o, not 0700", dir, fi.Mode().Perm())
	}
	return nil
}

// canWrite says whether we can write in dir or, while there is none, in what
// would become its parent.
func canWrite(dir string) bool {
	const writeAndSearch = 0x2 | 0x1
	for {
		err := syscall.Access(dir, writeAndSearch)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return err == nil
		}
		dir = filepath.Dir(dir)
	}
}
