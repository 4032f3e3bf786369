package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// rightsKeys are the keys of a spec that the tests below look at.
var rightsKeys = []string{"args", "umask", "nice", "oom_score_adj", "rlimits", "no_new_privs", "capabilities", "cgroup", "credentials", "uid", "gid"}

// rightsCase is what some lines become: the keys of the spec that are not as they
// are without these lines, and what is told, as "KIND: KEY: beginning".
type rightsCase struct {
	in   string
	keys string // JSON, without the braces
	told []string
}

// rightsOf converts a text and returns one service's keys, without what the same
// text without the lines has, and what is told of it.
func rightsOf(t *testing.T, format, name, text string) (map[string]json.RawMessage, []Note) {
	t.Helper()
	r, err := Convert(format, []File{{name, []byte(text)}})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	check(t, r)
	if len(r.Services) != 1 {
		t.Fatalf("%s: %d services, %v", text, len(r.Services), r.All())
	}
	var all, keys map[string]json.RawMessage = nil, map[string]json.RawMessage{}
	if err := json.Unmarshal(r.Services[0].Text, &all); err != nil {
		t.Fatal(err)
	}
	for _, key := range rightsKeys {
		if all[key] != nil {
			keys[key] = all[key]
		}
	}
	return keys, r.All()
}

func testRights(t *testing.T, format, name, frame string, cases []rightsCase) {
	t.Helper()
	plain, plainNotes := rightsOf(t, format, name, fmt.Sprintf(frame, ""))
	for _, c := range cases {
		text := fmt.Sprintf(frame, c.in)
		got, notes := rightsOf(t, format, name, text)
		maps.DeleteFunc(got, func(key string, value json.RawMessage) bool { return string(plain[key]) == string(value) })
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte("{"+c.keys+"}"), &want); err != nil {
			t.Fatalf("%s: %v", c.keys, err)
		}
		if g, w := canonical(t, got), canonical(t, want); g != w {
			t.Errorf("%s\n got %s\nwant %s", c.in, g, w)
		}
		notes = slices.DeleteFunc(notes, func(n Note) bool {
			return slices.ContainsFunc(plainNotes, func(p Note) bool { return p.Key == n.Key && p.Text == n.Text })
		})
		var told []string
		for _, n := range notes {
			if n.File != name || n.Line == 0 && n.Key != "" || strings.Contains(n.Text, "\n") {
				t.Errorf("%s: where does %+v stand?", c.in, n)
			}
			told = append(told, fmt.Sprintf("%s: %s: %s", n.Kind, n.Key, n.Text))
		}
		ok := len(told) == len(c.told)
		for i := range min(len(told), len(c.told)) {
			ok = ok && strings.HasPrefix(told[i], c.told[i])
		}
		if !ok {
			t.Errorf("%s\ntells %q\n want %q", c.in, told, c.told)
		}
	}
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	var back any
	if err = cmp.Or(err, json.Unmarshal(text, &back)); err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// but is a JSON list of all capabilities but some.
func but(names ...string) string {
	list := slices.DeleteFunc(slices.Clone(spec.Capabilities), func(name string) bool { return slices.Contains(names, name) })
	text, _ := json.Marshal(list)
	return string(text)
}

