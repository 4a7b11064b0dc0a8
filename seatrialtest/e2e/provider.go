package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/e2e-framework/klient"
	"sigs.k8s.io/e2e-framework/support"
	"sigs.k8s.io/kind/pkg/cluster"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/cluster/kind"
)

// Provider gives a suite the cluster of kind that scenarios of the same shape run
// on: it is booted, or found from an earlier run, and a trial of [Feature] takes
// it, too. It asks for no command but Docker's. A trial resets the cluster: what
// a suite has deployed there does not outlive it.
//
// The zero Provider is a cluster of 3 workers, which goes with the suite.
type Provider struct {
	// Cluster is the shape, as in a scenario's clusters.
	Cluster seatrial.ClusterSpec
	// NodeImage is kind's node image; empty is the local seatrial/node, or else
	// kindest/node.
	NodeImage string
	// Keep leaves the cluster to the next run when the suite is over.
	Keep bool
	// Log is told how it goes; nil is nobody.
	Log func(format string, args ...any)

	name       string // kind's
	kubeconfig string // its file
}

var _ support.E2EClusterProvider = (*Provider)(nil)

// SetDefaults implements [support.E2EClusterProvider]; zero fields are defaults.
func (p *Provider) SetDefaults() support.E2EClusterProvider { return p }

// WithName is the suite's word for the cluster; its real name says its shape.
func (p *Provider) WithName(string) support.E2EClusterProvider { return p }

// WithPath does nothing: no command is run.
func (p *Provider) WithPath(string) support.E2EClusterProvider { return p }

// WithVersion asks for a version of Kubernetes, such as v1.37.1.
func (p *Provider) WithVersion(version string) support.E2EClusterProvider {
	p.Cluster.Kubernetes = version
	return p
}

// WithOpts applies options of the framework.
func (p *Provider) WithOpts(options ...support.ClusterOpts) support.E2EClusterProvider {
	for _, o := range options {
		o(p)
	}
	return p
}

// Create boots the cluster, or finds it, and returns the path of its kubeconfig.
func (p *Provider) Create(ctx context.Context, _ ...string) (string, error) {
	b := backend.Backend{On: backend.Kind, NodeImage: p.NodeImage, Log: p.Log}
	info, err := b.Create(ctx, p.Cluster)
	if err != nil {
		return "", err
	}
	p.name = info.Name
	return p.GenerateKubeconfig()
}

// CreateWithConfig is not offered: the shape of a cluster is in Cluster.
func (p *Provider) CreateWithConfig(context.Context, string) (string, error) {
	return "", seatrial.Fail(seatrial.BadInput, errors.New("seatrial's clusters take no configuration of kind"), "say the shape in Provider.Cluster")
}

// GenerateKubeconfig writes the kubeconfig of the cluster, and returns its path.
func (p *Provider) GenerateKubeconfig(...string) (string, error) {
	if p.name == "" {
		return "", errNotCreated
	}
	if p.kubeconfig == "" {
		dir, err := os.MkdirTemp("", p.name+"-")
		if err != nil {
			return "", err
		}
		p.kubeconfig = filepath.Join(dir, "kubeconfig")
	}
	if err := cluster.NewProvider().ExportKubeConfig(p.name, p.kubeconfig, false); err != nil {
		return "", fmt.Errorf("writing the kubeconfig of cluster %s: %w", p.name, err)
	}
	return p.kubeconfig, nil
}

var errNotCreated = errors.New("the cluster was not created yet")

// GetKubeconfig is the path of the kubeconfig; empty before Create.
func (p *Provider) GetKubeconfig() string { return p.kubeconfig }

// GetKubectlContext is the name of the cluster's context in it.
func (p *Provider) GetKubectlContext() string { return "kind-" + p.name }

// KubernetesRestConfig is what clients of the cluster are made of; nil before
// Create.
func (p *Provider) KubernetesRestConfig() *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil || p.kubeconfig == "" {
		return nil // the interface has no room for an error
	}
	return config
}

// WaitForControlPlane returns at once: Create has waited until every node and
// DNS were ready.
func (p *Provider) WaitForControlPlane(context.Context, klient.Client) error { return nil }

// ExportLogs writes the logs of all nodes to a folder.
func (p *Provider) ExportLogs(_ context.Context, folder string) error {
	if p.name == "" {
		return errNotCreated
	}
	return cluster.NewProvider().CollectLogs(p.name, folder)
}

// Destroy deletes the cluster, or with Keep leaves it, and removes the kubeconfig.
// Doing it twice does no harm.
func (p *Provider) Destroy(ctx context.Context) error {
	var errs []error
	if p.kubeconfig != "" {
		errs = append(errs, os.RemoveAll(filepath.Dir(p.kubeconfig)))
		p.kubeconfig = ""
	}
	if p.name != "" && !p.Keep {
		errs = append(errs, kind.Delete(ctx, p.name))
	}
	p.name = ""
	return errors.Join(errs...)
}
