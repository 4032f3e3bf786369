package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Unlimited is a Size without a bound: "unlimited" in a file.
const Unlimited = Size(1<<64 - 1)

// Size is a number of bytes, or of whatever a limit counts. In a file it is a
// number, or a string with a unit of 1024: "64K", "512M", "2G", "1T", "512MiB".
type Size uint64

// MarshalJSON writes s as a number, or as "unlimited".
func (s Size) MarshalJSON() ([]byte, error) {
	if s == Unlimited {
		return []byte(`"unlimited"`), nil
	}
	return strconv.AppendUint(nil, uint64(s), 10), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and a number or a string as a file
// may have it.
func (s *Size) UnmarshalJSON(data []byte) error {
	text, err := plain(data)
	if err != nil {
		return err
	}
	if text == "unlimited" {
		*s = Unlimited
		return nil
	}
	size, cause := sizeOf(text)
	if cause != "" {
		return fmt.Errorf("read size: %s", cause)
	}
	*s = size
	return nil
}

// plain is the text of a JSON string or number.
func plain(data []byte) (text string, err error) {
	if len(data) > 0 && data[0] == '"' {
		err = json.Unmarshal(data, &text)
		return text, err
	}
	return string(data), nil
}

// sizeUnits are the powers of two of the units.
var sizeUnits = map[byte]uint{'K': 10, 'M': 20, 'G': 30, 'T': 40}

// sizeOf reads a size with a unit, or says what is wrong with it.
func sizeOf(s string) (Size, string) {
	digits, shift := strings.TrimSuffix(s, "iB"), uint(0)
	if n := len(digits) - 1; n > 0 {
		if power, ok := sizeUnits[strings.ToUpper(digits)[n]]; ok {
			digits, shift = digits[:n], power
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil, shift == 0 && strings.HasSuffix(s, "iB"):
		return 0, `neither a number nor a size ("64K", "512M", "2G"): ` + quoted(s)
	case n > maxSize>>shift:
		return 0, quoted(s) + " is more than a machine can have"
	}
	return Size(n << shift), ""
}

// maxSize bounds sizes: more than any machine has, and exact wherever JSON is read.
const maxSize = 1 << 53

// Mode is a set of permission bits: an umask, the mode of a file. In a file it
// is a string of octal digits, because JSON has no octal numbers and 22 would be
// read as 026: "0022".
type Mode uint32

// MarshalJSON writes m as four octal digits.
func (m Mode) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON reads a string of octal digits.
func (m *Mode) UnmarshalJSON(data []byte) error {
	text, err := plain(data)
	if err != nil {
		return err
	}
	mode, cause := modeOf(text)
	if cause != "" {
		return fmt.Errorf("read mode: %s", cause)
	}
	*m = mode
	return nil
}

func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// modeOf reads octal digits, or says what is wrong with them.
func modeOf(s string) (Mode, string) {
	m, err := strconv.ParseUint(s, 8, 32)
	if err != nil || m > 0o777 || strings.HasPrefix(s, "+") {
		return 0, `must be octal digits from "0000" to "0777", not ` + quoted(s)
	}
	return Mode(m), ""
}

// Rlimit is a resource limit, as setrlimit(2) takes it.
type Rlimit struct{ Soft, Hard Size }

// MarshalJSON writes one value if both are the same.
func (l Rlimit) MarshalJSON() ([]byte, error) {
	if l.Soft == l.Hard {
		return json.Marshal(l.Soft)
	}
	return json.Marshal([]Size{l.Soft, l.Hard})
}

// UnmarshalJSON reads one value, or [soft, hard].
func (l *Rlimit) UnmarshalJSON(data []byte) error {
	var both [2]Size
	if len(data) > 0 && data[0] == '[' {
		if err := json.Unmarshal(data, &both); err != nil {
			return err
		}
		*l = Rlimit{both[0], both[1]}
		return nil
	}
	if err := json.Unmarshal(data, &both[0]); err != nil {
		return err
	}
	*l = Rlimit{both[0], both[0]}
	return nil
}

// Rlimits are the resources that may be limited, by their names in getrlimit(2)
// in lower case without RLIMIT_. The values are Linux's numbers for them.
var Rlimits = map[string]int{
	"cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8,
	"as": 9, "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
}

// Capabilities are the names of Linux's capabilities without CAP_; the place of
// each is its number.
var Capabilities = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
	LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
	SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
	AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
	BPF CHECKPOINT_RESTORE`)

// CPUs is a number of processors that work all the time. In a file it is a
// number, or a string of percents of one: "150%".
type CPUs float64

// UnmarshalJSON reads a number, or a string of percents.
func (c *CPUs) UnmarshalJSON(data []byte) error {
	text, err := plain(data)
	if err != nil {
		return err
	}
	n, cause := cpusOf(text)
	if cause != "" {
		return fmt.Errorf("read number of processors: %s", cause)
	}
	*c = n
	return nil
}

// cpusOf reads a number of processors, or says what is wrong with it.
func cpusOf(s string) (CPUs, string) {
	digits, percent := strings.CutSuffix(s, "%")
	d, ok := parseDecimal(digits)
	n, fits := d.float64()
	if percent {
		n /= 100
	}
	switch {
	case !ok, !fits:
		return 0, `neither a number of processors (0.5) nor percents of one ("50%"): ` + quoted(s)
	case n < leastCPUs || n > mostCPUs:
		return 0, fmt.Sprintf("must be from %g to %d processors", leastCPUs, mostCPUs)
	}
	return CPUs(n), ""
}

// The kernel takes no less than 1 ms in 100 ms.
const (
	leastCPUs = 0.01
	mostCPUs  = 10000
)

// MaxCredentialSize is how many bytes a credential may have.
const MaxCredentialSize = 1 << 20
