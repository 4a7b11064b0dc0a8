package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// inputsLabel carries the hash of everything that the image was built from.
const inputsLabel = "dev.seatrial.inputs"

// nodePart stands for the docker image, whose label takes the cache's place.
func nodePart(needs []*part) *part {
	inputs := []string{source("node.go"), source("archive.go"), source("modules/kind.mod"), source("modules/kind.sum")}
	for _, m := range manifests {
		inputs = append(inputs, source("manifests/"+m))
	}
	return &part{name: "image", inputs: inputs, needs: slices.Clone(needs)}
}

// manifests are what kind applies to a new cluster.
var manifests = []string{"default-cni.yaml", "default-storage.yaml"}

// demandDocker fails early where no daemon answers.
func demandDocker(ctx context.Context) error {
	if _, err := output(ctx, command{"docker", "version", "--format", "{{.Server.Version}}"}); err != nil {
		return hinted(errors.New("no Docker daemon answers"), "run 'hack/docker-up' (or start your Docker), then this again")
	}
	return nil
}

// labelOf is the image's hash of inputs, or "" where there is no such image.
func labelOf(ctx context.Context, tag string) string {
	label, err := output(ctx, command{"docker", "image", "inspect", "--format", fmt.Sprintf("{{index .Config.Labels %q}}", inputsLabel), tag})
	if err != nil {
		return ""
	}
	return label
}

// installNode makes the docker image of the finished parts.
func installNode(ctx context.Context, c *cache, parts []*part, tag, hash string) error {
	started := time.Now()
	show := progress(len(parts), len(parts), "image")
	show("…")
	kind, err := moduleFiles(ctx, "kind", "sigs.k8s.io/kind")
	if err != nil {
		return err
	}
	env := buildEnv{path: c.path}
	files, err := nodeFiles(ctx, env, filepath.Join(kind, "images/base/files"))
	if err != nil {
		return err
	}
	previous, _ := output(ctx, command{"docker", "image", "inspect", "--format", "{{.Id}}", tag}) // there may be none
	if err := loadNode(ctx, c, files, tag, hash); err != nil {
		return err
	}
	show(took(started))
	removeUnused(ctx, previous)
	fmt.Fprintf(os.Stderr, "built %s (inputs %.12s)\n", tag, hash)
	return nil
}

// removeUnused frees the image that lost its name, unless a container uses it.
func removeUnused(ctx context.Context, id string) {
	if id == "" {
		return
	}
	if _, err := output(ctx, command{"docker", "image", "rm", id}); err != nil {
		fmt.Fprintf(os.Stderr, "the previous image %.19s is still in use and stays\n", id)
	}
}

// nodeFiles is what stands on top of the Debian file system.
func nodeFiles(ctx context.Context, env buildEnv, kind string) ([]file, error) {
	files, err := kindFiles(kind)
	if err != nil {
		return nil, err
	}
	spec, err := podSpec(ctx, env)
	if err != nil {
		return nil, err
	}
	store, err := treeOf(filepath.Dir(env.path("store", "containerd")), "/var/lib")
	if err != nil {
		return nil, err
	}
	files = append(append(files, store...), services()...)
	files = append(files,
		file{path: "/kind/version", mode: 0o644, data: kubernetesVersion},
		file{path: "/etc/containerd/cri-base.json", mode: 0o644, data: spec},
		file{path: "/etc/systemd/journald.conf.d/no-kmsg.conf", mode: 0o644, data: "[Journal]\nReadKMsg=no\n"},
		file{path: "/usr/sbin/init", link: "/usr/lib/systemd/systemd"})
	for _, m := range manifests {
		files = append(files, file{path: "/kind/manifests/" + m, mode: 0o644, data: source("manifests/" + m)})
	}
	for _, p := range programs {
		if p.Node != "" {
			files = append(files, file{path: p.Node + "/" + p.Name, mode: 0o755, source: env.path(p.Name, p.Name)})
		}
	}
	return files, nil
}

// kindFiles is what kind's Dockerfile copies into its base image: entry point,
// units, containerd's config. Programs and scripts are executable, nothing else is.
func kindFiles(dir string) ([]file, error) {
	files, err := treeOf(dir, "")
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		files[i].mode = 0o644
		if strings.HasPrefix(f.path, "/usr/local/bin/") || strings.HasPrefix(f.path, "/kind/bin/") {
			files[i].mode = 0o755
		}
	}
	return files, nil
}

// treeOf lists the regular files beneath dir as files beneath target ("" is the root).
func treeOf(dir, target string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files = append(files, file{path: target + strings.TrimPrefix(name, dir), mode: 0o644, source: name})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	return files, nil
}

