//go:build !linux

package guardian

import (
	"errors"
	"runtime"
)

// newMachine fails: the guardian runs in a container, hence on Linux. The
// package builds everywhere for its client.
func newMachine() (machine, error) {
	return nil, errors.New("the server needs Linux, not " + runtime.GOOS)
}
