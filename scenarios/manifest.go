package scenarios

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
	kyaml "sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial"
)

// object is one Kubernetes object of a manifest or patch file.
type object struct {
	id   objectID
	doc  *document // for messages
	json []byte
}

// objectID says which object of a cluster is meant.
type objectID struct{ apiVersion, kind, namespace, name string }

func (id objectID) String() string {
	if id.namespace == "default" {
		return id.kind + " " + id.name
	}
	return id.kind + " " + id.namespace + "/" + id.name
}

func (id objectID) gvk() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(id.apiVersion, id.kind)
}

// renderer reads manifests and patches, each file once, and turns them into
// the workload of a variant.
type renderer struct {
	folder string // of the scenario, for messages
	files  fs.FS
	found  *findings
	known  map[string][]object
	more   []object // from elsewhere
}

func newRenderer(scenario string, files fs.FS, found *findings) *renderer {
	return &renderer{folder: filepath.ToSlash(filepath.Dir(scenario)), files: files, found: found, known: map[string][]object{}}
}

// join reads manifests from elsewhere.
func (r *renderer) join(more []Manifests) {
	for _, m := range more {
		if len(m.Text) > maxBytes {
			r.found.problem(Problem{File: m.Name, Message: fmt.Sprintf("larger than %d bytes", maxBytes)})
			continue
		}
		r.more = append(r.more, r.parse(m.Name, m.Text)...)
	}
}

// manifests renders the workload of one variant, and of the n-th of its clusters
// where n is none below zero: the objects in the order of their files, patches
// applied, keys sorted. at is where d wrote the spec.
func (r *renderer) manifests(d *document, at *yaml.Node, spec seatrial.Spec, n int) []byte {
	var objects []object
	for i, name := range spec.Workload.Manifests {
		objects = append(objects, r.file(d, find(at, "workload", "manifests", i), name)...)
	}
	objects = append(objects, r.more...)
	r.duplicates(objects)
	for i, name := range spec.Workload.Patches {
		for _, patch := range r.file(d, find(at, "workload", "patches", i), name) {
			objects = r.apply(objects, patch)
		}
	}
	if n >= 0 {
		for i, name := range spec.Clusters[n].Patches {
			for _, patch := range r.file(d, find(at, "clusters", n, "patches", i), name) {
				objects = r.apply(objects, patch)
			}
		}
	}
	if len(objects) == 0 {
		d.warn(find(at, "workload", "manifests"), "no manifests: whatever the loads call must be in the cluster already")
	}
	return r.stream(objects)
}

// file reads the objects of one file, which w names.
func (r *renderer) file(d *document, w where, name string) []object {
	if objects, ok := r.known[name]; ok {
		return objects
	}
	data, ok := r.read(d, w, name)
	if !ok {
		return nil
	}
	objects := r.parse(path.Join(r.folder, name), data)
	r.known[name] = objects
	return objects
}

func (r *renderer) read(d *document, w where, name string) ([]byte, bool) {
	if !fs.ValidPath(name) || r.files == nil {
		d.badHint(w, "name a file in the scenario's folder or below it, without .. and without / in front", "%q does not lie beside the scenario", name)
		return nil, false
	}
	data, err := readLimited(r.files.Open(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.badHint(w, r.neighbours(name), "there is no file %s beside the scenario", name)
	case err != nil:
		d.badHint(w, "it must be a readable file in the scenario's folder; links that lead out of it are not followed", "cannot be read: %v", err)
	case len(data) > maxBytes:
		d.bad(w, "%s is larger than %d bytes", name, maxBytes)
	default:
		return data, true
	}
	return nil, false
}

// neighbours hints at the files that are there.
func (r *renderer) neighbours(name string) string {
	files, err := fs.Glob(r.files, path.Join(path.Dir(name), "*.yaml"))
	if err != nil {
		return "" // a folder whose name is a pattern; the message says enough
	}
	if len(files) > 10 {
		files = files[:10]
	}
	return suggest(name, files)
}

// parse splits a stream of YAML documents and reads an object from each.
func (r *renderer) parse(file string, data []byte) []object {
	lines := splitLines(data)
	var objects []object
	for _, part := range splitStream(data) {
		doc := parseDocument(file, part.data, lines, part.line, r.found)
		if doc == nil || doc.root == nil || isNull(doc.root) {
			continue
		}
		if o, ok := r.object(doc, part.data); ok {
			objects = append(objects, o)
		}
	}
	return objects
}

type part struct {
	data []byte
	line int // lines of the file before it
}

// splitStream cuts a file before every line that begins with "---".
func splitStream(data []byte) []part {
	var parts []part
	var current part
	line := 0
	for text := range bytes.Lines(data) {
		if separates(text) {
			parts = append(parts, current)
			current = part{line: line}
		}
		current.data = append(current.data, text...)
		line++
	}
	return append(parts, current)
}

func separates(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.ContainsRune([]byte(" \t\r\n"), rune(rest[0])))
}

