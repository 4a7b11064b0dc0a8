package runner

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/seatrial/seatrial"
)

// Entry is an action in force: what was done, to undo it, and the state that
// it found.
type Entry struct {
	ID     int
	Fault  string
	Action seatrial.Action
	Prior  seatrial.Prior
}

// Ledger is the list of the actions in force on one cluster. It lies on disk,
// is synced before an action is done, and is locked by the process that may
// act on the cluster; for a cluster that ends with its process it lies in
// memory. The zero value is not usable; see [OpenLedger] and [MemoryLedger].
type Ledger struct {
	Ref seatrial.Ref

	path string
	lock *os.File // nil in memory

	mu      sync.Mutex // held for file writes only, never across a wait of the clock
	file    *os.File   // nil in memory
	entries []Entry
	last    int
}

// ErrHeld says that another process is at work on the cluster.
var ErrHeld = errors.New("another seatrial run holds this cluster")

// line is one line of the file: who holds it, an entry, or one struck out.
type line struct {
	Ref    *seatrial.Ref   `json:"ref,omitempty"`
	Arm    int             `json:"arm,omitempty"`
	Fault  string          `json:"fault,omitempty"`
	Kind   string          `json:"kind,omitempty"`
	Action json.RawMessage `json:"action,omitempty"`
	Prior  seatrial.Prior  `json:"prior,omitempty"`
	Strike int             `json:"strike,omitempty"`
}

// MemoryLedger returns an empty ledger without file or lock, for a cluster that
// cannot outlive this process, such as a simulated one.
func MemoryLedger(ref seatrial.Ref) *Ledger { return &Ledger{Ref: ref} }

// OpenLedger opens the ledger of the cluster in folder, creating it where it
// is new, and locks it for this process. [ErrHeld] says that somebody else has
// it. Entries that a dead run left are in [Ledger.Entries].
func OpenLedger(folder string, ref seatrial.Ref) (*Ledger, error) {
	return openLedger(folder, ref, unix.LOCK_NB)
}

// AwaitLedger is [OpenLedger] for the guardian: it waits for a holder who is
// about to end.
func AwaitLedger(folder string, ref seatrial.Ref) (*Ledger, error) {
	return openLedger(folder, ref, 0)
}

func openLedger(folder string, ref seatrial.Ref, flags int) (*Ledger, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the ledgers' folder: %w", err)
	}
	l := &Ledger{Ref: ref, path: filepath.Join(folder, ref.Backend+"-"+ref.UID+".ledger")}
	if err := l.acquire(flags); err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	return l, nil
}

// acquire locks a file beside the ledger; the kernel frees it when the process
// ends, however it ends.
func (l *Ledger) acquire(flags int) error {
	lock, err := os.OpenFile(l.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the lock of cluster %s: %w", l.Ref.Name, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|flags); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(lock, 64)) // only for the message
		err = fmt.Errorf("cluster %s: %w (process %s)", l.Ref.Name, ErrHeld, holder)
		return seatrial.Fail(seatrial.Infrastructure, errors.Join(err, lock.Close()),
			"wait for that run, or end it with Ctrl-C: it heals the cluster first")
	}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, fmt.Sprint(os.Getpid()))); err != nil {
		return errors.Join(fmt.Errorf("writing the lock of cluster %s: %w", l.Ref.Name, err), lock.Close())
	}
	l.lock = lock
	return nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// load reads the file and writes it anew with what is in force, so that it
// does not grow from run to run.
func (l *Ledger) load() error {
	_, entries, err := readLedger(l.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.entries = entries
	for _, e := range entries {
		l.last = max(l.last, e.ID)
	}
	return l.rewrite()
}

// rewrite replaces the file by one that holds just what is in force.
func (l *Ledger) rewrite() error {
	file, err := os.OpenFile(l.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	l.file = file
	err = l.append(line{Ref: &l.Ref})
	for _, e := range l.entries {
		err = errors.Join(err, l.appendEntry(e))
	}
	if err == nil {
		err = os.Rename(l.path+".new", l.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the ledger: %w", err), file.Close())
	}
	return nil
}

// readLedger reads a ledger without locking it. A torn last line is what a
// crash in the middle of a write leaves: its action was never done.
func readLedger(path string) (*seatrial.Ref, []Entry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	var ref *seatrial.Ref
	var entries []Entry
	for lines := bufio.NewReader(file); ; {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return ref, entries, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading ledger %s: %w", path, err)
		}
		var in line
		if err := json.Unmarshal(text, &in); err != nil {
			return nil, nil, fmt.Errorf("reading ledger %s: %w", path, err)
		}
		switch {
		case in.Ref != nil:
			ref = in.Ref
		case in.Strike > 0:
			entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.ID == in.Strike })
		default:
			action, err := seatrial.DecodeAction(in.Kind, in.Action)
			if err != nil {
				return nil, nil, fmt.Errorf("reading ledger %s: %w", path, err)
			}
			entries = append(entries, Entry{ID: in.Arm, Fault: in.Fault, Action: action, Prior: in.Prior})
		}
	}
}

// Arm writes an action down and syncs it to disk. Only then may it be done.
func (l *Ledger) Arm(fault string, a seatrial.Action, p seatrial.Prior) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := Entry{ID: l.last + 1, Fault: fault, Action: a, Prior: p}
	if err := l.appendEntry(e); err != nil {
		return Entry{}, seatrial.Fail(seatrial.Infrastructure,
			fmt.Errorf("writing %s of %s to the ledger, so it was not done: %w", a.Kind(), a.Target(), err),
			"free some disk space in "+filepath.Dir(l.path))
	}
	l.last = e.ID
	l.entries = append(l.entries, e)
	return e, nil
}

// Strike takes out an entry that was undone. A failing disk does not bring it
// back: undoing twice does no harm.
func (l *Ledger) Strike(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.DeleteFunc(l.entries, func(o Entry) bool { return o.ID == e.ID })
	return l.append(line{Strike: e.ID})
}

// Entries lists what is in force, the latest first: the order to undo it in.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := slices.Clone(l.entries)
	slices.Reverse(entries)
	return entries
}

// Close frees the lock. A ledger with nothing in force is removed; the lock's
// file stays, since removing it would let two processes lock two files of one
// name.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	var err error
	if len(l.entries) == 0 {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.file.Close(), l.lock.Close())
}

func (l *Ledger) appendEntry(e Entry) error {
	action, err := json.Marshal(e.Action)
	if err != nil {
		return err
	}
	return l.append(line{Arm: e.ID, Fault: e.Fault, Kind: e.Action.Kind(), Action: action, Prior: e.Prior})
}

func (l *Ledger) append(out line) error {
	if l.file == nil {
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return err
	}
	return l.file.Sync()
}

// Ledgers lists the clusters that have a ledger in folder: a run is going on
// there, or a dead one left something.
func Ledgers(folder string) ([]seatrial.Ref, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.ledger"))
	if err != nil {
		return nil, fmt.Errorf("listing the ledgers: %w", err)
	}
	var refs []seatrial.Ref
	for _, path := range paths {
		ref, _, err := readLedger(path)
		if err != nil {
			return nil, err
		}
		if ref != nil {
			refs = append(refs, *ref)
		}
	}
	return refs, nil
}

// Clear strikes out everything: the cluster that it was done to is gone.
func (l *Ledger) Clear() error {
	var errs []error
	for _, e := range l.Entries() {
		errs = append(errs, l.Strike(e))
	}
	return errors.Join(errs...)
}
