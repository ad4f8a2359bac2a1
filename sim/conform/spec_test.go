package conform

import (
	"reflect"
	"testing"

	"lockstep/core"
)

// leaves calls visit for every setting of a configuration by its path, list
// elements under one path.
func leaves(v reflect.Value, path string, visit func(path string, zero bool)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice, reflect.Array:
		visit(path, v.Len() == 0)
		for i := range v.Len() {
			leaves(v.Index(i), path+"[]", visit)
		}
	default:
		visit(path, v.IsZero())
	}
}

func TestEverySettingIsDrawn(t *testing.T) {
	set, good := map[string]int{}, 0
	const draws = 1000
	for seed := range uint64(draws) {
		s := specs{dice: throw(seed, 1), large: seed%8 == 0}
		spec := s.spec()
		if _, err := core.Compile(spec); err != nil {
			continue
		}
		good++
		leaves(reflect.ValueOf(spec), "", func(path string, zero bool) {
			if !zero {
				set[path]++
			}
		})
	}
	if good*10 < draws*9 {
		t.Errorf("only %d of %d drawn configurations compile", good, draws)
	}
	var all core.Spec
	all.Keys, all.Tables, all.Routes, all.Splits = make([]core.KeySpec, 1), make([]core.TableSpec, 1), make([]core.RouteSpec, 1), make([]core.SplitSpec, 1)
	all.Tables[0].Keys, all.Splits[0].Parts = make([]core.KeySpec, 1), make([]core.PartSpec, 1)
	all.Placements = []core.PlacementSpec{{Endpoints: make([]core.EndpointSpec, 1), Fallback: make([]string, 1)}}
	leaves(reflect.ValueOf(all), "", func(path string, _ bool) {
		if set[path] < 5 {
			t.Errorf("%s was set in %d of %d configurations", path, set[path], good)
		}
	})
	t.Logf("%d of %d compile", good, draws)
}
