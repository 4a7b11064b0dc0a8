package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/app"
)

// runLoad is one attack: it ends when the client has every record of it, or on
// SIGTERM.
func runLoad(ctx context.Context, args []string) error {
	address, err := listenFlag(args)
	if err != nil {
		return err
	}
	token := os.Getenv(seatrial.AgentTokenEnv)
	if token == "" {
		return fmt.Errorf("load: %s is not set: whoever has it may give orders; %w", seatrial.AgentTokenEnv, errUsage)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("starting the load agent: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return load.NewAgent(token).Serve(ctx, listener)
}

// runApp leaves SIGTERM to the application's own flags.
func runApp(ctx context.Context, args []string) error {
	config, err := app.ParseFlags(args)
	if err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(terminate)
	return app.Run(ctx, config, terminate)
}
