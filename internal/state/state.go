// Package state finds where seatrial keeps what outlives a run on this machine:
// ledgers of what is in force, and locks of clusters.
//
//	ledgers, err := state.Folder("ledgers")
package state

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial"
)

// Folder is one of that name in the user's state folder, so that any later run,
// from any folder, finds what an earlier one left. It need not exist yet.
func Folder(name string) (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding the state folder: %w", err), "set HOME or XDG_STATE_HOME")
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "seatrial", name), nil
}
