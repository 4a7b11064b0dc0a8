package scenarios

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// Schema makes the JSON Schema (2020-12) of scenario files with the faults of a
// catalog. comments describe types and fields, as in "Spec" and "Spec.Hurt": Go
// keeps them out of its binaries, so they come from the sources.
//
// Package schema has what it made of this module.
func Schema(catalog []seatrial.Builtin, comments map[string]string) ([]byte, error) {
	g := &schemaOf{catalog: catalog, comments: comments, defs: rule{}, types: map[string]reflect.Type{}}
	root := rule{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "https://raw.githubusercontent.com/seatrial/seatrial/main/schema/scenario.json",
		"title":       "A scenario of seatrial",
		"description": comments["Scenario"],
		"type":        "object", "additionalProperties": false,
		"required": []string{"apiVersion", "kind", "metadata", "spec"},
		"properties": rule{
			"apiVersion": rule{"const": APIVersion},
			"kind":       rule{"const": Kind},
			"metadata": rule{
				"type": "object", "additionalProperties": false, "required": []string{"name"},
				"properties": rule{"name": rule{"type": "string", "pattern": dnsLabel.String()}, "description": rule{"type": "string"}},
			},
			"spec": g.whole(),
		},
	}
	root["$defs"] = g.defs
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

type rule = map[string]any

// schemaOf turns the types that a decoder fills into schemas.
type schemaOf struct {
	catalog  []seatrial.Builtin
	comments map[string]string
	defs     rule
	types    map[string]reflect.Type // of the definitions
}

// whole is the spec with what belongs to the scenario rather than to a variant.
func (g *schemaOf) whole() rule {
	g.of(reflect.TypeFor[seatrial.Spec]())
	spec := g.defs["Spec"].(rule)
	properties := maps.Clone(spec["properties"].(rule))
	properties["compare"] = g.of(reflect.TypeFor[seatrial.CompareSpec]())
	properties["variants"] = rule{
		"type": "array", "maxItems": maxEntries, "description": "Configurations under comparison: each is a part of a spec, merged over this one. Lists merge by name.",
		"items": rule{
			"type": "object", "additionalProperties": false, "required": []string{"name"},
			"properties": rule{
				"name":     rule{"type": "string", "pattern": dnsLabel.String()},
				"baseline": rule{"type": "boolean", "description": "The others are compared with this one."},
				"expect":   rule{"enum": []seatrial.Verdict{seatrial.Pass, seatrial.Failed}, "description": "The verdict that the author predicts; pass unless said."},
				"spec":     rule{"$ref": "#/$defs/Spec"},
			},
		},
	}
	return rule{"type": "object", "additionalProperties": false, "description": spec["description"],
		"required": []string{"loads", "timeline"}, "properties": properties}
}

// of is the schema of a type. One of a struct is a definition of its own.
func (g *schemaOf) of(t reflect.Type) rule {
	switch {
	case t.Kind() == reflect.Pointer:
		return g.of(t.Elem())
	case t == durationType:
		return rule{"anyOf": []rule{{"type": "string", "pattern": durationPattern}, {"const": 0}}}
	case t == reflect.TypeFor[seatrial.Replay]():
		return rule{"type": "string", "description": g.comments["Replay"]}
	case reflect.PointerTo(t).Implements(textType):
		return textSchema(t)
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.structure(t)
	case reflect.Slice:
		return rule{"type": []string{"array", "null"}, "items": g.of(t.Elem()), "maxItems": maxEntries}
	case reflect.Map:
		return rule{"type": []string{"object", "null"}, "additionalProperties": g.of(t.Elem())}
	case reflect.String:
		return rule{"type": "string"}
	case reflect.Bool:
		return rule{"type": "boolean"}
	case reflect.Float64:
		return rule{"type": "number"}
	}
	return rule{"type": "integer"}
}

// What [time.ParseDuration] reads, where it is not negative.
const (
	duration        = `(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+`
	durationPattern = `^` + duration + `$`
)

// texts are the patterns of types with a text form of their own.
var texts = map[reflect.Type]string{
	reflect.TypeFor[seatrial.Rate]():        `^[0-9.]+(e[-+]?[0-9]+)?/(s|m)$`,
	reflect.TypeFor[seatrial.Ratio]():       `^[0-9.]+%$`,
	reflect.TypeFor[seatrial.MilliCPU]():    `^[0-9.]+m?$`,
	reflect.TypeFor[seatrial.Bytes]():       `^[0-9.]+(k|M|G|T|Ki|Mi|Gi|Ti)?$`,
	reflect.TypeFor[seatrial.CatchUp]():     `^([0-9.]+x|unlimited)$`,
	reflect.TypeFor[seatrial.Connections](): `^([0-9]+|perRequest)$`,
	reflect.TypeFor[seatrial.Failure]():     `^(connect|error|timeout|5xx|[45][0-9][0-9])$`,
	reflect.TypeFor[seatrial.HedgeAfter]():  `^(p[0-9.]+|` + duration + `)$`,
	reflect.TypeFor[seatrial.CacheTime]():   `^(forever|honourTTL|0|` + duration + `)$`,
	reflect.TypeFor[seatrial.Margin]():      `^([0-9.]+%|` + duration + `)$`,
}

// textSchema is a text of that form, which without a unit YAML may read as a
// number.
func textSchema(t reflect.Type) rule {
	s := rule{"type": []string{"string", "number"}}
	if pattern := texts[t]; pattern != "" {
		s["pattern"] = pattern // of texts alone; a number passes
	}
	if strings.ContainsAny(texts[t], "%/") { // a unit, without which it is nothing
		s["type"] = "string"
	}
	return s
}

// structure makes the definition of a struct, once, and refers to it.
func (g *schemaOf) structure(t reflect.Type) rule {
	name := t.Name()
	if had, known := g.types[name]; known && had != t {
		panic(fmt.Sprintf("scenarios: %v and %v would be one definition", had, t))
	} else if !known {
		g.types[name] = t
		s := rule{"type": []string{"object", "null"}, "additionalProperties": false}
		g.defs[name] = s // before its fields, in case it holds itself
		g.describe(s, name)
		s["properties"] = g.fields(t)
		switch t {
		case reflect.TypeFor[seatrial.FaultSpec]():
			g.faults(s)
		case reflect.TypeFor[seatrial.Load]():
			rate := s["properties"].(rule)["rate"].(rule)
			s["properties"].(rule)["rate"] = rule{"description": rate["description"],
				"anyOf": []rule{textSchema(reflect.TypeFor[seatrial.Rate]()), g.of(reflect.TypeFor[seatrial.Shape]())}}
		}
	}
	return rule{"$ref": "#/$defs/" + name}
}

func (g *schemaOf) fields(t reflect.Type) rule {
	properties := rule{}
	for name, f := range fieldsOf(t) {
		s := g.of(f.Type)
		if list, ok := f.Tag.Lookup("enum"); ok {
			s = rule{"enum": strings.Split(list, ",")}
		}
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		} else {
			g.describe(s, owner(t, f)+"."+f.Name)
		}
		properties[name] = s
	}
	return properties
}

