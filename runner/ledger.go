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
	"strconv"
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
	size    int64      // of the file in whole lines
	entries []Entry
	last    int
	kept    error // why the file may still name what was struck out; nil where it does not
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
	// The process is named for the message alone: who comes to undo on a full
	// disk must not fail on that.
	if lock.Truncate(0) == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	l.lock = lock
	return nil
}

// load reads the file and writes it anew with what is in force, so that it
// does not grow from run to run. Where that cannot be written, as on a full
// disk, but there is something to undo, the old file serves on.
func (l *Ledger) load() error {
	_, entries, whole, err := readLedger(l.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.entries = entries
	for _, e := range entries {
		l.last = max(l.last, e.ID)
	}
	err = l.rewrite()
	if err == nil || len(entries) == 0 {
		return seatrial.Fail(seatrial.Infrastructure, err, "free some disk space in "+filepath.Dir(l.path))
	}
	old, openErr := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND, 0)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	l.file, l.size = old, whole
	return old.Truncate(whole)
}

// rewrite replaces the file by one that holds just what is in force.
func (l *Ledger) rewrite() error {
	file, err := os.OpenFile(l.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	l.file, l.size = file, 0
	err = l.append(line{Ref: &l.Ref})
	for _, e := range l.entries {
		err = errors.Join(err, l.appendEntry(e))
	}
	if err == nil {
		err = os.Rename(l.path+".new", l.path)
	}
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", errors.Join(err, file.Close(), os.Remove(l.path+".new")))
	}
	return nil
}

// readLedger reads a ledger without locking it, and says how many bytes of it
// are whole lines. A torn last line is what a crash in the middle of a write
// leaves: its action was never done.
func readLedger(path string) (ref *seatrial.Ref, entries []Entry, whole int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, 0, err
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return ref, entries, whole, nil
		}
		if err != nil {
			return nil, nil, 0, fmt.Errorf("reading ledger %s: %w", path, err)
		}
		whole += int64(len(text))
		var in line
		if err := json.Unmarshal(text, &in); err != nil {
			return nil, nil, 0, fmt.Errorf("reading ledger %s: %w", path, err)
		}
		switch {
		case in.Ref != nil:
			ref = in.Ref
		case in.Strike > 0:
			entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.ID == in.Strike })
		default:
			action, err := seatrial.DecodeAction(in.Kind, in.Action)
			if err != nil {
				return nil, nil, 0, fmt.Errorf("reading ledger %s: %w", path, err)
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

// Strike takes out an entry that was undone. A full or failing disk does not
// bring it back: should this process die before [Ledger.Close], it is undone
// twice, which does no harm.
func (l *Ledger) Strike(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.DeleteFunc(l.entries, func(o Entry) bool { return o.ID == e.ID })
	if err := l.append(line{Strike: e.ID}); err != nil {
		l.kept = fmt.Errorf("striking out an entry of ledger %s: %w", l.path, err)
	}
}

// Entries lists what is in force, the latest first: the order to undo it in.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := slices.Clone(l.entries)
	slices.Reverse(entries)
	return entries
}

// Close frees the lock. A ledger with nothing in force is removed, which needs
// no disk space; the lock's file stays, since removing it would let two
// processes lock two files of one name.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.kept
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

// append writes and syncs a line. What was written of one that failed is taken
// back, which needs no space: the next would be torn by it, and the whole ledger
// unreadable.
func (l *Ledger) append(out line) error {
	if l.file == nil {
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(text, '\n'))
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.file.Truncate(l.size))
	}
	l.size += int64(len(text)) + 1
	return nil
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
		ref, _, _, err := readLedger(path)
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
func (l *Ledger) Clear() {
	for _, e := range l.Entries() {
		l.Strike(e)
	}
}
