package configfile

import (
	"reflect"
	"strings"
)

// field is one setting that a struct can hold. Tags beside yaml:
//
//	later:"R5 queue"     named by the rules, refused with that message
//	oneof:"use refuse"   the only words allowed
//	check:"positive"     zero is refused: in core it would mean the default
type field struct {
	name     string
	index    []int
	later    string
	oneof    []string
	positive bool
}

func (d *decoder) fieldsOf(t reflect.Type) []field {
	if f, ok := d.fields[t]; ok {
		return f
	}
	if d.fields == nil {
		d.fields = map[reflect.Type][]field{}
	}
	d.fields[t] = structFields(t)
	return d.fields[t]
}

// structFields lists the settings of struct t, those of inline structs included.
func structFields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		if options == "inline" {
			for _, f := range structFields(sf.Type) {
				f.index = append([]int{i}, f.index...)
				out = append(out, f)
			}
			continue
		}
		if !sf.IsExported() {
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name)
		}
		out = append(out, field{
			name: name, index: []int{i}, later: sf.Tag.Get("later"),
			oneof: strings.Fields(sf.Tag.Get("oneof")), positive: sf.Tag.Get("check") == "positive",
		})
	}
	return out
}

func findField(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}
