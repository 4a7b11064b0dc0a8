// Package descheduler makes the container image of the descheduler
// (sigs.k8s.io/descheduler) from its Go module, so that clusters which reach no
// container registry have it too. Its build takes minutes, once on a machine,
// and only where a scenario runs it; hence the image is loaded into the nodes
// and is not part of the node image.
//
//	p := descheduler.Provider{}
//	image, err := p.Image(ctx)
//	// image.Archive is for `ctr images import` in a node.
package descheduler

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/images/static"
)

const (
	// Version of the descheduler; module.mod requires the same.
	Version = "v0.36.0"
	// Name is what manifests call the image.
	Name = "seatrial.dev/descheduler:" + Version

	command = "sigs.k8s.io/descheduler/cmd/descheduler"
)

// The module that the program is built in. They pin everything that it is built
// from, and were made by `go get -tool` of the command in an empty module with
// the replace lines of the descheduler's own go.mod, which hold for a main
// module only.
var (
	//go:embed module.mod
	goMod string
	//go:embed module.sum
	goSum string
)

// flags make the same bytes on any machine.
var flags = []string{"-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w -X sigs.k8s.io/descheduler/pkg/version.version=" + Version}

// Provider builds the image, or finds what was built before, once: what it has
// found it keeps. The zero Provider is ready for use, by several at once.
type Provider struct {
	// Arch is the nodes' architecture as Go names it; empty is this machine's.
	Arch string
	// Cache is where binaries and images are kept; empty is "seatrial" in the
	// user's cache folder.
	Cache string
	// Log, if not nil, is told how the build goes.
	Log func(format string, args ...any)

	mu   sync.Mutex
	made *seatrial.AgentImage
}

// Image returns the image.
func (p *Provider) Image(ctx context.Context) (seatrial.AgentImage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made != nil {
		return *p.made, nil
	}
	made, err := p.image(ctx)
	if err != nil {
		return seatrial.AgentImage{}, fmt.Errorf("making the descheduler's image: %w", err)
	}
	p.made = &made
	return made, nil
}

func (p *Provider) image(ctx context.Context) (seatrial.AgentImage, error) {
	folder, err := static.Folder(p.Cache, "descheduler")
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	image := static.Image{Name: Name, Path: "/descheduler", Arch: cmp.Or(p.Arch, runtime.GOARCH)}
	binary, err := p.binary(ctx, folder, image.Arch)
	if err != nil {
		return seatrial.AgentImage{}, seatrial.Fail(seatrial.Infrastructure, err,
			"it is built from its Go module: that needs Go, a module proxy, and 4 GiB of memory")
	}
	content, err := image.Read(binary)
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	return image.Archive(folder, binary, content)
}

// binary builds the program, in a module of its own, unless the folder has it,
// made of the same sources by the same compiler.
func (p *Provider) binary(ctx context.Context, folder, arch string) (path string, err error) {
	module, err := os.MkdirTemp("", "seatrial-descheduler-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(module)) }()
	for name, content := range map[string]string{"go.mod": goMod, "go.sum": goSum} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	version, err := static.Go(ctx, module, arch, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking Go for its version: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []any{version, arch, flags, goMod, goSum}))
	path = filepath.Join(folder, "descheduler-"+hex.EncodeToString(sum[:])[:24])
	if static.Cached(path) {
		return path, nil
	}
	return path, static.Replace(path, func(temporary string) error { return p.build(ctx, module, temporary, arch) })
}

func (p *Provider) build(ctx context.Context, module, to, arch string) error {
	p.log("building the descheduler %s for linux/%s: some minutes, once on this machine", Version, arch)
	build := static.Go(ctx, module, arch, append(append([]string{"build", "-v", "-o", to}, flags...), command)...)
	said := &progress{log: p.log}
	build.Stderr = said
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the descheduler: %w: %s", err, said.last)
	}
	return nil
}

// progress takes what the compiler says, which is a package a line, and tells
// how far it is.
type progress struct {
	log      func(format string, args ...any)
	packages int
	last     []byte // what was said last, in case it is an error
}

// Write takes lines.
func (p *progress) Write(lines []byte) (int, error) {
	const step, most = 100, 2000
	before := p.packages
	p.packages += bytes.Count(lines, []byte("\n"))
	if p.packages/step > before/step {
		p.log("building the descheduler: %d packages", p.packages)
	}
	p.last = append(p.last, lines...)
	p.last = p.last[max(0, len(p.last)-most):]
	return len(lines), nil
}

func (p *Provider) log(format string, args ...any) {
	if p.Log != nil {
		p.Log(format, args...)
	}
}
