package colony

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// epoch names the world in which pids mean what they meant: the boot, and the
// pid namespace by the start time of its first process. Two supervisors of the
// same epoch can tell each other about children.
func epoch() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown")
	}
	start := "unknown"
	if st, err := readStat(1); err == nil {
		start = strconv.FormatUint(st.start, 10)
	}
	return strings.TrimSpace(string(boot)) + "/" + start
}

// colonyID reads the colony's random id, and makes it the first time. It is
// the first part of every child's token. Where it cannot be kept it holds for
// this start. made: no process can have a token with it yet.
func colonyID(d disk, path string) (id string, made bool, err error) {
	if b, err := d.read(path); err == nil {
		if id := strings.TrimSpace(string(b)); len(id) == 2*idBytes && isHex(id) {
			return id, false, nil
		}
	}
	b := make([]byte, idBytes)
	if _, err := unix.Getrandom(b, 0); err != nil { // so few bytes come at once, or never
		return "", true, fmt.Errorf("make an id: %w", err)
	}
	id = hex.EncodeToString(b)
	return id, true, d.write(path, []byte(id+"\n"), 0o644, true)
}

// keepID writes an id that could not be kept at the start, unless there is one
// by now.
func keepID(d disk, path, id string) error {
	if _, err := d.stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return d.write(path, []byte(id+"\n"), 0o644, true)
}

// isHex keeps out what a power cut leaves of a file: a NUL in the token would
// make every start fail.
func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

const idBytes = 8
