// Package app is the sample application that scenarios put under load: an HTTP
// server whose service time, start-up and farewell are chosen by flags. The
// flags stand in the pod's manifest, where the simulator reads them with the
// same [ParseFlags]:
//
//	args: [app, --service-time=lognormal:5ms:0.5, --startup=2s, --on-sigterm=drain]
//
// It answers /livez and /readyz as probes ask, and everything else with a
// small JSON object after the service time. Every answer names its pod in
// X-Served-By, and its node in X-Served-On where the environment has
// NODE_NAME.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Run serves until the context ends, or until the application has done what
// [Config.Terminate] says about a signal on terminate: both are a nil error.
// Several signals count as one.
func Run(ctx context.Context, c Config, terminate <-chan os.Signal) (err error) {
	release, err := hold(c.Memory)
	if err != nil {
		return fmt.Errorf("starting the sample application: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if c.Terminate == Ignore {
		terminate = nil
	}
	if ended := pause(ctx, terminate, c.Startup); ended {
		return nil
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("starting the sample application: %w", err)
	}
	return serve(ctx, c, listener, terminate)
}

// pause reports whether the context or a signal ended it before d had passed.
func pause[T any](ctx context.Context, ended <-chan T, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-ended:
	case <-ctx.Done():
	}
	return true
}

func serve(ctx context.Context, c Config, listener net.Listener, terminate <-chan os.Signal) error {
	h := newHandler(c, time.Now())
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving the sample application: %w", err)
	case <-ctx.Done():
		return errors.Join(server.Close(), closed(<-served))
	case <-terminate:
	}
	if c.Terminate == Drain {
		h.draining.Store(true)
		// Endpoints take a while to hear of it; until then, and for
		// connections that are kept alive, there is still an answer.
		pause[struct{}](ctx, nil, c.DrainTime)
		if err := server.Shutdown(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("draining the sample application: %w", err)
		}
	}
	return errors.Join(server.Close(), closed(<-served))
}

// closed drops the error with which a server ends that was told to.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
