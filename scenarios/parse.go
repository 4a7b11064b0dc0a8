package scenarios

import (
	"fmt"
	"io/fs"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// What a file must say about itself.
const (
	APIVersion = "seatrial.dev/v1alpha1"
	Kind       = "Scenario"
)

// maxEntries bounds each list of a scenario: a file with more is generated,
// and should be several files.
const maxEntries = 200

// maxNodes bounds a scenario, so that merging hundreds of variants stays quick
// whatever the file holds.
const maxNodes = 20_000

// header is the part of a file around the spec.
type header struct {
	APIVersion string     `yaml:"apiVersion"`
	Kind       string     `yaml:"kind"`
	Metadata   metadata   `yaml:"metadata"`
	Spec       *yaml.Node `yaml:"spec"`
}

type metadata struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

// variant is an entry of spec.variants.
type variant struct {
	Name     string           `yaml:"name"`
	Baseline bool             `yaml:"baseline"`
	Expect   seatrial.Verdict `yaml:"expect" enum:"pass,fail"`
	Spec     *yaml.Node       `yaml:"spec"`
}

// Parse reads a scenario from YAML. name stands for the file in messages;
// manifests and patches are opened in files, which is the scenario's folder
// and may be nil when it names none; catalog holds the faults that may occur; more
// manifests join every variant's own.
//
// An error that is the file's fault wraps [Problems], for errors.As, and has the
// class [seatrial.BadInput].
func Parse(name string, data []byte, files fs.FS, catalog []seatrial.Builtin, more ...Manifests) (*seatrial.Scenario, error) {
	index, err := indexCatalog(catalog)
	if err != nil {
		return nil, err
	}
	found := &findings{}
	p := &parser{catalog: index, found: found, files: files, more: more}
	scenario := p.scenario(name, data)
	if err := found.err(); err != nil {
		return nil, err
	}
	if scenario.Source, err = redacted(data); err != nil {
		return nil, err
	}
	scenario.Warnings = found.warnings
	return scenario, nil
}

func indexCatalog(catalog []seatrial.Builtin) (map[string]seatrial.Builtin, error) {
	index := make(map[string]seatrial.Builtin, len(catalog))
	for _, b := range catalog {
		v := reflect.ValueOf(b.New())
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return nil, fmt.Errorf("reading the fault catalog: New of %s must return a pointer to a struct", b.Name)
		}
		if _, twice := index[b.Name]; twice {
			return nil, fmt.Errorf("reading the fault catalog: %s is in it twice", b.Name)
		}
		index[b.Name] = b
	}
	return index, nil
}

// parser holds what the steps of reading one scenario share.
type parser struct {
	*decoder
	catalog map[string]seatrial.Builtin
	found   *findings
	files   fs.FS
	more    []Manifests
	render  *renderer
}

func (p *parser) scenario(name string, data []byte) *seatrial.Scenario {
	if len(data) > maxBytes {
		p.found.problem(Problem{File: name, Message: fmt.Sprintf("larger than %d bytes", maxBytes), Hint: "a scenario is a page or two; is this the right file?"})
		return nil
	}
	doc := parseDocument(name, data, splitLines(data), 0, p.found)
	if doc == nil {
		return nil
	}
	if len(doc.places) > maxNodes {
		p.found.problem(Problem{File: name, Message: fmt.Sprintf("has more than %d values", maxNodes), Hint: "a scenario is a page or two; is this the right file?"})
		return nil
	}
	if doc.root == nil || isNull(doc.root) {
		p.found.problem(Problem{File: name, Message: "is empty", Hint: "begin with apiVersion: " + APIVersion})
		return nil
	}
	if doc.refuseAliases() {
		return nil
	}
	p.decoder = &decoder{document: doc, special: map[reflect.Type]func(*yaml.Node, reflect.Value){}}
	p.special[reflect.TypeFor[seatrial.FaultSpec]()] = p.fault
	p.special[reflect.TypeFor[seatrial.Load]()] = p.decodeLoad
	p.special[reflect.TypeFor[seatrial.Replay]()] = p.decodeReplay
	p.render = newRenderer(name, p.files, p.found)
	p.render.join(p.more)
	return p.body()
}

