package load

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeoutHere says that this system has TCP_USER_TIMEOUT.
const userTimeoutHere = true

// userTimeout sets it on a new socket, in milliseconds (tcp(7)); nil for none.
func userTimeout(d time.Duration) func(network, address string, c syscall.RawConn) error {
	if d == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(1, d.Milliseconds())))
		})
		if err != nil {
			return err
		}
		return failed
	}
}
