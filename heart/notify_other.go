//go:build !(linux || darwin || freebsd)

package heart

import "errors"

func sendDatagram(string, []byte) error { return errors.New("not supported on this system") }
