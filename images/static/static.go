// Package static makes a container image of one static Linux binary on nothing,
// in Go, without a Dockerfile or a Docker daemon, and keeps what was made in a
// folder.
//
//	image := static.Image{Name: "example.org/tool:v1", Path: "/tool", Arch: "amd64"}
//	content, err := image.Read(binary)
//	made, err := image.Archive(folder, binary, content)
//	// made.Archive is for `docker load`, or `ctr images import` in a node.
package static

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

// Nobody is the user that an image's processes have unless a pod says
// otherwise: the "nonroot" of distroless images.
const Nobody = "65532"

// Image describes an image.
type Image struct {
	Name string // as manifests call it
	Path string // of the binary in it, which is its entry point
	Arch string // of the binary and of the nodes, as Go names it
}

// machines are the ELF machines of architectures that kind has nodes for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Read reads a binary and makes sure that an empty image can run it.
func (i Image) Read(binary string) ([]byte, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s is not a Linux binary: %w", binary, err)
	}
	if want, known := machines[i.Arch]; known && file.Machine != want {
		return nil, fmt.Errorf("%s is a binary for %v, the nodes need %v", binary, file.Machine, want)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s is linked dynamically, and the image has no libraries", binary)
		}
	}
	return content, nil
}

// Archive writes the image of a binary, whose content was read before, to the
// folder, unless it is there.
func (i Image) Archive(folder, binary string, content []byte) (seatrial.AgentImage, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "layout %s, %s, linux/%s, user %s\n", layout, i.Path, i.Arch, Nobody)
	sum.Write(content) // never fails, see hash.Hash
	digest := hex.EncodeToString(sum.Sum(nil))
	made := seatrial.AgentImage{
		Name:    i.Name,
		Hash:    "sha256:" + digest,
		Archive: filepath.Join(folder, "image-"+digest[:24]+".tar"),
		Binary:  binary,
	}
	if Cached(made.Archive) {
		return made, nil
	}
	image, err := i.assemble(content)
	if err != nil {
		return seatrial.AgentImage{}, fmt.Errorf("putting the image together: %w", err)
	}
	tag, err := name.NewTag(i.Name)
	if err != nil {
		return seatrial.AgentImage{}, err
	}
	err = Replace(made.Archive, func(temporary string) error { return tarball.WriteToFile(temporary, tag, image) })
	if err != nil {
		return seatrial.AgentImage{}, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("writing the image: %w", err),
			"the cache folder must be writable and have 200 MB left")
	}
	return made, nil
}

// assemble puts the binary on an empty image. The result is the same bytes for
// the same binary: no time of day is in it.
func (i Image) assemble(content []byte) (v1.Image, error) {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	header := &tar.Header{Name: i.Path[1:], Mode: 0o555, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
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
		OS: "linux", Architecture: i.Arch, Created: v1.Time{Time: time.Unix(0, 0)},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{i.Path}, User: Nobody},
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
}

// Folder is a folder of that name for what is made here; it exists. It lies in
// cache, or, where that is empty, in "seatrial" in the user's cache folder.
func Folder(cache, name string) (string, error) {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding the cache folder: %w", err), "set HOME or XDG_CACHE_HOME")
		}
		cache = filepath.Join(user, "seatrial")
	}
	folder := filepath.Join(cache, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, err, "the cache folder must be writable; XDG_CACHE_HOME names another one")
	}
	return folder, nil
}

// kept is how long what nobody uses stays in the cache.
const kept = 7 * 24 * time.Hour

// Cached reports whether the file is there, and marks it as used.
func Cached(path string) bool {
	now := time.Now()
	return os.Chtimes(path, now, now) == nil
}

// Replace makes a file at once: write fills a temporary one beside it, which
// then takes its name. Old neighbours go.
func Replace(path string, write func(temporary string) error) error {
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
