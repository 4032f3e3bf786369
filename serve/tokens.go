package serve

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ncolony/ncolony-go/internal/helper"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// tokens are the secrets that stand for roles on TCP, each in a file of its own.
// Files are asked again with each request: who writes or removes one means it to
// count at once.
type tokens struct {
	log *slog.Logger

	mu   sync.Mutex
	all  []*token
	news helper.News
}

type token struct {
	role    operations.Role
	path    string
	version helper.Version
	sum     [sha256.Size]byte // of the text
	good    bool
}

// shortest is how many bytes a token has at least; ours have 43.
const shortest = 20

// newTokens finds the tokens in the state directory, and makes those that are
// missing.
func newTokens(state string, log *slog.Logger) (*tokens, error) {
	t := &tokens{log: log, all: []*token{
		{role: operations.Admin, path: filepath.Join(state, "serve.token.admin")},
		{role: operations.Reader, path: filepath.Join(state, "serve.token.read")},
	}}
	for _, one := range t.all {
		if err := one.look(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// role is what the bearer of a text may do.
func (t *tokens) role(text string) operations.Role { return t.roleOf(sha256.Sum256([]byte(text))) }

// roleOf is role for the sum of a text.
func (t *tokens) roleOf(sum [sha256.Size]byte) operations.Role {
	if t == nil {
		return operations.Nobody
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	role := operations.Nobody
	for _, one := range t.all {
		err := one.look()
		if t.news.Is("token", one.path, err) {
			t.log.Error("token refused", "err", err)
		}
		if one.good && subtle.ConstantTimeCompare(sum[:], one.sum[:]) == 1 {
			role = max(role, one.role)
		}
	}
	return role
}

// look reads the file if it is another one than before.
func (t *token) look() error {
	version, _, err := helper.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(t.path); err != nil {
			t.good = false
			return err
		}
		version, _, err = helper.Stat(t.path)
	}
	if err == nil && t.good && version == t.version {
		return nil
	}
	t.good = false
	if err != nil {
		return err
	}
	text, version, err := helper.ReadRegular(t.path, 4096)
	if err != nil {
		return err
	}
	fi, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	if fi.Mode()&0o077 != 0 {
		return fmt.Errorf("read token %q: others may read it (mode %#o); it must be 0600", t.path, fi.Mode().Perm())
	}
	bare := strings.TrimSpace(string(text))
	if len(bare) < shortest {
		return fmt.Errorf("read token %q: shorter than %d bytes", t.path, shortest)
	}
	t.version, t.sum, t.good = version, sha256.Sum256([]byte(bare)), true
	return nil
}

// create makes a file with a new token, unless somebody is faster.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make token: %w", err)
	}
	_, err = f.WriteString(rand.Text() + rand.Text() + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path) // half a token is none
		return fmt.Errorf("make token: %w", err)
	}
	return nil
}
