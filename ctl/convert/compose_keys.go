package convert

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// composeSilent are keys whose absence nobody misses.
var composeSilent = map[string]bool{
	"init": true, "container_name": true, "pull_policy": true, "labels": true, "annotations": true, "attach": true,
}

// composeLost are keys with a way out, or a reason.
var composeLost = map[string]string{
	"image":         "there are no images: the program has to be where ncolony runs",
	"build":         "nothing is built: the program has to be where ncolony runs",
	"ports":         "services are in the network of the supervisor: what they listen on is open as it is",
	"expose":        "services are in the network of the supervisor: what they listen on is open as it is",
	"networks":      "services are in the network of the supervisor: they reach each other at 127.0.0.1, and not by name",
	"network_mode":  "services are in the network of the supervisor",
	"links":         "services are in the network of the supervisor: they reach each other at 127.0.0.1, and not by name",
	"hostname":      "the host name is the supervisor's",
	"extra_hosts":   "names are those of the machine",
	"dns":           "names are those of the machine",
	"volumes":       "services see the files that ncolony itself sees: mount them there",
	"volumes_from":  "services see the files that ncolony itself sees: mount them there",
	"tmpfs":         "services see the files that ncolony itself sees: mount them there",
	"configs":       "services see the files that ncolony itself sees: put them there",
	"devices":       "services see the files that ncolony itself sees",
	"extends":       "no other service is looked at: give 'docker compose config' instead, which puts all together",
	"profiles":      "what has a spec is started; 'ncolony ctl stop NAME' then keeps it down",
	"read_only":     "ncolony is no sandbox: the container around it can be read-only",
	"sysctls":       "set it for the container around ncolony",
	"shm_size":      "set it for the container around ncolony",
	"group_add":     `"groups" has all supplementary groups of a service, as names or numbers`,
	"tty":           "there is no terminal for it",
	"runtime":       "there are no containers",
	"platform":      "there are no images",
	"pid":           "services see each other's processes",
	"ipc":           "services are in the namespaces of the supervisor",
	"userns_mode":   "services are in the namespaces of the supervisor",
	"cgroup_parent": "control groups are made below the supervisor's",
	"develop":       "nothing is watched: 'ncolony ctl restart NAME'",
	"post_start":    "nothing runs after a start: make it a service with restart never that comes after this one",
	"pre_stop":      `"stop": {"command": [...]} runs in front of the stop signal`,
	"storage_opt":   "there are no containers",
	"cpuset":        "services run on the processors that the supervisor may use",
	"domainname":    "the host name is the supervisor's",
	"mac_address":   "services are in the network of the supervisor",
	"blkio_config":  "input and output have no limits: " + hasLimits,
	"cpu_shares":    "there are no weights: " + hasLimits,
}

// composeKeys read the keys that have a counterpart.
var composeKeys = map[string]func(s *composeItem, f field){
	"command": func(s *composeItem, f field) { s.cmd, _ = s.words(f) },
	"entrypoint": func(s *composeItem, f field) {
		if words, ok := s.words(f); ok {
			s.entrypoint = words
		}
	},
	"environment": (*composeItem).environment,
	"env_file":    (*composeItem).envFile,
	"user":        (*composeItem).user,
	"scale":       func(s *composeItem, f field) { s.instances(f, f.value) },
	"deploy":      (*composeItem).deploy,
	"restart":     (*composeItem).restart,
	"depends_on":  (*composeItem).dependsOn,
	"logging":     (*composeItem).logging,
	"healthcheck": (*composeItem).healthcheck,

	"ulimits":         (*composeItem).ulimits,
	"cap_add":         func(s *composeItem, f field) { s.capSet(f, &s.added, &s.addAll) },
	"cap_drop":        func(s *composeItem, f field) { s.capSet(f, &s.dropped, &s.dropAll) },
	"privileged":      (*composeItem).privilege,
	"security_opt":    (*composeItem).securityOpt,
	"oom_score_adj":   (*composeItem).oomScore,
	"mem_limit":       (*composeItem).memLimit,
	"mem_reservation": (*composeItem).memReservation,
	"memswap_limit":   (*composeItem).memSwap,
	"cpus":            (*composeItem).processors,
	"cpu_quota":       func(s *composeItem, f field) { s.quota = f },
	"cpu_period":      (*composeItem).cpuPeriod,
	"pids_limit":      (*composeItem).pidsLimit,
	"secrets":         (*composeItem).useSecrets,

	"working_dir": func(s *composeItem, f field) {
		if dir, ok := s.text(f); ok && !filepath.IsAbs(dir) {
			s.lost(f, "%q is no absolute path", dir)
		} else if ok {
			s.spec.Cwd = dir
		}
	},
	"stop_signal": func(s *composeItem, f field) {
		text, ok := s.text(f)
		if !ok {
			return
		}
		if sig, err := spec.ParseSignal(text); err != nil {
			s.lost(f, "%v", err)
		} else if sig.String() != "TERM" {
			s.spec.Stop.Signal = sig
		}
	},
	"stop_grace_period": func(s *composeItem, f field) {
		if d, ok := s.span(f); ok {
			s.spec.Stop.Grace = &d
		}
	},
	"stdin_open": func(s *composeItem, f field) {
		if text, _ := scalar(f.value); text == "true" {
			s.lost(f, `stdin is /dev/null; one service can have the supervisor's, with "stdin": "inherit"`)
		}
	},
}

// text reads a text without variables.
func (s *composeItem) text(f field) (string, bool) {
	text, ok := scalar(f.value)
	if !ok {
		s.lost(f, "not a text")
		return "", false
	}
	return s.fixed(f, text)
}

