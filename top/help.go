package top

// help says what one can type.
type help struct{ pager }

func newHelp() *help { return &help{} }

func (h *help) leave()       {}
func (h *help) tick(*view)   {}
func (h *help) keys() string { return "Escape back  arrows move  q quit" }

func (h *help) key(v *view, k key) {
	if !h.pager.key(k) {
		v.back()
	}
}

const helpText = `What is wrong stands first: what has failed, is crash-looping, is overdue, has
a bad spec or is found unwell by its checks; then what ails the colony.

In the table
  up down j k  Home End g G  Page Up, Page Down, Space    choose a service
  Enter     details: what it does, why, what comes next
  l         its output, as it comes
  r s x     restart, start, stop it; asks first, and shows what came of it
  /         filter by name, state and reason, as you type; Escape shows all
  !         only what is wrong, or all
  < > -     sort by the column before, after; the other way round
In details and output
  Escape    back
  /         in output: only lines that have it
  G         in output: to the end, and follow
Everywhere
  ? q       this page, quit
  Ctrl-L Ctrl-Z    draw again, to the shell

RST: restarts. RDY: ready. EXIT: code or signal by which it ended last. CPU% and
MEM: of its main process and all below it; "-" where that cannot be seen.`

func (h *help) draw(_ *view, c canvas) {
	h.lines = folded(helpText, c.width)
	h.pager.draw(c)
}
