package scenario

import "maps"

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
