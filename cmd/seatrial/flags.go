package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/scenarios"
)

func onFlag(c *cobra.Command, b *backend.Backend) {
	c.Flags().StringVar(&b.On, "on", backend.Sim, "backend: "+backend.Names)
}

func imageFlags(c *cobra.Command, b *backend.Backend) {
	c.Flags().StringVar(&b.NodeImage, "node-image", "", "with --on kind: node image (default: the local seatrial/node, else kindest/node)")
	c.Flags().StringVar(&b.AgentImage, "agent-image", "", "with --on kind: seatrial-agent binary for Linux to make the agent's image of (default: a release's, else built)")
}

// checkKind refuses what is not kind, for commands that are about clusters
// which outlive a run.
func checkKind(b *backend.Backend, command string) error {
	if b.On != backend.Sim {
		return b.Check()
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s is for kind: a simulated cluster ends with its trial and leaves nothing", command),
		"leave out --on "+backend.Sim)
}

// manifestsFlag is for objects from elsewhere.
func manifestsFlag(c *cobra.Command, paths *[]string) {
	c.Flags().StringArrayVar(paths, "manifests", nil, "a file of more manifests, or - for standard input (repeatable)")
}

// manifests reads them, and notes in b how to say so again.
func manifests(c *cobra.Command, b *backend.Backend, paths []string) ([]scenarios.Manifests, error) {
	var all []scenarios.Manifests
	var said []string
	for _, path := range paths {
		m := scenarios.Manifests{Name: path}
		var err error
		if path == "-" {
			m.Name = "standard input"
			m.Text, err = io.ReadAll(c.InOrStdin())
		} else {
			m.Text, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading --manifests: %w", err), "name a file, or - for standard input")
		}
		all, said = append(all, m), append(said, "--manifests "+backend.Quoted(path))
	}
	b.Arguments = strings.Join(said, " ")
	return all, nil
}

// stderrLog prints progress for people.
func stderrLog(c *cobra.Command) func(string, ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...)
	}
}

// format checks --format against what the command offers.
func format(value string, offered ...string) error {
	if slices.Contains(offered, value) {
		return nil
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("--format %s is not offered here", value),
		"use one of: "+strings.Join(offered, ", "))
}

// atLeastOne is cobra.MinimumNArgs with a hint.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s needs a %s", c.CommandPath(), what),
			"see `"+c.CommandPath()+" --help`")
	}
}

// loadAll reads every scenario before anything is run, so that a typo in the last
// one does not come to light after an hour, and tells their warnings.
// More manifests, from the files that --manifests names, join each.
func loadAll(c *cobra.Command, b *backend.Backend, paths, files []string) ([]*seatrial.Scenario, error) {
	more, err := manifests(c, b, files)
	if err != nil {
		return nil, err
	}
	var all []*seatrial.Scenario
	for _, path := range onlyScenarios(paths, b.Log) {
		sc, err := scenarios.Load(path, faults.Catalog(), more...)
		if err != nil {
			return nil, err
		}
		for _, w := range sc.Warnings {
			b.Log("warning: %s", w)
		}
		all = append(all, sc)
	}
	return all, nil
}

// onlyScenarios leaves out the manifests that a pattern such as scenarios/*.yaml
// takes along. A file that is named alone is taken at its word.
func onlyScenarios(paths []string, log func(string, ...any)) []string {
	if len(paths) == 1 {
		return paths
	}
	kept := slices.DeleteFunc(slices.Clone(paths), scenarios.IsManifest)
	if n := len(paths) - len(kept); n > 0 && len(kept) > 0 {
		log("%d of %d files are manifests and no scenarios: left out", n, len(paths))
		return kept
	}
	return paths
}

// style is colour for a terminal that did not ask for none (no-color.org).
func (f *runFlags) style(c *cobra.Command) report.Style {
	return report.Style{Color: isTerminal(c.OutOrStdout()) && os.Getenv("NO_COLOR") == ""}
}
