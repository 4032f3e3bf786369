package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/bench/proc"
	"github.com/ncolony/ncolony-go/colony/spec"
)

// measured is for how long the cost of health is measured, in which everything
// happens that happens now and then.
const measured = time.Minute

// BenchmarkChecks runs ncolony-probe with 5,000 services, each checked over HTTP
// every 10 s. What the connections alone cost, made as often by a bare loop, is the
// measure: what a processor does in a time changes with what else it does. Run it
// with -benchtime 1x.
func BenchmarkChecks(b *testing.B) {
	const services, period = 5000, 10 * time.Second
	var hits atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer s.Close()
	dir := patients(b, services, fmt.Sprintf(`"ncolony.httpcheck":{"url":%q,"period":%d,"timeout":2,"grace":0}`, s.URL, int(period.Seconds())))
	program := filepath.Join(b.TempDir(), "ncolony-probe")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/ncolony-probe").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	request, answer := []byte("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), make([]byte, 4096)
	to := &unix.SockaddrInet4{Port: s.Listener.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	onlook(b, dir, []string{program, "--root", dir}, func() {
		for end := time.Now().Add(time.Minute); hits.Load() < services; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				b.Fatalf("%d checks in a minute", hits.Load())
			}
		}
	}, func() {}, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err = unix.Connect(fd, to); err == nil {
			_, err = unix.Write(fd, request)
		}
		if err == nil {
			_, err = unix.Read(fd, answer)
		}
		return err
	}, services, period, period/services)
}

// BenchmarkHearts runs ncolony heartcheck with 10,000 hearts that beat and are
// looked at once a second. The measure is a bare loop that looks as often at as
// many files. Run it with -benchtime 1x.
func BenchmarkHearts(b *testing.B) {
	const services, every = 10000, time.Second
	hearts := b.TempDir()
	dir := patients(b, services, fmt.Sprintf(`"ncolony.beatcheck":{"period":3,"grace":1,"status":%q}`, hearts))
	files := make([]string, services)
	for i := range files {
		files[i] = filepath.Join(hearts, nameOf(i))
	}
	beat := func() {
		for _, file := range files {
			if err := unix.UtimesNanoAt(unix.AT_FDCWD, file, nil, 0); err != nil {
				if err := os.WriteFile(file, nil, 0o644); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	next := 0
	onlook(b, dir, []string{binary, "heartcheck", "--root", dir}, func() {
		for end := time.Now().Add(time.Minute); ; time.Sleep(every) {
			beat()
			if list, _ := os.ReadDir(filepath.Join(dir, "state/heart")); len(list) >= services {
				return
			}
			if time.Now().After(end) {
				b.Fatal("not all hearts were looked at in a minute")
			}
		}
	}, beat, func() (err error) {
		var st unix.Stat_t
		for range services {
			err = unix.Stat(files[next], &st)
			next = (next + 1) % services
		}
		return err
	}, services, every, every)
}

func nameOf(i int) string { return fmt.Sprintf("web%05d", i) }

// patients are the directories of a colony of n services with a key more than
// they need, all of them running, on paper.
func patients(b *testing.B, n int, key string) string {
	dir := b.TempDir()
	p := spec.Places{Config: dir + "/config", Messages: dir + "/messages", State: dir + "/state"}
	for _, d := range []string{p.Config, p.StatusDir()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for i := range n {
		st, _ := json.Marshal(spec.Status{Name: nameOf(i), State: spec.Running, PID: 1 << 22, Generation: 1, Since: time.Now()})
		for path, text := range map[string]string{p.Config + "/" + nameOf(i): `{"args":["x"],` + key + `}`, p.Status(nameOf(i)): string(st)} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	return dir
}

// onlook measures a program that looks at n services once in period. Settle waits
// until it has seen all of them; each is called every second from then on. Bare is
// what costs least, to be done as often, with a pause between two.
func onlook(b *testing.B, dir string, argv []string, settle, each func(), bare func() error, n int, period, pause time.Duration) {
	for range b.N {
		run := exec.Command(argv[0], argv[1:]...)
		run.Stderr = os.Stderr
		if err := run.Start(); err != nil {
			b.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- run.Wait() }()
		defer run.Process.Kill()
		settle()
		before, begin := processorTime(run.Process.Pid), time.Now()
		for ; time.Since(begin) < measured; time.Sleep(time.Second) {
			each()
		}
		took := time.Since(begin)
		used := (processorTime(run.Process.Pid) - before).Seconds()
		b.ReportMetric(proc.Memory([]int{run.Process.Pid}).PSS/(1<<20), "MB")
		run.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		perLook := used / (float64(n) * float64(took) / float64(period))
		bareLook := alone(b, bare, pause, each) / (float64(n) * float64(pause) / float64(period))
		b.ReportMetric(100*used/took.Seconds(), "%cpu")
		b.ReportMetric(1e6*perLook, "us/look")
		b.ReportMetric(1e6*bareLook, "bare-us/look")
		b.ReportMetric(perLook/bareLook, "x-bare")
		if left, _ := os.ReadDir(dir + "/messages"); len(left) > 0 {
			b.Errorf("%d restarts were requested", len(left))
		}
	}
}

// alone does something again and again for a while, with a pause between two, in
// a thread of its own; each is called every second meanwhile. It returns the
// seconds of processor time for one.
func alone(b *testing.B, do func() error, pause time.Duration, each func()) float64 {
	const seconds = 10
	stop, used := make(chan bool), make(chan float64)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this
		before := threadTime()
		for n := 1; ; n++ {
			if err := do(); err != nil {
				b.Errorf("bare loop: %v", err)
			}
			select {
			case <-stop:
				used <- (threadTime() - before).Seconds() / float64(n)
				return
			default:
			}
			wait := unix.NsecToTimespec(int64(pause))
			unix.Nanosleep(&wait, nil)
		}
	}()
	for range seconds {
		each()
		time.Sleep(time.Second)
	}
	stop <- true
	return <-used
}

// processorTime is what a process has used; what the scheduler counts for its
// threads is more where a hypervisor takes processors away.
func processorTime(pid int) (t time.Duration) {
	const tick = time.Second / 100
	for _, field := range proc.Stat(pid)[11:13] { // in user mode, and for it in the kernel
		n, _ := strconv.Atoi(field)
		t += time.Duration(n) * tick
	}
	return t
}

func threadTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
