package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/terminal"
)

// screen is a terminal that is drawn upon from its upper left corner, and is
// given back as it was.
type screen struct {
	out   *os.File
	in    *os.File      // of whoever sits there
	saved *unix.Termios // how in was; nil: it is no terminal
	shown string        // what is on it
}

// What a terminal understands.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // another page, no cursor, lines do not wrap
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K" // from the cursor to the end
	clearBelow  = "\x1b[J"
)

// enter takes the terminal. What is typed is not shown, and arrives at once.
func (s *screen) enter() error {
	s.shown = ""
	if t, err := unix.IoctlGetTermios(int(s.in.Fd()), unix.TCGETS); err == nil {
		s.saved = t
		silent := *t
		silent.Lflag &^= unix.ECHO | unix.ICANON
		unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, &silent)
	}
	_, err := s.out.WriteString(enterScreen)
	return err
}

// leave gives the terminal back.
func (s *screen) leave() {
	s.out.WriteString(leaveScreen)
	if s.saved != nil {
		unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, s.saved)
	}
}

// suspend gives the terminal back while we are stopped, as Ctrl-Z asks.
func (s *screen) suspend() error {
	s.leave()
	terminal.Stop()
	return s.enter()
}

// size is that of the window, in characters. The last column is left out: what
// clears the rest of a line would clear a character that stands there.
func (s *screen) size() (width, height int) {
	ws, err := unix.IoctlGetWinsize(int(s.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 79, 24
	}
	return int(ws.Col) - 1, int(ws.Row)
}

// show draws lines over what is there, in one write and without clearing first:
// nothing flickers.
func (s *screen) show(lines []string) error {
	frame := cursorHome + strings.Join(lines, clearLine+"\r\n") + clearLine + clearBelow
	if frame == s.shown {
		return nil
	}
	s.shown = frame
	_, err := s.out.WriteString(frame)
	return err
}

// forget has the next show draw, whatever is there: the window has another size.
func (s *screen) forget() { s.shown = "" }

// quitKey is closed when somebody types q. Without a person there is nobody to.
func (s *screen) quitKey() <-chan struct{} {
	quit := make(chan struct{})
	if !terminal.Is(s.in) {
		return quit
	}
	go func() {
		for key := make([]byte, 1); ; {
			if _, err := s.in.Read(key); err != nil {
				return
			}
			if key[0] == 'q' {
				close(quit)
				return
			}
		}
	}()
	return quit
}

// signals returns a channel of those that change how s is drawn.
func (s *screen) signals() (resized, suspended chan os.Signal, stop func()) {
	resized, suspended = make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH, syscall.SIGCONT)
	signal.Notify(suspended, syscall.SIGTSTP)
	return resized, suspended, func() { signal.Stop(resized); signal.Stop(suspended) }
}
