package story

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// healthStories are those of services with health checks.
func healthStories(now time.Time) []tale {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	by := func(text string, st spec.Status, probes map[string]spec.Probe) func(*Story) {
		return func(s *Story) {
			sp, err := spec.Parse([]byte(text))
			if err != nil {
				panic(err)
			}
			started := ago(10 * time.Minute)
			st.Name, st.SpecSHA256, st.PID, st.Generation, st.Since, st.Started = "web", sp.Digest(), 4711, 7, started, &started
			st.Probes = probes
			s.spec, s.status = sp, &st
		}
	}
	const checked = `{"args": ["web"], "ncolony.httpcheck": {"url": "http://localhost:80/", "period": 10, "timeout": 2},
		"ncolony.tcpcheck": {"address": "localhost:81", "period": "1m", "maxBad": 0}, "ncolony.execcheck": {"args": ["test", "-e", "/x"], "period": 5}}`
	const becoming = `{"args": ["web"], "ready": {"tcp": "localhost:80", "timeout": "15m"}}`
	running := spec.Status{State: spec.Running, Ready: true, Watched: spec.Watched{Probe: true}}
	starting := spec.Status{State: spec.Starting, Watched: spec.Watched{Probe: true}}
	alone := running
	alone.Watched.Probe = false
	unseen := starting
	unseen.Watched.Probe = false
	return []tale{
		{"some checks are good, and some are bad", by(checked, running, map[string]spec.Probe{
			"http": {OK: true, At: ago(5 * time.Second), Since: ago(9 * time.Minute), Generation: 7, Good: 50},
			"tcp":  {Error: "connection refused", At: ago(20 * time.Second), Since: ago(20 * time.Second), Generation: 7, Bad: 1},
			"exec": {Error: "of the life before", At: ago(20 * time.Minute), Since: ago(30 * time.Minute), Generation: 6, Bad: 2},
		})},
		{"nobody makes the checks", by(checked, alone, nil)},
		{"not ready yet, and why", by(becoming, starting, map[string]spec.Probe{
			"ready": {Error: "connection refused", At: ago(time.Second), Since: ago(10 * time.Minute), Generation: 7, Bad: 500},
		})},
		{"nobody sees whether it is ready", by(becoming, unseen, nil)},
	}
}
