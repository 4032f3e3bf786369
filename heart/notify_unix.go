//go:build linux || darwin || freebsd

package heart

import "syscall"

// sendDatagram sends one to a unix socket. Package net would do, and is as large
// as a small program.
func sendDatagram(socket string, data []byte) error {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	return syscall.Sendto(fd, data, 0, &syscall.SockaddrUnix{Name: socket})
}
