package runner

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
)

// stand is a fault that freezes w1, as the catalog's do it.
type stand struct{ fail error }

func (f stand) Run(ctx context.Context, env seatrial.Env) (err error) {
	effect, err := env.Arm(ctx, freeze("w1"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, effect.Revert(ctx)) }()
	if err := env.Begin(ctx); err != nil {
		return err
	}
	if err := effect.Act(ctx); err != nil {
		return err
	}
	if f.fail != nil {
		return f.fail
	}
	return errors.Join(effect.Prove(ctx), env.Clock().Sleep(ctx, env.Span()))
}

// slowToEnd is a fault whose revert is over long after its span: another trial's
// length later.
type slowToEnd struct{ stand }

func (f slowToEnd) Run(ctx context.Context, env seatrial.Env) error {
	if err := f.stand.Run(ctx, env); err != nil {
		return err
	}
	return env.Clock().Sleep(ctx, 20*time.Second)
}

// bench is one trial on the fakes.
type bench struct {
	site  *fakeSite
	fault seatrial.Fault
	bytes bytes.Buffer
	dir   string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{
		site: &fakeSite{clock: fakeClock{time.Now()}, cluster: &fakeCluster{inForce: map[string]bool{}},
			sick: func(time.Duration) bool { return false }},
		fault: stand{},
		dir:   t.TempDir(),
	}
}

func (b *bench) run(t *testing.T, ctx context.Context) (*report.Summary, error) {
	t.Helper()
	w := journal.New(&b.bytes)
	err := b.runInto(t, ctx, w)
	if closeErr := w.Close(); closeErr != nil {
		t.Fatal(closeErr)
	}
	summary, _, foldErr := report.FromJournal(bytes.NewReader(b.bytes.Bytes()))
	if foldErr != nil {
		t.Fatalf("%v in\n%s", foldErr, b.bytes.String())
	}
	return summary, err
}

// runInto is the trial itself; its journal is the caller's.
func (b *bench) runInto(t *testing.T, ctx context.Context, w *journal.Writer) error {
	t.Helper()
	trial := seatrial.Trial{Variant: "default", Expect: seatrial.Pass, Spec: seatrial.Spec{
		Clusters:    []seatrial.ClusterSpec{{Name: "main", Workers: 1}},
		Loads:       []seatrial.Load{{Name: "l", Rate: 100, Users: 10, Client: seatrial.Client{Timeout: time.Second}}},
		Timeline:    seatrial.Timeline{Warmup: 10 * time.Second, Trial: 20 * time.Second, Recovery: 30 * time.Second},
		SteadyState: seatrial.Objective{Availability: 0.99},
		Hurt:        time.Second,
		Faults:      []seatrial.FaultSpec{{Name: "f", Kind: "stand", At: 5 * time.Second, For: 4 * time.Second, Fault: b.fault}},
		SLO:         seatrial.Objective{Availability: 0.5},
	}}
	return Run(ctx, trial, Setup{
		Open:    func(context.Context) (seatrial.Site, error) { return b.site, nil },
		Ledgers: b.dir,
		Journal: w,
		Header:  journal.HeaderOf(&seatrial.Scenario{Name: "s"}, trial),
		Log:     t.Logf,
	})
}

func (b *bench) wantUndone(t *testing.T) {
	t.Helper()
	if len(b.site.cluster.inForce) > 0 {
		t.Errorf("still in force: %v", b.site.cluster.inForce)
	}
	if refs, err := Ledgers(b.dir); err != nil || len(refs) > 0 {
		t.Errorf("ledgers left: %v, %v", refs, err)
	}
}

func TestATrialInjectsProvesRevertsAndPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s, err := b.run(t, t.Context())
		if err != nil || s.Verdict != seatrial.Pass {
			t.Fatalf("verdict %s %v, error %v; want pass", s.Verdict, s.Reasons, err)
		}
		f := s.Faults[0]
		if *f.InjectedAt != 5 || *f.RevertedAt != 9 || f.ProvenAt == nil || *f.PlannedAt != 5 {
			t.Errorf("fault %+v, want injected at its time 5 and reverted at 9", f)
		}
		want := []string{"reset", "apply", "act node/w1", `revert node/w1 to {"was":"running"}`, "reset"}
		if !slices.Equal(b.site.cluster.log, want) {
			t.Errorf("steps %q, want %q", b.site.cluster.log, want)
		}
		b.wantUndone(t)
	})
}

