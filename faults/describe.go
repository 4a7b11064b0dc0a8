package faults

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// Doc is the manual page of a fault, in plain text: what it does, its
// parameters with their defaults, how it proves itself, and an example.
func Doc(b seatrial.Builtin) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n  %s\n\nParameters\n", b.Name, b.Summary)
	all := Parameters(b)
	if len(all) == 0 {
		out.WriteString("  none\n")
	}
	for _, p := range all {
		fmt.Fprintf(&out, "  %s\n%s", p.heading(), wrap(p.Doc, "      "))
	}
	fmt.Fprintf(&out, "\nProof\n%s\nExample\n%s", wrap(b.Proof, "  "), indent(b.Example))
	return out.String()
}

// heading is the first line of a parameter's entry.
func (p Parameter) heading() string {
	parts := []string{p.Name}
	if p.Type != "" {
		parts = append(parts, p.Type)
	}
	if p.Default != "" {
		parts = append(parts, "(default "+p.Default+")")
	}
	return strings.Join(parts, "  ")
}

// wrap breaks text into lines that fit a terminal of 80 columns.
func wrap(text, margin string) string {
	var out strings.Builder
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(margin)+len(line)+1+len(word) > 79 {
			out.WriteString(margin + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return out.String() + margin + line + "\n"
}

// Parameter is one field of a fault, as a scenario writes it.
type Parameter struct {
	Name    string // "nodes.count"
	Type    string // "duration", or the values it may have: "sigstop|cgroup"
	Default string // empty means nothing
	Doc     string
}

// Parameters lists the parameters of a fault in the order of its struct.
func Parameters(b seatrial.Builtin) []Parameter {
	return parameters("", reflect.Indirect(reflect.ValueOf(b.New())))
}

func parameters(prefix string, v reflect.Value) []Parameter {
	var out []Parameter
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			out = append(out, Parameter{Name: prefix + name, Doc: f.Tag.Get("doc")})
			out = append(out, parameters(prefix+name+".", v.Field(i))...)
			continue
		}
		out = append(out, Parameter{Name: prefix + name, Type: typeName(f), Default: value(v.Field(i)), Doc: f.Tag.Get("doc")})
	}
	return out
}

func typeName(f reflect.StructField) string {
	if list, ok := f.Tag.Lookup("enum"); ok {
		return strings.ReplaceAll(list, ",", "|")
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.String, reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "text"
	case t.Kind() == reflect.Bool:
		return "true|false"
	}
	return "number"
}

func value(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(reflect.Indirect(v).Interface())
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("  " + line)
	}
	return out.String()
}
