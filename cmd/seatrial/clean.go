package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
)

func cleanCommand() *cobra.Command {
	var out string
	var keep int
	c := &cobra.Command{
		Use:   "clean",
		Short: "Remove old run folders",
		Long: `Remove old run folders, but the latest of each scenario, and say which.

A folder that is not named as those of runs are is left alone.`,
		Example: `  seatrial clean --keep 3`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if keep < 0 {
				return seatrial.Fail(seatrial.BadInput, fmt.Errorf("--keep %d", keep), "use 0 or more")
			}
			old, err := oldRuns(out, keep)
			for _, folder := range old {
				if removed := os.RemoveAll(folder); removed != nil {
					err = errors.Join(err, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("removing a run: %w", removed), "check the permissions of "+out))
					continue
				}
				fmt.Fprintln(c.OutOrStdout(), folder)
			}
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "runs", "folder of the run folders")
	c.Flags().IntVar(&keep, "keep", 5, "how many of each scenario stay")
	return c
}

// oldRuns lists the runs of each scenario but the latest, the oldest first.
func oldRuns(out string, keep int) ([]string, error) {
	scenarios, err := os.ReadDir(out)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading the folder of runs: %w", err), "--out names it")
	}
	var old []string
	for _, s := range scenarios {
		if !s.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(out, s.Name()))
		if err != nil {
			return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading the runs of %s: %w", s.Name(), err), "check its permissions")
		}
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() || !backend.IsRunName(e.Name()) })
		for _, e := range entries[:max(0, len(entries)-keep)] {
			old = append(old, filepath.Join(out, s.Name(), e.Name()))
		}
	}
	return old, nil
}
