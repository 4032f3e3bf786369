package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// preparer turns an order into what fork and exec need. It reads files (users,
// env_file) and may therefore block; only the spawner calls it.
type preparer struct {
	colony   string // our id, for tokens
	accounts accounts
	terminal *terminal // ours; nil = none
	null     int       // a descriptor of /dev/null, open for reading and writing
	ears     *ears     // for what children tell of themselves
	cgroups  cgroups
	vault    vault
	sockets  *sockets // that services are given
	stdins   fifos
	streams  *streams
}

// prepared is a process about to be.
type prepared struct {
	path string
	argv []string
	attr syscall.ProcAttr
	shim *shim // nil: fork and exec are enough

	group   int    // of the life, for the shim: its cgroup.procs; 0 = none
	opened  []int  // for it; we need them no longer than that
	warning string // what it cannot be given; "" = nothing
}

// prepare looks up all that the start of a child depends on, anew each time.
func (p *preparer) prepare(o spawn) (prepared, error) {
	if o.kind == kindCommand {
		return p.command(o)
	}
	sp := o.spec
	id, err := p.accounts.Identify(sp)
	if err != nil {
		return prepared{}, err
	}
	env, err := launch.Variables(sp, id, readWhole)
	if err != nil {
		return prepared{}, err
	}
	p.addOwn(env, o)
	argv := sp.Args
	if o.kind == kindStopCommand {
		argv = o.argv
		env.Add(stopKey + strconv.Itoa(o.main))
	}
	path, err := launch.LookPath(argv[0], env.Get("PATH"), sp.Cwd)
	if err != nil {
		return prepared{}, err
	}
	out := uintptr(1)
	errs := uintptr(2)
	if sp.Log != nil && sp.Log.Null {
		out, errs = uintptr(p.null), uintptr(p.null)
	}
	in := uintptr(p.null)
	if sp.Stdin == spec.StdinInherit && o.kind == kindService {
		in = 0
	}
	if sp.Credentials != nil {
		if o.kind != kindStopCommand {
			if _, err := p.vault.fill(o.life, sp.Credentials, id); err != nil {
				return prepared{}, because(err, "credentials")
			}
		}
		env.Set("CREDENTIALS_DIRECTORY", p.vault.dir(o.life))
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if id.Set && (os.Getuid() == 0 || !id.Same()) {
		sys.Credential = &syscall.Credential{Uid: id.UID, Gid: id.GID, Groups: id.Groups, NoSetGroups: sameGroups(id.Groups, ourGroups())}
	}
	ready := prepared{path: path, argv: argv, shim: shimFor(sp),
		attr: syscall.ProcAttr{Dir: sp.Cwd, Env: env.List(), Files: []uintptr{in, out, errs}, Sys: sys}}
	if err := p.equip(o, &ready, id); err != nil {
		closeAll(ready.opened)
		return prepared{}, err
	}
	return ready, nil
}

// equip opens what a child is to have.
func (p *preparer) equip(o spawn, ready *prepared, id identity) error {
	if err := p.group(o, ready); err != nil && !o.spec.Cgroup.Optional {
		return because(err, "cgroup")
	}
	given, err := p.give(o, ready)
	ready.opened = append(ready.opened, given...)
	if err != nil {
		return err
	}
	if o.spec.Log.Captured() {
		pipes, err := p.streams.capture(o.life, o.spec, id)
		if err != nil { // no reason not to start
			ready.warning = fmt.Sprintf("log: output is not captured, it goes where the supervisor's goes: %v", err)
			return nil
		}
		ready.opened = append(ready.opened, pipes...)
		ready.attr.Files[1], ready.attr.Files[2] = uintptr(pipes[0]), uintptr(pipes[len(pipes)-1])
	}
	return nil
}

// command prepares `-- CMD`: our environment, but for what is meant for us, and our three descriptors. On a
// terminal it stays in our session, in a group of its own in the foreground, so
// that the terminal's keys reach it and job control works.
func (p *preparer) command(o spawn) (prepared, error) {
	env := launch.NewEnvironment()
	env.Add(ourEnvironment()...)
	p.addOwn(env, o)
	path, err := launch.LookPath(o.spec.Args[0], os.Getenv("PATH"), "")
	if err != nil {
		return prepared{}, err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if p.terminal != nil {
		// Started in the background, or sent there, it stays there.
		sys = &syscall.SysProcAttr{Setpgid: true, Foreground: p.terminal.ours(), Ctty: 0}
	}
	return prepared{path: path, argv: o.spec.Args, attr: syscall.ProcAttr{Env: env.List(), Files: []uintptr{0, 1, 2}, Sys: sys}}, nil
}

// group opens the control group that a spec asks for: made for a main process,
// there for a stop command. That one goes there with a shim, even if it needs none
// otherwise. Until it executes something a child is in our memory; if what is in the
// group has no memory left just then, the kernel kills all in it, and whoever is in
// the same memory.
func (p *preparer) group(o spawn, ready *prepared) (err error) {
	of, dir, fd := o.spec.Cgroup, "", 0
	if of == nil {
		return nil
	}
	if o.kind == kindStopCommand {
		dir, err = p.cgroups.dir(o.life)
	} else {
		dir, err = p.cgroups.make(o.life, of)
	}
	if err != nil {
		return err
	}
	shimmed := ready.shim != nil || o.kind == kindStopCommand
	how := unix.O_PATH | unix.O_DIRECTORY
	if shimmed {
		dir, how = filepath.Join(dir, "cgroup.procs"), unix.O_WRONLY
	}
	if fd, err = unix.Open(dir, how|unix.O_CLOEXEC, 0); err != nil {
		return because(err, "open %s", dir)
	}
	ready.opened = append(ready.opened, fd)
	if !shimmed {
		ready.attr.Sys.UseCgroupFD, ready.attr.Sys.CgroupFD = true, fd
		return nil
	}
	if ready.group = fd; ready.shim == nil {
		ready.shim = &shim{}
	}
	return nil
}

// addOwn adds what every child is told about itself.
func (p *preparer) addOwn(env *environment, o spawn) {
	env.Set("NCOLONY_NAME", o.life.name)
	if _, number := spec.Instance(o.life.name); number > 0 {
		env.Set("NCOLONY_INSTANCE", strconv.Itoa(number))
	}
	env.Set("NCOLONY_CONFIG", string(o.spec.Raw))
	env.Add(tokenKey + strings.TrimPrefix(token(p.colony, o.life), tokenKey))
}

func readWhole(path string, limit int) ([]byte, error) {
	b, _, err := readRegular(path, limit)
	return b, err
}

// scarce reports whether an error is about what the machine or we are out of:
// processes, memory, descriptors.
func scarce(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// unprepared is what is wrong when prepare has failed.
func unprepared(err error) fault {
	switch {
	case errors.Is(err, launch.ErrNoProgram):
		return fault{err.Error(), faultMissing}
	case scarce(err):
		return fault{err.Error(), faultTransient}
	}
	return fault{text: err.Error()}
}

// diagnose turns what ForkExec says into what is wrong. The kernel gives one
// error number for the directory, the program and its interpreter alike.
func diagnose(p prepared, err error) fault {
	f := fault{text: fmt.Sprintf("execute %s: %v", p.path, err)}
	switch {
	case scarce(err):
		return fault{fmt.Sprintf("fork: %v (out of processes, memory or descriptors)", err), faultTransient}
	case errors.Is(err, syscall.ETXTBSY):
		f.class = faultBusy
		return f
	}
	if p.attr.Dir != "" {
		if fi, derr := os.Stat(p.attr.Dir); derr != nil {
			return fault{text: fmt.Sprintf("cwd: %v", derr)}
		} else if !fi.IsDir() {
			return fault{text: fmt.Sprintf("cwd: %s is not a directory", p.attr.Dir)}
		}
		if errors.Is(err, syscall.EACCES) && p.attr.Sys.Credential == nil && unix.Faccessat(unix.AT_FDCWD, p.attr.Dir, unix.X_OK, unix.AT_EACCESS) != nil {
			return fault{text: fmt.Sprintf("cwd: enter %s: permission denied", p.attr.Dir)}
		}
	}
	program := p.path
	if !filepath.IsAbs(program) {
		program = filepath.Join(p.attr.Dir, program)
	}
	fi, serr := os.Stat(program)
	switch {
	case errors.Is(err, syscall.ENOENT) && errors.Is(serr, os.ErrNotExist):
		return fault{fmt.Sprintf("execute %s: no such file", p.path), faultMissing}
	case errors.Is(err, syscall.ENOENT) && serr == nil:
		f.text = fmt.Sprintf("execute %s: its interpreter does not exist (the #! line, or the loader of a dynamic program)", p.path)
	case errors.Is(err, syscall.ENOEXEC):
		f.text = fmt.Sprintf("execute %s: not a program for this machine, and no script with a #! line", p.path)
	case errors.Is(err, syscall.EACCES) && serr == nil && fi.IsDir():
		f.text = fmt.Sprintf("execute %s: is a directory", p.path)
	case errors.Is(err, syscall.EACCES) && serr == nil && fi.Mode()&0o111 == 0:
		f.text = fmt.Sprintf("execute %s: permission denied (it is not executable)", p.path)
	case errors.Is(err, syscall.EACCES) && p.attr.Sys.Credential != nil:
		f.text = fmt.Sprintf("execute %s: permission denied for uid %d (or to enter its directory)", p.path, p.attr.Sys.Credential.Uid)
	case (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)) && p.attr.Sys.Credential != nil:
		f.text = noUser(p.attr.Sys.Credential, err)
	}
	return f
}
