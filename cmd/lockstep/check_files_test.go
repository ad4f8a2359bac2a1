package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckReadsTheFilesThatServeWillNeed(t *testing.T) {
	const placement = "\nplacements: {a: {endpoints: {x: {url: \"https://127.0.0.1:1\"}}}}\n"
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		code int
		want string
	}{
		{`listen: {e: {address: ":1", tls: {certs: none-here}}}` + placement, exitOK, "warning: c.yaml:2:29: this cannot be read here: reading the folder of certificates: open none-here"},
		{`listen: {e: {address: ":1", tls: {certs: [{cert: ` + garbage + `, key: ` + garbage + `}]}}}` + placement, exitFailed, "c.yaml:2:29: this cannot be used: "},
		{`routes: [{key: [{jwt_claim: t, jwks: {file: none-here}}], unknown_key: {to: a}}]` + placement, exitOK, "warning: c.yaml:2:45: this cannot be read here: open none-here"},
		{`routes: [{key: [{jwt_claim: t, jwks: {file: ` + garbage + `}}], unknown_key: {to: a}}]` + placement, exitFailed, "this cannot be used: the JWKS has no key"},
		{`routes: [{key: [{client_cert_san: "spiffe://x/*"}], unknown_key: {to: a}}]` + placement, exitOK, "warning: c.yaml:2:35: no listener asks for client certificates"},
		{`placements: {a: {endpoints: {x: {url: "https://127.0.0.1:1"}}, upstream: {tls: {ca: none-here}}}}`, exitOK, "this cannot be read here: reading the CA: open none-here"},
		{`placements: {a: {endpoints: {x: {url: "https://127.0.0.1:1"}}, upstream: {tls: {ca: ` + garbage + `}}}}`, exitFailed, "this cannot be used: the CA file"},
		{`listen: {e: {address: "127.0.0.1:9901"}}` + "\n" + `admin: {address: ":9901"}` + placement, exitFailed, `c.yaml:3:18: admin has the address of listener "e"`},
	} {
		code, out, errs := check(t, "lockstep: 1\n"+c.text)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s\n%d %s%s\nwant %d %s", c.text, code, out, errs, c.code, c.want)
		}
	}
}
