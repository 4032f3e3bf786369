package colony

import (
	"log/slog"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// unseen is why the end of a life is not known.
const unseen = "no supervisor was there to see it"

// inherit takes on a life that an earlier supervisor has begun, with the spec it
// was begun with. Its main process is not our child; how it ends, the kernel
// tells all the same. If it is gone already, nobody has seen how.
func (m *model) inherit(v heir, sp *spec.Spec) {
	l := v.line
	said := m.past[l.Name]
	s := m.service(l.Name)
	s.helper = l.Name[0] == '@'
	s.generation = l.Generation
	s.starts = max(s.starts, 1)
	s.over, s.rest = notOver, 0
	m.adopt(s, sp)
	began := moment{m.now.mono.add(-v.age), m.now.wall.Add(-v.age)}
	s.life = life{spec: sp, pid: l.PID, leader: l.PID, start: l.Start, started: began}
	s.life.signs = signsOf(sp)
	m.listens(s)
	s.life.ready = sp.Ready == nil || said.Ready && said.Generation == l.Generation
	m.setPhase(s, up)
	s.state, s.since = spec.Running, began.wall
	m.counts[s.state]++
	switch ev := (exited{pid: l.PID, status: exitStatus{unknown: true}, reaped: true}); {
	case v.exit != nil: // that was seen, and not the end of what it has left behind
		s.life.pid, s.life.exit, s.lastExit = 0, v.exit, v.exit
		m.emit(ended{s.lifeID(), l.PID}) // the ledger need not lead to it; what is left of it does
		m.mainOver(s, !startsAgain(s.spec, v.exit))
		m.ending(s, ev)
	case v.dead:
		m.mainExited(s, ev)
	default:
		m.pids[l.PID] = child{s, kindService}
		m.hearAgain(s, said.ReadyAt)
		m.recordFor(s, spec.Event{Type: spec.EventAdopted, PID: l.PID})
		m.reportFor(s, slog.LevelInfo, "adopted", slog.Int("pid", l.PID), slog.Uint64("generation", s.generation))
	}
	s.restart = s.restart || s.helper // of the program that we have replaced
	m.touch(s)
}
