package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/seatrial/seatrial"
)

// nodeImage is a node image that Docker has.
type nodeImage struct {
	name string // as given to kind
	id   string // of its content
}

// localNode is the image that `make node-image` builds.
const localNode = "seatrial/node"

// NodeImage is what clusters boot from when nobody asks for another, pulled where
// Docker does not have it; own says that `make node-image` built it.
func NodeImage(ctx context.Context) (name string, own bool, err error) {
	image, err := findNodeImage(ctx, "", "")
	return image.name, strings.HasPrefix(image.name, localNode+":"), err
}

// findNodeImage chooses: the one asked for; seatrial's own of that version, or
// its newest; kindest/node of that version, or kind's default. What is not
// there is pulled.
func findNodeImage(ctx context.Context, asked, kubernetes string) (nodeImage, error) {
	if asked != "" {
		return haveImage(ctx, asked)
	}
	built, err := builtNode(ctx, kubernetes)
	switch {
	case err != nil:
		return nodeImage{}, err
	case built != "":
		return haveImage(ctx, built)
	case kubernetes != "":
		return haveImage(ctx, "kindest/node:"+kubernetes)
	}
	return haveImage(ctx, defaults.Image)
}

// builtNode is seatrial's own image of the version, or the newest; empty where
// there is none.
func builtNode(ctx context.Context, kubernetes string) (string, error) {
	out, err := docker(ctx, "image", "ls", localNode, "--format", "{{.Tag}}")
	if err != nil {
		return "", fmt.Errorf("listing node images: %w", err)
	}
	newest, found := version.MustParseSemantic("0.0.0"), ""
	for _, tag := range strings.Fields(string(out)) {
		v, err := version.ParseSemantic(tag)
		if err != nil || kubernetes != "" && tag != kubernetes {
			continue
		}
		if newest.LessThan(v) {
			newest, found = v, localNode+":"+tag
		}
	}
	return found, nil
}

// haveImage pulls name unless Docker has it.
func haveImage(ctx context.Context, name string) (nodeImage, error) {
	id, err := imageID(ctx, name)
	if err != nil || id != "" {
		return nodeImage{name, id}, err
	}
	if _, err := docker(ctx, "pull", "--quiet", name); err != nil {
		return nodeImage{}, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("node image %s is not here and cannot be pulled: %w", name, err),
			"run `make node-image`, which builds one without a registry")
	}
	id, err = imageID(ctx, name)
	if err == nil && id == "" {
		err = fmt.Errorf("node image %s was pulled and is not there", name)
	}
	return nodeImage{name, id}, err
}

// imageID is empty when Docker does not have the image.
func imageID(ctx context.Context, name string) (string, error) {
	out, err := docker(ctx, "image", "inspect", "--format", "{{.Id}}", name)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return "", nil // the daemon answers, as was asked before: it is the image that is missing
	}
	if err != nil {
		return "", fmt.Errorf("looking for image %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// imageMark names a file in every node that holds the hash of the image of that
// name that was loaded into it; it lives and dies with the node.
func imageMark(name string) string {
	return "/kind/seatrial-image-" + strings.NewReplacer("/", "_", ":", "_").Replace(name)
}

// loadImage loads an image of seatrial's into every node that has not got it.
func loadImage(ctx context.Context, all []nodes.Node, image seatrial.AgentImage) error {
	errs := make(chan error, len(all))
	for _, n := range all {
		go func() { errs <- loadInto(ctx, n, image) }()
	}
	var failed []error
	for range all {
		failed = append(failed, <-errs)
	}
	return errors.Join(failed...)
}

func loadInto(ctx context.Context, n nodes.Node, image seatrial.AgentImage) error {
	mark, file := image.Name+" "+image.Hash, imageMark(image.Name)
	if n.CommandContext(ctx, "grep", "-qxF", mark, file).Run() == nil {
		return nil
	}
	archive, err := os.Open(image.Archive)
	if err != nil {
		return fmt.Errorf("loading image %s: %w", image.Name, err)
	}
	defer archive.Close()
	if err := nodeutils.LoadImageArchive(n, archive); err != nil {
		return fmt.Errorf("loading image %s into %s: %w", image.Name, n, err)
	}
	// Pinned: the kubelet's garbage collection must not take what cannot be
	// pulled again.
	if err := n.CommandContext(ctx, "ctr", "--namespace=k8s.io", "images", "label", image.Name,
		"io.cri-containerd.pinned=pinned").Run(); err != nil {
		return fmt.Errorf("pinning image %s in %s: %w", image.Name, n, err)
	}
	if err := nodeutils.WriteFile(n, file, mark+"\n"); err != nil {
		return fmt.Errorf("marking %s: %w", n, err)
	}
	return nil
}
