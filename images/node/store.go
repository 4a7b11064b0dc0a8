package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// storePart fills a containerd content store with every image of the table, so
// that nodes never ask a registry. The containerd just built does it, beside
// whatever else runs on this machine; no container is needed.
func storePart(needs []*part) *part {
	return &part{
		name:   "store",
		inputs: []string{fmt.Sprintf("%+v", images), source("store.go"), source("archive.go")},
		needs:  slices.Clone(needs),
		build:  buildStore,
	}
}

func buildStore(ctx context.Context, env buildEnv) error {
	if err := demandKubeadmImages(ctx, env.path("kubeadm", "kubeadm")); err != nil {
		return err
	}
	stop, socket, err := startContainerd(ctx, env)
	if err != nil {
		return err
	}
	for _, i := range images {
		if err = importImage(ctx, env, socket, i); err != nil {
			break
		}
	}
	return errors.Join(err, stop())
}

// demandKubeadmImages compares the table with what kubeadm will ask for. The
// pause image is kind's affair: its containerd config names another one.
func demandKubeadmImages(ctx context.Context, kubeadm string) error {
	out, err := output(ctx, command{kubeadm, "config", "images", "list", "--kubernetes-version", kubernetesVersion})
	if err != nil {
		return fmt.Errorf("asking kubeadm for its images: %w", err)
	}
	for _, ref := range strings.Fields(out) {
		has := func(i image) bool { return slices.Contains(i.Refs, ref) }
		if !slices.ContainsFunc(images, has) {
			return hinted(fmt.Errorf("kubeadm needs the image %s, which the table lacks", ref), "correct the versions in images/node/plan.go")
		}
	}
	return nil
}

// containerdConfig keeps to what importing takes: no CRI, no snapshots.
const containerdConfig = `version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.podsandbox.controller.v1.podsandbox",
]
[grpc]
address = %q
[ttrpc]
address = %q
`

// startContainerd runs containerd on a root folder within the part. Its socket
// lies under /tmp, since a socket's path holds 107 bytes at most.
func startContainerd(ctx context.Context, env buildEnv) (stop func() error, socket string, err error) {
	run, err := os.MkdirTemp("", "seatrial-containerd-")
	if err != nil {
		return nil, "", fmt.Errorf("making a folder for containerd: %w", err)
	}
	socket = filepath.Join(run, "grpc.sock")
	config := filepath.Join(run, "config.toml")
	text := fmt.Sprintf(containerdConfig, filepath.Join(env.dir, "containerd"), filepath.Join(run, "state"), socket, filepath.Join(run, "ttrpc.sock"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, "", fmt.Errorf("writing containerd's config: %w", err)
	}
	var log strings.Builder
	cmd := command{env.path("containerd", "containerd"), "--config", config}.cmd(ctx)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("starting containerd: %w", err)
	}
	stop = func() error { return errors.Join(end(cmd), os.RemoveAll(run)) }
	ctr := command{env.path("ctr", "ctr"), "--address", socket, "--connect-timeout", "30s", "namespaces", "list"}
	if err := awaitSocket(ctx, socket, ctr); err != nil {
		err = errors.Join(err, stop())
		return nil, "", fmt.Errorf("%w%s", err, tail(log.String(), 10))
	}
	return stop, socket, nil
}

// awaitSocket waits until containerd serves; ctr alone does not wait for a socket
// that is not there yet.
func awaitSocket(ctx context.Context, socket string, probe command) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; {
		if _, err := os.Stat(socket); err == nil {
			return quietly(probe.cmd(ctx))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.Join(errors.New("containerd did not start within a minute"), ctx.Err())
}

// end stops a process that ends on SIGTERM.
func end(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping containerd: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("containerd: %w", err)
	}
	return nil
}

// importImage streams one image into the store as kind does it: pinned, so that
// kubelets never collect it, and not unpacked, since snapshots cannot be baked in.
func importImage(ctx context.Context, env buildEnv, socket string, i image) error {
	layers, err := i.layers(env)
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Refs[0], err)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeImage(w, i.Refs, i.process(), layers...)) }()
	cmd := command{env.path("ctr", "ctr"), "--address", socket, "--namespace", "k8s.io", "images", "import",
		"--local", "--no-unpack", "--digests", "--label", "io.cri-containerd.pinned=pinned", "-"}.cmd(ctx)
	cmd.Stdin = r
	if err := errors.Join(quietly(cmd), r.Close()); err != nil {
		return fmt.Errorf("importing %s: %w", i.Refs[0], err)
	}
	return nil
}

// searchPath is the PATH of containers and nodes.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// process is how a container of the image starts.
func (i image) process() process {
	return process{
		Entrypoint: i.Entrypoint,
		Env:        []string{"PATH=" + searchPath},
	}
}

// layers are what lies beneath the binary, and the binary.
func (i image) layers(env buildEnv) ([][]byte, error) {
	var layers [][]byte
	if part, name, ok := strings.Cut(i.Extra, "/"); ok {
		beneath, err := os.ReadFile(env.path(part, name))
		if err != nil {
			return nil, fmt.Errorf("reading the layer beneath: %w", err)
		}
		layers = append(layers, beneath)
	}
	if i.Program == "" {
		return layers, nil
	}
	binary, err := tarOf([]file{{path: i.Path, mode: 0o755, source: env.path(i.Program, i.Program)}})
	return append(layers, binary), err
}
