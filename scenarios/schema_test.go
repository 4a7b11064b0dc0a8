package scenarios_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
	"github.com/seatrial/seatrial/schema"
)

func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	got, err := scenarios.Schema(faults.Catalog(), comments(t, "..", "../faults"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "../schema/scenario.json", string(got))
}

// comments are those of the types and fields in folders.
func comments(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if d, ok := d.(*ast.GenDecl); ok {
					for _, s := range d.Specs {
						if s, ok := s.(*ast.TypeSpec); ok {
							commentsOf(found, d, s)
						}
					}
				}
			}
		}
	}
	return found
}

func commentsOf(found map[string]string, d *ast.GenDecl, s *ast.TypeSpec) {
	found[s.Name.Name] = words(d.Doc)
	fields, ok := s.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		text := strings.TrimSpace(words(f.Doc) + " " + words(f.Comment))
		for _, name := range f.Names {
			found[s.Name.Name+"."+name.Name] = text
		}
	}
}

// words are a comment without its links.
func words(c *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(c.Text()), " ")
	return strings.NewReplacer("[", "", "]", "").Replace(text)
}

// validator is not of this module, so that both cannot be wrong alike.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instance(t *testing.T, text []byte) (any, error) {
	t.Helper()
	var read, v any
	if err := yaml.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	j, err := json.Marshal(read)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(j))
	d.UseNumber()
	return v, d.Decode(&v)
}

func TestTheSchemaTakesEveryScenarioOfTheLibrary(t *testing.T) {
	s := validator(t)
	for _, entry := range scenarios.Library() {
		text, err := os.ReadFile(entry.Name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		v, err := instance(t, text)
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		}
	}
}

// beyond are the broken files whose fault is in what has to fit together, or in
// other files: no schema sees that.
var beyond = map[string]string{
	"bad-load":         "a URL has to be absolute",
	"bad-selector":     "the syntax of a label selector",
	"beyond-trial":     "a fault ends within the trial",
	"compare-time":     "a margin has the unit of its metric",
	"compare-unit":     "the same",
	"compare-zero":     "a margin is above nothing",
	"duplicate-names":  "names are unique",
	"flapping":         "timings fit together",
	"front":            "names and times",
	"front-both":       "one of two keys",
	"flapping-any":     "the same",
	"flapping-lease":   "the same",
	"maintenance":      "times fit together",
	"manifest-broken":  "another file",
	"manifest-outside": "another file",
	"missing-manifest": "another file",
	"no-span":          "what a fault needs depends on its parameters",
	"patch-nothing":    "another file",
	"two-clusters":     "several clusters have a front",
	"two-documents":    "a schema sees one document",
}

func TestTheSchemaRefusesBrokenFiles(t *testing.T) {
	s := validator(t)
	files, err := filepath.Glob(filepath.Join("..", "testdata", "scenarios", "*.yaml"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d broken files, %v; want 40", len(files), err)
	}
	refused := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := instance(t, text)
		if err == nil {
			err = s.Validate(v)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		_, known := beyond[name]
		switch {
		case err == nil && !known:
			t.Errorf("%s is taken", name)
		case err != nil && known:
			t.Errorf("%s is refused, and was beyond the schema: %v", name, err)
		case err != nil:
			refused++
		}
	}
	t.Logf("%d of %d broken files are refused", refused, len(files))
}
