package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// part is one step of the build: a folder of files that depends on its inputs
// only.
type part struct {
	name   string
	inputs []string // versions, flags, contents: whatever changes what build makes
	needs  []*part
	build  func(ctx context.Context, env buildEnv) error
}

// buildEnv is what a part finds when it is built.
type buildEnv struct {
	dir  string                         // empty folder for the results
	path func(part, file string) string // a file that an earlier part made
}

// hash names the part by its own inputs and, through their hashes, by those of
// all parts that it needs.
func (p *part) hash() string {
	fields := append([]string{p.name}, p.inputs...)
	for _, n := range p.needs {
		fields = append(fields, n.hash())
	}
	return hashOf(fields...)
}

// hashOf hashes each field behind its length, so that no two lists of fields
// look alike.
func hashOf(fields ...string) string {
	h := sha256.New()
	for _, f := range fields {
		fmt.Fprintf(h, "%d:%s", len(f), f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sources holds the program's own files: what a part does is an input as well,
// and a checkout need not be at hand when the program runs.
//
//go:embed *.go modules manifests routes/*.go files
var sources embed.FS

// source is the content of an embedded file. That one is missing can only be a
// mistake in this program.
func source(name string) string {
	b, err := fs.ReadFile(sources, name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// plan is the build as a list in which every part stands behind those it needs.
// The last part stands for the image itself.
func plan(goVersion string) []*part {
	var parts []*part
	for _, p := range programs {
		parts = append(parts, goPart(p, goVersion))
	}
	parts = append(parts, routesPart(goVersion), pausePart(), rootfsPart())
	parts = append(parts, storePart(parts))
	return append(parts, nodePart(parts))
}
