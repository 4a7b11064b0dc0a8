package scenarios

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// fault decodes an entry of spec.faults: fields of its own, and one key of the
// catalog that carries the parameters.
func (p *parser) fault(n *yaml.Node, v reflect.Value) {
	if !p.expect(n, yaml.MappingNode, "a fault") {
		return
	}
	common := fieldsOf(v.Type())
	var kinds []string
	unknown := false
	for key, value := range pairs(n) {
		_, own := common[key.Value]
		_, kind := p.catalog[key.Value]
		switch {
		case kind:
			kinds = append(kinds, key.Value)
			p.parameters(key.Value, value, v.Addr().Interface().(*seatrial.FaultSpec))
		case !own:
			unknown = true
			known := append(names(p.catalog), names(common)...)
			p.badHint(where{node: key}, suggest(key.Value, known), "unknown field or fault")
		}
	}
	p.structure(p.only(n, common), v)
	if !unknown {
		p.oneKind(n, kinds)
	}
}

// only is a mapping reduced to known fields.
func (p *parser) only(n *yaml.Node, fields map[string]reflect.StructField) *yaml.Node {
	rest := p.like(n)
	for key, value := range pairs(n) {
		if _, ok := fields[key.Value]; ok {
			rest.Content = append(rest.Content, key, value)
		}
	}
	return rest
}

func (p *parser) parameters(kind string, n *yaml.Node, spec *seatrial.FaultSpec) {
	spec.Kind, spec.Fault = kind, p.catalog[kind].New()
	p.decode(n, reflect.ValueOf(spec.Fault))
}

func (p *parser) oneKind(n *yaml.Node, kinds []string) {
	switch {
	case len(kinds) == 0 && len(p.catalog) > 0:
		p.badHint(where{n, ".<fault>"}, "add one of: "+strings.Join(names(p.catalog), ", "), "does not say what goes wrong")
	case len(kinds) == 0:
		p.bad(where{n, ".<fault>"}, "no faults are known here")
	case len(kinds) > 1:
		p.badHint(where{node: n}, "give each an entry and a name of its own", "%s are several faults in one entry", strings.Join(kinds, " and "))
	}
}

// nameFaults gives every fault without a name that of its kind, before
// variants merge by name.
func (p *parser) nameFaults(spec *yaml.Node) {
	_, list := field(spec, "faults")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range list.Content {
		if _, named := field(item, "name"); named == nil {
			p.nameFault(item)
		}
	}
}

func (p *parser) nameFault(item *yaml.Node) {
	if item.Kind != yaml.MappingNode {
		return
	}
	for key := range pairs(item) {
		if _, ok := p.catalog[key.Value]; !ok {
			continue
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "name", Line: key.Line, Column: key.Column}
		value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Value, Line: key.Line, Column: key.Column}
		p.places[name] = place{parent: item, key: ".name"}
		p.places[value] = p.places[name]
		item.Content = append(item.Content, name, value)
		return
	}
}
