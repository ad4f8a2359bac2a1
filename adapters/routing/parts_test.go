package routing

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawPath draws a path of plain segments, and the same path with some of its
// bytes percent-encoded.
func drawPath(t *rapid.T, label string) (plain, encoded string) {
	for range rapid.IntRange(1, 4).Draw(t, label) {
		segment := rapid.StringMatching(`[a-c~\-]{0,3}`).Draw(t, "segment")
		plain, encoded = plain+"/"+segment, encoded+"/"
		for i := range len(segment) {
			if rapid.Bool().Draw(t, "encode") {
				encoded += fmt.Sprintf(rapid.SampledFrom([]string{"%%%02x", "%%%02X"}).Draw(t, "case"), segment[i])
			} else {
				encoded += segment[i : i+1]
			}
		}
	}
	return plain, encoded
}

func TestEncodingAPathChangesNeitherItsRouteNorItsSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, encoded := drawPath(t, "path")
		prefix, _ := drawPath(t, "prefix")
		if rapid.Bool().Draw(t, "within") {
			prefix = plain[:rapid.SampledFrom(borders(plain)).Draw(t, "border")]
		}
		prefix = strings.TrimSuffix(prefix, "/")
		_, want := below(plain, prefix)
		_, got := below(encoded, prefix)
		if naive := plain == prefix || strings.HasPrefix(plain, prefix+"/"); got != want || want != naive {
			t.Fatalf("below(%q, %q) is %t, of %q %t, by segments %t", encoded, prefix, got, plain, want, naive)
		}
		if unclear(plain) || unclear(encoded) {
			t.Fatalf("%q or %q is unclear", plain, encoded)
		}
		for at := 1; at <= 5; at++ {
			a, _ := segment(plain, "", at)
			b, refuse := segment(encoded, "", at)
			if a != b || refuse != 0 {
				t.Fatalf("segment %d of %q is %q, of %q %q", at, plain, a, encoded, b)
			}
		}
	})
}

// borders lists where segments of a path end.
func borders(path string) (at []int) {
	for i := 1; i <= len(path); i++ {
		if i == len(path) || path[i] == '/' {
			at = append(at, i)
		}
	}
	return at
}

func TestUnescapeAgreesWithNetURL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([a-z+%]|%[0-9a-fA-F]{2}|%[0-9g])*`).Draw(t, "text")
		path, errPath := url.PathUnescape(s)
		query, errQuery := url.QueryUnescape(s)
		if got, ok := unescape(s, false); ok != (errPath == nil) || ok && got != path {
			t.Fatalf("%q: %q %t, net/url says %q %v", s, got, ok, path, errPath)
		}
		if got, ok := unescape(s, true); ok != (errQuery == nil) || ok && got != query {
			t.Fatalf("%q as a form: %q %t, net/url says %q %v", s, got, ok, query, errQuery)
		}
	})
}
