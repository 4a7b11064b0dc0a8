//go:build !unix

package kind

import (
	"os"
	"os/exec"
)

// apart has no counterpart here: a Ctrl-C ends the docker commands too.
func apart(*exec.Cmd) {}

// tryLock has no counterpart here: two seatrials must not share a cluster.
func tryLock(*os.File) (bool, error) { return true, nil }
