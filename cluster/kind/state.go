package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/internal/state"
)

// stateFile is a file of one cluster in the user's state folder; the folder
// exists when it returns.
func stateFile(cluster, suffix string) (string, error) {
	dir, err := state.Folder("clusters")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("making the state folder: %w", err),
			"set XDG_STATE_HOME to a folder that can be written")
	}
	return filepath.Join(dir, cluster+suffix), nil
}

// lock is the right to use a cluster: one trial at a time. The kernel drops it
// when the process ends, however it ends. Its file names the holder.
type lock struct{ file *os.File }

// ErrInUse: another process, or another trial of this one, has the cluster.
var ErrInUse = errors.New("another seatrial is using it")

// grab takes the lock of a cluster or fails with ErrInUse and the holder's name.
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
		// The name is for a message alone: who comes to undo on a full disk must
		// not fail on that.
		if f.Truncate(0) == nil {
			_, _ = f.WriteAt([]byte(ownName()), 0)
		}
		return &lock{f}, nil
	}
	if err == nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 256)) // without it the message says less
		err = fmt.Errorf("cluster %s: %w (%s)", cluster, ErrInUse, holder)
	}
	return nil, errors.Join(err, f.Close())
}

// ownName tells people which process this is.
func ownName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return fmt.Sprintf("process %d on %s, since %s", os.Getpid(), host, time.Now().Format(time.DateTime))
}

// lookPatience is for those that hold a lock to look at a cluster, and let go.
const lookPatience = 2 * time.Second

// claim takes the lock for a trial. A cluster that another trial uses is refused:
// how long that takes nobody knows, and its figures would not be its own.
func claim(ctx context.Context, cluster string) (*lock, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	patience, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	for {
		l, err := grab(cluster)
		if !errors.Is(err, ErrInUse) {
			return l, err
		}
		select {
		case <-patience.Done():
			return nil, seatrial.Fail(seatrial.Infrastructure, errors.Join(err, ctx.Err()),
				"wait for that run, or end it with Ctrl-C: it heals the cluster first")
		case <-tick.C:
		}
	}
}

func (l *lock) release() error { return l.file.Close() }
