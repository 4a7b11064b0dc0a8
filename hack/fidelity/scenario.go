package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

// copied is a scenario that was copied with another number of users.
type copied struct {
	name string
	path string // of the copy, with its manifests beside it
	key  string // of all that a trial of it is made of
}

// copyScenario lays a scenario and the YAML files beside it, which its manifests
// are among, into a folder below folder, with that many users in every load. The
// same content always gets the same folder, which stays: reports name it.
func copyScenario(path, folder string, users int) (copied, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return copied{}, fmt.Errorf("making the folder of the copies: %w", err)
	}
	own, err := os.MkdirTemp(folder, "new-")
	if err != nil {
		return copied{}, fmt.Errorf("copying the scenario: %w", err)
	}
	c, err := fill(own, path, users)
	if err != nil {
		return copied{}, errors.Join(err, os.RemoveAll(own))
	}
	final := filepath.Join(folder, c.key)
	err = errors.Join(os.RemoveAll(final), os.Rename(own, final)) // what is there has the same content
	c.path = filepath.Join(final, filepath.Base(path))
	return c, err
}

func fill(own, path string, users int) (copied, error) {
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.yaml"))
	if err != nil {
		return copied{}, err
	}
	for _, file := range beside {
		if err := copyFile(file, filepath.Join(own, filepath.Base(file))); err != nil {
			return copied{}, err
		}
	}
	text, err := os.ReadFile(path)
	if err == nil && users > 0 {
		text, err = withUsers(text, users)
	}
	c := copied{path: filepath.Join(own, filepath.Base(path))}
	if err == nil {
		err = os.WriteFile(c.path, text, 0o644)
	}
	if err != nil {
		return copied{}, fmt.Errorf("copying the scenario: %w", err)
	}
	err = c.identify()
	return c, err
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("copying what lies beside the scenario: %w", err)
	}
	return nil
}

// identify reads the copy, which must be valid, and hashes it with the
// manifests of every variant.
func (c *copied) identify() error {
	sc, err := scenarios.Load(c.path, faults.Catalog())
	if err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(sc.Source) // never fails, see hash.Hash
	for _, t := range sc.Variants {
		fmt.Fprintf(sum, "\x00%s\x00%s", t.Variant, t.Manifests)
		for _, c := range t.Spec.Clusters {
			sum.Write(t.Own[c.Name])
		}
	}
	c.name, c.key = sc.Name, sc.Name+"-"+hex.EncodeToString(sum.Sum(nil))[:12]
	return nil
}

// withUsers sets the users of every load, in the scenario and in its variants.
// The rate is a load's total, so it stays.
func withUsers(text []byte, users int) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	if len(document.Content) == 0 {
		return nil, fmt.Errorf("reading the scenario: the file is empty")
	}
	spec := field(document.Content[0], "spec")
	for _, load := range items(field(spec, "loads")) {
		setUsers(load, users, true)
	}
	for _, variant := range items(field(spec, "variants")) {
		for _, load := range items(field(field(variant, "spec"), "loads")) {
			setUsers(load, users, false)
		}
	}
	return yaml.Marshal(&document)
}

// setUsers replaces the users of a load, or adds them where they must be said.
func setUsers(load *yaml.Node, users int, add bool) {
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(users)}
	if known := field(load, "users"); known != nil {
		*known = *value
	} else if add {
		load.Content = append(load.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "users"}, value)
	}
}

// field is the value of a key; nil where there is none.
func field(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}
