package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/cluster/kind"
)

func planCommand() *cobra.Command {
	b := &backend.Backend{}
	var seed uint64
	var files []string
	c := &cobra.Command{
		Use:   "plan SCENARIO",
		Short: "Show what would be hit, and when; touches nothing",
		Long: `Show what would be hit, and when; touches nothing.

On the simulator these are the targets that the trial of the same seed chooses.
On kind, targets can be told where a cluster of the right shape runs with the
workload on it (seatrial run --keep); elsewhere they are chosen when the trial
runs.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b.Log = stderrLog(c)
			if err := b.Check(); err != nil {
				return err
			}
			all, err := loadAll(c, b, args, files)
			if err != nil {
				return err
			}
			return printPlan(c, b, all[0], seed)
		},
	}
	onFlag(c, b)
	imageFlags(c, b)
	manifestsFlag(c, &files)
	c.Flags().Uint64Var(&seed, "seed", 1, "what random choices start from")
	return c
}

func printPlan(c *cobra.Command, b *backend.Backend, sc *seatrial.Scenario, seed uint64) error {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s: %s\n", sc.Name, sc.Description)
	for _, t := range sc.Variants {
		l := t.Spec.Timeline
		fmt.Fprintf(out, "\n%s (expected: %s), at most %s\n", t.Variant, t.Expect, l.Warmup+l.Trial+l.Recovery)
		if t.Spec.Front != nil {
			fmt.Fprintf(out, "  front  %s\n", t.Spec.Front)
		}
		for _, load := range t.Spec.Loads {
			fmt.Fprintf(out, "  load   %s: %s to %s by %d users\n", load.Name, load.RateWords(), load.TargetWords(), load.Users)
		}
		if err := printHits(c.Context(), c, b, t, seed); err != nil {
			return err
		}
	}
	return nil
}

func printHits(ctx context.Context, c *cobra.Command, b *backend.Backend, t seatrial.Trial, seed uint64) error {
	hits, err := b.Hits(ctx, t, seed)
	if errors.Is(err, kind.ErrGone) {
		for _, f := range t.Spec.Faults {
			fmt.Fprintf(c.OutOrStdout(), "  fault  %s at %s for %s: %s; no cluster runs yet, so its targets are chosen in the trial\n",
				f.Name, f.At, f.For, f.Kind)
		}
		return nil
	}
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, h := range hits {
		what := h.Action + " " + h.Target
		if h.Action == "" {
			what = "targets are chosen in the trial"
		}
		if h.Refuse != nil {
			what += ": " + h.Refuse.Error()
		}
		fmt.Fprintf(table, "  fault  %s\tat %s\tfor %s\t%s\t%s\n", h.Fault, h.At, h.For, h.Kind, what)
	}
	return table.Flush()
}
