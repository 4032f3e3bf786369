package colony

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// talk is what a child of a test of the ears does: one thing after the other,
// and then it waits to be ended.
func talk(steps []string) {
	for _, step := range steps {
		what, text, _ := strings.Cut(step, " ")
		number, _ := strconv.Atoi(text)
		switch what {
		case "say":
			say(text, nil)
		case "count": // says so many things that cannot be taken for one another
			for i := 1; i <= number; i++ {
				say(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", i), nil)
			}
		case "count-until": // likewise, until there is a file; the last number goes beside it
			last := 0
			for !exists(text) {
				last++
				say(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", last), nil)
			}
			tell(text+".last", strconv.Itoa(last))
		case "tell":
			tell(text, "done")
		case "await":
			await(text)
		case "descendant": // which has left our session says so, and lives
			talkAgain(os.Environ(), "say "+text)
		case "gone": // likewise, without our token, and is over when we go on
			env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, tokenKey) })
			pid := talkAgain(env, "say "+text, "end")
			syscall.Wait4(pid, nil, 0, nil)
		case "forged": // likewise, and lives; then there is a file
			env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, tokenKey) })
			talkAgain(env, "say STATUS=forged", "tell "+text)
			await(text)
		case "end": // at once; the race detector would wait for a second
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		case "fds": // so many come along
			fds := make([]int, number)
			say("STATUS=with descriptors", fds)
		case "barrier": // with so many descriptors
			var ends []int
			var pipes [][2]int
			for range number {
				var p [2]int
				oops(unix.Pipe2(p[:], unix.O_CLOEXEC))
				pipes, ends = append(pipes, p), append(ends, p[1])
			}
			say("BARRIER=1", ends)
			for _, p := range pipes {
				oops(unix.Close(p[1]))
				var b [1]byte
				unix.Read(p[0], b[:]) // until all others have closed it
			}
		case "write": // FD TEXT
			fd, text, _ := strings.Cut(text, " ")
			n, _ := strconv.Atoi(fd)
			_, err := unix.Write(n, []byte(text))
			oops(err)
		case "close":
			oops(unix.Close(number))
		case "look":
			tell(text, look())
		default:
			panic("no such step: " + step)
		}
	}
	hang()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func oops(err error) {
	if err != nil {
		panic(err)
	}
}

// talkAgain starts another that talks, in a session of its own.
func talkAgain(env []string, steps ...string) int {
	pid, err := syscall.ForkExec("/proc/self/exe", append([]string{"talker"}, steps...),
		&syscall.ProcAttr{Env: env, Sys: &syscall.SysProcAttr{Setsid: true}, Files: []uintptr{0, 1, 2}})
	oops(err)
	return pid
}

var mouth = -1 // connected to whoever listens

// say sends a message as sd_notify(3) does.
func say(text string, fds []int) {
	if mouth < 0 {
		var err error
		mouth, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		oops(err)
		oops(unix.Connect(mouth, &unix.SockaddrUnix{Name: os.Getenv(notifySocketKey)}))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if text == "much" {
		text = "READY=1\nX=" + string(bytes.Repeat([]byte("x"), maxDatagram))
	}
	for {
		err := unix.Sendmsg(mouth, []byte(text), rights, nil, 0)
		if err != unix.EINTR {
			oops(err)
			return
		}
	}
}

// heardKey names a file in which a supervisor under test writes what it hears.
const heardKey = "COLONY_TEST_HEARD"

// writeDown is a trap that does so. The file outlives an upgrade.
func writeDown(path string) func(any) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	oops(err)
	return func(what any) {
		if n, ok := what.(notified); ok {
			fmt.Fprintf(f, "%s:%d %+v\n", n.life.name, n.life.generation, n.says)
		}
	}
}
