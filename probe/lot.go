package probe

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/internal/cgroup"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// A check by a program shares the lot of the life that it asks: what that may not
// do, or have more of, the check may not either.

// credentials is the directory of the credentials of a life; "" = it has none.
func (a about) credentials() string {
	if a.spec.Credentials == nil || a.life.Generation == 0 {
		return ""
	}
	id, err := os.ReadFile(a.places.ID())
	if err != nil {
		return ""
	}
	root, _ := launch.CredentialsRoot(strings.TrimSpace(string(id)), launch.MemoryDirs, a.places.CredentialsDir())
	return filepath.Join(root, launch.LifeName(a.name, a.life.Generation))
}

// group opens cgroup.procs of the control group that the main process of a life is
// in, if it is that of the life or one below; nil = there is none to be joined. A life
// that moved out of its group is asked from outside, which is no reason to end it.
func (a about) group() *os.File {
	if a.spec.Cgroup == nil || a.life.PID == 0 {
		return nil
	}
	dir, err := cgroup.Of(strconv.Itoa(a.life.PID))
	if err != nil || !slices.Contains(strings.Split(dir, "/"), launch.LifeName(a.name, a.life.Generation)) {
		return nil
	}
	procs, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return nil
	}
	return procs
}

// report is what a check has open beside its output: its control group, and the
// pipe by which a shim says what it could not do.
type report struct {
	group, from, to *os.File
}

// through has a command executed by a shim.
func (r *report) through(shim *launch.Shim, cmd *exec.Cmd) (err error) {
	if r.from, r.to, err = os.Pipe(); err != nil {
		return err
	}
	shim.Path, shim.Dir, shim.User, shim.Report = cmd.Path, cmd.Dir, cmd.SysProcAttr.Credential, 3
	files := []*os.File{r.to}
	if r.group != nil {
		files, shim.Group = append(files, r.group), 4
	}
	cmd.Args, err = shim.Args(cmd.Args)
	cmd.Path, cmd.Dir, cmd.SysProcAttr.Credential, cmd.ExtraFiles = launch.ShimSelf, "", nil, files
	return err
}

// read is what a shim that has ended could not do; nil = there was none, or it has
// become the program.
func (r *report) read() error {
	if r.from == nil {
		return nil
	}
	r.to.Close()
	text, err := io.ReadAll(r.from)
	if err != nil || len(text) == 0 {
		return err
	}
	var f launch.ShimFault
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	return errors.New(f.Text)
}

func (r *report) close() {
	for _, f := range []*os.File{r.group, r.from, r.to} {
		if f != nil {
			f.Close()
		}
	}
}