// owner is the type that declares a field, which may be an embedded one.
func owner(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return t.Name()
}

func (g *schemaOf) describe(s rule, name string) {
	if text := g.comments[name]; text != "" {
		s["description"] = text
	}
}

// faults adds the one key of the catalog that an entry has. A variant may leave
// it to the entry that it is merged over.
func (g *schemaOf) faults(s rule) {
	properties := s["properties"].(rule)
	var kinds []rule
	for _, b := range g.catalog {
		name := reflect.TypeOf(b.New()).Elem()
		f := g.structure(name)
		g.defaults(name.Name(), reflect.ValueOf(b.New()).Elem())
		f["description"] = fmt.Sprintf("%s\n\nProof: %s.", b.Summary, b.Proof)
		f["examples"] = []string{b.Example}
		properties[b.Name] = f
		kinds = append(kinds, rule{"required": []string{b.Name}})
	}
	s["oneOf"] = append(slices.Clone(kinds), rule{"not": rule{"anyOf": kinds}})
}

// defaults notes what a fault's parameters are when nothing is said.
func (g *schemaOf) defaults(def string, v reflect.Value) {
	properties := g.defs[def].(rule)["properties"].(rule)
	for name, f := range fieldsOf(v.Type()) {
		field := reflect.Indirect(v.FieldByIndex(f.Index))
		if !field.IsValid() || field.IsZero() || field.Kind() == reflect.Struct || field.Kind() == reflect.Slice {
			continue
		}
		properties[name].(rule)["default"] = plain(field)
	}
}

// plain is a value as a scenario writes it.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String()
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return string(text)
		}
	case fmt.Stringer:
		return x.String()
	}
	return v.Interface()
}
