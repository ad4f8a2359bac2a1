package scenario

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

// schemaNode is the part of JSON Schema that the schema uses.
type schemaNode struct {
	Ref         string                 `json:"$ref"`
	Type        any                    `json:"type"`
	Description string                 `json:"description"`
	Enum        []string               `json:"enum"`
	Items       *schemaNode            `json:"items"`
	Names       *schemaNode            `json:"propertyNames"`
	Properties  map[string]*schemaNode `json:"properties"`
	Defs        map[string]*schemaNode `json:"$defs"`
}

func readSchema(t *testing.T) *schemaNode {
	t.Helper()
	root := &schemaNode{}
	if err := json.Unmarshal([]byte(Schema()), root); err != nil {
		t.Fatal(err)
	}
	return root
}

// follow returns what a reference names: #/$defs/backend or #/$defs/backend/properties/queue.
func (n *schemaNode) follow(root *schemaNode) *schemaNode {
	if n.Ref == "" {
		return n
	}
	def, property, _ := strings.Cut(strings.TrimPrefix(n.Ref, "#/$defs/"), "/properties/")
	if property != "" {
		return root.Defs[def].Properties[property].follow(root)
	}
	return root.Defs[def]
}

// fieldsOf lists the fields of a struct by their yaml names.
func fieldsOf(of reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range of.NumField() {
		f := of.Field(i)
		if name, options, _ := strings.Cut(f.Tag.Get("yaml"), ","); options == "inline" {
			maps.Copy(fields, fieldsOf(f.Type))
		} else {
			fields[name] = f.Type
		}
	}
	return fields
}

// compareFields walks a struct and its object of the schema together.
func compareFields(t *testing.T, root, n *schemaNode, of reflect.Type, at string) {
	t.Helper()
	fields := fieldsOf(of)
	if d := cmp.Diff(slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(n.Properties))); d != "" {
		t.Errorf("%s: the struct (-) and the schema (+) have other fields:\n%s", at, d)
		return
	}
	for name, f := range fields {
		p, path := n.Properties[name], at+"."+name
		if p.Description == "" && !strings.HasPrefix(p.Ref, "#/$defs/backend/properties/") || p.Description != "" && !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s is not described in a sentence: %q", path, p.Description)
		}
		compareField(t, root, p, f, path)
	}
}

func compareField(t *testing.T, root, n *schemaNode, of reflect.Type, at string) {
	t.Helper()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	text := map[reflect.Type]string{
		reflect.TypeFor[Span](): "span", reflect.TypeFor[Share](): "share", reflect.TypeFor[Factor](): "factor", reflect.TypeFor[Epoch](): "epoch",
	}
	target := n.follow(root)
	switch def, isText := text[of]; {
	case isText:
		if target != root.Defs[def] {
			t.Errorf("%s is a %s; the schema says %s", at, of.Name(), n.Ref)
		}
	case of == reflect.TypeFor[Bound]():
		unit := map[string]Unit{"count_bound": Count, "share_bound": Part, "time_bound": Time}[strings.TrimPrefix(n.Ref, "#/$defs/")]
		if want := unitOf(at[strings.LastIndex(at, ".")+1:]); unit != want || !strings.HasSuffix(n.Ref, "_bound") {
			t.Errorf("%s has another unit than %s", at, n.Ref)
		}
	case of.Kind() == reflect.Struct && of != reflect.TypeFor[Formula]():
		compareFields(t, root, target, of, at)
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		compareFields(t, root, n.Items.follow(root), of.Elem(), at)
	default:
		kinds := map[reflect.Kind]string{reflect.Bool: "boolean", reflect.Struct: "string", reflect.String: "string", reflect.Slice: "array", reflect.Map: "object"}
		want, ok := kinds[of.Kind()]
		if !ok {
			want = "integer"
		}
		if of.Kind() != reflect.Interface && target.Type != want && at != ".scenario" {
			t.Errorf("%s is %s; the schema says %v", at, of, target.Type)
		}
	}
}

func unitOf(figure string) Unit {
	for _, f := range new(Expectation).vocabulary() {
		if f.name == figure {
			return f.unit
		}
	}
	return 255
}

func TestTheSchemaAndTheStructsHaveTheSameFields(t *testing.T) {
	root := readSchema(t)
	compareFields(t, root, root, reflect.TypeFor[File](), "")
	for name, d := range root.Defs {
		if !strings.Contains(Schema(), `"#/$defs/`+name+`"`) || d.Type == nil {
			t.Errorf("nothing refers to %s, or it says nothing", name)
		}
	}
}

func TestTheSchemaKnowsEveryWord(t *testing.T) {
	root := readSchema(t)
	var changes []string
	for _, k := range []core.DecisionKind{core.NoteOpened, core.NoteHalfOpened, core.NoteClosed, core.NoteTripCapped, core.NoteUnhealthy, core.NoteHealthy} {
		changes = append(changes, k.String())
	}
	e := root.Defs["expectation"].Properties
	for _, c := range []struct {
		what      string
		want, got []string
	}{
		{"faults", faultNames(), root.Defs["fault"].Properties["do"].Enum},
		{"shapes", shapes(), root.Defs["service"].Properties["shape"].Enum},
		{"classes", classNames(), e["classes"].Names.Enum},
		{"transitions", changes, e["transitions"].Items.Enum},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s of the code (-) and of the schema (+):\n%s", c.what, d)
		}
	}
}
