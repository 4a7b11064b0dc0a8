package runner

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
)

// fullDisk has no room from a certain text on.
type fullDisk struct {
	bytes.Buffer
	from string
	full bool
}

func (d *fullDisk) Write(p []byte) (int, error) {
	i := bytes.Index(p, []byte(d.from))
	if i < 0 && !d.full {
		return d.Buffer.Write(p)
	}
	d.full = true
	n, err := d.Buffer.Write(p[:max(i, 0)])
	return n, errors.Join(err, syscall.ENOSPC)
}

func TestADiskThatIsFullUnderTheJournalEndsTheTrialAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		disk := &fullDisk{from: `"step":"injected"`}
		w := journal.New(disk)
		err := b.runInto(t, t.Context(), w)
		var known *seatrial.Error
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &known) || known.Class != seatrial.Infrastructure || !strings.Contains(known.Hint, "free space") {
			t.Errorf("error %v, want a failed infrastructure for want of space, and a hint", err)
		}
		if closed := w.Close(); !errors.Is(err, closed) {
			t.Errorf("closing the journal says %v, which is not the same error", closed)
		}
		want := []string{"reset", "apply", "act node/w1", `revert node/w1 to {"was":"running"}`}
		if !slices.Equal(b.site.cluster.log, want) {
			t.Errorf("steps %q, want %q", b.site.cluster.log, want)
		}
		// 1 s until the load, 10 s of warm-up, and 5 s until the fault, of 4 s.
		if took := b.site.clock.Now(); took > 17*time.Second {
			t.Errorf("took %s: it did not end at once", took)
		}
		b.wantUndone(t)
		s, _, err := report.FromJournal(bytes.NewReader(disk.Bytes()))
		if err != nil || s.Verdict != seatrial.Invalid || s.Load.Sent == 0 {
			t.Errorf("verdict %s, %d sent, %v; want invalid, and what was measured before", s.Verdict, s.Load.Sent, err)
		}
	})
}

func TestNothingIsSentWithoutAJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.site.sick = func(time.Duration) bool { t.Error("a request was sent"); return false }
		if err := b.runInto(t, t.Context(), journal.New(&fullDisk{full: true, from: "{"})); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want no space", err)
		}
		b.wantUndone(t)
	})
}

// dead is what a process leaves that dies.
func dead(t *testing.T, l *Ledger) {
	t.Helper()
	if err := errors.Join(l.file.Close(), l.lock.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestWhereALedgerCannotBeWrittenThereIsUndoingAndNothingNew(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	mustArm(t, l, freeze("w1"))
	if _, err := l.file.WriteString(`{"arm":2,"kind":"fre`); err != nil { // torn
		t.Fatal(err)
	}
	dead(t, l)
	if err := os.Mkdir(l.path+".new", 0o700); err != nil { // nobody can write a file of that name
		t.Fatal(err)
	}
	again := mustOpen(t, dir)
	entries := again.Entries()
	if len(entries) != 1 {
		t.Fatalf("in force: %+v, want what the dead process did", entries)
	}
	again.Strike(entries[0])
	if refs, err := Ledgers(dir); err != nil || len(refs) != 1 { // it can be read: the torn line is gone
		t.Errorf("ledgers %v, %v; want the one", refs, err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	var known *seatrial.Error
	if _, err := OpenLedger(dir, ref); !errors.As(err, &known) || known.Class != seatrial.Infrastructure {
		t.Errorf("got %v, want a failed infrastructure: what is done now could not be undone after a death", err)
	}
}
