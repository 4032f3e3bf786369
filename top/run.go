package top

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/gdamore/tcell/v3"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/terminal"
)

// Options say what is shown.
type Options struct {
	Places  spec.Places
	Command string // how a command about this colony begins: "ncolony ctl "
}

// Run shows a colony on the terminal that we were started on until somebody types q
// or ctx is done, and gives the terminal back as it was. The error says why the
// colony cannot be looked at, or the terminal not be drawn upon.
func Run(ctx context.Context, o Options) error {
	if _, _, err := ctl.Alive(o.Places); err != nil {
		return err
	}
	// Who may not look is told so; any other trouble may pass.
	l := newLooker(o.Places)
	first := l.look()
	if errors.Is(first.err, fs.ErrPermission) {
		return first.err
	}
	tty, err := tcell.NewDevTty()
	if err != nil {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	screen, err := openScreen(tty)
	if err != nil {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	// Also on the way of a panic, whose words can be read then.
	defer screen.Fini()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v := newView(ctx, o, screen)
	v.take(first)
	v.beside(func() { l.again(v) })
	return v.run()
}

// openScreen takes a terminal. Nothing is asked of it: an answer that is late, or
// never comes, would be a second of waiting, or taken for what somebody has typed.
func openScreen(tty tcell.Tty) (tcell.Screen, error) {
	options := []tcell.TerminfoScreenOption{tcell.OptNegotiation(false)}
	if dumb() {
		options = append(options, tcell.OptColors(0))
	}
	screen, err := tcell.NewTerminfoScreenFromTty(tty, options...)
	if err != nil {
		return nil, err
	}
	if err := screen.Init(); err != nil {
		return nil, err
	}
	screen.RegisterRuneFallback('…', ".")
	return screen, nil
}

// dumb says that the terminal knows neither colours nor bold.
func dumb() bool { return os.Getenv("TERM") == "dumb" }

// lateCont is how long after our stop the signal that has ended it is waited for.
const lateCont = 500 * time.Millisecond

// run is the loop.
func (v *view) run() error {
	// TSTP comes from outside; what is typed is a key. After CONT whoever has stopped
	// us may have made the terminal another.
	stopped, continued := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTSTP)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(stopped)
	defer signal.Stop(continued)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for !v.ended {
		v.draw()
		select {
		case <-v.ctx.Done():
			return nil
		case ev, open := <-v.screen.EventQ():
			if err := v.event(ev); err != nil || !open {
				return err
			}
		case f := <-v.news:
			f()
		case <-second.C:
			v.tick()
		case <-stopped:
			v.stop = true
		case <-continued:
			if err := v.redo(func() {}); err != nil {
				return err
			}
		}
		if v.stop {
			v.stop = false
			if err := v.redo(func() {
				terminal.Stop()
				// The CONT that has woken us, which may be behind us. The terminal is
				// taken once for it: what is typed between two times would be lost.
				select {
				case <-continued:
				case <-time.After(lateCont): // nobody has stopped us
				}
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// redo gives the terminal back, and takes it again after f.
func (v *view) redo(f func()) error {
	if err := v.screen.Suspend(); err != nil {
		return fmt.Errorf("give the terminal back: %w", err)
	}
	f()
	if err := v.screen.Resume(); err != nil {
		return fmt.Errorf("take the terminal again: %w", err)
	}
	return nil
}

// event is one of the terminal. Those that wait behind it are taken too, before
// anything is drawn: whoever pastes, or has a slow line, waits once. Of a window that
// has another size there is nothing to be done but to draw.
func (v *view) event(ev tcell.Event) error {
	for {
		switch ev := ev.(type) {
		case *tcell.EventKey:
			v.key(keyOf(ev))
		case *tcell.EventError: // nobody sits there any more
			return fmt.Errorf("read the terminal: %w", ev)
		}
		select {
		case ev = <-v.screen.EventQ():
		default:
			return nil
		}
	}
}

// beside does f beside the loop. Its panic is one of the loop, which gives the
// terminal back first.
func (v *view) beside(f func()) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				stack := debug.Stack()
				v.post(func() { panic(fmt.Sprintf("%v\n\n%s", r, stack)) })
			}
		}()
		f()
	}()
}

// post has the loop call f.
func (v *view) post(f func()) {
	select {
	case v.news <- f:
	case <-v.ctx.Done():
	}
}
