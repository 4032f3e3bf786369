//go:build !(linux || darwin || freebsd)

package heart

func sendDatagram(string, []byte) error { return errNoSockets }
