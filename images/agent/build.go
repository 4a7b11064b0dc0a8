package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/images/static"
)

const (
	module  = "github.com/seatrial/seatrial"
	command = "./cmd/seatrial-agent"
)

// buildFlags make the same bytes of the same source anywhere.
var buildFlags = []string{"-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"}

// build compiles the agent from this module's source, unless the cache has it
// already made of the same source.
func (p *Provider) build(ctx context.Context, cache string) (string, error) {
	source, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	tool := goTool{dir: source, arch: p.arch()}
	key, err := tool.key(ctx)
	if err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding the agent's source: %w", err), hintBinary)
	}
	path := filepath.Join(cache, "seatrial-agent-"+key)
	if static.Cached(path) {
		return path, nil
	}
	p.log("building the agent for linux/%s", p.arch())
	err = static.Replace(path, func(temporary string) error {
		_, err := tool.run(ctx, append([]string{"build", "-o", temporary}, append(buildFlags, command)...)...)
		return err
	})
	if err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("building the agent: %w", err), hintBinary)
	}
	return path, nil
}

const hintBinary = "--agent-image PATH takes a seatrial-agent that was built elsewhere"

// moduleDir finds this module's source from the current folder, which is in
// the module itself or in one that requires it.
func moduleDir(ctx context.Context) (string, error) {
	here := goTool{dir: "."}
	out, err := here.run(ctx, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
	dir := strings.TrimSpace(string(out))
	if err == nil && dir == "" {
		err = errors.New("it is required, but not downloaded: go mod download " + module)
	}
	var missing *exec.Error
	if errors.As(err, &missing) {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("the agent has to be built, and there is no Go: %w", err),
			"install Go, or take a release, which has seatrial-agent-linux-<arch> beside seatrial; "+hintBinary)
	}
	if err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("the agent has to be built, and its source was not found from here: %w", err),
			"run it inside the seatrial module or one that requires it, or take a release; "+hintBinary)
	}
	return dir, nil
}

// goTool runs the go command in a module's folder, for Linux.
type goTool struct{ dir, arch string }

// run returns what the command wrote. Its error carries what it complained
// about.
func (g goTool) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := static.Go(ctx, g.dir, g.arch, args...)
	if g.arch == "" { // nothing is built: it is the caller's own module that is asked
		cmd.Env = os.Environ()
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, lastLines(complaints.String(), 5))
	}
	return out, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// key is a hash of everything that the binary is made of: the files of its
// packages in this module, the modules it is locked to, compiler and target.
// It takes a quarter of a second, so nothing is remembered between runs.
func (g goTool) key(ctx context.Context) (string, error) {
	version, err := g.run(ctx, "env", "GOVERSION", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT")
	if err != nil {
		return "", err
	}
	files, err := g.files(ctx)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s%q\n", version, buildFlags)
	for _, path := range files {
		if err := addFile(sum, g.dir, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:24], nil
}

// files lists, sorted, what of this module the agent is built from.
func (g goTool) files(ctx context.Context) ([]string, error) {
	out, err := g.run(ctx, "list", "-mod=readonly", "-deps",
		"-json=Dir,Module,GoFiles,SFiles,HFiles,SysoFiles,EmbedFiles", command)
	if err != nil {
		return nil, err
	}
	files := []string{filepath.Join(g.dir, "go.mod"), filepath.Join(g.dir, "go.sum")}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                            string
			Module                                         *struct{ Main bool }
			GoFiles, SFiles, HFiles, SysoFiles, EmbedFiles []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading go list: %w", err)
		}
		if p.Module == nil || !p.Module.Main {
			continue // of the standard library, or fixed by go.sum
		}
		for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.HFiles, p.SysoFiles, p.EmbedFiles) {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
	slices.Sort(files)
	return files, nil
}

// addFile adds a file's name below dir, size and content to the sum.
func addFile(sum hash.Hash, dir, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%q %d\n", filepath.ToSlash(name), len(content))
	sum.Write(content) // never fails, see hash.Hash
	return nil
}