func (p *parser) body() *seatrial.Scenario {
	var head header
	p.decode(p.root, reflect.ValueOf(&head).Elem())
	if !p.checkHeader(head) || head.Spec == nil || !p.expect(head.Spec, yaml.MappingNode, "a map of fields") {
		return nil
	}
	spec := p.without(p.without(head.Spec, "variants"), "compare")
	p.nameFaults(spec)
	scenario := &seatrial.Scenario{Name: head.Metadata.Name, Description: head.Metadata.Description}
	scenario.Spec = p.spec(spec)
	scenario.Compare = p.compare(head.Spec)
	for _, v := range p.variants(head.Spec) {
		if len(p.found.problems) > maxProblems {
			break // nobody reads on; the rest comes up when these are corrected
		}
		scenario.Variants = append(scenario.Variants, p.trial(spec, v))
	}
	baselineFirst(scenario.Variants)
	reserve(scenario)
	return scenario
}

// checkHeader is false when the file is not a scenario at all, so that there is
// no point in reading on.
func (p *parser) checkHeader(head header) bool {
	root := p.root
	if root.Kind != yaml.MappingNode {
		return false
	}
	if head.APIVersion != APIVersion || head.Kind != Kind {
		w := find(root, "apiVersion")
		if head.APIVersion == APIVersion {
			w = find(root, "kind")
		}
		p.badHint(w, fmt.Sprintf("it begins with apiVersion: %s and kind: %s", APIVersion, Kind), "this is not a scenario")
		return false
	}
	p.label(find(root, "metadata", "name"), head.Metadata.Name)
	if head.Spec == nil {
		p.bad(find(root, "spec"), "is required")
	}
	return true
}

// variants lists the entries of spec.variants, or the one that a scenario
// without variants has.
func (p *parser) variants(spec *yaml.Node) []variant {
	_, list := field(spec, "variants")
	if list == nil || isNull(list) || list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
		return []variant{{Name: "default", Expect: seatrial.Pass}}
	}
	if list.Kind == yaml.SequenceNode && len(list.Content) > maxEntries {
		p.bad(where{node: list}, "has %d entries; %d is the most", len(list.Content), maxEntries)
		return nil
	}
	var out []variant
	p.decode(list, reflect.ValueOf(&out).Elem())
	p.checkVariants(list, out)
	return out
}

func (p *parser) checkVariants(list *yaml.Node, variants []variant) {
	baseline := ""
	for i, v := range variants {
		if v.Expect == "" {
			variants[i].Expect = seatrial.Pass
		}
		p.label(find(list, i, "name"), v.Name)
		if v.Baseline && baseline != "" {
			p.badHint(find(list, i, "baseline"), "the others are compared with the one baseline", "%q is the baseline already", baseline)
		} else if v.Baseline {
			baseline = v.Name
		}
	}
	p.unique(list, "variants")
}

// trial merges one variant over the spec and validates it whole.
func (p *parser) trial(base *yaml.Node, v variant) seatrial.Trial {
	merged := base
	if v.Spec != nil && !isNull(v.Spec) && p.expect(v.Spec, yaml.MappingNode, "a map of fields") {
		p.nameFaults(v.Spec)
		merged = p.merge(base, v.Spec)
	}
	trial := seatrial.Trial{Variant: v.Name, Baseline: v.Baseline, Expect: v.Expect, Spec: p.spec(merged)}
	p.validate(merged, &trial.Spec)
	trial.Manifests = p.render.manifests(p.document, merged, trial.Spec, -1)
	for i, c := range trial.Spec.Clusters {
		if len(c.Patches) == 0 {
			continue
		}
		if trial.Own == nil {
			trial.Own = map[string][]byte{}
		}
		trial.Own[c.Name] = p.render.manifests(p.document, merged, trial.Spec, i)
	}
	return trial
}

// spec decodes a merged spec and fills in the defaults.
func (p *parser) spec(n *yaml.Node) seatrial.Spec {
	var spec seatrial.Spec
	for _, list := range []string{"clusters", "loads", "faults"} {
		if _, items := field(n, list); items != nil && len(items.Content) > maxEntries {
			p.bad(where{node: items}, "has %d entries; %d is the most", len(items.Content), maxEntries)
			return spec
		}
	}
	p.decode(n, reflect.ValueOf(&spec).Elem())
	fillDefaults(&spec)
	return spec
}

// baselineFirst moves the baseline to the front and keeps the rest in order.
func baselineFirst(trials []seatrial.Trial) {
	for i, t := range trials {
		if t.Baseline {
			copy(trials[1:i+1], trials[:i])
			trials[0] = t
			return
		}
	}
}
