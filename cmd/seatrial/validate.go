package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
	"github.com/seatrial/seatrial/schema"
)

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check scenario files, every variant whole",
		Args:  atLeastOne("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			var errs []error
			for _, path := range onlyScenarios(args, stderrLog(c)) {
				sc, err := scenarios.Load(path, faults.Catalog())
				if err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: valid, %d variant(s)\n", path, len(sc.Variants))
				for _, w := range sc.Warnings {
					fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
				}
			}
			return errors.Join(errs...)
		},
	}
}

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init MANIFEST…",
		Short: "Write a first scenario for manifests, to standard output",
		Long: `Write a first scenario for manifests, to standard output.

It has a load on each Service that a workload of theirs stands behind, a fault that
strikes it, and a remedy beside it. Stand in the folder that the scenario is to lie
in: manifests lie there or below.`,
		Example: `  seatrial init shop.yaml > trial.yaml && seatrial run trial.yaml`,
		Args:    atLeastOne("MANIFEST"),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := scenarios.Draft(args)
			if err == nil {
				_, err = c.OutOrStdout().Write(text)
			}
			return err
		},
	}
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files, for editors",
		Long: `Print the JSON Schema of scenario files, for editors.

An editor with yaml-language-server takes it from a file's first line:

  # yaml-language-server: $schema=scenario.json

It knows fields, types and units; what has to fit together, validate knows.`,
		Example: `  seatrial schema > scenario.json`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(schema.Scenario)
			return err
		},
	}
}

func faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults [NAME]",
		Short: "List the faults, or document one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, b := range faults.Catalog() {
				if len(args) == 0 {
					fmt.Fprintf(c.OutOrStdout(), "%-15s %s\n", b.Name, b.Summary)
				} else if b.Name == args[0] {
					fmt.Fprint(c.OutOrStdout(), faults.Doc(b))
					return nil
				}
			}
			if len(args) == 0 {
				return nil
			}
			return seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no fault %q", args[0]), "`seatrial faults` lists them")
		},
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and how it was built",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "seatrial "+backend.Release())
			return err
		},
	}
}