func TestSystemdRights(t *testing.T) {
	const bound, some = "about: Service.CapabilityBoundingSet: ", "about: Service.AmbientCapabilities: the bounding set is the same"
	testRights(t, "systemd", "/in/web.service", "[Service]\nExecStart=/bin/web\nRestart=always\n%s\n", []rightsCase{
		{"UMask=0027", `"umask": "0027"`, nil},
		{"UMask=7", `"umask": "0007"`, nil},
		{"UMask=0008", ``, []string{`lost: Service.UMask: "0008" is no umask`}},
		{"UMask=01777", ``, []string{`lost: Service.UMask: "01777" is no umask`}},
		{"Nice=-20", `"nice": -20`, nil},
		{"Nice=+3\nNice=5", `"nice": 5`, nil},
		{"Nice=20", ``, []string{`lost: Service.Nice: "20" is no number from -20 to 19`}},
		{"Nice=5\nNice=", ``, nil},
		{"OOMScoreAdjust=-1000", `"oom_score_adj": -1000`, nil},
		{"OOMScoreAdjust=1001", ``, []string{`lost: Service.OOMScoreAdjust: "1001" is no number from -1000 to 1000`}},

		{"LimitNOFILE=65536", `"rlimits": {"nofile": 65536}`, nil},
		{"LimitNOFILE=1024:524288\nLimitCORE=infinity\nLimitNPROC=10", `"rlimits": {"nofile": [1024, 524288], "core": "unlimited", "nproc": 10}`, nil},
		{"LimitNOFILE=infinity", ``, []string{"lost: Service.LimitNOFILE: the kernel takes no infinity"}},
		{"LimitNOFILE=1024:infinity", ``, []string{"lost: Service.LimitNOFILE: the kernel takes no infinity"}},
		{"LimitNOFILE=2:1", ``, []string{"lost: Service.LimitNOFILE: the soft limit is more"}},
		{"LimitNOFILE=4K", ``, []string{`lost: Service.LimitNOFILE: "4K" is no number`}},
		{"LimitNPROC=99999999999999999999", ``, []string{"lost: Service.LimitNPROC: more than a machine can have"}},
		{"LimitMEMLOCK=64K:1M\nLimitAS=2G\nLimitFSIZE=1T\nLimitSTACK=1.5M", `"rlimits": {"memlock": [65536, 1048576], "as": 2147483648, "fsize": 1099511627776, "stack": 1572864}`, nil},
		{"LimitAS=512m", ``, []string{`lost: Service.LimitAS: "512m" is no size`}},
		{"LimitAS=16E", ``, []string{"lost: Service.LimitAS: more than a machine can have"}},
		{"LimitCPU=30", `"rlimits": {"cpu": 30}`, nil},
		{"LimitCPU=1500ms:2min", `"rlimits": {"cpu": [2, 120]}`, nil},
		{"LimitCPU=infinity", `"rlimits": {"cpu": "unlimited"}`, nil},
		{"LimitCPU=soon", ``, []string{`lost: Service.LimitCPU: "soon" is no time`}},
		{"LimitRTTIME=200:5ms", `"rlimits": {"rttime": [200, 5000]}`, nil},
		{"LimitNICE=-5", `"rlimits": {"nice": 25}`, nil},
		{"LimitNICE=+19:30", `"rlimits": {"nice": [1, 30]}`, nil},
		{"LimitNICE=41", ``, []string{`lost: Service.LimitNICE: "41" is no number from 0 to 40`}},
		{"LimitNICE=-21", ``, []string{`lost: Service.LimitNICE: "-21" is no number from -20 to 19`}},
		{"LimitRTPRIO=3\nLimitSIGPENDING=4\nLimitLOCKS=5\nLimitMSGQUEUE=1K\nLimitRSS=1K\nLimitDATA=1K",
			`"rlimits": {"rtprio": 3, "sigpending": 4, "locks": 5, "msgqueue": 1024, "rss": 1024, "data": 1024}`, nil},
		{"LimitFOO=3", ``, []string{"lost: Service.LimitFOO: nothing here is its counterpart"}},

		{"NoNewPrivileges=yes", `"no_new_privs": true`, nil},
		{"NoNewPrivileges=off", ``, nil},
		{"NoNewPrivileges=perhaps", ``, []string{`lost: Service.NoNewPrivileges: "perhaps" is neither yes nor no`}},

		// root: what bounds it is what it has.
		{"CapabilityBoundingSet=CAP_NET_BIND_SERVICE cap_chown", `"capabilities": ["CHOWN", "NET_BIND_SERVICE"]`, nil},
		{"CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=CAP_KILL\nCapabilityBoundingSet=~CAP_CHOWN", `"capabilities": ["KILL"]`, nil},
		{"CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=", `"capabilities": []`, nil},
		{"CapabilityBoundingSet=~", ``, nil},
		{"CapabilityBoundingSet=~CAP_SYS_ADMIN CAP_BPF\nUser=0", `"capabilities": ` + but("SYS_ADMIN", "BPF"), []string{bound + "capabilities lists all the others"}},
		{"CapabilityBoundingSet=NET_ADMIN CAP_FLY CAP_KILL", `"capabilities": ["KILL"]`,
			[]string{`lost: Service.CapabilityBoundingSet: there is no capability "NET_ADMIN"`, `lost: Service.CapabilityBoundingSet: there is no capability "CAP_FLY"`}},
		{"AmbientCapabilities=CAP_NET_BIND_SERVICE", ``, nil},
		{"AmbientCapabilities=CAP_KILL\nCapabilityBoundingSet=CAP_CHOWN", `"capabilities": ["CHOWN", "KILL"]`, []string{bound + "the bounding set is the same"}},
		// Others: what is ambient is what it has.
		{"User=www\nAmbientCapabilities=CAP_NET_BIND_SERVICE", `"capabilities": ["NET_BIND_SERVICE"]`, []string{some}},
		{"User=www\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nNoNewPrivileges=true", `"capabilities": ["NET_BIND_SERVICE"], "no_new_privs": true`, nil},
		{"User=www\nAmbientCapabilities=CAP_KILL\nCapabilityBoundingSet=CAP_KILL", `"capabilities": ["KILL"]`, nil},
		{"User=www\nAmbientCapabilities=CAP_KILL\nCapabilityBoundingSet=CAP_KILL CAP_CHOWN", `"capabilities": ["KILL"]`, []string{bound + "the bounding set is the same"}},
		{"User=www\nAmbientCapabilities=CAP_KILL\nAmbientCapabilities=", ``, nil},
		{"User=www\nCapabilityBoundingSet=CAP_KILL", ``, []string{"lost: Service.CapabilityBoundingSet: it only bounds"}},
		{"DynamicUser=yes\nCapabilityBoundingSet=CAP_KILL", ``, []string{"lost: Service.DynamicUser: ", "lost: Service.CapabilityBoundingSet: it only bounds"}},
		{"User=www\nCapabilityBoundingSet=CAP_KILL\nNoNewPrivileges=1", `"capabilities": [], "no_new_privs": true`, nil},
		{"User=www\nCapabilityBoundingSet=", `"capabilities": []`, nil},
		{"User=www\nCapabilityBoundingSet=~", ``, nil},
		// With all rights, whatever else is said.
		{"ExecStart=\nExecStart=+/bin/web\nCapabilityBoundingSet=CAP_KILL\nNoNewPrivileges=yes", ``, []string{"about: Service.ExecStart: + or !"}},
		{"ExecStart=\nExecStart=!/bin/web\nUser=www\nCapabilityBoundingSet=CAP_KILL", `"capabilities": ["KILL"]`, []string{"about: Service.ExecStart: + or !"}},

		{"MemoryMax=1G\nMemoryHigh=512M\nCPUQuota=150%\nTasksMax=64", `"cgroup": {"memory_max": 1073741824, "memory_high": 536870912, "cpu_max": 1.5, "pids_max": 64}`, nil},
		{"MemoryMax=infinity\nMemoryHigh=infinity\nTasksMax=infinity", ``, nil},
		{"MemoryMax=1G\nMemoryMax=", ``, nil},
		{"MemoryMax=20%", ``, []string{"lost: Service.MemoryMax: 20% of the machine's memory: name a size"}},
		{"MemoryHigh=0", ``, []string{"lost: Service.MemoryHigh: a limit of 0 leaves no memory at all"}},
		{"MemoryHigh=1X", ``, []string{`lost: Service.MemoryHigh: "1X" is no size`}},
		{"MemoryMax=9P", ``, []string{"lost: Service.MemoryMax: more than a machine can have"}},
		{"MemoryLimit=1M", `"cgroup": {"memory_max": 1048576}`, nil},
		{"MemoryLimit=1M\nMemoryMax=2M", `"cgroup": {"memory_max": 2097152}`, nil},
		{"MemoryMax=2M\nMemoryLimit=1M", `"cgroup": {"memory_max": 2097152}`, nil},
		{"MemorySwapMax=1M", ``, []string{"lost: Service.MemorySwapMax: swap has no limit"}},
		{"CPUQuota=0.5%", ``, []string{"lost: Service.CPUQuota: cpu_max is from 0.01 to 10000"}},
		{"CPUQuota=12.25%", `"cgroup": {"cpu_max": 0.1225}`, nil},
		{"CPUQuota=2", ``, []string{`lost: Service.CPUQuota: "2" are no percents`}},
		{"CPUQuotaPeriodSec=100ms", ``, nil},
		{"CPUQuotaPeriodSec=10ms", ``, []string{"lost: Service.CPUQuotaPeriodSec: cpu_max holds within 100 ms"}},
		{"CPUWeight=20", ``, []string{"lost: Service.CPUWeight: there are no weights"}},
		{"TasksMax=15%", ``, []string{"lost: Service.TasksMax: 15% of what the machine can have"}},
		{"TasksMax=0", ``, []string{`lost: Service.TasksMax: "0" is no number from 1 to 4194304`}},
		{"OOMPolicy=kill", ``, nil},
		{"OOMPolicy=continue", ``, []string{"lost: Service.OOMPolicy: continue"}},

		{"LoadCredential=db:/etc/%p/db\nLoadCredential=tls.key:/etc/key", `"credentials": {"db": "/etc/web/db", "tls.key": "/etc/key"}`, nil},
		{"LoadCredential=a:/x\nLoadCredential=a:/y", `"credentials": {"a": "/y"}`, nil},
		{"LoadCredential=db", ``, []string{"lost: Service.LoadCredential: db: a credential is a file here"}},
		{"LoadCredential=db:other\nLoadCredential=a:/x", `"credentials": {"a": "/x"}`, []string{"lost: Service.LoadCredential: db: a credential is a file here"}},
		{"LoadCredential=..:/x", ``, []string{`lost: Service.LoadCredential: ".." cannot be the name of a file`}},
		{"SetCredential=a:b\nLoadCredentialEncrypted=a:/b\nImportCredential=x*", ``,
			[]string{"lost: Service.SetCredential: ", "lost: Service.LoadCredentialEncrypted: ", "lost: Service.ImportCredential: "}},
		// Where they are is known to the life alone, so a shell fills it in.
		{"LoadCredential=db:/x\nExecStart=\nExecStart=/bin/web --key %d/db ${CREDENTIALS_DIRECTORY}/db $$X",
			`"args": ["/bin/sh", "-c", "exec /bin/web --key \"${CREDENTIALS_DIRECTORY}\"/db \"${CREDENTIALS_DIRECTORY}\"/db '$X'"], "credentials": {"db": "/x"}`,
			[]string{"about: : its command has variables"}},
		{"LoadCredential=db:/x\nEnvironment=KEY=%d/db X=1\nExecStart=\nExecStart=/bin/web ${KEY}-${X}",
			`"args": ["/bin/sh", "-c", "export KEY=\"${CREDENTIALS_DIRECTORY}\"/db; exec /bin/web \"${KEY}\"-1"], "credentials": {"db": "/x"}`,
			[]string{"about: : its command has variables"}},
		{"Environment=KEY=%d/db", ``, []string{"lost: Service.Environment: only the machine knows what %d is"}},
		{"LoadCredential=db:/x\nWorkingDirectory=/a/%d", `"credentials": {"db": "/x"}`, []string{"lost: Service.WorkingDirectory: only the machine knows what %d is"}},
	})
}

