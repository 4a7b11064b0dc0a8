//go:build !linux

package load

import (
	"syscall"
	"time"
)

// userTimeoutHere says that this system has no TCP_USER_TIMEOUT.
const userTimeoutHere = false

// userTimeout is nil: [NewEngine] refuses a load that wants one.
func userTimeout(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