// object checks that a document is a Kubernetes object.
func (r *renderer) object(doc *document, data []byte) (object, bool) {
	before := len(r.found.problems)
	converted, err := kyaml.YAMLToJSON(data)
	if err != nil {
		doc.bad(where{node: doc.root}, "not a Kubernetes object: %v", err)
		return object{}, false
	}
	o := object{doc: doc, json: converted, id: objectID{
		apiVersion: text(doc, "apiVersion"),
		kind:       text(doc, "kind"),
		name:       text(doc, "metadata", "name"),
		namespace:  "default",
	}}
	if find(doc.root, "metadata", "namespace").missing == "" {
		o.id.namespace = text(doc, "metadata", "namespace")
	}
	if len(r.found.problems) > before {
		return o, false
	}
	o.checkType()
	return o, len(r.found.problems) == before
}

// text is a field that must be text.
func text(doc *document, at ...any) string {
	w := find(doc.root, at...)
	problem := "must be text"
	if w.missing != "" {
		problem = "is required"
	}
	if w.missing != "" || w.node.Kind != yaml.ScalarNode || w.node.ShortTag() != "!!str" || w.node.Value == "" {
		doc.badHint(w, "every Kubernetes object has apiVersion, kind and metadata.name", "%s", problem)
		return ""
	}
	return w.node.Value
}

// checkType decodes an object strictly into its Go type, as the API server
// would. Kinds that client-go does not know are custom resources: their fields
// are only known to the cluster.
func (o object) checkType() {
	gvk := o.id.gvk()
	typed, err := scheme.Scheme.New(gvk)
	if err != nil {
		if kinds := scheme.Scheme.KnownTypes(gvk.GroupVersion()); len(kinds) > 0 {
			o.doc.badHint(find(o.doc.root, "kind"), suggest(gvk.Kind, names(kinds)), "%s has no kind %q", o.id.apiVersion, gvk.Kind)
		}
		return
	}
	strict, err := kjson.UnmarshalStrict(o.json, typed)
	if err != nil {
		o.typeError(err)
		return
	}
	for _, e := range strict {
		o.unknownField(e)
	}
}

func (o object) typeError(err error) {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		o.doc.bad(find(o.doc.root, parsePath(wrong.Field)...), "is a %s; a %s has %s here", wrong.Value, o.id.kind, wrong.Type)
		return
	}
	o.doc.bad(where{node: o.doc.root}, "is not a valid %s: %v", o.id.kind, err)
}

func (o object) unknownField(err error) {
	var at kjson.FieldError
	if !errors.As(err, &at) {
		o.doc.bad(where{node: o.doc.root}, "%v", err)
		return
	}
	route := parsePath(at.FieldPath())
	last, _ := route[len(route)-1].(string)
	if strings.HasPrefix(last, "$") { // directives of strategic merge patches
		return
	}
	w := find(o.doc.root, route...)
	if key, _ := field(find(o.doc.root, route[:len(route)-1]...).node, last); key != nil {
		w = where{node: key}
	}
	o.doc.badHint(w, "spelling counts, upper and lower case too", "a %s has no such field", o.id.kind)
}

// parsePath reads "spec.containers[0].name".
func parsePath(s string) []any {
	var out []any
	for _, word := range strings.Split(s, ".") {
		name, index, _ := strings.Cut(word, "[")
		out = append(out, name)
		for index != "" {
			var i int
			if _, err := fmt.Sscanf(index, "%d]", &i); err != nil {
				break
			}
			out = append(out, i)
			_, index, _ = strings.Cut(index, "[")
		}
	}
	return out
}

func (r *renderer) duplicates(objects []object) {
	first := map[objectID]object{}
	for _, o := range objects {
		if earlier, twice := first[o.id]; twice {
			o.doc.bad(find(o.doc.root, "metadata", "name"), "%s is also in %s:%d", o.id, earlier.doc.file, earlier.doc.root.Line)
			continue
		}
		first[o.id] = o
	}
}

// stream writes the objects as one YAML stream.
func (r *renderer) stream(objects []object) []byte {
	var out bytes.Buffer
	for i, o := range objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		body, err := kyaml.JSONToYAML(o.json)
		if err != nil {
			o.doc.bad(where{node: o.doc.root}, "cannot be written as YAML: %v", err)
			continue
		}
		out.Write(body)
	}
	return out.Bytes()
}
