package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// entries reads a tar back: names in order, contents by name.
func entries(t *testing.T, archive []byte) (names []string, contents map[string]string) {
	t.Helper()
	contents = map[string]string{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		contents[h.Name] = string(b) + h.Linkname
	}
}

func TestTarHasFoldersFirst(t *testing.T) {
	archive, err := tarOf([]file{
		{path: "/usr/bin/b", mode: 0o755, data: "binary"},
		{path: "/usr/bin/l", link: "b"},
		{path: "/tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
	})
	if err != nil {
		t.Fatal(err)
	}
	names, contents := entries(t, archive)
	if want := []string{"usr/", "usr/bin/", "usr/bin/b", "usr/bin/l", "tmp/"}; !slices.Equal(names, want) {
		t.Errorf("entries %q, want %q", names, want)
	}
	if contents["usr/bin/b"] != "binary" || contents["usr/bin/l"] != "b" {
		t.Errorf("contents %q", contents)
	}
}

func TestTarIsReproducible(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []file{{path: "/f", mode: 0o644, source: name}}
	a, err := tarOf(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, time0, time0); err != nil {
		t.Fatal(err)
	}
	if b, err := tarOf(files); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the same content gives two tars (%v)", err)
	}
}

// Folders and links of the Debian file system stay what they are.
func TestNodeJoinsBothTars(t *testing.T) {
	debian := filepath.Join(t.TempDir(), "rootfs.tar")
	beneath := []file{{path: "/lib", link: "usr/lib"}, {path: "/etc/f", mode: 0o644, data: "debian"}}
	if err := writeTarFile(debian, beneath); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeNode(&out, debian, []file{{path: "/etc/f", mode: 0o644, data: "ours"}, {path: "/lib/g", data: "g"}}); err != nil {
		t.Fatal(err)
	}
	names, contents := entries(t, out.Bytes())
	if want := []string{"lib", "etc/", "etc/f", "etc/f", "lib/g"}; !slices.Equal(names, want) {
		t.Errorf("entries %q, want %q", names, want)
	}
	if contents["etc/f"] != "ours" {
		t.Errorf("the last /etc/f holds %q", contents["etc/f"])
	}
}

func TestImageLayout(t *testing.T) {
	var out bytes.Buffer
	refs := []string{"registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10.2"}
	if err := writeImage(&out, refs, process{Entrypoint: []string{"/pause"}}, []byte("below"), []byte("above")); err != nil {
		t.Fatal(err)
	}
	_, contents := entries(t, out.Bytes())
	read := func(d descriptor) string {
		blob, ok := contents["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if !ok || d.Digest != digestOf([]byte(blob)) || d.Size != len(blob) {
			t.Fatalf("the blob of %+v is %q", d, blob)
		}
		return blob
	}
	var all index
	decode(t, contents["index.json"], &all)
	for i, d := range all.Manifests {
		if d.Annotations["io.containerd.image.name"] != refs[i] {
			t.Errorf("entry %d is %+v", i, d)
		}
	}
	var m manifest
	decode(t, read(all.Manifests[0]), &m)
	if len(m.Layers) != 2 || read(m.Layers[0]) != "below" || read(m.Layers[1]) != "above" {
		t.Errorf("layers %+v", m.Layers)
	}
	var config imageConfig
	decode(t, read(m.Config), &config)
	if config.RootFS.DiffIDs[1] != m.Layers[1].Digest || config.Config.Entrypoint[0] != "/pause" {
		t.Errorf("config %+v", config)
	}
}

func decode(t *testing.T, doc string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(doc), v); err != nil {
		t.Fatalf("%q: %v", doc, err)
	}
}

func TestDockerArchive(t *testing.T) {
	layer := filepath.Join(t.TempDir(), "layer")
	if err := os.WriteFile(layer, []byte("layer"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeArchive(&out, "seatrial/node:v1", nodeConfig("abc", "sha256:1"), layer); err != nil {
		t.Fatal(err)
	}
	names, contents := entries(t, out.Bytes())
	if !slices.Equal(names[1:], []string{"layer.tar", "manifest.json"}) || contents["layer.tar"] != "layer" {
		t.Errorf("entries %q", names)
	}
	var config imageConfig
	decode(t, contents[names[0]], &config)
	if config.Config.Labels[inputsLabel] != "abc" || config.Config.StopSignal != "SIGRTMIN+3" {
		t.Errorf("config %+v", config.Config)
	}
}
