package colony

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// upgrade is a change of program under way: another program is to take our
// place in this process, and with it our children.
type upgrade struct {
	file   string  // of the request; "" = a signal has asked
	path   string  // of the new program; "" = what stands now where ours was
	fit    bool    // it was examined; no start is ordered any more
	handed bool    // the loop was told to hand over
	due    instant // when we give up
}

// upgradePatience is how long each half of an upgrade may take: the examination,
// and the end of the starts under way.
const upgradePatience = 15 * time.Second

// beginUpgrade has the new program examined while everything goes on.
func (m *model) beginUpgrade(file, path string) {
	m.upgrade = &upgrade{file: file, path: path, due: m.now.mono.add(upgradePatience)}
	m.emit(examine{path})
}

// examined takes in what came of the examination; why "" = the new program can
// read our state.
func (m *model) examined(ev examined) {
	switch u := m.upgrade; {
	case u == nil || u.fit:
	case ev.why != "":
		m.failUpgrade(ev.why)
	default:
		u.fit, u.due = true, m.now.mono.add(upgradePatience)
	}
}

// advanceUpgrade hands over once no process is about to be that the new program
// could not know of.
func (m *model) advanceUpgrade() {
	switch u := m.upgrade; {
	case u == nil:
	case m.drain.on:
		m.failUpgrade("the colony is shutting down")
	case u.fit && !u.handed && len(m.orders) == 0:
		u.handed = true
		m.emit(handover{})
	}
}

// remained takes in that we are still here: why "" = try again when no start is
// under way.
func (m *model) remained(ev remained) {
	switch {
	case m.upgrade == nil:
	case ev.why != "":
		m.failUpgrade(ev.why)
	default:
		m.upgrade.handed = false
	}
}

// upgradeDue gives up on an upgrade that takes too long.
func (m *model) upgradeDue() {
	if m.upgrade.fit {
		m.failUpgrade("a start under way does not come to its end")
	} else {
		m.failUpgrade("the new program does not answer")
	}
}

// replaced takes in that this process has changed its program: we are the new
// one; or, with why, the old one that has it back.
func (m *model) replaced(ev replaced) {
	m.colony.Version = ev.to
	m.census.out = false // whoever counted is gone
	m.recount()
	m.degraded = map[string]string{} // the edges are new, and say it again
	for _, what := range slices.Sorted(maps.Keys(ev.trouble)) {
		m.degrade(degraded{what, ev.trouble[what].Error()})
	}
	for _, s := range m.inOrder() {
		m.change(s) // not all may have been written
	}
	m.colonyDirty = true
	if ev.why != "" {
		m.failUpgrade("the new program did not take over: " + ev.why)
		return
	}
	gap := m.now.mono.sub(ev.since)
	text := fmt.Sprintf("from %s to %s, in %s", ev.from, ev.to, gap.Round(10*time.Microsecond))
	m.record(spec.Event{Type: spec.EventUpgraded, Reason: text})
	m.report(slog.LevelInfo, "upgraded", slog.String("from", ev.from), slog.String("to", ev.to), slog.Duration("gap", gap))
	for _, s := range m.inOrder() {
		if s.helper && s.phase == up {
			s.restart = true // of the old program
			m.touch(s)
		}
	}
	if r := m.upgradeRequest(); r != nil {
		r.result.From, r.result.To, r.result.Gap = ev.from, ev.to, gap.Seconds()
		m.finish(r, "")
	}
	m.upgrade = nil
}

// failUpgrade ends an upgrade: everything is as it was.
func (m *model) failUpgrade(why string) {
	if m.upgrade == nil {
		return
	}
	m.record(spec.Event{Type: spec.EventUpgradeFailed, Error: why})
	m.report(slog.LevelError, "not upgraded", slog.String("err", why))
	if r := m.upgradeRequest(); r != nil {
		m.finish(r, why)
	}
	m.upgrade = nil
}

// upgradeRequest is the request that asked for the upgrade; nil if a signal did.
func (m *model) upgradeRequest() *request {
	if m.upgrade == nil {
		return nil // it was given up, and came to pass all the same
	}
	if r := m.requests[m.upgrade.file]; r != nil && r.result.Type == spec.Upgrade {
		return r
	}
	return nil
}
