package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"time"
)

// file is one entry of a tar: data, a file of this machine, a symbolic link, or
// (by its mode) an empty folder.
type file struct {
	path   string // absolute, as in the image
	mode   fs.FileMode
	data   string
	source string // where the content lies, if not in data
	link   string // target, if it is a symbolic link
}

// tarball writes reproducible tars: no times, no users but root, and every
// folder before what lies in it.
type tarball struct {
	*tar.Writer
	seen map[string]bool
}

func newTarball(w io.Writer) *tarball {
	return &tarball{tar.NewWriter(w), map[string]bool{"": true}}
}

// add writes a file and the folders above it that are not yet there.
func (t *tarball) add(f file) error {
	name := strings.TrimPrefix(path.Clean(f.path), "/")
	if err := t.addFolders(path.Dir(name)); err != nil {
		return err
	}
	if f.mode.IsDir() {
		return t.writeHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: f.tarMode()})
	}
	if f.link != "" {
		return t.writeHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: f.link, Mode: 0o777})
	}
	content, size, err := f.open()
	if err != nil {
		return fmt.Errorf("adding %s: %w", f.path, err)
	}
	defer content.Close()
	if err := t.writeHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: f.tarMode()}); err != nil {
		return err
	}
	if _, err := io.Copy(t, content); err != nil {
		return fmt.Errorf("adding %s: %w", f.path, err)
	}
	return nil
}

func (t *tarball) addFolders(dir string) error {
	if dir = strings.TrimSuffix(dir, "."); t.seen[dir] {
		return nil
	}
	if err := t.addFolders(path.Dir(dir)); err != nil {
		return err
	}
	return t.writeHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755})
}

func (t *tarball) writeHeader(h *tar.Header) error {
	t.seen[strings.Trim(h.Name, "/")] = true
	if err := t.WriteHeader(h); err != nil {
		return fmt.Errorf("writing %s into a tar: %w", h.Name, err)
	}
	return nil
}

// tarMode knows the one bit beyond the permissions that is used here: /tmp's.
func (f file) tarMode() int64 {
	if f.mode&fs.ModeSticky != 0 {
		return int64(f.mode.Perm()) | 0o1000
	}
	return int64(f.mode.Perm())
}

func (f file) open() (io.ReadCloser, int64, error) {
	if f.source == "" {
		return io.NopCloser(strings.NewReader(f.data)), int64(len(f.data)), nil
	}
	r, err := os.Open(f.source)
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, r.Close())
	}
	return r, info.Size(), nil
}

// copyTar takes over every entry of another tar.
func (t *tarball) copyTar(r io.Reader) error {
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a tar: %w", err)
		}
		if h.Name = strings.TrimPrefix(h.Name, "./"); h.Name == "" {
			continue // the root itself
		}
		if err := t.writeHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(t, in); err != nil {
			return fmt.Errorf("copying %s from a tar: %w", h.Name, err)
		}
	}
}

// tarOf is a whole tar in memory; container images hold one binary of at most
// about 120 MB.
func tarOf(files []file) ([]byte, error) {
	var buf bytes.Buffer
	t := newTarball(&buf)
	for _, f := range files {
		if err := t.add(f); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("ending a tar: %w", err)
	}
	return buf.Bytes(), nil
}

// descriptor points at a blob of an OCI image layout.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// The OCI documents, as far as they are written here.
type (
	manifest struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}
	index struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}
	imageConfig struct {
		Created      time.Time `json:"created,omitzero"`
		Architecture string    `json:"architecture"`
		OS           string    `json:"os"`
		Config       process   `json:"config"`
		RootFS       struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	process struct {
		Entrypoint []string `json:",omitempty"`
		Env        []string
		Labels     map[string]string `json:",omitempty"`
		StopSignal string            `json:",omitempty"`
	}
)

// layout collects the blobs of an OCI image layout in a tar.
type layout struct{ *tarball }

func (l layout) blob(mediaType string, content []byte) (descriptor, error) {
	d := descriptor{MediaType: mediaType, Digest: digestOf(content), Size: len(content)}
	name := "/blobs/" + strings.Replace(d.Digest, ":", "/", 1)
	if l.seen[name[1:]] {
		return d, nil
	}
	return d, l.add(file{path: name, mode: 0o644, data: string(content)})
}

func (l layout) document(mediaType string, v any) (descriptor, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return descriptor{}, fmt.Errorf("writing %s: %w", mediaType, err)
	}
	return l.blob(mediaType, b)
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// writeImage writes an OCI image layout as a tar: layers from the bottom up, and
// one index entry for each name. Layers are not compressed: a node would spend
// more time on unpacking (about 3 s of a control plane's boot on two cores) than
// it saves on copying 370 MB.
func writeImage(w io.Writer, refs []string, p process, layers ...[]byte) error {
	l := layout{newTarball(w)}
	config := imageConfig{Architecture: runtime.GOARCH, OS: "linux", Config: p}
	config.RootFS.Type = "layers"
	m := manifest{SchemaVersion: 2, MediaType: ociManifest}
	for _, layer := range layers {
		d, err := l.blob(ociLayer, layer)
		if err != nil {
			return err
		}
		m.Layers = append(m.Layers, d)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d.Digest) // as layers are not compressed
	}
	var err error
	if m.Config, err = l.document(ociConfig, config); err != nil {
		return err
	}
	return l.finish(m, refs)
}

func (l layout) finish(m manifest, refs []string) error {
	d, err := l.document(ociManifest, m)
	if err != nil {
		return err
	}
	all := index{SchemaVersion: 2, MediaType: ociIndex}
	for _, ref := range refs {
		d.Annotations = map[string]string{"io.containerd.image.name": ref}
		all.Manifests = append(all.Manifests, d)
	}
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("writing an image index: %w", err)
	}
	if err := l.add(file{path: "/index.json", mode: 0o644, data: string(b)}); err != nil {
		return err
	}
	if err := l.add(file{path: "/oci-layout", mode: 0o644, data: `{"imageLayoutVersion":"1.0.0"}`}); err != nil {
		return err
	}
	return l.Close()
}
