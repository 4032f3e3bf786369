package top

import "github.com/gdamore/tcell/v3"

// key is what somebody has typed: a character, or the name of a key.
type key string

const (
	up        key = "<up>"
	down      key = "<down>"
	left      key = "<left>"
	right     key = "<right>"
	pageUp    key = "<page up>"
	pageDown  key = "<page down>"
	home      key = "<home>"
	end       key = "<end>"
	enter     key = "<enter>"
	escape    key = "<escape>"
	backspace key = "<backspace>"
	erase     key = "<erase>" // Ctrl-U
	interrupt key = "<interrupt>"
	suspend   key = "<suspend>"
	redraw    key = "<redraw>"
)

var names = map[tcell.Key]key{
	tcell.KeyUp: up, tcell.KeyDown: down, tcell.KeyLeft: left, tcell.KeyRight: right,
	tcell.KeyPgUp: pageUp, tcell.KeyPgDn: pageDown, tcell.KeyHome: home, tcell.KeyEnd: end,
	tcell.KeyEnter: enter, tcell.KeyEsc: escape, tcell.KeyBackspace: backspace, tcell.KeyBackspace2: backspace,
	tcell.KeyCtrlB: pageUp, tcell.KeyCtrlF: pageDown, tcell.KeyCtrlU: erase,
	tcell.KeyCtrlC: interrupt, tcell.KeyCtrlZ: suspend, tcell.KeyCtrlL: redraw,
}

// keyOf is "" for a key that means nothing here.
func keyOf(ev *tcell.EventKey) key {
	if ev.Key() == tcell.KeyRune {
		if ev.Modifiers()&(tcell.ModAlt|tcell.ModMeta) != 0 {
			return ""
		}
		return key(ev.Str())
	}
	return names[ev.Key()]
}

// typed says whether k is a character.
func (k key) typed() bool { return k != "" && (k[0] != '<' || len(k) == 1) }

// line is text that somebody types.
type line struct {
	text string
	open bool // it is being typed
}

// key takes one while the line is open, and says whether it was for it.
func (l *line) key(k key) bool {
	switch {
	case !l.open:
		return false
	case k == enter:
		l.open = false
	case k == escape:
		*l = line{}
	case k == erase:
		l.text = ""
	case k == backspace:
		if r := []rune(l.text); len(r) > 0 {
			l.text = string(r[:len(r)-1])
		} else {
			l.open = false
		}
	case k.typed():
		l.text += string(k)
	default:
		return false
	}
	return true
}

// moved is where one is after a key among count things, of which page fit in the
// window; ok says that the key moves.
func moved(k key, at, page, count int) (to int, ok bool) {
	switch k {
	case up, "k":
		at--
	case down, "j":
		at++
	case pageUp:
		at -= max(page-1, 1)
	case pageDown, " ":
		at += max(page-1, 1)
	case home, "g":
		at = 0
	case end, "G":
		at = count - 1
	default:
		return at, false
	}
	return max(0, min(at, count-1)), true
}
