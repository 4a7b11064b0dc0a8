package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestHashOfTellsFieldsApart(t *testing.T) {
	if hashOf("ab", "c") == hashOf("a", "bc") {
		t.Error("the border between fields does not count")
	}
	if hashOf("a", "") == hashOf("a") {
		t.Error("an empty field does not count")
	}
}

func TestPartHashFollowsItsNeeds(t *testing.T) {
	dep := &part{name: "kubelet", inputs: []string{"v1"}}
	top := &part{name: "image", needs: []*part{dep}}
	before := top.hash()
	dep.inputs = []string{"v2"}
	if top.hash() == before {
		t.Error("a changed need leaves the hash as it was")
	}
}

// Every part stands behind those it needs, under a name of its own.
func TestPlanOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range plan("go1.26") {
		if seen[p.name] {
			t.Errorf("two parts are called %s", p.name)
		}
		for _, n := range p.needs {
			if !seen[n.name] {
				t.Errorf("%s needs %s, which comes later", p.name, n.name)
			}
		}
		seen[p.name] = true
	}
}

func TestPlanDependsOnGoVersion(t *testing.T) {
	last := func(v string) string { p := plan(v); return p[len(p)-1].hash() }
	if once, again := last("go1.26.0"), last("go1.26.0"); once != again {
		t.Error("the same inputs give two hashes")
	}
	if last("go1.26.0") == last("go1.26.1") {
		t.Error("another Go gives the same hash")
	}
}

// A package must come from a module that its .mod file pins, for its own sake:
// -mod=readonly would fail only after minutes of compiling others.
func TestProgramsArePinned(t *testing.T) {
	required := regexp.MustCompile(`(?m)^(?:require )?\s*(\S+) v\S+`)
	for _, p := range programs {
		pinned := false
		for _, m := range required.FindAllStringSubmatch(source("modules/"+p.Module+".mod"), -1) {
			pinned = pinned || strings.HasPrefix(p.Package+"/", m[1]+"/") || p.Main != "" && strings.Contains(source(p.Main), m[1])
		}
		if !pinned {
			t.Errorf("modules/%s.mod requires no module of %s", p.Module, p.Package)
		}
	}
}

func TestImagesHoldPartsOfThePlan(t *testing.T) {
	var names, refs []string
	for _, p := range plan("go1.26") {
		names = append(names, p.name)
	}
	for _, i := range images {
		part, _, _ := strings.Cut(i.Extra, "/")
		for _, n := range []string{i.Program, part} {
			if n != "" && !slices.Contains(names, n) {
				t.Errorf("image %s needs a part %q, which is not there", i.Refs[0], n)
			}
		}
		refs = append(refs, i.Refs...)
	}
	if slices.Sort(refs); len(slices.Compact(slices.Clone(refs))) != len(refs) {
		t.Errorf("an image is named twice: %q", refs)
	}
}

// Nothing can be pulled, so what a manifest names must be in the store.
func TestManifestsNameImagesOfTheTable(t *testing.T) {
	named := regexp.MustCompile(`(?m)(?:image:|--helper-image\n\s+-) (\S+)$`)
	for _, m := range manifests {
		found := named.FindAllStringSubmatch(source("manifests/"+m), -1)
		if len(found) == 0 {
			t.Errorf("%s names no image", m)
		}
		for _, f := range found {
			if !slices.ContainsFunc(images, func(i image) bool { return slices.Contains(i.Refs, f[1]) }) {
				t.Errorf("%s names %s, which no image of the table is called", m, f[1])
			}
		}
	}
}

// kind fills in the network's manifest only where it is asked to.
func TestNetworkManifestAsksKind(t *testing.T) {
	cni := source("manifests/default-cni.yaml")
	for _, ask := range []string{"would you kindly template this file", "would you kindly patch this file", "{{ .PodSubnet }}"} {
		if !strings.Contains(cni, ask) {
			t.Errorf("default-cni.yaml lacks %q", ask)
		}
	}
}

func TestFlags(t *testing.T) {
	p := program{Tags: "seccomp", Set: []string{"main.v=1"}, Static: true}
	want := []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=seccomp",
		"-ldflags=-s -w -X main.v=1 -linkmode external -extldflags -static"}
	if got := p.flags(); !slices.Equal(got, want) {
		t.Errorf("flags\n%q\nwant\n%q", got, want)
	}
	if !slices.Contains(p.env(), "CGO_ENABLED=1") || slices.Contains(program{}.env(), "CGO_ENABLED=1") {
		t.Error("C is compiled where it should not be, or the other way round")
	}
}
