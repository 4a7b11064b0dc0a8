package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxBytes = 1 << 20 // of one file; Kubernetes' own limit for an object is of this order
	maxDepth = 64      // of nesting; no honest file comes near it
)

// document is a parsed YAML document that knows where each node came from.
type document struct {
	file   string // for messages
	offset int    // lines of the file before this document
	lines  []string
	root   *yaml.Node // nil when the document is empty
	places map[*yaml.Node]place
	found  *findings
}

// place is how a node hangs in its document.
type place struct {
	parent *yaml.Node
	key    string // ".at" or "[3]"
}

// where is a spot that a message is about: a node, or a field that it lacks.
type where struct {
	node    *yaml.Node
	missing string // ".rate"
}

// parseDocument parses the one document of a file. offset is added to every
// line number, for a document that is a part of its file. It reports what is
// wrong to found, and returns nil when there is nothing to go on with.
func parseDocument(file string, data []byte, whole []string, offset int, found *findings) *document {
	d := &document{file: file, offset: offset, lines: whole, places: map[*yaml.Node]place{}, found: found}
	node, err := decodeOne(data)
	if err != nil {
		found.problem(d.syntax(err))
		return nil
	}
	if node == nil {
		return d
	}
	d.root = node
	before := len(found.problems)
	d.walk(node, 0)
	if len(found.problems) > before {
		return nil
	}
	return d
}

var errSeveral = errors.New("more than one YAML document")

// decodeOne parses a single document; nil when there is none.
func decodeOne(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&next); err == nil {
		return nil, errSeveral
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return doc.Content[0], nil
}

// syntax turns the parser's error into a problem. The parser has no type for
// the place, only a text that begins with "yaml: line 3: ", and it means the
// line where the broken construct begins, or the one before.
func (d *document) syntax(err error) Problem {
	if errors.Is(err, errSeveral) {
		return Problem{File: d.file, Message: err.Error(), Hint: "one file is one scenario: remove the --- between them"}
	}
	p := Problem{File: d.file, part: d.offset, Hint: "check indentation, quotes and brackets around that line"}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanErr := fmt.Sscanf(text, "line %d:", &p.Line); scanErr == nil {
		_, text, _ = strings.Cut(text, ": ")
		p.Line += d.offset
		p.Column = 1
	}
	p.Message = "not YAML, here or in the next lines: " + text
	return p
}

// walk notes the place of every node, and refuses what would make a file
// ambiguous.
func (d *document) walk(n *yaml.Node, depth int) {
	n.Line += d.offset
	switch {
	case depth > maxDepth:
		d.bad(where{node: n}, "nested more than %d deep", maxDepth)
	case n.Kind == yaml.MappingNode:
		d.walkMap(n, depth)
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			d.places[item] = place{parent: n, key: fmt.Sprintf("[%d]", i)}
			d.walk(item, depth+1)
		}
	}
}

func (d *document) walkMap(n *yaml.Node, depth int) {
	keys := make(map[string]int, len(n.Content)/2)
	for key, value := range pairs(n) {
		key.Line += d.offset
		d.places[key] = place{parent: n, key: "." + key.Value}
		d.places[value] = d.places[key]
		if key.Kind != yaml.ScalarNode {
			d.bad(where{node: key}, "a field's name must be a plain word")
			continue
		}
		if line, twice := keys[key.Value]; twice {
			d.bad(where{node: key}, "written twice; the first is in line %d", line)
		}
		keys[key.Value] = key.Line
		d.walk(value, depth+1)
	}
}

// refuseAliases reports every alias. A scenario has variants to share what is
// common, and a dozen lines of aliases can stand for gigabytes.
func (d *document) refuseAliases() bool {
	found := false
	for n := range d.places {
		if n.Kind == yaml.AliasNode {
			found = true
			d.badHint(where{node: n}, "write the value out; variants are the way to share a spec", "aliases are not read")
		}
	}
	return found
}

// pairs iterates over the keys and values of a mapping.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// field finds a key of a mapping and its value; nil, nil when it is absent.
func field(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for k, v := range pairs(n) {
		if k.Value == name {
			return k, v
		}
	}
	return nil, nil
}

// find follows names and indexes down from a node as far as they lead. What is
// left over is named as missing.
func find(n *yaml.Node, path ...any) where {
	for i, p := range path {
		next := child(n, p)
		if next == nil {
			return where{node: n, missing: spell(path[i:])}
		}
		n = next
	}
	return where{node: n}
}

func child(n *yaml.Node, part any) *yaml.Node {
	switch part := part.(type) {
	case string:
		_, value := field(n, part)
		return value
	case int:
		if n.Kind == yaml.SequenceNode && part < len(n.Content) {
			return n.Content[part]
		}
	}
	return nil
}

func spell(path []any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case string:
			b.WriteString("." + p)
		case int:
			fmt.Fprintf(&b, "[%d]", p)
		}
	}
	return b.String()
}

// path spells where a node stands in the file, as in "spec.faults[0].at".
func (d *document) path(w where) string {
	var parts []string
	for n := w.node; n != nil; {
		p, ok := d.places[n]
		if !ok {
			break
		}
		parts = append(parts, p.key)
		n = p.parent
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
	}
	return strings.TrimPrefix(b.String()+w.missing, ".")
}

func (d *document) line(number int) string {
	if number < 1 || number > len(d.lines) {
		return ""
	}
	return d.lines[number-1]
}

// at makes a problem about a spot.
func (d *document) at(w where, hint, message string) Problem {
	p := Problem{File: d.file, part: d.offset, Path: d.path(w), Message: message, Hint: hint}
	if w.node != nil {
		p.Line, p.Column = w.node.Line, w.node.Column
		p.Snippet = d.line(p.Line)
	}
	return p
}

// bad reports a problem without a hint.
func (d *document) bad(w where, format string, args ...any) {
	d.found.problem(d.at(w, "", fmt.Sprintf(format, args...)))
}

// badHint reports a problem with what to do about it.
func (d *document) badHint(w where, hint, format string, args ...any) {
	d.found.problem(d.at(w, hint, fmt.Sprintf(format, args...)))
}

// warn notes what is accepted but worth a look.
func (d *document) warn(w where, format string, args ...any) {
	d.found.warn(d.at(w, "", fmt.Sprintf(format, args...)))
}

func splitLines(data []byte) []string { return strings.Split(string(data), "\n") }
