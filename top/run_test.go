package top

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// onTerminal runs f with a screen on a terminal of its own, and returns what f
// panicked with, and what was written to the terminal in all.
func onTerminal(t *testing.T, f func(screen tcell.Screen)) (panicked any, written string) {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer theirs.Close()
	pty.Setsize(ours, &pty.Winsize{Rows: 24, Cols: 80})
	before := modes(t, theirs)
	const last = "that was all"
	var all strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		for buf := make([]byte, 4096); !strings.HasSuffix(all.String(), last); {
			n, err := ours.Read(buf)
			all.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	func() {
		defer func() { panicked = recover() }()
		tty, err := tcell.NewDevTtyFromDev(theirs.Name())
		if err != nil {
			t.Fatal(err)
		}
		screen, err := openScreen(tty)
		if err != nil {
			t.Fatal(err)
		}
		defer screen.Fini()
		f(screen)
	}()
	if after := modes(t, theirs); after != before {
		t.Errorf("the terminal is left with %+v, was %+v", after, before)
	}
	io.WriteString(theirs, last) // for the screen may hold on to its end
	ours.SetReadDeadline(time.Now().Add(time.Minute))
	<-read
	ours.Close()
	return panicked, all.String()
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// panics is a page that cannot be drawn.
type panics struct{ page }

func (panics) draw(*view, canvas) { panic("oops") }

// A panic, in the loop or beside it, gives the terminal back before it goes on.
func TestPanic(t *testing.T) {
	for what, spoil := range map[string]func(v *view){
		"a page":          func(v *view) { v.pages = append(v.pages, panics{}) },
		"beside the loop": func(v *view) { v.beside(func() { panic("oops") }) },
	} {
		panicked, written := onTerminal(t, func(screen tcell.Screen) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			v := newView(ctx, Options{Places: someColony(t, spec.Status{Name: "web"})}, screen)
			spoil(v)
			v.run()
		})
		if !strings.Contains(fmt.Sprint(panicked), "oops") {
			t.Errorf("%s: it ended with %v, want its panic", what, panicked)
		}
		if !strings.Contains(written, "\x1b[?1049h") || strings.LastIndex(written, "\x1b[?1049l") < strings.LastIndex(written, "\x1b[?1049h") {
			t.Errorf("%s: the terminal is left with %q", what, written)
		}
	}
}

// Keys by whatever a terminal sends.
func TestKeys(t *testing.T) {
	for _, tc := range []struct {
		event *tcell.EventKey
		want  key
	}{
		{tcell.NewEventKey(tcell.KeyRune, "q", tcell.ModNone), "q"},
		{tcell.NewEventKey(tcell.KeyRune, "<", tcell.ModNone), "<"},
		{tcell.NewEventKey(tcell.KeyRune, "q", tcell.ModAlt), ""},
		{tcell.NewEventKey(tcell.KeyF1, "", tcell.ModNone), ""},
		{tcell.NewEventKey(tcell.KeyCtrlC, "", tcell.ModNone), interrupt},
		{tcell.NewEventKey(tcell.KeyBackspace2, "", tcell.ModNone), backspace},
	} {
		if got := keyOf(tc.event); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.event.Name(), got, tc.want)
		}
	}
	var l line
	if l.key("x") {
		t.Error("a line that is not open takes keys")
	}
	l.open = true
	for _, k := range []key{"w", "<", "ä", backspace, "b", "é", backspace} {
		l.key(k)
	}
	if l.text != "w<b" {
		t.Errorf("typed %q, want w<b", l.text)
	}
	if l.key(up) {
		t.Error("a key that types nothing was taken")
	}
	if l.key(enter); l.open || l.text != "w<b" {
		t.Errorf("after Enter %+v", l)
	}
	l.open = true
	if l.key(erase); l.text != "" || !l.open {
		t.Errorf("after Ctrl-U %+v", l)
	}
	if l.key(backspace); l.open {
		t.Error("Backspace in an empty line leaves it open")
	}
}
