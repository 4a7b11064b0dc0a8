package kind

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/seatrial/seatrial"
)

// testAgents builds the smallest agent; it has no load generator.
var testAgents = sync.OnceValue(func() seatrial.Agents { return &builtAgents{} })

type builtAgents struct {
	once  sync.Once
	image seatrial.AgentImage
	err   error
}

func (b *builtAgents) Image(ctx context.Context) (seatrial.AgentImage, error) {
	b.once.Do(func() { b.image, b.err = buildAgent(ctx) })
	return b.image, b.err
}

func (b *builtAgents) Connect(context.Context, seatrial.Clock, []seatrial.Endpoint, []seatrial.LoadPlan, seatrial.Sink) (seatrial.Attack, error) {
	return nil, errors.ErrUnsupported
}

func buildAgent(ctx context.Context) (seatrial.AgentImage, error) {
	dir := filepath.Join(os.TempDir(), "seatrial-kind-test")
	binary := filepath.Join(dir, "seatrial-agent")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./testdata/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		return seatrial.AgentImage{}, fmt.Errorf("building the agent: %w: %s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	sum := sha256.Sum256(content)
	image := seatrial.AgentImage{
		Name: "seatrial.dev/kind-test:dev", Hash: hex.EncodeToString(sum[:]),
		Archive: filepath.Join(dir, "agent.tar"), Binary: binary,
	}
	return image, writeArchive(image, content)
}

func writeArchive(image seatrial.AgentImage, binary []byte) error {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return layerOf(binary) })
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config.Entrypoint = []string{"/seatrial-agent"}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return err
	}
	tag, err := name.NewTag(image.Name)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(image.Archive, tag, img)
}

func layerOf(binary []byte) (io.ReadCloser, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "seatrial-agent", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), w.Close()
}
