package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// goPart builds one program of the table in a module of its own: the
// requirements of Kubernetes, containerd, CoreDNS … do not mix.
func goPart(p program, goVersion string) *part {
	mod, sum := source("modules/"+p.Module+".mod"), source("modules/"+p.Module+".sum")
	files := map[string]string{"go.mod": mod, "go.sum": sum}
	inputs := []string{goVersion, runtime.GOARCH, mod, sum, p.Package}
	if p.Main != "" {
		files["main.go"] = source(p.Main)
		inputs = append(inputs, files["main.go"])
	}
	return &part{
		name:   p.Name,
		inputs: append(append(inputs, p.flags()...), p.env()...),
		build: func(ctx context.Context, env buildEnv) error {
			module, err := newModule(files)
			if err != nil {
				return err
			}
			defer os.RemoveAll(module)
			return p.compile(ctx, module, filepath.Join(env.dir, p.Name))
		},
	}
}

// compile downloads first: what fails there is worth another attempt, what fails
// in the compiler is not.
func (p program) compile(ctx context.Context, module, out string) error {
	err := retry(ctx, "downloading the modules of "+p.Name, func() error {
		return p.goTool(ctx, module, "list", "-deps", "-tags="+p.Tags, p.Package)
	})
	if err != nil {
		return err
	}
	args := append(append([]string{"build", "-o", out}, p.flags()...), p.Package)
	if err := p.goTool(ctx, module, args...); err != nil {
		return hinted(err, "a missing C header means a missing Debian package; a killed compiler means too little memory (4 GiB are needed)")
	}
	return nil
}

func (p program) goTool(ctx context.Context, module string, args ...string) error {
	cmd := append(command{"go"}, args...).cmd(ctx)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), p.env()...)
	return quietly(cmd)
}

// flags make a build that depends neither on the folder it runs in nor on a
// version control system around it.
func (p program) flags() []string {
	link := "-s -w"
	for _, s := range p.Set {
		link += " -X " + s
	}
	if p.Static {
		// The node's C library is older or newer than this machine's.
		link += " -linkmode external -extldflags -static"
	}
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=" + p.Tags, "-ldflags=" + link}
}

func (p program) env() []string {
	cgo := "CGO_ENABLED=0"
	if p.Static {
		cgo = "CGO_ENABLED=1"
	}
	return []string{cgo, "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=" + runtime.GOARCH}
}

// routesPart builds the program of our CNI DaemonSet from the embedded sources.
func routesPart(goVersion string) *part {
	files := map[string]string{"go.mod": "module routes\n\ngo 1.26\n"}
	entries, err := sources.ReadDir("routes")
	if err != nil {
		panic(err) // embedded: cannot be missing
	}
	p := program{Name: "routes", Package: "."}
	inputs := append(append([]string{goVersion, runtime.GOARCH}, p.flags()...), p.env()...)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			files[e.Name()] = source("routes/" + e.Name())
			inputs = append(inputs, e.Name(), files[e.Name()])
		}
	}
	return &part{name: p.Name, inputs: inputs, build: func(ctx context.Context, env buildEnv) error {
		module, err := newModule(files)
		if err != nil {
			return err
		}
		defer os.RemoveAll(module)
		return p.compile(ctx, module, filepath.Join(env.dir, p.Name))
	}}
}

// newModule writes a module's files into a temporary folder.
func newModule(files map[string]string) (string, error) {
	dir, err := os.MkdirTemp("", "seatrial-module-")
	if err != nil {
		return "", fmt.Errorf("making a folder for a module: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return "", fmt.Errorf("writing a module: %w", err)
		}
	}
	return dir, nil
}

// moduleFiles downloads the module at path, which modules/NAME.mod requires, and
// returns the folder of its files.
func moduleFiles(ctx context.Context, name, path string) (string, error) {
	dir, err := newModule(map[string]string{"go.mod": source("modules/" + name + ".mod"), "go.sum": source("modules/" + name + ".sum")})
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	var found struct{ Dir string }
	err = retry(ctx, "downloading "+path, func() error {
		cmd := command{"go", "mod", "download", "-json", path}.cmd(ctx)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		return json.Unmarshal(out, &found)
	})
	return found.Dir, err
}

// pausePart compiles the program that holds a pod's namespaces; it is C.
func pausePart() *part {
	flags := []string{"-Os", "-Wall", "-static", "-DVERSION=v" + pauseTag}
	return &part{
		name:   "pause",
		inputs: append([]string{kubernetesVersion, runtime.GOARCH}, flags...),
		build: func(ctx context.Context, env buildEnv) error {
			k8s, err := moduleFiles(ctx, "kubernetes", "k8s.io/kubernetes")
			if err != nil {
				return err
			}
			cc := append(command{"gcc"}, flags...)
			cc = append(cc, "-o", filepath.Join(env.dir, "pause"), filepath.Join(k8s, "build/pause/linux/pause.c"))
			return quietly(cc.cmd(ctx))
		},
	}
}