func TestSupervisordRights(t *testing.T) {
	testRights(t, "supervisord", "/in/supervisord.conf", "[program:web]\ncommand=web\nautorestart=true\n%s\n", []rightsCase{
		{"umask=027", `"umask": "0027"`, nil},
		{"umask=0o22", `"umask": "0022"`, nil},
		{"umask=9", ``, []string{`lost: [program:web] umask: "9" is no umask`}},
		{"umask=+7", ``, []string{`lost: [program:web] umask: "+7" is no umask`}},
		{"[supervisord]\numask=077", `"umask": "0077"`, nil},
		{"umask=027\n[supervisord]\numask=077", `"umask": "0027"`, nil},
		{"[supervisord]\numask=x", ``, []string{`lost: [supervisord] umask: "x" is no umask`}},
		{"[supervisord]\nminfds=65536", `"rlimits": {"nofile": 65536}`, []string{"about: [supervisord] minfds: supervisord raises"}},
		{"[supervisord]\nminfds=1024\nminprocs=200", ``, nil},
		{"[supervisord]\nminfds=many\nminprocs=-1", ``, []string{`lost: [supervisord] minfds: "many" is no number`, `lost: [supervisord] minprocs: "-1" is no number`}},
		{"[supervisord]\nminprocs=4000", ``, []string{"lost: [supervisord] minprocs: it is a minimum"}},
	})
}

