package peer

// initOnly is an init for one program.
type initOnly struct {
	program string
	name    string
	flags   []string
}

func findInit(name string, flags ...string) Peer {
	if program := find(name); program != "" {
		return &initOnly{program, name, flags}
	}
	return nil
}

func (i *initOnly) Name() string       { return i.name }
func (i *initOnly) Programs() []string { return []string{i.program} }
func (i *initOnly) Setup(Colony) error { return nil }
func (i *initOnly) Only() bool         { return true }

func (i *initOnly) Command(c Colony) []string {
	return append(append(append([]string{i.program}, i.flags...), "--"), c.Child...)
}
