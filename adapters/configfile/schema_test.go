package configfile

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("native.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("native.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance is what an editor's YAML reader makes of n.
func instance(n *node) any {
	switch n.kind {
	case mapping:
		m := map[string]any{}
		for _, e := range n.entries {
			m[e.key] = instance(e.value)
		}
		return m
	case sequence:
		s := []any{}
		for _, item := range n.items {
			s = append(s, instance(item))
		}
		return s
	case null:
		return nil
	}
	if _, err := strconv.ParseFloat(n.text, 64); err == nil && !n.quoted {
		return json.Number(n.text)
	}
	if b, err := strconv.ParseBool(n.text); err == nil && !n.quoted && (n.text == "true" || n.text == "false") {
		return b
	}
	return n.text
}

func TestTheSchemaAgreesWithTheLoaderOnEveryExample(t *testing.T) {
	schema := compileSchema(t)
	good := append(examples(t, "testdata/good/*"), examples(t, "../../scenarios/configs/*.yaml")...)
	for _, path := range append(good, examples(t, "testdata/bad/*.yaml")...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		blind := strings.HasPrefix(string(data), "# schema: accepts")
		root, fault := readYAML(&source{path, string(data)})
		if fault != nil {
			if !blind {
				t.Errorf("%s: %v", path, fault)
			}
			continue
		}
		err = schema.Validate(instance(root))
		if want := blind || slices.Contains(good, path); (err == nil) != want && root.get("lockstep") != nil {
			t.Errorf("%s: the schema says %v, want it to accept: %t", path, err, want)
		}
	}
}

// schemaFields maps each object of the schema to the names it allows.
func schemaFields(n map[string]any, at string, defs map[string]any, out map[string][]string) {
	if r, ok := n["$ref"].(string); ok {
		name := strings.TrimPrefix(r, "#/$defs/")
		if def := defs[name].(map[string]any); out["$"+name] == nil {
			schemaFields(def, "$"+name, defs, out)
		}
		return
	}
	if props, ok := n["properties"].(map[string]any); ok {
		out[at] = slices.Sorted(maps.Keys(props))
		for name, p := range props {
			schemaFields(p.(map[string]any), at+"."+name, defs, out)
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if sub, ok := n[key].(map[string]any); ok {
			schemaFields(sub, at, defs, out)
		}
	}
	if choices, ok := n["anyOf"].([]any); ok {
		for _, sub := range choices {
			schemaFields(sub.(map[string]any), at, defs, out)
		}
	}
}

// structNames lists the settings of a struct that the loader takes today.
func structNames[T any]() []string {
	var out []string
	for _, f := range structFields(reflect.TypeFor[T]()) {
		if f.later == "" {
			out = append(out, f.name)
		}
	}
	slices.Sort(out)
	return out
}

func TestTheSchemaAndTheStructsHaveTheSameFields(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(Schema()), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	schemaFields(doc, "", doc["$defs"].(map[string]any), got)
	want := map[string][]string{
		"": structNames[nativeFile](), ".facts": structNames[nativeFacts](), "$load": structNames[nativeLoad](),
		"$listener": structNames[listener](), "$listenerTLS": structNames[listenerTLS](), "$certPair": structNames[certPair](), "$tickets": structNames[tickets](),
		"$listener.proxy_protocol": structNames[proxyProtocol](), "$listener.timeouts": structNames[listenerTimeouts](), "$http2": structNames[http2](), "$listener.http1": structNames[http1](),
		".control_plane": structNames[controlPlane](), ".control_plane.refuse_push_over": structNames[pushGuards](),
		".priority": structNames[priority](), "$limit.adaptive": structNames[adaptive](),
		".control_plane.last_known_good": structNames[lastKnownGood](), ".recording": structNames[recording](), ".recording.key_hash": structNames[keyFile](),
		".routing": structNames[routing](), ".routing.no_route": structNames[noRoute](), "$tableCSV": structNames[includeItem](),
		"$route": structNames[route](), "$route.match": structNames[routeMatch](), "$route.unknown_key": structNames[unknownKey](),
		"$route.split_by": structNames[splitBy](), "$source": structNames[keySource](), "$source.jwks": structNames[jwks](),
		"$source.token": structNames[tokenIn](), "$san": structNames[san](),
		".admin": structNames[admin](), ".access_log": structNames[accessLog](), ".access_log.always": structNames[slow](),
		".metrics": structNames[metricsSettings](), ".tracing": structNames[tracing](),
		"$settings": structNames[settings](), "$placement": structNames[placement](), "$endpoint": structNames[endpoint](),
		"$timeouts": structNames[timeouts](), "$health": structNames[health](), "$breaker": structNames[breaker](), "$limit": structNames[limit](),
		"$queue": structNames[queue](), "$retries": structNames[retries](), "$retries.backoff": structNames[backOff](), "$retries.budget": structNames[budget](),
		"$sticky":   structNames[sticky](),
		"$upstream": structNames[upstreamForm](), "$upstream.pool": structNames[poolForm](), "$upstream.h2": structNames[h2Form](),
		"$endTLS": structNames[endTLSForm](), "$endTLS.key": structNames[keyFile](), "$discovery": structNames[discoveryForm](),
		"$promise": structNames[pledge](), "$promise.keys": structNames[keysOf](), "$promise.in_flight": structNames[inFlightOf](),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
