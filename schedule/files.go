package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// maxSize is far above what is written below state/.
const maxSize = 1 << 20

// statusFile is the supervisor's status of one service, as read last.
type statusFile struct {
	version    helper.Version
	there      bool
	generation uint64
	status     spec.Status
}

// read takes in the file at path if it has changed. What was known is kept where
// it cannot be read.
func (f *statusFile) read(path string) error {
	v, _, err := helper.Stat(path)
	switch {
	case helper.Missing(err):
		*f = statusFile{}
		return nil
	case err != nil, v == f.version:
		return err
	}
	data, v, err := helper.ReadRegular(path, maxSize)
	if helper.Missing(err) { // since the stat
		*f = statusFile{}
		return nil
	}
	var st spec.Status
	if err == nil {
		err = json.Unmarshal(data, &st)
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	*f = statusFile{version: v, there: true, generation: st.Generation, status: st}
	return nil
}

// tells says what a status means to somebody who may start the service.
func (f *statusFile) tells() (known bool, busy string, began time.Time) {
	if !f.there {
		return false, "", time.Time{}
	}
	st := &f.status
	switch {
	case st.PID != 0 && st.Started != nil:
		began = *st.Started
	case st.PID != 0 && st.State == spec.Running:
		began = st.Since
	case st.LastExit != nil && st.LastExit.SpawnError == "":
		began = st.LastExit.At.Add(-time.Duration(st.LastExit.Ran * float64(time.Second)))
	}
	began = began.Truncate(time.Millisecond)
	switch st.State {
	case spec.Exited, spec.Failed, spec.Backingoff:
	case spec.Waiting:
		if !slices.Contains(st.WaitingFor, spec.Scheduler) {
			busy = "it was to start already, and waited for " + strings.Join(st.WaitingFor, ", ")
		}
	case spec.Stopped:
		busy = "it was stopped"
	case spec.Invalid:
		busy = "its spec was refused"
	default:
		busy = "it still ran"
	}
	return true, busy, began
}

// load takes in what is on the disk about a service. What cannot be read is begun
// anew.
func (k *keeper) load(e *entry) {
	path := k.places.Schedule(e.name)
	data, _, err := helper.ReadRegular(path, maxSize)
	if helper.Missing(err) {
		return
	}
	if err == nil {
		err = json.Unmarshal(data, &e.kept)
	}
	if err != nil {
		k.log.Warn("what was known of a schedule is lost", "service", e.name, "err", err)
		e.kept = spec.Timetable{}
		return
	}
	e.table.Timetable, e.fresh = e.kept, true
}

// keep writes down what is known of a service, if that has changed.
func (k *keeper) keep(e *entry) {
	e.table.Name = e.name
	if same(&e.kept, &e.table.Timetable) {
		return
	}
	data, err := json.MarshalIndent(&e.table.Timetable, "", "  ")
	if err == nil {
		if err = os.Mkdir(k.places.ScheduleDir(), 0o750); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err == nil {
		err = atomicfile.Write(k.places.Schedule(e.name), append(data, '\n'), 0o640, false)
	}
	if k.news.Is("keep", e.name, err) {
		k.log.Warn("schedule not written down", "service", e.name, "err", err)
	}
	if err == nil {
		e.kept = e.table.Timetable
	}
}

// same reports whether two timetables read the same.
func same(a, b *spec.Timetable) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

func (k *keeper) remove(name string) {
	if err := os.Remove(k.places.Schedule(name)); err != nil && !helper.Missing(err) {
		k.log.Warn("schedule not removed", "service", name, "err", err)
	}
}

// sweep removes what is left of services that have no schedule any more.
func (k *keeper) sweep() {
	entries, err := os.ReadDir(k.places.ScheduleDir())
	if err != nil && !helper.Missing(err) {
		k.log.Warn("schedules not looked through", "err", err)
	}
	for _, f := range entries {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if ok && k.entries[name] == nil && (strings.HasPrefix(name, ".") || spec.CheckName(name) == nil) {
			k.remove(name)
		}
	}
}

// requestFile names the message that starts a service which was due then.
func requestFile(name string, due time.Time) string {
	return "schedule-" + name + "-" + strconv.FormatInt(due.UnixMilli(), 10)
}

// isSent reports whether a message of that name was sent: it is there, or its
// result is.
func (k *keeper) isSent(file string) bool {
	for _, path := range []string{k.places.Result(file), filepath.Join(k.places.Messages, file)} {
		if _, _, err := helper.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// result is what became of a message; nil = there is none.
func (k *keeper) result(file string) (*spec.Result, error) {
	data, _, err := helper.ReadRegular(k.places.Result(file), maxSize)
	if helper.Missing(err) {
		return nil, nil
	}
	var r spec.Result
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// epoch names this boot and, by the start time of its first process, this
// container: what was due in another is not made up for.
func epoch() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown")
	}
	start := "unknown"
	if stat, err := os.ReadFile("/proc/1/stat"); err == nil {
		_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		const startTime = 19 // field 22, counted from 3
		if fields := strings.Fields(rest); len(fields) > startTime {
			start = fields[startTime]
		}
	}
	return strings.TrimSpace(string(boot)) + "/" + start
}
