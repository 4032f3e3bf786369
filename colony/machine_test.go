package colony

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInAMachine boots a virtual machine, whose kernel has the control groups that
// this one may not have, and has the tests of this binary that need them run there.
func TestInAMachine(t *testing.T) {
	tests := os.Getenv("VM")
	if tests == "" {
		t.Skip("boots a virtual machine: make vm")
	}
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skipf("needs Debian's qemu-system-x86: %v", err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skipf("needs Debian's busybox-static: %v", err)
	}
	kernel := os.Getenv("VM_KERNEL")
	if kernel == "" {
		all, _ := filepath.Glob("/boot/vmlinuz-*")
		if all = slices.DeleteFunc(all, func(path string) bool { _, err := os.ReadFile(path); return err != nil }); len(all) == 0 {
			t.Skip("needs a kernel that we can read: VM_KERNEL, or /boot/vmlinuz-* as of Debian's linux-image-cloud-amd64")
		}
		kernel = all[len(all)-1]
	}
	initrd := filepath.Join(t.TempDir(), "initrd")
	var a archive
	for _, dir := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		a.add(dir, 0o40755, nil)
	}
	for name, file := range map[string]string{"bin/busybox": busybox, "colony.test": "/proc/self/exe"} {
		b, err := os.ReadFile(file)
		must(t, err)
		a.add(name, 0o100755, b)
	}
	a.add("etc/passwd", 0o100644, []byte("root:x:0:0::/:/bin/sh\n"))
	a.add("init", 0o100755, []byte(fmt.Sprintf(machineInit, tests)))
	a.add("TRAILER!!!", 0, nil)
	must(t, os.WriteFile(initrd, a.Bytes(), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), 22*time.Minute)
	defer cancel()
	machine := exec.CommandContext(ctx, qemu, "-accel", "tcg", "-cpu", "max", "-m", "768", "-nodefaults", "-nographic", "-no-reboot",
		"-serial", "stdio", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet mitigations=off")
	var out bytes.Buffer
	machine.Stdout = io.MultiWriter(&out, os.Stdout) // as it comes, it takes long
	machine.Stderr = os.Stderr
	err = machine.Run()
	if !strings.Contains(out.String(), "in the machine: 0") {
		t.Errorf("the tests in it did not pass: %s: %v", kernel, err)
	}
}

const machineInit = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir /dev/shm
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory +cpu +pids >/sys/fs/cgroup/cgroup.subtree_control
uname -r
COLONY_TEST_PATIENCE=3m /colony.test -test.v -test.timeout 20m -test.run '%s'
echo in the machine: $?
poweroff -f
`

// archive is what a kernel unpacks as its first file system: cpio, "newc".
type archive struct {
	bytes.Buffer
	inode int
}

func (a *archive) add(name string, mode int, content []byte) {
	a.inode++
	fmt.Fprintf(a, "070701%08x%08x%032x%08x%032x%08x%08x", a.inode, mode, 0, len(content), 0, len(name)+1, 0)
	for _, part := range [][]byte{append([]byte(name), 0), content} {
		a.Write(part)
		a.Write(make([]byte, -a.Len()&3))
	}
}
