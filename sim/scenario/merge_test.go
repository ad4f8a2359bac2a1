package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergePatchesAsRFC7386Says(t *testing.T) {
	doc := map[string]any{"a": "b", "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"1", "2"}}
	for _, c := range []struct {
		name        string
		patch, want any
	}{
		{"nothing changes nothing", map[string]any{}, doc},
		{"null removes", map[string]any{"c": map[string]any{"f": nil}}, map[string]any{"a": "b", "c": map[string]any{"d": "e"}, "l": []any{"1", "2"}}},
		{"lists replace", map[string]any{"l": []any{"3"}}, map[string]any{"a": "b", "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"3"}}},
		{"maps are made where there were none", map[string]any{"a": map[string]any{"x": "y"}}, map[string]any{"a": map[string]any{"x": "y"}, "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"1", "2"}}},
	} {
		if d := cmp.Diff(c.want, Merge(doc, c.patch)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if doc["a"] != "b" || len(doc["c"].(map[string]any)) != 2 {
		t.Error("the document was changed")
	}
}

func TestWhatAPatchRemovesAndIsNotThereIsNamed(t *testing.T) {
	doc := map[string]any{"a": "b", "c": map[string]any{"d": "e"}}
	patch := map[string]any{"a": nil, "c": map[string]any{"x": nil, "d": nil}, "b": nil, "n": map[string]any{"m": nil}, "l": []any{nil}}
	if d := cmp.Diff([]string{"b", "c.x", "n.m"}, Idle(doc, patch)); d != "" {
		t.Error(d)
	}
}
