package convert

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// entry reads one key of a program.
func (p *iniProgram) entry(e iniEntry) {
	text, err := expand(e.value, p.vars)
	if err != nil {
		if e.key == "environment" || e.key == "process_name" {
			return // told already
		}
		p.lost(e.key, "%v", err)
		return
	}
	if e.key != "command" && e.key != "environment" && strings.Contains(text, "\x00") {
		p.lost(e.key, "it depends on the environment, which a spec can only have in args and env")
		return
	}
	if why, ok := iniNotYet[e.key]; ok {
		p.lost(e.key, "%s", why)
		return
	}
	if read := iniKeys[e.key]; read != nil {
		read(p, e.key, text)
		return
	}
	for _, prefix := range []string{"stdout_", "stderr_"} {
		if strings.HasPrefix(e.key, prefix) {
			return // see logs
		}
	}
	p.lost(e.key, "nothing here is its counterpart")
}

// iniNotYet are keys that have no counterpart, or none yet.
var iniNotYet = map[string]string{
	"priority":  `there is no order by numbers: name in "after" what has to be ready before this one`,
	"serverurl": "there is no server",
}

// iniKeys read the keys that have one.
var iniKeys = map[string]func(p *iniProgram, key, text string){
	"environment":    func(*iniProgram, string, string) {},
	"process_name":   func(*iniProgram, string, string) {},
	"numprocs":       func(*iniProgram, string, string) {},
	"numprocs_start": func(*iniProgram, string, string) {},
	"startretries":   func(*iniProgram, string, string) {},
	"killasgroup":    func(*iniProgram, string, string) {}, // what is left is always killed, all of it

	"redirect_stderr": func(*iniProgram, string, string) {}, // see logs
	"command": func(p *iniProgram, key, text string) {
		words, err := splitWords(text)
		if err != nil {
			p.lost(key, "%v", err)
			return
		}
		p.args = words
	},
	"umask": func(p *iniProgram, key, text string) {
		umask, err := mode(text)
		if err != nil {
			p.lost(key, "%v", err)
		}
		p.spec.Umask = umask
	},
	"directory": func(p *iniProgram, key, text string) {
		if !filepath.IsAbs(text) {
			p.lost(key, "%q is no absolute path", text)
			return
		}
		p.spec.Cwd = text
	},
	"user": func(p *iniProgram, key, text string) {
		if text == "" || strings.ContainsAny(text, ":\n") {
			p.lost(key, "%q is no name of a user", text)
			return
		}
		p.spec.User = text
	},
	"autostart": func(p *iniProgram, key, text string) {
		if yes, ok := iniBool(text); !ok {
			p.lost(key, "%q is neither true nor false", text)
		} else if !yes {
			p.lost(key, "what has a spec is started; 'ncolony ctl stop %s' then keeps it down, also across restarts of the supervisor", p.name)
		}
	},
	"autorestart": func(p *iniProgram, key, text string) {
		yes, ok := iniBool(text)
		switch {
		case strings.EqualFold(text, "unexpected"):
			p.spec.Restart = spec.RestartOnFailure
		case !ok:
			p.lost(key, "%q is none of true, false, unexpected", text)
		case yes:
			p.spec.Restart = spec.RestartAlways
		default:
			p.once = true
		}
	},
	"exitcodes": func(p *iniProgram, key, text string) {
		codes := []int{}
		for _, s := range strings.Split(text, ",") {
			code, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil || code < 0 || code > 255 {
				p.lost(key, "%q is no exit code", s)
				return
			}
			if !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
		if !slices.Equal(codes, []int{0}) {
			p.spec.SuccessCodes = codes
		}
	},
	"startsecs":    func(p *iniProgram, key, text string) { p.seconds(&p.spec.Backoff.Threshold, key, text) },
	"stopwaitsecs": func(p *iniProgram, key, text string) { p.seconds(&p.spec.Stop.Grace, key, text) },
	"stopsignal": func(p *iniProgram, key, text string) {
		sig, err := spec.ParseSignal(strings.TrimSpace(text))
		if err != nil {
			p.lost(key, "%v", err)
		} else if sig.String() != "TERM" {
			p.spec.Stop.Signal = sig
		}
	},
	"stopasgroup": func(p *iniProgram, key, text string) {
		if yes, ok := iniBool(text); !ok {
			p.lost(key, "%q is neither true nor false", text)
		} else if yes {
			p.spec.Stop.Scope = spec.ScopeGroup
		}
	},
}

// seconds reads a number of seconds.
func (p *iniProgram) seconds(to **spec.Duration, key, text string) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || int64(n) > int64(spec.MaxDuration/second) {
		p.lost(key, "%q is no number of seconds", text)
		return
	}
	*to = span(spec.Duration(n) * second)
}

// iniBool reads true and false as supervisord spells them.
func iniBool(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1", "t", "y":
		return true, true
	case "false", "no", "off", "0", "f", "n":
		return false, true
	}
	return false, false
}

// logs says where the output goes. Without a file it goes where the supervisor's
// goes, which is also what /dev/stdout and its likes ask for.
func (p *iniProgram) logs() {
	away := map[string]bool{}
	kept := false
	for _, stream := range []string{"stdout", "stderr"} {
		key := stream + "_logfile"
		e, _ := p.section.get(key)
		switch path := e.value; {
		case strings.EqualFold(path, "none"), path == "/dev/null":
			away[stream] = true
		case path == "", strings.EqualFold(path, "auto"),
			slices.Contains([]string{"/dev/" + stream, "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", "/proc/1/fd/1", "/proc/1/fd/2"}, path):
		default:
			kept = true
			p.lost(key, "captured logs are not supported yet: the output goes where the supervisor's goes")
		}
		for _, e := range p.section.entries {
			last, _ := p.section.get(e.key)
			if rest, ok := strings.CutPrefix(e.key, stream+"_"); !ok || last != e || e.key == key {
			} else if yes, isBool := iniBool(e.value); isBool && !yes {
			} else if !slices.Contains([]string{"logfile_maxbytes", "logfile_backups"}, rest) {
				p.lost(e.key, "output is neither captured nor sent on")
			} else if kept {
				p.lost(e.key, "there is no log file to keep short")
			}
		}
	}
	e, _ := p.section.get("redirect_stderr")
	redirect, _ := iniBool(e.value)
	switch {
	case away["stdout"] && (away["stderr"] || redirect):
		p.spec.Log = spec.NoLog()
	case away["stdout"] || away["stderr"]:
		p.lost(map[bool]string{true: "stdout_logfile", false: "stderr_logfile"}[away["stdout"]], `only both streams can be thrown away (log "null"): neither is`)
	case redirect:
		p.about("redirect_stderr", "each stream goes where that of the supervisor goes")
	}
}
