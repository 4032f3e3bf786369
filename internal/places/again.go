package places

import "strings"

// Again are the flags by which the same colony is found once more, with a space
// behind them; "" if none was given.
func (f Flags) Again() (flags string) {
	for _, flag := range []struct{ name, value string }{
		{"root", f.Root}, {"config", f.Config}, {"messages", f.Messages}, {"state", f.State},
	} {
		if flag.value != "" {
			flags += "--" + flag.name + " " + shellWord(flag.value) + " "
		}
	}
	return flags
}

// shellWord is s as a shell takes it for one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._+-@:,=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