// services enables kind's units. systemd-binfmt is masked: it would register
// things for the whole kernel. Kubelet must find its folder of static pods.
func services() []file {
	files := []file{
		{path: "/etc/systemd/system/systemd-binfmt.service", link: "/dev/null"},
		{path: "/etc/kubernetes/manifests", mode: fs.ModeDir | 0o755},
	}
	for _, unit := range []string{"kubelet", "containerd", "undo-mount-hacks"} {
		name := unit + ".service"
		files = append(files, file{path: "/etc/systemd/system/multi-user.target.wants/" + name, link: "/etc/systemd/system/" + name})
	}
	return files
}

// podSpec is the base of every container's OCI spec, as kind's Dockerfile makes
// it with jq: containerd's own, a hook that hides the machine's product files,
// and no limits.
func podSpec(ctx context.Context, env buildEnv) (string, error) {
	out, err := output(ctx, command{env.path("ctr", "ctr"), "oci", "spec"})
	if err != nil {
		return "", fmt.Errorf("asking ctr for its OCI spec: %w", err)
	}
	return withProductHook(out)
}

func withProductHook(spec string) (string, error) {
	var s map[string]any
	decoder := json.NewDecoder(strings.NewReader(spec))
	decoder.UseNumber() // resource limits are beyond what float64 holds
	if err := decoder.Decode(&s); err != nil {
		return "", fmt.Errorf("reading ctr's OCI spec: %w", err)
	}
	s["hooks"] = map[string]any{"createContainer": []any{map[string]any{"path": "/kind/bin/mount-product-files.sh"}}}
	if process, ok := s["process"].(map[string]any); ok {
		delete(process, "rlimits")
	}
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(s); err != nil {
		return "", fmt.Errorf("writing the OCI spec: %w", err)
	}
	return buf.String(), nil
}

// loadNode writes Debian's files and ours as one layer and hands it to
// 'docker load'. ('docker import' could do without the file in between, but it
// cannot set a stop signal, and systemd re-executes itself on SIGTERM.)
func loadNode(ctx context.Context, c *cache, files []file, tag, hash string) error {
	layer, err := os.CreateTemp(c.dir, "tmp-layer-")
	if err != nil {
		return fmt.Errorf("making a file for the layer: %w", err)
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	sum := sha256.New()
	if err := writeNode(io.MultiWriter(layer, sum), c.path("rootfs", "rootfs.tar"), files); err != nil {
		return err
	}
	config := nodeConfig(hash, "sha256:"+hex.EncodeToString(sum.Sum(nil)))
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeArchive(w, tag, config, layer.Name())) }()
	cmd := command{"docker", "load"}.cmd(ctx)
	cmd.Stdin = r
	if err := errors.Join(quietly(cmd), r.Close()); err != nil {
		return hinted(fmt.Errorf("loading the image into docker: %w", err), "see that docker has 4 GB of free disk ('docker system df'), then run it again")
	}
	return nil
}

// nodeConfig is what kind's Dockerfile says of its image, and our label.
func nodeConfig(hash, diffID string) imageConfig {
	c := imageConfig{Architecture: runtime.GOARCH, OS: "linux", Created: time.Now().UTC()}
	c.Config = process{
		Entrypoint: []string{"/usr/local/bin/entrypoint", "/sbin/init"},
		Env:        []string{"PATH=" + searchPath, "container=docker"}, // systemd looks for the latter
		Labels:     map[string]string{inputsLabel: hash},
		StopSignal: "SIGRTMIN+3",
	}
	c.RootFS.Type = "layers"
	c.RootFS.DiffIDs = []string{diffID}
	return c
}

// writeArchive writes the format of 'docker save', which every Docker can load.
func writeArchive(w io.Writer, tag string, config imageConfig, layer string) error {
	doc, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("writing the image's config: %w", err)
	}
	name := hashOf(string(doc)) + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{tag}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return fmt.Errorf("writing the archive's manifest: %w", err)
	}
	t := newTarball(w)
	for _, f := range []file{
		{path: "/" + name, mode: 0o644, data: string(doc)},
		{path: "/layer.tar", mode: 0o644, source: layer},
		{path: "/manifest.json", mode: 0o644, data: string(manifest)},
	} {
		if err := t.add(f); err != nil {
			return err
		}
	}
	return t.Close()
}

// writeNode joins both into one tar. A file that Debian has too comes last and wins.
func writeNode(w io.Writer, rootfs string, files []file) error {
	t := newTarball(w)
	debian, err := os.Open(rootfs)
	if err != nil {
		return fmt.Errorf("opening the root file system: %w", err)
	}
	defer debian.Close()
	if err := t.copyTar(debian); err != nil {
		return err
	}
	for _, f := range files {
		if err := t.add(f); err != nil {
			return err
		}
	}
	return t.Close()
}
