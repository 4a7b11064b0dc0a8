package state_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/seatrial/seatrial/internal/state"
)

func ExampleFolder() {
	os.Setenv("XDG_STATE_HOME", "/var/state")
	defer os.Unsetenv("XDG_STATE_HOME")
	fmt.Println(state.Folder("ledgers"))
	// Output: /var/state/seatrial/ledgers <nil>
}

func TestWithoutAVariableItIsInTheHomeFolder(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "/home/me")
	if got, err := state.Folder("clusters"); err != nil || got != filepath.FromSlash("/home/me/.local/state/seatrial/clusters") {
		t.Errorf("%s, %v", got, err)
	}
}
