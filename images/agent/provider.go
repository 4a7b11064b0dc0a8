// Package agent makes the container image of the load agent and of the sample
// application: one static Linux binary, cmd/seatrial-agent, on nothing. It is
// put together in Go and needs neither a Dockerfile nor a Docker daemon.
//
//	p := agent.Provider{}
//	image, err := p.Image(ctx)
//	// image.Archive is for `docker load`, or `ctr images import` in a node.
package agent

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/images/static"
)

// Name is what manifests call the image.
const Name = "seatrial.dev/agent:dev"

// Provider finds or makes the image. The zero Provider is ready for use.
type Provider struct {
	// Binary is a seatrial-agent for Linux. Empty takes the file
	// seatrial-agent-linux-<arch> that lies beside the running executable, as
	// in a release; where there is none, it is built from this module's
	// source, which needs Go.
	Binary string
	// Arch is the nodes' architecture as Go names it; empty is this machine's.
	Arch string
	// Cache is where built binaries and images are kept; empty is "seatrial"
	// in the user's cache folder.
	Cache string
	// Log, if not nil, is told what takes long.
	Log func(format string, args ...any)
}

// Image returns the image. What was made before from the same content is taken
// again. It is the first half of [seatrial.Agents].
func (p *Provider) Image(ctx context.Context) (seatrial.AgentImage, error) {
	image, err := p.image(ctx)
	if err != nil {
		return seatrial.AgentImage{}, fmt.Errorf("making the agent's image: %w", err)
	}
	return image, nil
}

func (p *Provider) image(ctx context.Context) (seatrial.AgentImage, error) {
	cache, err := static.Folder(p.Cache, "agent")
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	binary, err := p.binary(ctx, cache)
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	image := static.Image{Name: Name, Path: "/seatrial-agent", Arch: p.arch()}
	content, err := image.Read(binary)
	if err != nil {
		return seatrial.AgentImage{}, seatrial.Fail(seatrial.BadInput, err,
			fmt.Sprintf("--agent-image needs a static seatrial-agent for linux/%s: CGO_ENABLED=0 GOOS=linux GOARCH=%s go build ./cmd/seatrial-agent", p.arch(), p.arch()))
	}
	return image.Archive(cache, binary, content)
}

// binary is the path of the Linux binary, from the first source that has it.
func (p *Provider) binary(ctx context.Context, cache string) (string, error) {
	if p.Binary != "" {
		return filepath.Abs(p.Binary)
	}
	if path, ok := p.released(); ok {
		return path, nil
	}
	return p.build(ctx, cache)
}

// released is the file that a release has beside its executable.
func (p *Provider) released() (string, bool) {
	self, err := os.Executable()
	if err != nil {
		return "", false
	}
	path := filepath.Join(filepath.Dir(self), "seatrial-agent-linux-"+p.arch())
	_, err = os.Stat(path)
	return path, err == nil
}

func (p *Provider) arch() string { return cmp.Or(p.Arch, runtime.GOARCH) }

func (p *Provider) log(format string, args ...any) {
	if p.Log != nil {
		p.Log(format, args...)
	}
}
