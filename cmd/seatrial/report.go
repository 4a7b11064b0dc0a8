package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
)

func reportCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "report RUN…",
		Short: "Judge and render old runs again",
		Long: `Judge and render old runs again.

RUN is a run folder, or any folder above some. summary.json and report.html are
written anew; everything in them comes from journal.jsonl.

--format openmetrics prints all of them as one text that Prometheus and others
read: for node_exporter's textfile collector, a push gateway, or a file.`,
		Args: atLeastOne("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := format(f.format, "text", "json", "markdown", "junit", "openmetrics", "csv"); err != nil {
				return err
			}
			return f.report(c, args)
		},
	}
	c.Flags().StringVar(&f.format, "format", "text", "text, json (one object a line), markdown, junit, openmetrics or csv (a line for each 100 ms)")
	return c
}

func (f *runFlags) report(c *cobra.Command, args []string) error {
	var done []*report.Summary
	var kept []string
	var errs []error
	for _, root := range args {
		folders, err := trialFolders(root)
		if err != nil {
			return err
		}
		for _, folder := range folders {
			summary, err := report.WriteRun(folder)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			done, kept = append(done, summary), append(kept, folder)
			errs = append(errs, f.print(c, summary, folder))
		}
	}
	if f.format == "junit" {
		errs = append(errs, report.JUnit(c.OutOrStdout(), done))
	}
	if f.format == "openmetrics" {
		errs = append(errs, report.OpenMetrics(c.OutOrStdout(), kept))
	}
	if f.format == "csv" {
		errs = append(errs, report.CSV(c.OutOrStdout(), kept))
	}
	return outcome(c.Context(), done, errors.Join(errs...))
}

// trialFolders finds the trials at or below a folder.
func trialFolders(root string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "journal.jsonl" {
			folders = append(folders, filepath.Dir(path))
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no run at %s", root), "name a folder that `seatrial run` made, such as runs/")
	}
	if err == nil && len(folders) == 0 {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("no journal.jsonl at or below %s", root), "name a folder that `seatrial run` made, such as runs/")
	}
	return folders, err
}
