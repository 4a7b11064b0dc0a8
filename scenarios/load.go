package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

//go:embed *.yaml
var library embed.FS

// Entry is a scenario of the library.
type Entry struct {
	Name        string // what [Load] takes
	Description string
}

// Manifests are objects from elsewhere that join a scenario's own, such as what a
// templating tool has printed.
type Manifests struct {
	Name string // for messages, such as a path
	Text []byte // a stream of YAML documents
}

// Load reads a scenario: from the YAML file at path, or, where there is no
// such file, the library's scenario of that name. Manifests are read beside
// the file and cannot lie outside its folder, not by a symbolic link either; more of
// them join every variant's own.
func Load(path string, catalog []seatrial.Builtin, more ...Manifests) (*seatrial.Scenario, error) {
	scenario, err := loadFile(path, catalog, more)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(path) == path {
		scenario, err = loadLibrary(path, catalog, more)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no scenario %s", path), libraryHint(path))
	}
	if err != nil {
		return nil, err
	}
	scenario.Path = path
	return scenario, nil
}

func loadFile(path string, catalog []seatrial.Builtin, more []Manifests) (*seatrial.Scenario, error) {
	data, err := readLimited(os.Open(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading a scenario: %w", err), "name a YAML file, or one of the library: "+libraryNames())
	}
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading the folder of a scenario: %w", err), "")
	}
	defer folder.Close() // read only: nothing can be lost
	return Parse(path, data, folder.FS(), catalog, more...)
}

func loadLibrary(name string, catalog []seatrial.Builtin, more []Manifests) (*seatrial.Scenario, error) {
	file := strings.TrimSuffix(name, ".yaml") + ".yaml"
	data, err := library.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if describe(data) == nil {
		return nil, fmt.Errorf("%s is a manifest: %w", file, fs.ErrNotExist)
	}
	return Parse(file, data, library, catalog, more...)
}

// readLimited reads a file that [os.Open] or a like function gave, up to one
// byte more than is allowed.
func readLimited[F fs.File](f F, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// Library lists the ready-made scenarios, sorted by name.
func Library() []Entry {
	files, err := fs.Glob(library, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var entries []Entry
	for _, file := range files {
		data, err := library.ReadFile(file)
		if err != nil {
			panic(err) // the folder is part of the program
		}
		if meta := describe(data); meta != nil {
			entries = append(entries, Entry{strings.TrimSuffix(file, ".yaml"), meta.Description})
		}
	}
	return entries
}

// describe reads who a file says it is; nil when it is not a scenario.
func describe(data []byte) *metadata {
	var head struct {
		Kind     string   `yaml:"kind"`
		Metadata metadata `yaml:"metadata"`
	}
	if yaml.Unmarshal(data, &head) != nil || head.Kind != Kind {
		return nil // the library's manifests are streams of other objects
	}
	return &head.Metadata
}

func libraryNames() string {
	var out []string
	for _, e := range Library() {
		out = append(out, e.Name)
	}
	return strings.Join(out, ", ")
}

func libraryHint(path string) string {
	var known []string
	for _, e := range Library() {
		known = append(known, e.Name)
	}
	word := strings.TrimSuffix(filepath.Base(path), ".yaml")
	if near := nearest(word, known); near != "" {
		return "did you mean " + near + " of the library?"
	}
	return "name a YAML file, or one of the library: " + libraryNames()
}

// IsManifest says whether a file holds Kubernetes objects and no scenario, as
// the manifests and patches do that lie beside one. What cannot be read is
// none: [Load] says why.
func IsManifest(path string) bool {
	data, err := readLimited(os.Open(path))
	if err != nil {
		return false
	}
	var head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
	}
	// Only the first document: a stream begins with what it is.
	if err := yaml.Unmarshal(data, &head); err != nil {
		return false
	}
	return head.APIVersion != "" && head.Kind != "" && !strings.HasPrefix(head.APIVersion, "seatrial.dev/")
}
