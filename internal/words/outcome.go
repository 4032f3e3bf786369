package words

import (
	"fmt"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Outcome is what came of a request that was obeyed.
func Outcome(m spec.Message, res *spec.Result) string {
	switch m.Type {
	case spec.RestartService:
		if res.OldPID == 0 {
			return fmt.Sprintf("started, pid %d", res.NewPID)
		}
		return fmt.Sprintf("restarted, pid %d -> %d", res.OldPID, res.NewPID)
	case spec.StartService:
		return fmt.Sprintf("running, pid %d", res.NewPID)
	case spec.StopService:
		if res.OldPID == 0 {
			return "stopped"
		}
		return fmt.Sprintf("stopped, pid was %d", res.OldPID)
	case spec.Ready:
		return fmt.Sprintf("ready, pid %d", res.NewPID)
	case spec.SendSignal:
		return fmt.Sprintf("sent %s to pid %d", m.Signal, res.OldPID)
	case spec.RestartGroup:
		return "restarted"
	case spec.RestartAll:
		return "all restarted"
	case spec.Rescan:
		return "rescanned"
	case spec.Upgrade:
		gap := Seconds(res.Gap).Round(100 * time.Microsecond)
		return fmt.Sprintf("upgraded from %s to %s; nobody supervised for %s", res.From, res.To, gap)
	}
	return "done"
}
