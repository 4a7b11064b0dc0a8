package runner

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

var ref = seatrial.Ref{Backend: "kind", Name: "seatrial-3w", UID: "42"}

func mustOpen(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := OpenLedger(dir, ref)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustArm(t *testing.T, l *Ledger, a seatrial.Action) Entry {
	t.Helper()
	e, err := l.Arm("migrate", a, seatrial.Prior(`{"id":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func freeze(node string) seatrial.Freeze {
	return seatrial.Freeze{Node: node, Mode: seatrial.Sigstop, Expires: time.Minute}
}

func TestALedgerOutlivesItsProcess(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	first := mustArm(t, l, freeze("w1"))
	second := mustArm(t, l, seatrial.Throttle{Node: "w2", CPUs: 0.5, Expires: time.Second})
	l.Strike(first)
	if err := l.lock.Close(); err != nil { // what the kernel does when a process dies
		t.Fatal(err)
	}
	if got := mustOpen(t, dir).Entries(); !reflect.DeepEqual(got, []Entry{second}) {
		t.Errorf("in force after the death: %+v, want %+v", got, second)
	}
}

func TestEntriesAreUndoneLatestFirst(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	mustArm(t, l, freeze("w1"))
	mustArm(t, l, freeze("w2"))
	if got := l.Entries()[0].Action.Target(); got != "node/w2" {
		t.Errorf("first to be undone: %s, want node/w2", got)
	}
}

func TestATornLastLineIsAnActionThatWasNeverDone(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	mustArm(t, l, freeze("w1"))
	if _, err := l.file.WriteString(`{"arm":2,"kind":"fre`); err != nil {
		t.Fatal(err)
	}
	if err := l.lock.Close(); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, dir).Entries(); len(got) != 1 {
		t.Errorf("%d entries, want the one that was whole", len(got))
	}
}

func TestASecondRunnerIsRefusedWithTheHoldersProcess(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir)
	_, err := OpenLedger(dir, ref)
	var known *seatrial.Error
	if !errors.Is(err, ErrHeld) || !errors.As(err, &known) || known.Hint == "" {
		t.Errorf("a second runner got %v, want ErrHeld with a hint", err)
	}
}

func TestAnEmptyLedgerLeavesNothingToRecover(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	e := mustArm(t, l, freeze("w1"))
	if refs, err := Ledgers(dir); err != nil || len(refs) != 1 || refs[0] != ref {
		t.Errorf("Ledgers = %v, %v; want the one cluster", refs, err)
	}
	l.Strike(e)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if refs, err := Ledgers(dir); err != nil || len(refs) != 0 {
		t.Errorf("Ledgers = %v, %v; want none", refs, err)
	}
}

func TestAnActionThatCannotBeWrittenDownIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	if err := l.file.Close(); err != nil { // what a full or broken disk amounts to
		t.Fatal(err)
	}
	if _, err := l.Arm("migrate", freeze("w1"), nil); err == nil {
		t.Error("armed without a ledger on disk")
	}
	if len(l.Entries()) != 0 {
		t.Error("an action that was not written down is in force")
	}
}

func TestALedgerOfAnotherVersionIsNotThrownAway(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	if _, err := l.file.WriteString(`{"arm":1,"kind":"meteorite","action":{}}` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := l.lock.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLedger(dir, ref); err == nil {
		t.Error("an unknown action was ignored")
	}
	if _, err := os.Stat(filepath.Join(dir, "kind-42.ledger")); err != nil {
		t.Errorf("the ledger is gone: %v", err)
	}
}

func TestAMemoryLedgerKeepsItsEntriesAndLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := MemoryLedger(seatrial.Ref{Backend: "sim", Name: "main", UID: "1"})
	first, second := mustArm(t, l, freeze("w1")), mustArm(t, l, freeze("w2"))
	if got := l.Entries(); len(got) != 2 || got[0].ID != second.ID {
		t.Errorf("in force: %+v, want w2 and then w1", got)
	}
	l.Strike(second)
	if got := l.Entries(); !reflect.DeepEqual(got, []Entry{first}) {
		t.Errorf("in force: %+v, want %+v", got, first)
	}
	l.Clear()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v; want none", files, err)
	}
}
