package scenarios

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func startsWith(s, prefix string) bool { return strings.HasPrefix(s, prefix) }
func contains(s, part string) bool     { return strings.Contains(s, part) }

func TestAVariantIsLaidOverTheSpec(t *testing.T) {
	for _, tc := range []struct{ name, base, patch, want string }{
		{"maps merge", "{a: 1, b: {c: 2, d: 3}}", "{b: {d: 4, e: 5}}", "{a: 1, b: {c: 2, d: 4, e: 5}}"},
		{"named lists merge by name", "[{name: x, v: 1}, {name: y, v: 2}]", "[{name: z}, {name: x, v: 9, w: 0}]",
			"[{name: x, v: 9, w: 0}, {name: y, v: 2}, {name: z}]"},
		{"other lists replace", "[a, b]", "[c]", "[c]"},
		{"a list with a nameless element replaces", "[{name: x}, {v: 1}]", "[{name: x}]", "[{name: x}]"},
		{"an empty list removes", "[{name: x}]", "[]", "[]"},
		{"null removes", "{a: {b: 1}}", "{a: null}", "{a: null}"},
		{"another type replaces", "{a: {b: 1}}", "{a: [1]}", "{a: [1]}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := "base: " + tc.base + "\npatch: " + tc.patch + "\n"
			found := &findings{}
			doc := parseDocument("f", []byte(text), nil, 0, found)
			base, patch := find(doc.root, "base").node, find(doc.root, "patch").node
			before := flow(t, base)
			if got := flow(t, doc.merge(base, patch)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if len(found.problems) > 0 || flow(t, base) != before {
				t.Errorf("merge changed its base, or found %v", found.problems)
			}
		})
	}
}

func TestAMergedNodeRemembersWhereItWasWritten(t *testing.T) {
	text := "base: {f: [{name: x, at: 1s}]}\npatch: {f: [{name: x, at: 2s}, {name: y}]}\n"
	doc := parseDocument("f", []byte(text), nil, 0, &findings{})
	merged := doc.merge(find(doc.root, "base").node, find(doc.root, "patch").node)
	for _, tc := range []struct {
		at   where
		want string
		line int
	}{
		{find(merged, "f", 0, "at"), "patch.f[0].at", 2},
		{find(merged, "f", 0, "for"), "base.f[0].for", 1},
		{find(merged, "f", 1), "patch.f[1]", 2},
	} {
		if got := doc.path(tc.at); got != tc.want || tc.at.node.Line != tc.line {
			t.Errorf("got %s in line %d, want %s in line %d", got, tc.at.node.Line, tc.want, tc.line)
		}
	}
}

// flow writes a node on one line.
func flow(t *testing.T, n *yaml.Node) string {
	t.Helper()
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{flowing(n)}})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(out), "["), "]\n")
}

func flowing(n *yaml.Node) *yaml.Node {
	fresh := *n
	fresh.Style = yaml.FlowStyle
	fresh.Content = nil
	for _, c := range n.Content {
		fresh.Content = append(fresh.Content, flowing(c))
	}
	return &fresh
}
