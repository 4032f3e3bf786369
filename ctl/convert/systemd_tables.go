package convert

// unitSilent are keys whose absence nobody misses.
var unitSilent = map[string]bool{
	"Unit.Description": true, "Unit.Documentation": true, "Unit.SourcePath": true, "Unit.DefaultDependencies": true, "Unit.RequiresMountsFor": true,
	"Service.NotifyAccess": true, "Service.Sockets": true, "Service.RemainAfterExit": true, "Service.PIDFile": true, "Service.GuessMainPID": true,
	"Service.IgnoreSIGPIPE": true, "Service.CPUAccounting": true, "Service.MemoryAccounting": true, "Service.TasksAccounting": true, "Service.IOAccounting": true,
	"Service.RuntimeDirectoryMode": true, "Service.StateDirectoryMode": true, "Service.CacheDirectoryMode": true, "Service.LogsDirectoryMode": true,
	"Service.ConfigurationDirectoryMode": true, "Service.RuntimeDirectoryPreserve": true,
}

// unitLost are keys of any section with a way out, or a reason.
var unitLost = map[string]string{
	"ExecStartPre":            "nothing runs before a start: make it a service with restart never, which this one names in after, or a script that ends in exec",
	"ExecStartPost":           "nothing runs after a start: make it a service with restart never that comes after this one",
	"ExecCondition":           "nothing runs before a start: have a script ask that ends in exec",
	"ExecStopPost":            "nothing runs after an end: have a script do it that starts the program and waits for it",
	"ExecReload":              "there is no reload: 'ncolony ctl signal NAME HUP' sends a signal",
	"PartOf":                  `a restart of the other does not restart this one: put both into one "group", and 'ncolony ctl restart-group'`,
	"Conflicts":               "nothing keeps two services from running both",
	"OnFailure":               "no service is started for it: follow 'ncolony ctl events -f --json', or state/events",
	"OnSuccess":               "no service is started for it: follow 'ncolony ctl events -f --json', or state/events",
	"DynamicUser":             "users are not made: it runs as the supervisor's user unless \"user\" says otherwise",
	"RootDirectory":           "the root is the supervisor's",
	"SyslogIdentifier":        "output goes where the supervisor's goes, without a name",
	"BusName":                 "the bus is not watched: it is ready when it runs",
	"UnsetEnvironment":        "the environment has only what the spec says, so there may be nothing to unset",
	"FinalKillSignal":         "the last signal is KILL",
	"SendSIGKILL":             "what does not end in its time is killed",
	"SendSIGHUP":              "no HUP is sent after the stop signal",
	"RuntimeMaxSec":           "nothing ends a service because it has run for long",
	"PrivateTmp":              noSandbox,
	"ProtectSystem":           noSandbox,
	"ProtectHome":             noSandbox,
	"ReadWritePaths":          noSandbox,
	"ReadOnlyPaths":           noSandbox,
	"InaccessiblePaths":       noSandbox,
	"PrivateDevices":          noSandbox,
	"PrivateUsers":            noSandbox,
	"PrivateNetwork":          noSandbox,
	"ReadWriteDirectories":    noSandbox,
	"RestrictAddressFamilies": noSandbox,
	"RestrictNamespaces":      noSandbox,
	"RestrictRealtime":        noSandbox,
	"RestrictSUIDSGID":        noSandbox,
	"SystemCallFilter":        noSandbox,
	"SystemCallArchitectures": noSandbox,
	"MemoryDenyWriteExecute":  noSandbox,
	"LockPersonality":         noSandbox,
	"ProtectClock":            noSandbox,
	"ProtectControlGroups":    noSandbox,
	"ProtectHostname":         noSandbox,
	"ProtectKernelLogs":       noSandbox,
	"ProtectKernelModules":    noSandbox,
	"ProtectKernelTunables":   noSandbox,
	"ProtectProc":             noSandbox,
	"ProcSubset":              noSandbox,
	"SetCredential":           "a credential is a file: put the text into one that only root can read, and name that in credentials",
	"SetCredentialEncrypted":  noEncryption,
	"LoadCredentialEncrypted": noEncryption,
	"ImportCredential":        "a credential is a file: name it in credentials",
	"MemorySwapMax":           "swap has no limit: memory_max is of memory alone",
	"MemoryMin":               noReserve,
	"MemoryLow":               noReserve,
	"CPUWeight":               noWeight,
	"CPUShares":               noWeight,
	"IOWeight":                noWeight,
	"SecureBits":              "they are what they are for the supervisor",
}

const (
	noEncryption = "nothing is decrypted: credentials are files as they are"
	noReserve    = "no memory is kept for it: " + hasLimits
	noWeight     = "there are no weights: " + hasLimits
)

const noSandbox = "ncolony is no sandbox: a container around it can be one"

// exitNames are the exit codes that have names, without 1 to 63, which nobody
// names.
var exitNames = map[string]int{
	"SUCCESS": 0, "FAILURE": 1, "INVALIDARGUMENT": 2, "NOTIMPLEMENTED": 3, "NOPERMISSION": 4, "NOTINSTALLED": 5, "NOTCONFIGURED": 6, "NOTRUNNING": 7,
	"USAGE": 64, "DATAERR": 65, "NOINPUT": 66, "NOUSER": 67, "NOHOST": 68, "UNAVAILABLE": 69, "SOFTWARE": 70, "OSERR": 71, "OSFILE": 72,
	"CANTCREAT": 73, "IOERR": 74, "TEMPFAIL": 75, "PROTOCOL": 76, "NOPERM": 77, "CONFIG": 78,
}
