package scenarios

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

// apply lays a patch over the object that it names. A patch of only
// `$patch: delete` removes the object.
func (r *renderer) apply(objects []object, patch object) []object {
	out := make([]object, 0, len(objects))
	hit := false
	for _, o := range objects {
		if o.id != patch.id {
			out = append(out, o)
			continue
		}
		hit = true
		if patched, keep := r.patched(o, patch); keep {
			out = append(out, patched)
		}
	}
	if !hit {
		w := find(patch.doc.root, "metadata", "name")
		patch.doc.badHint(w, suggest(patch.id.String(), ids(objects)), "no manifest has %s (%s) to patch", patch.id, patch.id.apiVersion)
	}
	return out
}

func ids(objects []object) []string {
	out := make([]string, len(objects))
	for i, o := range objects {
		out[i] = o.id.String()
	}
	return out
}

// patched is o with the patch laid over it; false when the patch removes it.
func (r *renderer) patched(o, patch object) (object, bool) {
	merged, err := mergeObjects(o, patch)
	if err != nil {
		patch.doc.bad(find(patch.doc.root), "cannot be applied to %s: %v", o.id, err)
		return o, true
	}
	o.json = merged
	return o, string(merged) != "{}"
}

// mergeObjects is Kubernetes' strategic merge for the kinds that client-go
// knows, and a JSON merge patch (RFC 7386) for the others, as kubectl does.
func mergeObjects(o, patch object) ([]byte, error) {
	typed, err := scheme.Scheme.New(o.id.gvk())
	if err == nil {
		return strategicpatch.StrategicMergePatch(o.json, patch.json, typed)
	}
	var base, over any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(o.json, &base); err != nil {
		return nil, fmt.Errorf("reading the object: %w", err)
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(patch.json, &over); err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	return json.Marshal(mergeJSON(base, over))
}

// mergeJSON is RFC 7386: maps merge, null removes, everything else replaces.
func mergeJSON(base, patch any) any {
	over, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if old, ok := base.(map[string]any); ok {
		for k, v := range old {
			out[k] = v
		}
	}
	for k, v := range over {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = mergeJSON(out[k], v)
	}
	return out
}
