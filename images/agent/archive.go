package agent

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/seatrial/seatrial"
)

// layout is part of the hash: raise it when images made of the same binary
// change.
const layout = "1"

// entrypoint is the binary's place in the image.
const entrypoint = "/seatrial-agent"

// machines are the ELF machines of architectures that kind has nodes for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// readBinary reads the file and makes sure that an empty image can run it.
func readBinary(path, arch string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s is not a Linux binary: %w", path, err)
	}
	if want, known := machines[arch]; known && file.Machine != want {
		return nil, fmt.Errorf("%s is a binary for %v, the nodes need %v", path, file.Machine, want)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s is linked dynamically, and the image has no libraries", path)
		}
	}
	return content, nil
}

// archive writes the image to the cache, unless it is there.
func archive(cache, binary string, content []byte, arch string) (seatrial.AgentImage, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "layout %s, linux/%s, user %s\n", layout, arch, Nobody)
	sum.Write(content) // never fails, see hash.Hash
	digest := hex.EncodeToString(sum.Sum(nil))
	made := seatrial.AgentImage{
		Name:    Name,
		Hash:    "sha256:" + digest,
		Archive: filepath.Join(cache, "image-"+digest[:24]+".tar"),
		Binary:  binary,
	}
	if cached(made.Archive) {
		return made, nil
	}
	image, err := assemble(content, arch)
	if err != nil {
		return seatrial.AgentImage{}, fmt.Errorf("putting the image together: %w", err)
	}
	tag, err := name.NewTag(Name)
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	err = replace(made.Archive, func(temporary string) error { return tarball.WriteToFile(temporary, tag, image) })
	if err != nil {
		return seatrial.AgentImage{}, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("writing the image: %w", err),
			"the cache folder must be writable and have 20 MB left")
	}
	return made, nil
}

// assemble puts the binary on an empty image. The result is the same bytes for
// the same binary: no time of day is in it.
func assemble(content []byte, arch string) (v1.Image, error) {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	header := &tar.Header{Name: entrypoint[1:], Mode: 0o555, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files.Bytes())), nil
	}, tarball.WithCompressedCaching, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, err
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: arch, Created: v1.Time{Time: time.Unix(0, 0)},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{entrypoint}, User: Nobody},
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
}

// kept is how long what nobody uses stays in the cache.
const kept = 7 * 24 * time.Hour

// cached reports whether the file is there, and marks it as used.
func cached(path string) bool {
	now := time.Now()
	return os.Chtimes(path, now, now) == nil
}

// replace makes a file at once: write fills a temporary one beside it, which
// then takes its name. Old neighbours go.
func replace(path string, write func(temporary string) error) error {
	folder := filepath.Dir(path)
	work, err := os.MkdirTemp(folder, "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	temporary := filepath.Join(work, filepath.Base(path))
	if err := write(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return prune(folder)
}

// prune removes what is older than kept. Others may prune, too.
func prune(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < kept {
			continue // just gone, or young
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
