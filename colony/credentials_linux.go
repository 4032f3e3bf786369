package colony

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// vault is where lives find their credentials: a directory for each life, which
// only its user can enter, with a file for each credential. Where it is follows
// from what the machine has, so that every supervisor of this colony looks in
// the same place.
type vault struct {
	colony string // our id
	memory []string
	disk   string // if none of memory will do
}

// newVault is the vault of a colony: on a file system that is never written to
// a disk, if there is one.
func newVault(colony string, p spec.Places) vault {
	return vault{colony, launch.MemoryDirs, p.CredentialsDir()}
}

// root is the directory of the directories. It is on a disk if inMemory is
// false.
func (v vault) root() (dir string, inMemory bool) {
	return launch.CredentialsRoot(v.colony, v.memory, v.disk)
}

// dir is the directory of a life.
func (v vault) dir(life lifeID) string {
	root, _ := v.root()
	return filepath.Join(root, lifeName(life))
}

// fill copies what a life is given, for its user. What others may have put
// there before us is not used.
func (v vault) fill(life lifeID, files map[string]string, user identity) (dir string, err error) {
	root, _ := v.root()
	if err := private(root); err != nil {
		return "", err
	}
	dir = v.dir(life)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := v.copy(filepath.Join(dir, name), files[name], user); err != nil {
			v.empty(life)
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	err = os.Chmod(dir, 0o500)
	if err == nil && user.Set {
		err = os.Chown(dir, int(user.UID), int(user.GID))
	}
	if err != nil {
		v.empty(life)
	}
	return dir, err
}

func (v vault) copy(to, from string, user identity) error {
	b, _, err := readRegular(from, spec.MaxCredentialSize)
	switch {
	case err != nil:
		return because(err, "read %s", from)
	case len(b) > spec.MaxCredentialSize:
		return fmt.Errorf("read %s: more than 1 MiB", from)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o400)
	}
	if err == nil && user.Set {
		err = f.Chown(int(user.UID), int(user.GID))
	}
	return errors.Join(err, f.Close())
}

// private makes the directory of the directories, through which anybody may go
// but which nobody can list; or sees that it is ours.
func private(root string) error {
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(root, 0o711); err == nil {
		return os.Chmod(root, 0o711)
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	fi, err := os.Lstat(root)
	switch {
	case err != nil:
		return err
	case !fi.IsDir(), fi.Sys().(*unixStat).Uid != uint32(os.Getuid()), fi.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s: it is not ours alone; remove it", root)
	}
	return nil
}

// empty removes what a life was given.
func (v vault) empty(life lifeID) {
	dir := v.dir(life)
	os.Chmod(dir, 0o700) // its user may be we, who must write to it
	os.RemoveAll(dir)
}

// clear removes what lives have left that are over.
func (v vault) clear(lives map[string]bool) {
	root, _ := v.root()
	list, _ := os.ReadDir(root)
	for _, d := range list {
		if life, ok := lifeOf(d.Name()); ok && !lives[d.Name()] {
			v.empty(life)
		}
	}
}

// close removes the vault, if it is empty.
func (v vault) close() {
	root, _ := v.root()
	os.Remove(root)
}
