package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seatrial/seatrial"
)

// stateFile is a file of one cluster in the user's state folder; the folder
// exists when it returns.
func stateFile(cluster, suffix string) (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding the state folder: %w", err),
				"set HOME or XDG_STATE_HOME")
		}
		base = filepath.Join(home, ".local", "state")
	}
	dir := filepath.Join(base, "seatrial", "clusters")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("making the state folder: %w", err),
			"set XDG_STATE_HOME to a folder that can be written")
	}
	return filepath.Join(dir, cluster+suffix), nil
}

// lock is the right to use a cluster: one trial at a time. The kernel drops it
// when the process ends, however it ends.
type lock struct{ file *os.File }

// errInUse: another process holds the cluster.
var errInUse = errors.New("another seatrial is using it")

// grab takes the lock of a cluster or fails with errInUse.
func grab(cluster string) (*lock, error) {
	path, err := stateFile(cluster, ".lock")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of cluster %s: %w", cluster, err)
	}
	ok, err := tryLock(f)
	if ok {
		return &lock{f}, nil
	}
	if err == nil {
		err = fmt.Errorf("cluster %s: %w", cluster, errInUse)
	}
	return nil, errors.Join(err, f.Close())
}

// await takes the lock once it is free; tell is called if it has to wait.
func await(ctx context.Context, cluster string, tell func(string, ...any)) (*lock, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; told = true {
		l, err := grab(cluster)
		if !errors.Is(err, errInUse) {
			return l, err
		}
		if !told {
			tell("waiting: another seatrial is using cluster %s", cluster)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for cluster %s: %w", cluster, ctx.Err())
		case <-tick.C:
		}
	}
}

func (l *lock) release() error { return l.file.Close() }
