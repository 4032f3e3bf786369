package colony

import (
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// endSurvivors ends the processes that a supervisor of this colony has left
// running when it was killed, and returns the lives whose end it had not seen.
// They are not our children; were they left alone, their services would run
// twice. It returns when they are gone, or were killed and do not go.
func (h *house) endSurvivors(grace time.Duration, log *slog.Logger) []ledgerLine {
	lines, err := readLedger(h.places)
	if err != nil {
		h.trouble["children"] = err
	}
	var lost []ledgerLine
	found := map[processID]bool{}
	for _, l := range lines {
		if l.Epoch != h.epoch {
			continue // its pid means something else now
		}
		lost = append(lost, l)
		if st, err := readStat(l.PID); err == nil && st.start == l.Start {
			found[processID{l.PID, l.Start}] = true
		}
	}
	leaders := map[int]bool{}
	for id := range found {
		leaders[id.pid] = true
	}
	for range survivorPasses { // they may fork while they are ended
		if checkProc() == nil {
			for _, id := range bearers(h.id, leaders) {
				found[id] = true
			}
		}
		if len(found) == 0 {
			break
		}
		log.Warn("ending what an earlier supervisor has left running", "processes", len(found))
		k := &linux{}
		k.signalAll(found, sigTERM)
		if !gone(found, grace) {
			k.signalAll(found, sigKILL)
			if !gone(found, rekill) {
				log.Error("an earlier supervisor has left processes that do not die", "processes", len(found))
				break
			}
		}
	}
	return lost
}

// survivorPasses bounds how often we look again.
const survivorPasses = 5

// bearers lists the processes that carry a token of the colony or are in the
// session of one of the leaders, but for us and those we come from.
func bearers(colony string, leaders map[int]bool) (all []processID) {
	ours := map[int]bool{}
	for pid := os.Getpid(); pid > 0; {
		ours[pid] = true
		st, err := readStat(pid)
		if err != nil {
			break
		}
		pid = st.parent
	}
	for _, pid := range allPIDs() {
		if ours[pid] {
			continue
		}
		st, err := readStat(pid)
		if err == nil && st.state != 'Z' && (leaders[st.session] || strings.HasPrefix(readToken(pid), colony+":")) {
			all = append(all, processID{pid, st.start})
		}
	}
	return all
}

func (k *linux) signalAll(ids map[processID]bool, sig spec.Signal) {
	for id := range ids {
		k.signalOne(id, sig)
	}
}

// gone waits until none of the processes is left, and drops those that are from
// the set. Another reaps them, and nobody tells us: we look.
func gone(ids map[processID]bool, within time.Duration) bool {
	for end := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		for id := range ids {
			if st, err := readStat(id.pid); err != nil || st.start != id.start || st.state == 'Z' {
				delete(ids, id)
			}
		}
		if len(ids) == 0 {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
