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

// nearest returns the name that is at most a few slips away from word, "" when none is.
func nearest(word string, names []string) string {
	if len(word) > 64 {
		return ""
	}
	best, limit := "", max(2, len(word)/3)+1
	for _, name := range names {
		if d := distance(word, name); d < limit {
			best, limit = name, d
		}
	}
	return best
}

// distance is Levenshtein's edit distance over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