func TestComposeRights(t *testing.T) {
	frame := "services:\n  web:\n    command: [web]\n    restart: always\n%s\n" +
		"secrets:\n  db: {file: ./db.txt}\n  tls: {file: /etc/tls}\n  out: {external: true}\n  var: {environment: X}\n  odd: {file: \"$ODD\"}\n"
	const whole, place = "about: mem_limit: who needs more ends the whole life", "about: secrets: it is $CREDENTIALS_DIRECTORY/"
	var cases []rightsCase
	for _, c := range []rightsCase{
		{"ulimits: {nofile: 65536, nproc: \"10\", core: 0}", `"rlimits": {"nofile": 65536, "nproc": 10, "core": 0}`, nil},
		{"ulimits: {nofile: {soft: 20000, hard: 40000}, memlock: -1}", `"rlimits": {"nofile": [20000, 40000], "memlock": "unlimited"}`, nil},
		{"ulimits: {stack: {soft: 1, hard: -1}}", `"rlimits": {"stack": [1, "unlimited"]}`, nil},
		{"ulimits: {nofile: -1}", ``, []string{"lost: ulimits.nofile: the kernel takes no infinity"}},
		{"ulimits: {nofile: {soft: 2, hard: 1}}", ``, []string{"lost: ulimits.nofile: the soft limit is more"}},
		{"ulimits: {nofile: {soft: 2}}", ``, []string{"lost: ulimits.nofile: there is no hard limit"}},
		{"ulimits: {nofile: {soft: x, hard: 1}, files: 3}", ``, []string{`lost: ulimits.nofile.soft: "x" is no number`, "lost: ulimits.files: there is no such limit"}},
		{"ulimits: {nofile: 9999999999999999}", ``, []string{"lost: ulimits.nofile: more than a machine can have"}},
		{"ulimits: [1]", ``, []string{"lost: ulimits: not a mapping"}},
		{"ulimits: {nofile: \"$N\"}", ``, []string{"lost: ulimits.nofile: it depends on the environment"}},

		{"cap_add: [NET_ADMIN]", `"capabilities": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_ADMIN", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP"]`, nil},
		{"cap_drop: [MKNOD, cap_audit_write, NET_RAW, SYS_CHROOT]", `"capabilities": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "SETFCAP"]`, nil},
		{"cap_drop: [ALL]\nuser: \"1000\"", `"capabilities": [], "uid": 1000`, nil},
		{"cap_drop: [all]\ncap_add: [CAP_NET_BIND_SERVICE]\nuser: root", `"capabilities": ["NET_BIND_SERVICE"]`, nil},
		{"cap_drop: [ALL]\ncap_add: [NET_BIND_SERVICE]\nuser: www", ``, []string{"lost: cap_add: it only bounds"}},
		{"cap_drop: [ALL]\ncap_add: [NET_BIND_SERVICE]\nuser: www\nsecurity_opt: [\"no-new-privileges:true\"]", `"capabilities": [], "no_new_privs": true`, nil},
		{"cap_add: [ALL]", ``, nil},
		{"cap_add: [ALL]\ncap_drop: [SYS_ADMIN]", `"capabilities": ` + but("SYS_ADMIN"), []string{"about: cap_add: capabilities lists all the others"}},
		{"cap_add: [FLY]\ncap_drop: [ALL]", `"capabilities": []`, []string{`lost: cap_add: there is no capability "FLY"`}},
		{"cap_add: x", ``, []string{"lost: cap_add: not a list of names"}},
		{"privileged: true\ncap_drop: [MKNOD]", ``, []string{"lost: privileged: ncolony is no sandbox"}},
		{"privileged: false\ncap_drop: [ALL]", `"capabilities": []`, nil},
		{"privileged: maybe", ``, []string{`lost: privileged: "maybe" is neither true nor false`}},
		{"security_opt: [no-new-privileges]", `"no_new_privs": true`, nil},
		{"security_opt: [no-new-privileges=true, \"seccomp:unconfined\"]", `"no_new_privs": true`, []string{"lost: security_opt: seccomp: ncolony is no sandbox"}},
		{"security_opt: [\"no-new-privileges:false\"]", ``, nil},
		{"security_opt: [\"no-new-privileges:maybe\"]", ``, []string{`lost: security_opt: no-new-privileges: "maybe" is neither true nor false`}},
		{"security_opt: x", ``, []string{"lost: security_opt: not a list of texts"}},
		{"oom_score_adj: 500", `"oom_score_adj": 500`, nil},
		{"oom_score_adj: 5000", ``, []string{`lost: oom_score_adj: "5000" is no number from -1000 to 1000`}},

		{"mem_limit: 512m", `"cgroup": {"memory_max": 536870912}`, []string{whole}},
		{"mem_limit: 1.5GB\npids_limit: 100\ncpus: 0.5", `"cgroup": {"memory_max": 1610612736, "pids_max": 100, "cpu_max": 0.5}`, []string{whole}},
		{"mem_limit: 1 KiB", `"cgroup": {"memory_max": 1024}`, []string{whole}},
		{"mem_limit: 0\ncpus: 0\npids_limit: -1\nmemswap_limit: -1\nmem_reservation: 0\ncpu_quota: -1", ``, nil},
		{"mem_limit: much", ``, []string{`lost: mem_limit: "much" is no size`}},
		{"mem_limit: 100p", ``, []string{"lost: mem_limit: more than a machine can have"}},
		{"mem_reservation: 1g\nmemswap_limit: 2g\ncpu_shares: 5", ``, []string{"lost: mem_reservation: no memory is kept", "lost: memswap_limit: swap has no limit", "lost: cpu_shares: there are no weights"}},
		{"cpus: \"1.25\"", `"cgroup": {"cpu_max": 1.25}`, nil},
		{"cpus: 0.001", ``, []string{"lost: cpus: cpu_max is from 0.01"}},
		{"cpus: two", ``, []string{`lost: cpus: "two" is no number of processors`}},
		{"cpus: nan", ``, []string{"lost: cpus: cpu_max is from 0.01"}},
		{"cpu_quota: 25000", `"cgroup": {"cpu_max": 0.25}`, nil},
		{"cpu_quota: 25000\ncpu_period: 50000", `"cgroup": {"cpu_max": 0.5}`, []string{"about: cpu_period: cpu_max holds within 100 ms"}},
		{"cpu_quota: 25000\ncpus: 1", `"cgroup": {"cpu_max": 1}`, []string{"lost: cpu_quota: cpus says it already"}},
		{"cpu_quota: x\ncpu_period: y", ``, []string{`lost: cpu_quota: "x" is no number`, `lost: cpu_period: "y" is no number`}},
		{"pids_limit: many", ``, []string{`lost: pids_limit: "many" is no number from 1`}},
		{"deploy: {resources: {limits: {memory: 1g, cpus: '2', pids: 5}}}", `"cgroup": {"memory_max": 1073741824, "cpu_max": 2, "pids_max": 5}`,
			[]string{"about: deploy.resources.limits.memory: who needs more"}},
		{"deploy: {resources: {reservations: {memory: 1g}, limits: {gpus: 1}}, mode: global, replicas: 2, labels: {a: b}, restart_policy: {condition: any}}", ``,
			[]string{"lost: deploy.resources.reservations.memory: nothing is kept", "lost: deploy.resources.limits.gpus: nothing here", "lost: deploy.mode: nothing is deployed",
				"about: deploy.replicas: 2 instances", `lost: deploy.restart_policy: it is restarted as`}},
		{"deploy: x", ``, []string{"lost: deploy: not a mapping"}},

		{"secrets: [db]", `"credentials": {"db": "/in/db.txt"}`, []string{place + "db here, and not /run/secrets/db"}},
		{"secrets: [{source: tls, target: key.pem}, {source: db}]", `"credentials": {"key.pem": "/etc/tls", "db": "/in/db.txt"}`,
			[]string{place + "key.pem here, and not /run/secrets/key.pem", place + "db here"}},
		{"secrets: [{source: tls, target: /etc/x/key.pem}]", `"credentials": {"key.pem": "/etc/tls"}`, []string{place + "key.pem here, and not /etc/x/key.pem"}},
		{"secrets: [{source: tls, target: a/b}]", ``, []string{`lost: secrets: tls: "a/b" cannot be the name of a file`}},
		{"secrets: [{source: tls, target: db}, db]", `"credentials": {"db": "/etc/tls"}`, []string{place + "db", `lost: secrets: db: there is another credential "db"`}},
		{"secrets: [out, var, odd, none, [x]]", ``, []string{"lost: secrets: out: it is external", "lost: secrets: var: it is a variable of Compose",
			"lost: secrets: it depends on the environment", `lost: secrets: "none": there is no such secret`, `lost: secrets: "": there is no such secret`}},
		{"secrets: db", ``, []string{"lost: secrets: not a list of secrets"}},

		{"user: \"1000:100\"", `"uid": 1000, "gid": 100`, nil},
		{"user: \"-5:4294967295\"", ``, []string{`lost: user: "-5" is no id from 0`, `lost: user: "4294967295" is no id from 0`}},
	} {
		c.in = "    " + strings.ReplaceAll(c.in, "\n", "\n    ")
		cases = append(cases, c)
	}
	testRights(t, "compose", "/in/compose.yaml", frame, cases)
}

// What is told of a value stands where the value does.
func TestRightsLines(t *testing.T) {
	for format, f := range map[string]File{
		"systemd":     {"/in/a.service", []byte("[Service]\nExecStart=/bin/a\nLimitCORE=1\nNice=1\nNice=x\nLoadCredential=a:/b\nLoadCredential=b\n")},
		"supervisord": {"/in/s.conf", []byte("[program:a]\ncommand=a\n[supervisord]\nnodaemon=true\numask=x\n[program:b]\numask=y\ncommand=b")},
		"compose":     {"/in/c.yaml", []byte("services:\n  a:\n    command: [a]\n    ulimits:\n      core: 1\n      nofile:\n        hard: 1\n        soft: x\n    secrets:\n    - one\n    - two\n")},
	} {
		r, err := Convert(format, []File{f})
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{}
		for _, n := range r.All() {
			if n.Kind == Lost {
				lines = append(lines, strconv.Itoa(n.Line))
			}
		}
		slices.Sort(lines)
		want := map[string]string{"systemd": "5 7", "supervisord": "5 7", "compose": "10 11 8"}[format]
		if got := strings.Join(lines, " "); got != want {
			t.Errorf("%s: lines %s, want %s: %v", format, got, want, r.All())
		}
	}
}
