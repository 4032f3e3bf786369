package spec

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Parse reads and checks the content of config/NAME. The error names everything
// that is wrong with it; AsProblem folds it into one Problem. The Spec keeps a
// copy of data.
func Parse(data []byte) (*Spec, error) {
	p, root := open(data, MaxSpecSize)
	if root == nil {
		return nil, p.err()
	}
	r := reader{problems: p, spec: &Spec{}}
	r.object(root)
	if err := p.err(); err != nil {
		return nil, err
	}
	s := r.spec
	s.Raw = append([]byte(nil), data...)
	s.SHA256 = sha256.Sum256(data)
	s.Identity = identity(root)
	if s.Instances != nil {
		s.Common = hashWithout(root, func(key string) bool { return key == "instances" || key == "$schema" })
	}
	named := map[string]bool{}
	for _, name := range slices.Concat(s.Requires, s.After) {
		if !named[name] {
			named[name] = true
			s.Needs = append(s.Needs, name)
		}
	}
	s.Warnings = r.warnings
	return s, nil
}

// open checks data as text and grows its tree; nil means that there is none.
func open(data []byte, limit int) (*problems, *node) {
	t := newText(data)
	p := &problems{text: t}
	if at, message := t.check(limit); message != "" {
		p.add(at, "%s", message)
		return p, nil
	}
	root, err := grow(p)
	if err != nil {
		p.add(0, "read JSON: %v", err)
		return p, nil
	}
	return p, root
}

// reader fills a Spec from the tree of its file.
type reader struct {
	*problems
	spec     *Spec
	warnings []string
	at       map[string]int // offset of each top-level key
}

// keys are the keys that are understood, each with what reads it.
var keys = map[string]func(r *reader, n *node){
	"$schema":       func(*reader, *node) {},
	"args":          (*reader).args,
	"env":           (*reader).env,
	"env_inherit":   func(r *reader, n *node) { r.spec.EnvInherit, _ = list(r.problems, n, "env_inherit", r.envName) },
	"env_file":      func(r *reader, n *node) { r.spec.EnvFile, _ = list(r.problems, n, "env_file", r.envFile) },
	"uid":           func(r *reader, n *node) { r.spec.UID = r.id(n, "uid") },
	"gid":           func(r *reader, n *node) { r.spec.GID = r.id(n, "gid") },
	"user":          func(r *reader, n *node) { r.spec.User, _ = r.account(n, "user") },
	"groups":        func(r *reader, n *node) { r.spec.Groups, _ = list(r.problems, n, "groups", r.account) },
	"group":         func(r *reader, n *node) { r.spec.Group, _ = list(r.problems, n, "group", r.filled) },
	"cwd":           func(r *reader, n *node) { r.spec.Cwd, _ = r.path(n, "cwd") },
	"umask":         (*reader).umask,
	"nice":          func(r *reader, n *node) { r.spec.Nice = r.between(n, "nice", -20, 19) },
	"oom_score_adj": func(r *reader, n *node) { r.spec.OOMScoreAdj = r.between(n, "oom_score_adj", -1000, 1000) },
	"rlimits":       (*reader).rlimits,
	"no_new_privs":  func(r *reader, n *node) { r.spec.NoNewPrivs, _ = r.boolean(n, "no_new_privs") },
	"capabilities":  (*reader).capabilities,
	"cgroup":        (*reader).cgroup,
	"credentials":   (*reader).credentials,
	"restart":       (*reader).restart,
	"success_codes": func(r *reader, n *node) { r.spec.SuccessCodes, _ = list(r.problems, n, "success_codes", r.code) },
	"backoff":       (*reader).backoff,
	"stop":          (*reader).stop,
	"limit":         (*reader).limit,
	"after":         func(r *reader, n *node) { r.spec.After, _ = list(r.problems, n, "after", r.service) },
	"requires":      func(r *reader, n *node) { r.spec.Requires, _ = list(r.problems, n, "requires", r.service) },
	"ready":         (*reader).ready,
	"watchdog":      (*reader).watchdog,
	"schedule":      (*reader).schedule,
	"main":          func(r *reader, n *node) { r.spec.Main, _ = r.boolean(n, "main") },
	"instances":     (*reader).instances,
	"stdin":         (*reader).stdin,
	"listen":        (*reader).listen,
	"log":           (*reader).log,
	beatcheck:       (*reader).heart,
	httpcheck:       (*reader).httpcheck,
	tcpcheck:        (*reader).tcpcheck,
	execcheck:       (*reader).execcheck,
}

// object reads the whole file.
func (r *reader) object(root *node) {
	r.at = make(map[string]int, len(root.members))
	for _, m := range root.members {
		r.at[m.key] = m.at
		read, known := keys[m.key]
		switch {
		case known:
			read(r, m.value)
		default:
			r.stray(m, "", topKeys)
		}
	}
	if _, ok := r.at["args"]; !ok {
		r.add(root.at, "args: missing%s", instead(root))
	}
	uid, hasUID := r.at["uid"]
	user, hasUser := r.at["user"]
	if hasUID && hasUser {
		r.add(max(uid, user), "uid: excludes user, give one of the two")
	}
	if r.spec.Schedule != nil {
		r.scheduled()
	}
	if ready := r.spec.Ready; ready != nil && ready.Beat && r.spec.Heart == nil {
		r.add(r.at["ready"], "ready.beat: needs %s", beatcheck)
	}
	r.apart()
	r.checkInstances()
	if ready := r.spec.Ready; ready != nil && ready.Log != "" && !r.spec.Log.Captured() {
		r.add(r.at["ready"], "ready.log: needs captured output: add \"log\": {}")
	}
}

// instead names the key that was probably meant to be args.
func instead(root *node) string {
	for _, m := range root.members {
		if strings.EqualFold(m.key, "args") {
			return fmt.Sprintf(" (keys are lower case: %q is another)", m.key)
		}
	}
	return ""
}

// warn records what is odd but not wrong.
func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}
