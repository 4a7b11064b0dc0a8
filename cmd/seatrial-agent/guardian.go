package main

import (
	"context"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

func runGuardian(ctx context.Context, args []string) error { return guardian.Main(ctx, args) }