// environment reads a mapping of names to values, or a list of NAME=value. A name
// without a value is that of a variable of Compose's own environment.
func (s *composeItem) environment(f field) {
	set := func(name, value string, has bool) {
		switch {
		case !variableName.MatchString(name):
			s.lost(f, "%q is no name of a variable", name)
		case has:
			s.env[name] = literal(s.interpolate(f, value))
		default:
			s.env[name] = literal(mark(name))
		}
	}
	if list, ok := scalars(f.value); ok {
		for _, text := range list {
			name, value, has := strings.Cut(text, "=")
			set(name, value, has)
		}
		return
	}
	fields, ok := mapping(f.value)
	if !ok && !isNull(f.value) {
		s.lost(f, "neither a mapping nor a list")
	}
	for _, v := range fields {
		value, has := scalar(v.value)
		if !has && !isNull(v.value) {
			s.lost(f, "%s is not a text", v.key)
			continue
		}
		set(v.key, value, has)
	}
}

// envFile reads a path, or a list of paths, each perhaps with options.
func (s *composeItem) envFile(f field) {
	add := func(path string, optional bool) {
		path, ok := s.fixed(f, path)
		if !ok {
			return
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(s.file.Path), path)
		}
		if !filepath.IsAbs(path) {
			s.lost(f, "%q is no absolute path", path)
			return
		}
		if optional {
			path = "-" + path
		}
		s.spec.EnvFile = append(s.spec.EnvFile, path)
	}
	items := []field{{value: f.value}}
	if n := target(f.value); n != nil && len(n.Content) > 0 && n.Tag == "!!seq" {
		items = nil
		for _, item := range n.Content {
			items = append(items, field{value: item})
		}
	}
	for _, item := range items {
		if path, ok := scalar(item.value); ok {
			add(path, false)
			continue
		}
		options, _ := mapping(item.value)
		path, optional := "", false
		for _, o := range options {
			text, _ := scalar(o.value)
			switch o.key {
			case "path":
				path = text
			case "required":
				optional = text == "false"
			}
		}
		if path == "" {
			s.lost(f, "not a path")
			continue
		}
		add(path, optional)
	}
	if len(s.spec.EnvFile) > 0 {
		s.about(f, "nothing in the file is expanded, and a # behind a value is part of it")
	}
}

// maxID is the largest id of a user or group; one more means none.
const maxID = 1<<32 - 2

// user reads USER, or USER:GROUP, each a name or a number.
func (s *composeItem) user(f field) {
	text, ok := s.text(f)
	if !ok {
		return
	}
	user, group, hasGroup := strings.Cut(text, ":")
	if uid, err := strconv.Atoi(user); err != nil {
		s.spec.User = user
	} else if 0 <= uid && uid <= maxID {
		s.spec.UID = &uid
	} else {
		s.lost(f, "%q is no id from 0 to %d", user, maxID)
	}
	if !hasGroup {
		return
	}
	if gid, err := strconv.Atoi(group); err == nil && 0 <= gid && gid <= maxID {
		s.spec.GID = &gid
	} else if err == nil {
		s.lost(f, "%q is no id from 0 to %d", group, maxID)
	} else {
		s.lost(f, `it runs in the user's own group; "gid" has the number of another (getent group %s)`, group)
	}
}

func (s *composeItem) restart(f field) {
	text, ok := s.text(f)
	if !ok {
		return
	}
	policy, count, counted := strings.Cut(text, ":")
	switch policy {
	case "no", "false":
		return
	case "always", "unless-stopped": // a stop is kept by both, until somebody starts it
		s.spec.Restart, s.once = spec.RestartAlways, false
	case "on-failure":
		s.spec.Restart, s.once = spec.RestartOnFailure, false
		if n, err := strconv.Atoi(count); counted && (err != nil || n < 0 || n > maxProcs) {
			s.lost(f, "%q is no number from 0 to %d", count, maxProcs)
		} else if n > 0 {
			s.limit(f, n)
		}
	default:
		s.lost(f, "%q is none of no, always, on-failure, unless-stopped", text)
	}
}

// dependsOn reads a list of services, or a mapping with a condition for each.
func (s *composeItem) dependsOn(f field) {
	at := place{s.file.Path, f.line}
	add := func(name, condition string) {
		own := name
		if spec.CheckName(name) != nil {
			own = goodName(name)
		}
		s.refs = append(s.refs, ref{name: own, key: f.key, at: at, ended: condition == "service_completed_successfully", healthy: condition == "service_healthy",
			missing: name + " is not converted, and not waited for"})
	}
	if list, ok := scalars(f.value); ok {
		for _, name := range list {
			add(name, "")
		}
		return
	}
	fields, ok := mapping(f.value)
	if !ok {
		s.lost(f, "neither a mapping nor a list")
	}
	for _, dep := range fields {
		options, _ := mapping(dep.value)
		condition := ""
		for _, o := range options {
			text, _ := scalar(o.value)
			switch {
			case o.key == "condition":
				condition = text
			case o.key == "restart" && text == "true":
				s.about(f, `%s: restart: a restart of it does not restart this one; put both into one "group"`, dep.key)
			}
		}
		add(dep.key, condition)
	}
}

func (s *composeItem) logging(f field) {
	options, _ := mapping(f.value)
	if slices.ContainsFunc(options, func(o field) bool {
		text, _ := scalar(o.value)
		return o.key == "driver" && text == "none"
	}) {
		s.spec.Log = spec.NoLog()
		return
	}
	s.lost(f, "captured logs are not supported yet: the output goes where the supervisor's goes")
}
