package scenario

import (
	"maps"
	"slices"
)

// Merge applies a merge patch (RFC 7386): maps merge, null removes, anything
// else replaces. Neither argument is changed.
func Merge(doc, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	old, _ := doc.(map[string]any)
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[string]any{}
	}
	for k, v := range changes {
		if v == nil {
			delete(merged, k)
			continue
		}
		merged[k] = Merge(merged[k], v)
	}
	return merged
}

// Idle lists what a merge patch removes from doc and doc does not have, by path:
// a slip of the pen, because it leaves what it names as it was.
func Idle(doc, patch any) (paths []string) { return idle(doc, patch, "") }

func idle(doc, patch any, at string) (paths []string) {
	changes, _ := patch.(map[string]any)
	old, _ := doc.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(changes)) {
		if value, there := old[k]; changes[k] != nil {
			paths = append(paths, idle(value, changes[k], at+k+".")...)
		} else if !there {
			paths = append(paths, at+k)
		}
	}
	return paths
}