func TestATrialEndsSoonAfterTheSteadyStateIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if _, err := b.run(t, t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := b.site.clock.Now(); took > 40*time.Second {
			t.Errorf("took %s: it waited out its recovery time", took)
		}
	})
}

func TestTheSteadyStateIsSoughtAfterTheLastFaultHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.fault = slowToEnd{} // ends at 29 s of a trial of 20 s
		if _, err := b.run(t, t.Context()); err != nil {
			t.Fatal(err)
		}
		// 1 s until the load, 10 s of warm-up, 29 s, and 5 s that must hold.
		if took := b.site.clock.Now(); took < 45*time.Second || took > 55*time.Second {
			t.Errorf("took %s, want 5 s of load after the fault and no more than it takes to see them", took)
		}
	})
}

func TestAFaultWithoutProofMakesTheTrialInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.site.cluster.prove = errors.New("the heart went on beating")
		s, err := b.run(t, t.Context())
		if err != nil || s.Verdict != seatrial.Invalid || !strings.Contains(strings.Join(s.Reasons, " "), "beating") {
			t.Errorf("verdict %s %v, error %v; want invalid with the reason", s.Verdict, s.Reasons, err)
		}
		b.wantUndone(t)
	})
}

func TestAnErrorHalfWayThroughAFaultLeavesNothingInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, spoil := range map[string]func(*bench){
			"the act took effect and failed": func(b *bench) { b.site.cluster.act = errors.New("connection lost") },
			"the fault failed after it":      func(b *bench) { b.fault = stand{fail: errors.New("lost the thread")} },
		} {
			b := newBench(t)
			spoil(b)
			if s, err := b.run(t, t.Context()); err != nil || s.Verdict != seatrial.Invalid {
				t.Errorf("%s: verdict %s, error %v; want invalid", name, s.Verdict, err)
			}
			b.wantUndone(t)
		}
	})
}

func TestARevertIsTriedUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.site.cluster.reverts = []error{errors.New("away"), errors.New("still away")}
		if s, err := b.run(t, t.Context()); err != nil || s.Verdict != seatrial.Pass {
			t.Errorf("verdict %s %v, error %v; want pass", s.Verdict, s.Reasons, err)
		}
		b.wantUndone(t)
	})
}

func TestWhatCannotBeUndoneStaysInTheLedgerAndIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for range 20 {
			b.site.cluster.reverts = append(b.site.cluster.reverts, errors.New("away"))
		}
		_, err := b.run(t, t.Context())
		if !errors.Is(err, ErrInForce) {
			t.Errorf("error %v, want ErrInForce", err)
		}
		if refs, err := Ledgers(b.dir); err != nil || len(refs) != 1 {
			t.Errorf("ledgers %v, %v; want the cluster's", refs, err)
		}
	})
}

func TestWithoutASteadyStateNothingIsInjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.site.sick = func(time.Duration) bool { return true }
		s, err := b.run(t, t.Context())
		if err != nil || s.Verdict != seatrial.Invalid {
			t.Errorf("verdict %s, error %v; want invalid", s.Verdict, err)
		}
		if slices.Contains(b.site.cluster.log, "act node/w1") {
			t.Error("a fault was injected all the same")
		}
		b.wantUndone(t)
	})
}

func TestASteadyStateThatDoesNotComeBackFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.site.sick = func(due time.Duration) bool { return due > 25*time.Second }
		s, err := b.run(t, t.Context())
		if err != nil || s.Verdict != seatrial.Failed {
			t.Errorf("verdict %s %v, error %v; want fail", s.Verdict, s.Reasons, err)
		}
		if took := b.site.clock.Now(); took < 60*time.Second {
			t.Errorf("gave up after %s, before the recovery time was over", took)
		}
	})
}

func TestAnInterruptUndoesAndStillReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithTimeout(t.Context(), 18*time.Second) // in the middle of the fault
		defer cancel()
		s, err := b.run(t, ctx)
		if err == nil || s.Verdict != seatrial.Invalid || s.Load.Sent == 0 {
			t.Errorf("verdict %s with %d sent, error %v; want invalid, with what was measured", s.Verdict, s.Load.Sent, err)
		}
		if !slices.Contains(b.site.cluster.log, "act node/w1") {
			t.Error("the interrupt came before the fault: this test proves nothing")
		}
		b.wantUndone(t)
	})
}

func TestAFaultThatCannotHitAnythingIsRefusedBeforeTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.fault = podFault{}
		s, err := b.run(t, t.Context())
		var known *seatrial.Error
		if !errors.As(err, &known) || known.Class != seatrial.BadInput || s.Load.Planned > 0 || s.Verdict != seatrial.Invalid {
			t.Errorf("error %v, verdict %s, %d planned; want wrong input before any load", err, s.Verdict, s.Load.Planned)
		}
		b.wantUndone(t)
	})
}

type podFault struct{}

func (podFault) Run(ctx context.Context, env seatrial.Env) error {
	_, err := env.Arm(ctx, seatrial.DeletePod{Namespace: "default", Name: "a"})
	return err
}

func TestTheNextRunUndoesWhatADeadOneLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		left, err := OpenLedger(b.dir, b.site.cluster.Ref())
		if err != nil {
			t.Fatal(err)
		}
		mustArm(t, left, freeze("w2"))
		b.site.cluster.inForce["node/w2"] = true
		if err := left.lock.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.run(t, t.Context()); err != nil {
			t.Fatal(err)
		}
		if b.site.cluster.log[0] != `revert node/w2 to {"id":"x"}` {
			t.Errorf("first step %q, want the revert", b.site.cluster.log[0])
		}
		b.wantUndone(t)
	})
}

func TestAPlanListsTheTargetsAndTouchesNothing(t *testing.T) {
	b := newBench(t)
	spec := seatrial.Spec{Faults: []seatrial.FaultSpec{
		{Name: "f", Kind: "stand", At: time.Second, Fault: stand{}}, {Name: "p", Kind: "pod", Fault: podFault{}}}}
	hits, err := Plan(t.Context(), seatrial.Trial{Spec: spec}, b.site.clock, b.site.Cluster, 1)
	if err != nil || len(hits) != 2 || hits[0].Target != "node/w1" || hits[0].Refuse != nil || hits[1].Refuse == nil {
		t.Errorf("plan %+v, %v; want w1 to be hit and the pod refused", hits, err)
	}
	if len(b.site.cluster.log) > 0 {
		t.Errorf("a plan did %q", b.site.cluster.log)
	}
}

func TestATrialWithoutAFolderForLedgersKeepsThemInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		t.Chdir(b.dir)
		b.dir = ""
		s, err := b.run(t, t.Context())
		if err != nil || s.Verdict != seatrial.Pass {
			t.Errorf("verdict %s %v, error %v; want pass", s.Verdict, s.Reasons, err)
		}
		b.wantUndone(t)
		if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
			t.Errorf("files %v, %v; want none", files, err)
		}
	})
}

func TestAPlanOnASiteOfItsOwnDeploysFirst(t *testing.T) {
	b := newBench(t)
	spec := seatrial.Spec{Clusters: []seatrial.ClusterSpec{{}}, Faults: []seatrial.FaultSpec{{Name: "f", Kind: "stand", At: time.Second, Fault: stand{}}}}
	hits, err := PlanOn(t.Context(), seatrial.Trial{Spec: spec}, b.site, 1)
	if err != nil || len(hits) != 1 || hits[0].Target != "node/w1" {
		t.Errorf("plan %+v, %v; want w1 to be hit", hits, err)
	}
	if want := []string{"reset", "apply"}; !slices.Equal(b.site.cluster.log, want) {
		t.Errorf("a plan did %q, want %q", b.site.cluster.log, want)
	}
}
