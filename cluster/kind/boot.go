package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/seatrial/seatrial"
)

// bootTimeout bounds kubeadm's and the nodes' readiness; a boot takes half a
// minute on two cores.
const bootTimeout = 5 * time.Minute

func provider(o Options) *cluster.Provider {
	return cluster.NewProvider(cluster.ProviderWithDocker(), cluster.ProviderWithLogger(kindLog{o.log}))
}

// boot creates the cluster name. When that fails, the nodes' logs go to
// o.Artifacts and nothing is left.
func boot(ctx context.Context, name string, s shape, o Options) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	kubeconfig, err := stateFile(name, ".kubeconfig")
	if err != nil {
		return err
	}
	if hint := inotifyHint(s.machines()); hint != "" {
		o.log("warning: %s", hint)
	}
	o.log("booting cluster %s: a control plane, %d workers and the agents' node, from %s", name, s.workers, s.image.name)
	if s.spares > 0 {
		o.log("%d more nodes are booted and held back, for faults that let nodes join", s.spares)
	}
	if kept := others(ctx, name); kept != "" {
		o.log("these are kept too, and use memory: %s; `seatrial clusters delete NAME` removes one", kept)
	}
	begun := time.Now()
	err = create(ctx, name, o,
		cluster.CreateWithRawConfig(config),
		cluster.CreateWithKubeconfigPath(kubeconfig),
		cluster.CreateWithRetain(true), // for the logs; remove deletes it then
		cluster.CreateWithWaitForReady(bootTimeout),
	)
	if err != nil {
		err = fmt.Errorf("booting cluster %s: %w", name, err)
		if ctx.Err() != nil {
			return errors.Join(err, abandon(ctx, name, o))
		}
		return seatrial.Fail(seatrial.Infrastructure, errors.Join(err, abandon(ctx, name, o)),
			"the nodes' logs say more; `seatrial clusters` lists what is there")
	}
	if err := errors.Join(preferAgents(ctx, name, s), resize(ctx, name, s, o)); err != nil {
		return errors.Join(err, abandon(ctx, name, o))
	}
	o.log("cluster %s booted in %v", name, time.Since(begun).Round(100*time.Millisecond))
	return nil
}

// agentsShares is the CPU weight of the agents' node; Docker gives each other
// node 1024. Where cores are scarce the generator goes first: the delay that it
// adds itself would count as the system's.
const agentsShares = "8192"

// preferAgents weights the agents' node, and the control plane where workers
// are made to be full.
func preferAgents(ctx context.Context, name string, s shape) error {
	shares := map[string]string{agentsNode(name, s.workers): agentsShares}
	if s.size.CPU > 0 {
		shares[name+"-control-plane"] = controlShares
	}
	for node, weight := range shares {
		if _, err := docker(ctx, "update", "--cpu-shares", weight, node); err != nil {
			return fmt.Errorf("giving node %s more CPU weight: %w", node, err)
		}
	}
	return nil
}

// agentsNode is the node that kind boots last, named after its place among the
// workers.
func agentsNode(name string, workers int) string { return fmt.Sprintf("%s-worker%d", name, workers+1) }

// others names the other clusters that seatrial keeps; a failure to tell is no
// reason not to boot.
func others(ctx context.Context, name string) string {
	all, err := containers(ctx, "label="+labelCluster)
	if err != nil {
		return ""
	}
	var names []string
	for _, c := range all {
		if n := c.Config.Labels[labelCluster]; n != name {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// create is kind's Create with a context: kind has no way to be interrupted,
// but it fails as soon as its containers are gone.
func create(ctx context.Context, name string, o Options, options ...cluster.CreateOption) error {
	p := provider(o)
	created := make(chan error, 1)
	go func() { created <- p.Create(name, options...) }()
	select {
	case err := <-created:
		return err
	case <-ctx.Done():
		o.log("interrupted: removing cluster %s", name)
		err := removeNodes(name, o)
		<-created // fails, as its containers are gone
		return errors.Join(ctx.Err(), err)
	}
}

// abandon collects logs of a cluster that did not come up, and deletes it.
func abandon(ctx context.Context, name string, o Options) error {
	if o.Artifacts != "" && ctx.Err() == nil {
		salvage(name, o.Artifacts, o)
	}
	if o.KeepOnFailure {
		o.log("keeping what is left of cluster %s", name)
		return nil
	}
	return remove(context.WithoutCancel(ctx), name, o)
}

// salvage collects what logs there are: of nodes that did not come up, many are
// missing. What is missing stands beside them, one line each.
func salvage(name, folder string, o Options) {
	err := collect(name, folder, o)
	if err == nil {
		return
	}
	o.log("not all of the nodes' logs could be collected; what there is lies in %s", folder)
	missing := strings.ReplaceAll(err.Error(), "], [", "],\n[") + "\n"
	if err := os.WriteFile(filepath.Join(folder, "missing.txt"), []byte(missing), 0o644); err != nil {
		o.log("%v", err)
	}
}

func collect(name, folder string, o Options) error {
	if err := provider(o).CollectLogs(name, folder); err != nil {
		return fmt.Errorf("collecting the nodes' logs: %w", err)
	}
	o.log("the nodes' logs are in %s", folder)
	return nil
}

// remove deletes a cluster with all that seatrial has of it: nodes, guardian,
// kubeconfig.
func remove(ctx context.Context, name string, o Options) error {
	errs := []error{removeNodes(name, o), removeGuardian(ctx, name)}
	kubeconfig, err := stateFile(name, ".kubeconfig")
	if err == nil {
		err = os.Remove(kubeconfig)
	}
	if !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func removeNodes(name string, o Options) error {
	kubeconfig, err := stateFile(name, ".kubeconfig")
	if err != nil {
		return err
	}
	if err := provider(o).Delete(name, kubeconfig); err != nil {
		return fmt.Errorf("deleting cluster %s: %w", name, err)
	}
	return nil
}

// restConfig is the way to the API server. It was kept at boot, because asking
// the node for it needs a node that runs; where the state folder is another
// one, the node is asked.
func restConfig(name string, o Options) (*rest.Config, error) {
	path, err := stateFile(name, ".kubeconfig")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		var asked string
		asked, err = provider(o).KubeConfig(name, false)
		text = []byte(asked)
	}
	if err != nil {
		return nil, fmt.Errorf("finding the kubeconfig of cluster %s: %w", name, err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", name, err)
	}
	return config, nil
}

// kindLog passes kind's progress on, a line each, without its decoration.
type kindLog struct {
	log func(format string, args ...any)
}

func (l kindLog) Warn(message string)               { l.Info(message) }
func (l kindLog) Warnf(format string, args ...any)  { l.Infof(format, args...) }
func (l kindLog) Error(message string)              { l.Info(message) }
func (l kindLog) Errorf(format string, args ...any) { l.Infof(format, args...) }
func (l kindLog) Enabled() bool                     { return true }
func (l kindLog) Infof(format string, args ...any)  { l.Info(fmt.Sprintf(format, args...)) }
func (l kindLog) V(level log.Level) log.InfoLogger {
	if level > 0 {
		return log.NoopInfoLogger{}
	}
	return l
}

// Info drops kind's marks that a step has ended well, and its pictures.
func (l kindLog) Info(message string) {
	message = strings.TrimSpace(message)
	if strings.HasPrefix(message, "✓") {
		return
	}
	if rest, ok := strings.CutPrefix(message, "✗"); ok {
		message = "failed: " + rest
	}
	text := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, message)
	if words := strings.Fields(text); len(words) > 0 {
		l.log("kind: %s", strings.TrimSuffix(strings.Join(words, " "), " ..."))
	}
}
