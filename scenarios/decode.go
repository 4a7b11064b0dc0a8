package scenarios

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// decoder fills Go values from YAML nodes, strictly: a field that the type
// does not have, a value of another type and a time without a unit are
// problems, each at its place. Struct fields are named by their `yaml` tag; a
// string field may list its values in an `enum` tag.
type decoder struct {
	*document
	// special decodes types that are more than their fields.
	special map[reflect.Type]func(*yaml.Node, reflect.Value)
}

var (
	nodeType     = reflect.TypeFor[*yaml.Node]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decode fills v, which must be settable, from n. v keeps what it had where
// n says nothing.
func (d *decoder) decode(n *yaml.Node, v reflect.Value) {
	switch special := d.special[v.Type()]; {
	case special != nil:
		special(n, v)
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(n))
	case v.Kind() == reflect.Pointer:
		d.pointer(n, v)
	case isNull(n) && holdsMany(v):
		// nothing was said
	case reflect.PointerTo(v.Type()).Implements(textType):
		d.text(n, v)
	default:
		d.plain(n, v)
	}
}

func (d *decoder) plain(n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.list(n, v)
	default:
		d.scalar(n, v)
	}
}

func (d *decoder) pointer(n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	d.decode(n, v.Elem())
}

// structure fills a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	if !d.expect(n, yaml.MappingNode, "a map of fields") {
		return
	}
	fields := fieldsOf(v.Type())
	for key, value := range pairs(n) {
		f, ok := fields[key.Value]
		if !ok {
			d.badHint(where{node: key}, suggest(key.Value, names(fields)), "unknown field")
			continue
		}
		d.decode(value, v.FieldByIndex(f.Index))
		d.enum(value, f)
	}
}

// enum checks a value against the list in its field's tag.
func (d *decoder) enum(n *yaml.Node, f reflect.StructField) {
	list, ok := f.Tag.Lookup("enum")
	if !ok || n.Kind != yaml.ScalarNode {
		return
	}
	allowed := strings.Split(list, ",")
	for _, a := range allowed {
		if n.Value == a {
			return
		}
	}
	hint := ""
	if near := nearest(n.Value, allowed); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.badHint(where{node: n}, hint, "%q is not one of %s", n.Value, strings.Join(allowed, ", "))
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if !d.expect(n, yaml.MappingNode, "a map") {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, value := range pairs(n) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, element)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), element)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value) {
	if !d.expect(n, yaml.SequenceNode, "a list") {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(item, v.Index(i))
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value) {
	if !d.expect(n, yaml.ScalarNode, "a value") {
		return
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value))
	if err != nil {
		d.badHint(where{node: n}, hintOf(err), "%v", err)
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	if !d.expect(n, yaml.ScalarNode, "a value") {
		return
	}
	switch {
	case isNull(n):
		d.bad(where{node: n}, "has no value")
	case v.Type() == durationType:
		d.duration(n, v)
	case v.Kind() == reflect.String:
		d.str(n, v)
	case v.Kind() == reflect.Bool:
		d.boolean(n, v)
	case v.CanInt():
		d.integer(n, v)
	case v.CanFloat():
		d.float(n, v)
	default:
		panic("scenarios: cannot decode into " + v.Type().String())
	}
}

// duration needs a unit, because 30 could be seconds or milliseconds, and is
// never negative: nothing in a scenario runs backwards.
func (d *decoder) duration(n *yaml.Node, v reflect.Value) {
	parsed, err := time.ParseDuration(n.Value)
	if tag := n.ShortTag(); (tag == "!!int" || tag == "!!float") && n.Value != "0" {
		d.badHint(where{node: n}, "write "+n.Value+"s or "+n.Value+"ms", "%q has no unit", n.Value)
		return
	}
	if err != nil {
		d.badHint(where{node: n}, "write a number and a unit, such as 300ms, 8s or 2m", "%q is not a duration", n.Value)
		return
	}
	if parsed < 0 {
		d.bad(where{node: n}, "%s is negative", n.Value)
		return
	}
	v.SetInt(int64(parsed))
}

func (d *decoder) str(n *yaml.Node, v reflect.Value) {
	if n.ShortTag() != "!!str" {
		d.badHint(where{node: n}, "put it in quotes: "+strconv.Quote(n.Value), "%s is read as %s, text is needed", n.Value, tagName(n))
		return
	}
	v.SetString(n.Value)
}

func (d *decoder) boolean(n *yaml.Node, v reflect.Value) {
	switch n.Value {
	case "true", "false":
		v.SetBool(n.Value == "true")
	default:
		d.badHint(where{node: n}, "write true or false", "%q is neither true nor false", n.Value)
	}
}

func (d *decoder) integer(n *yaml.Node, v reflect.Value) {
	number, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
	switch {
	case errors.Is(err, strconv.ErrRange):
		d.bad(where{node: n}, "%s is too large", n.Value)
	case err != nil || n.ShortTag() != "!!int":
		d.bad(where{node: n}, "%q is not a whole number", n.Value)
	default:
		v.SetInt(number)
	}
}

func (d *decoder) float(n *yaml.Node, v reflect.Value) {
	number, err := strconv.ParseFloat(n.Value, v.Type().Bits())
	tag := n.ShortTag()
	if err != nil || tag != "!!int" && tag != "!!float" {
		d.bad(where{node: n}, "%q is not a number", n.Value)
		return
	}
	v.SetFloat(number)
}

// expect reports a node of another kind than the type needs.
func (d *decoder) expect(n *yaml.Node, kind yaml.Kind, needed string) bool {
	if n.Kind == kind {
		return true
	}
	is := map[yaml.Kind]string{yaml.MappingNode: "a map", yaml.SequenceNode: "a list", yaml.ScalarNode: "a plain value"}
	d.bad(where{node: n}, "is %s; %s is needed here", is[n.Kind], needed)
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func holdsMany(v reflect.Value) bool {
	return v.Kind() == reflect.Struct || v.Kind() == reflect.Map || v.Kind() == reflect.Slice
}

func tagName(n *yaml.Node) string {
	return map[string]string{
		"!!int": "a number", "!!float": "a number", "!!bool": "a truth value", "!!timestamp": "a date",
	}[n.ShortTag()]
}

// fieldsOf maps the YAML names of a struct to its fields.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.IsExported() && name != "" && name != "-" {
			fields[name] = f
		}
	}
	return fields
}

func names[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return sorted(keys)
}

// hintOf is the hint that an error carries, if any.
func hintOf(err error) string {
	var known *seatrial.Error
	if errors.As(err, &known) {
		return known.Hint
	}
	return ""
}
