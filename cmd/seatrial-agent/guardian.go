package main

import (
	"context"
	"os"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

func runHog(ctx context.Context, args []string) error { return guardian.RunHog(ctx, args, os.Stdin) }

func runGuardian(ctx context.Context, args []string) error { return guardian.Main(ctx, args) }
