package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/cluster/kind"
)

func clustersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "clusters",
		Short: "The kind clusters that seatrial keeps: list, create, delete",
		Long: `The kind clusters that seatrial keeps: list, create, delete.

This is for --on kind: a simulated cluster ends with its trial.`,
		Args: cobra.NoArgs,
		RunE: listClusters,
	}
	list := &cobra.Command{Use: "list", Short: "List them", Args: cobra.NoArgs, RunE: listClusters}
	c.AddCommand(list, createClusterCommand(), deleteClusterCommand())
	return c
}

func listClusters(c *cobra.Command, _ []string) error {
	all, err := kind.List(c.Context())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(c.ErrOrStderr(), "no clusters")
		return nil
	}
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tWORKERS\tHEALTHY\tCREATED")
	for _, i := range all {
		fmt.Fprintf(table, "%s\t%d\t%t\t%s\n", i.Name, i.Workers, i.Healthy, i.Created.Format(time.RFC3339))
	}
	return table.Flush()
}

func createClusterCommand() *cobra.Command {
	b := &backend.Backend{On: backend.Kind}
	var shape seatrial.ClusterSpec
	c := &cobra.Command{
		Use:   "create",
		Short: "Boot a cluster ahead of its first trial",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b.Log = stderrLog(c)
			info, err := b.Create(c.Context(), shape)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), info.Name)
			return err
		},
	}
	imageFlags(c, b)
	c.Flags().IntVar(&shape.Workers, "workers", 3, "nodes for the workload")
	return c
}

func deleteClusterCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "delete NAME… | --all",
		Short: "Delete clusters that seatrial booted",
		RunE: func(c *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return seatrial.Fail(seatrial.BadInput, fmt.Errorf("name the clusters, or say --all"), "`seatrial clusters` lists them")
			}
			if all {
				infos, err := kind.List(c.Context())
				if err != nil {
					return err
				}
				for _, i := range infos {
					names = append(names, i.Name)
				}
			}
			for _, name := range names {
				if err := kind.Delete(c.Context(), name); err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), "deleted "+name)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every one that seatrial keeps")
	return c
}
