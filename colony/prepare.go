package colony

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// preparer turns an order into what fork and exec need. It reads files (users,
// env_file) and may therefore block; only the spawner calls it.
type preparer struct {
	colony   string // our id, for tokens
	accounts accounts
	terminal *terminal // ours; nil = none
	null     int       // a descriptor of /dev/null, open for reading and writing
	ears     *ears     // for what children tell of themselves
}

// prepared is a process about to be.
type prepared struct {
	path string
	argv []string
	attr syscall.ProcAttr
}

// prepare looks up all that the start of a child depends on, anew each time.
func (p *preparer) prepare(o spawn) (prepared, error) {
	if o.kind == kindCommand {
		return p.command(o)
	}
	sp := o.spec
	id, err := p.accounts.identify(sp)
	if err != nil {
		return prepared{}, err
	}
	env := newEnvironment()
	env.add(id.env...)
	for _, file := range sp.EnvFile {
		kvs, err := readEnvFile(file)
		if err != nil {
			return prepared{}, err
		}
		env.add(kvs...)
	}
	for _, k := range slices.Sorted(maps.Keys(sp.Env)) { // the same list at each start
		env.set(k, sp.Env[k])
	}
	for _, k := range sp.EnvInherit {
		env.set(k, os.Getenv(k))
	}
	p.addOwn(env, o)
	argv := sp.Args
	if o.kind == kindStopCommand {
		argv = o.argv
		env.add(stopKey + strconv.Itoa(o.main))
	}
	path, err := lookPath(argv[0], env.get("PATH"), sp.Cwd)
	if err != nil {
		return prepared{}, err
	}
	out := uintptr(1)
	errs := uintptr(2)
	if sp.Log == spec.LogNull {
		out, errs = uintptr(p.null), uintptr(p.null)
	}
	in := uintptr(p.null)
	if sp.Stdin == spec.StdinInherit && o.kind == kindService {
		in = 0
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if id.set && (os.Getuid() == 0 || !id.same()) {
		sys.Credential = &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: id.groups}
	}
	return prepared{path, argv, syscall.ProcAttr{Dir: sp.Cwd, Env: env.list(), Files: []uintptr{in, out, errs}, Sys: sys}}, nil
}

// command prepares `-- CMD`: our environment, but for what is meant for us, and our three descriptors. On a
// terminal it stays in our session, in a group of its own in the foreground, so
// that the terminal's keys reach it and job control works.
func (p *preparer) command(o spawn) (prepared, error) {
	env := newEnvironment()
	env.add(ourEnvironment()...)
	p.addOwn(env, o)
	path, err := lookPath(o.spec.Args[0], os.Getenv("PATH"), "")
	if err != nil {
		return prepared{}, err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if p.terminal != nil {
		// Started in the background, or sent there, it stays there.
		sys = &syscall.SysProcAttr{Setpgid: true, Foreground: p.terminal.ours(), Ctty: 0}
	}
	return prepared{path, o.spec.Args, syscall.ProcAttr{Env: env.list(), Files: []uintptr{0, 1, 2}, Sys: sys}}, nil
}

// addOwn adds what every child is told about itself.
func (p *preparer) addOwn(env *environment, o spawn) {
	env.set("NCOLONY_NAME", o.life.name)
	env.set("NCOLONY_CONFIG", string(o.spec.Raw))
	env.add(tokenKey + strings.TrimPrefix(token(p.colony, o.life), tokenKey))
}

// environment is a list of variables in which the last value of a name wins.
type environment struct {
	order  []string
	values map[string]string
}

func newEnvironment() *environment { return &environment{values: map[string]string{}} }

func (e *environment) set(k, v string) {
	if _, ok := e.values[k]; !ok {
		e.order = append(e.order, k)
	}
	e.values[k] = v
}

func (e *environment) add(kvs ...string) {
	for _, kv := range kvs {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			e.set(k, v)
		}
	}
}

func (e *environment) get(k string) string { return e.values[k] }

func (e *environment) list() []string {
	l := make([]string, len(e.order))
	for i, k := range e.order {
		l[i] = k + "=" + e.values[k]
	}
	return l
}

// readEnvFile reads one element of env_file; "-path" need not exist.
func readEnvFile(file string) ([]string, error) {
	path, optional := strings.CutPrefix(file, "-")
	b, _, err := readRegular(path, spec.MaxEnvFileSize)
	if optional && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("env_file %s: %w", path, err)
	}
	kvs, err := spec.ParseEnvFile(b)
	if err != nil {
		return nil, fmt.Errorf("env_file %s: %w", path, err)
	}
	return kvs, nil
}

// errNoProgram marks a program that cannot be found.
var errNoProgram = errors.New("no such program")

// lookPath finds a program: a name with a slash is taken as it is (relative to
// the child's directory), another is looked up in the child's PATH, or in ours
// if it has none.
func lookPath(name, path, cwd string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if path == "" {
		path, cwd = os.Getenv("PATH"), "" // what is relative in it is so to our directory
	}
	var denied string
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(cwd, dir)
			if !filepath.IsAbs(dir) {
				continue // "." in PATH means whoever writes our directory
			}
		}
		file := filepath.Join(dir, name)
		fi, err := os.Stat(file)
		switch {
		case err != nil || fi.IsDir():
		case fi.Mode()&0o111 == 0:
			denied = file
		default:
			return file, nil
		}
	}
	if denied != "" {
		return "", fmt.Errorf("execute %s: permission denied (it is not executable)", denied)
	}
	if path == "" {
		return "", fmt.Errorf("%w: %q (there is no PATH; give the whole path)", errNoProgram, name)
	}
	return "", fmt.Errorf("%w: %q in PATH %s", errNoProgram, name, path)
}

// scarce reports whether an error is about what the machine or we are out of:
// processes, memory, descriptors.
func scarce(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// unprepared is what is wrong when prepare has failed.
func unprepared(err error) fault {
	switch {
	case errors.Is(err, errNoProgram):
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
	case errors.Is(err, syscall.EPERM) && p.attr.Sys.Credential != nil:
		f.text = fmt.Sprintf("become uid %d: %v", p.attr.Sys.Credential.Uid, err)
	}
	return f
}
