package runner

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seatrial/seatrial"
)

// smallDisk is a file system of 64 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func fill(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want no space", err)
	}
}

func TestOnAFullDiskNothingIsDoneAndEverythingIsUndone(t *testing.T) {
	dir := smallDisk(t)
	l := mustOpen(t, dir)
	first := mustArm(t, l, freeze("w1"))
	fill(t, dir)
	large := seatrial.Prior(`{"id":"` + strings.Repeat("x", 10_000) + `"}`) // more than what is left of the file's last page
	var known *seatrial.Error
	if _, err := l.Arm("second", freeze("w2"), large); !errors.Is(err, unix.ENOSPC) || !errors.As(err, &known) || known.Hint == "" {
		t.Errorf("got %v, want no space and a hint", err)
	}
	dead(t, l)
	again := mustOpen(t, dir) // as the guardian does
	if got := again.Entries(); len(got) != 1 || got[0].Action != first.Action {
		t.Fatalf("in force: %+v, want the first alone", got)
	}
	again.Strike(first)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if refs, err := Ledgers(dir); err != nil || len(refs) != 0 {
		t.Errorf("ledgers left: %v, %v", refs, err)
	}
}
