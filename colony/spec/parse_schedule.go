package spec

import (
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/internal/cron"
)

// minEvery is the shortest time between two starts: below it, a service that
// runs on and does its work by itself is what is meant.
const minEvery = Duration(time.Second)

// schedule reads when the service is started. Whether there is such a zone
// depends on the machine, and is not asked here.
func (r *reader) schedule(n *node) {
	var s Schedule
	at := map[string]int{}
	here := func(read func(n *node, key string)) func(*node, string) {
		return func(n *node, key string) {
			at[strings.TrimPrefix(key, "schedule.")] = n.at
			read(n, key)
		}
	}
	ok := r.fields(n, "schedule", true, map[string]func(*node, string){
		"cron": here(func(n *node, key string) {
			line, ok := r.string(n, key)
			if !ok {
				return
			}
			if _, err := cron.Parse(line); err != nil {
				r.add(n.at, "%s: %v", key, err)
			}
			s.Cron = line
		}),
		"zone": here(func(n *node, key string) { s.Zone, _ = r.filled(n, key) }),
		"every": here(func(n *node, key string) {
			d, ok := r.duration(n, key)
			if ok && d < minEvery {
				r.add(n.at, "%s: must be at least %s", key, minEvery)
			}
			s.Every = d
		}),
	})
	if !ok {
		return
	}
	_, hasCron := at["cron"]
	_, hasEvery := at["every"]
	zone, hasZone := at["zone"]
	switch {
	case !hasCron && !hasEvery:
		r.add(n.at, `schedule: must have "cron" or "every"`)
	case hasCron && hasEvery:
		r.add(n.at, "schedule: has cron and every, give one of them")
	case hasZone && hasEvery:
		r.add(zone, "schedule.zone: is of use with cron only")
	}
	r.spec.Schedule = &s
}

// scheduled checks what else a spec with a schedule says.
func (r *reader) scheduled() {
	if r.spec.Main {
		r.add(r.at["schedule"], "schedule: excludes main: the colony would end with each run")
	}
	if r.spec.Restart == RestartAlways {
		r.warn(`restart: "always" starts the service again when it ends, so that the schedule starts it once`)
	}
}
