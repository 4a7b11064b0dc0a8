package kind

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// machines are the workers' containers, by name. Those that are not held back
// are nodes.
type machines interface {
	// list names them in the order of their boot.
	list(ctx context.Context) ([]string, error)
	// ready prepares one that may have to be held back soon.
	ready(ctx context.Context, machine string) error
	// condemn keeps its kubelet from being started again. It works on a machine
	// that is frozen, too.
	condemn(ctx context.Context, machine string) error
	// hold takes away whatever runs, and keeps the machine back.
	hold(ctx context.Context, machine string) error
	// join makes a machine that is held back the node of that name.
	join(ctx context.Context, machine, node string) error
	// held: the machine is held back, or has not quite become a node yet.
	held(ctx context.Context, machine string) (bool, error)
}

// containerMachines does it through Docker.
type containerMachines struct {
	cluster string
	link    *link
}

//go:embed machine.sh
var machineScript string

// run runs a function of the script in a machine.
func (m containerMachines) run(ctx context.Context, machine string, input []byte, words ...string) error {
	args := append([]string{"exec", "--interactive", machine, "bash", "-c", machineScript, "bash"}, words...)
	if _, err := dockerWith(ctx, bytes.NewReader(input), args...); err != nil {
		return fmt.Errorf("%s on machine %s: %w", words[0], machine, err)
	}
	return nil
}

func (m containerMachines) list(ctx context.Context) ([]string, error) {
	nodes, err := nodesOf(ctx, m.cluster)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, n := range nodes {
		if !n.controlPlane() {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return ordinal(a) - ordinal(b) })
	return names, nil
}

// ordinal is a machine's place among the workers: kind names them worker,
// worker2, worker3.
func ordinal(machine string) int {
	number := machine[strings.LastIndex(machine, "-worker")+len("-worker"):]
	n, err := strconv.Atoi(number)
	if err != nil {
		return 1
	}
	return n
}

func (m containerMachines) ready(ctx context.Context, machine string) error {
	return m.run(ctx, machine, nil, "ready")
}

// condemn copies the mark in from outside: nothing in the machine has to run.
func (m containerMachines) condemn(ctx context.Context, machine string) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := errors.Join(w.WriteHeader(&tar.Header{Name: path.Base(guardian.HeldMark), Mode: 0o600}), w.Close())
	if err == nil {
		_, err = dockerWith(ctx, &archive, "cp", "-", machine+":"+path.Dir(guardian.HeldMark))
	}
	if err != nil {
		return fmt.Errorf("condemning machine %s: %w", machine, err)
	}
	return nil
}

func (m containerMachines) hold(ctx context.Context, machine string) error {
	return m.run(ctx, machine, nil, "hold")
}

// join has the control plane's kubeadm sign credentials for that name.
func (m containerMachines) join(ctx context.Context, machine, node string) error {
	credentials, err := docker(ctx, "exec", m.cluster+"-control-plane", "kubeadm", "kubeconfig", "user",
		"--config=/kind/kubeadm.conf", "--client-name=system:node:"+node, "--org=system:nodes")
	if err != nil {
		return fmt.Errorf("signing the credentials of node %s: %w", node, err)
	}
	return m.run(ctx, machine, credentials, "join", node)
}

func (m containerMachines) held(ctx context.Context, machine string) (bool, error) {
	nodes, err := nodesOf(ctx, m.cluster)
	if err != nil {
		return false, err
	}
	n, err := pick(nodes, m.cluster, machine)
	if err != nil {
		return false, err
	}
	var s guardian.State
	err = m.link.ask(ctx, func(ctx context.Context, g *guardian.Client) (err error) {
		s, err = g.Status(ctx, n)
		return err
	})
	return s.Held, err
}
