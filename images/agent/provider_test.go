package agent_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/images/agent"
	"github.com/seatrial/seatrial/images/static"
)

func ExampleProvider() {
	provider := agent.Provider{Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	image, err := provider.Image(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(image.Name)
	// Output: seatrial.dev/agent:dev
}

func TestTheImageIsTheBinaryAndNothingElse(t *testing.T) {
	image, err := (&agent.Provider{}).Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := tarball.ImageFromPath(image.Archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := got.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != runtime.GOARCH || config.Config.User != static.Nobody ||
		strings.Join(config.Config.Entrypoint, " ") != "/seatrial-agent" {
		t.Errorf("config %+v", config)
	}
	layers, err := got.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	files := tar.NewReader(content)
	header, err := files.Next()
	if err != nil {
		t.Fatal(err)
	}
	inside, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(image.Binary)
	if err != nil {
		t.Fatal(err)
	}
	if header.Name != "seatrial-agent" || header.Mode != 0o555 || !bytes.Equal(inside, binary) {
		t.Errorf("the layer has %s with mode %o and %d bytes; the binary has %d", header.Name, header.Mode, len(inside), len(binary))
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("the layer has more: %v", err)
	}
}

func TestTheSameBinaryMakesTheSameBytes(t *testing.T) {
	built, err := (&agent.Provider{}).Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var archives [2][]byte
	for i := range archives {
		image, err := (&agent.Provider{Binary: built.Binary, Cache: t.TempDir()}).Image(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if image.Hash != built.Hash || !strings.HasPrefix(image.Hash, "sha256:") {
			t.Errorf("hash %s, then %s", built.Hash, image.Hash)
		}
		if archives[i], err = os.ReadFile(image.Archive); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two archives of one binary differ")
	}
}

func TestAWarmCallIsQuick(t *testing.T) {
	p := &agent.Provider{}
	if _, err := p.Image(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Log = func(format string, args ...any) { t.Errorf("it says: "+format, args...) }
	began := time.Now()
	if _, err := p.Image(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("it took %v", time.Since(began))
	if took := time.Since(began); took > 5*time.Second { // 0.3 s on an idle machine
		t.Errorf("it took %v", took)
	}
}

func TestAModuleThatRequiresSeatrialFindsItsSource(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	user := t.TempDir()
	write(t, filepath.Join(user, "go.mod"), "module example.com/user\n\ngo 1.26.0\n\n"+
		"require github.com/seatrial/seatrial v0.1.0\n\nreplace github.com/seatrial/seatrial => "+source+"\n")
	here, err := (&agent.Provider{}).Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(user)
	there, err := (&agent.Provider{}).Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if here != there {
		t.Errorf("from the module %+v, from its user %+v", here, there)
	}
}

func TestWhatCannotRunInTheImageIsRefused(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	write(t, script, "#!/bin/sh\n")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]agent.Provider{
		"missing":             {Binary: filepath.Join(dir, "nothing")},
		"not a Linux binary":  {Binary: script},
		"another processor's": {Binary: self, Arch: map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]},
	} {
		p.Cache = dir
		_, err := p.Image(t.Context())
		var failure *seatrial.Error
		if !errors.As(err, &failure) || failure.Class != seatrial.BadInput || !strings.Contains(failure.Hint, "CGO_ENABLED=0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutSourceOrGoTheHintSaysWhatToDo(t *testing.T) {
	p := &agent.Provider{Cache: t.TempDir()}
	for name, arrange := range map[string]func(t *testing.T){
		"outside of a module": func(t *testing.T) { t.Chdir(t.TempDir()) },
		"without Go":          func(t *testing.T) { t.Setenv("PATH", t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			arrange(t)
			_, err := p.Image(t.Context())
			var failure *seatrial.Error
			if !errors.As(err, &failure) || failure.Class != seatrial.Infrastructure || !strings.Contains(failure.Hint, "--agent-image") {
				t.Errorf("error %v", err)
			}
			if name == "without Go" && !errors.Is(err, exec.ErrNotFound) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
