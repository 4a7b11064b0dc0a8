// Node builds seatrial's kind node image on a machine without any container
// registry: Kubernetes and all that a node needs come from the Go module proxy
// and from Debian's packages.
//
//	hack/docker-up
//	go run ./images/node
//	kind create cluster --image seatrial/node:v1.37.1
//
// The work is a list of parts. Each is named by a hash of its inputs and kept in
// ~/.cache/seatrial/node-image, so that only what changed is built again; an
// interrupted build continues where it stopped. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	tag := flag.String("tag", defaultTag, "name of the image to build")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *tag)
	if ctx.Err() != nil { // then err only says which command died of it
		err = hinted(errors.New("interrupted"), "run it again: finished parts are kept")
	}
	if err != nil {
		printError(os.Stderr, err)
		os.Exit(1)
	}
}

// run brings the image up to date and says on stderr what it does.
func run(ctx context.Context, tag string) error {
	if err := demandDocker(ctx); err != nil {
		return err
	}
	goVersion, err := output(ctx, command{"go", "env", "GOVERSION"})
	if err != nil {
		return hinted(err, "install Go (see go.mod for the version) and put it on the PATH")
	}
	parts := plan(goVersion)
	hash := parts[len(parts)-1].hash()
	if labelOf(ctx, tag) == hash {
		fmt.Fprintf(os.Stderr, "%s is up to date (inputs %.12s)\n", tag, hash)
		return nil
	}
	if err := prepareHost(ctx); err != nil {
		return err
	}
	c, err := openCache()
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.buildAll(ctx, parts); err != nil {
		return err
	}
	return installNode(ctx, c, parts, tag, hash)
}
