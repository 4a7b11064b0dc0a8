package scenarios

import "go.yaml.in/yaml/v3"

// merge lays patch over base and returns the result; neither is changed. Every
// node of the result keeps the place where it was written, so that a problem
// in a merged spec points at the line that causes it.
func (d *document) merge(base, patch *yaml.Node) *yaml.Node {
	switch {
	case base == nil || base.Kind != patch.Kind:
		return patch
	case base.Kind == yaml.MappingNode:
		return d.mergeMaps(base, patch)
	case base.Kind == yaml.SequenceNode && allNamed(base) && allNamed(patch):
		return d.mergeNamed(base, patch)
	default:
		return patch
	}
}

func (d *document) mergeMaps(base, patch *yaml.Node) *yaml.Node {
	merged := d.like(base)
	for key, value := range pairs(base) {
		if k, v := field(patch, key.Value); v != nil {
			key, value = k, d.merge(value, v)
		}
		merged.Content = append(merged.Content, key, value)
	}
	for key, value := range pairs(patch) {
		if _, known := field(base, key.Value); known == nil {
			merged.Content = append(merged.Content, key, value)
		}
	}
	return merged
}

func (d *document) mergeNamed(base, patch *yaml.Node) *yaml.Node {
	patches := byName(patch)
	merged := d.like(base)
	for _, item := range base.Content {
		if p := patches[nameOf(item)]; p != nil {
			item = d.merge(item, p)
		}
		merged.Content = append(merged.Content, item)
	}
	known := byName(base)
	for _, item := range patch.Content {
		switch name := nameOf(item); {
		case patches[name] != item:
			d.bad(where{node: item}, "a second element named %q", name)
		case known[name] == nil:
			merged.Content = append(merged.Content, item)
		}
	}
	return merged
}

// like is an empty node that stands where n stands.
func (d *document) like(n *yaml.Node) *yaml.Node {
	fresh := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Style: n.Style, Line: n.Line, Column: n.Column}
	if p, ok := d.places[n]; ok {
		d.places[fresh] = p
	}
	return fresh
}

// without is a copy of a mapping that lacks one key.
func (d *document) without(n *yaml.Node, name string) *yaml.Node {
	rest := d.like(n)
	for key, value := range pairs(n) {
		if key.Value != name {
			rest.Content = append(rest.Content, key, value)
		}
	}
	return rest
}

// allNamed is true for a list with elements that all have a name.
func allNamed(list *yaml.Node) bool {
	for _, item := range list.Content {
		if nameOf(item) == "" {
			return false
		}
	}
	return len(list.Content) > 0
}

func nameOf(item *yaml.Node) string {
	if _, value := field(item, "name"); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// byName indexes a list; of two elements with one name the first counts.
func byName(list *yaml.Node) map[string]*yaml.Node {
	index := make(map[string]*yaml.Node, len(list.Content))
	for _, item := range list.Content {
		if name := nameOf(item); index[name] == nil {
			index[name] = item
		}
	}
	return index
}
