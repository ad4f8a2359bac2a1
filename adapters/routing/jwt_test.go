package routing_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/golang-jwt/jwt/v5"

	"lockstep/adapters/routing"
	"lockstep/core"
)

// issuer signs tokens and publishes its keys.
type issuer struct {
	testing.TB
	rsa   *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	ec384 *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
	path  string
	mock  *clock.Mock
}

func newIssuer(t testing.TB) *issuer {
	i := &issuer{TB: t, path: filepath.Join(t.TempDir(), "jwks.json"), mock: clock.NewMock()}
	i.mock.Set(time.Unix(1_000_000, 0))
	i.rsa = must(rsa.GenerateKey(rand.Reader, 2048))
	i.ec = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	i.ec384 = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	i.ed = ed
	must(0, err)
	i.publish(i.keys()...)
	return i
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// keys are the public keys, by kid: rsa, ec, ec384, ed.
func (i *issuer) keys() []map[string]string {
	ec := func(id, curve string, k *ecdsa.PrivateKey) map[string]string {
		n := (k.Params().BitSize + 7) / 8
		return map[string]string{"kty": "EC", "kid": id, "crv": curve, "x": b64(k.X.FillBytes(make([]byte, n))), "y": b64(k.Y.FillBytes(make([]byte, n)))}
	}
	return []map[string]string{
		{"kty": "RSA", "kid": "rsa", "n": b64(i.rsa.N.Bytes()), "e": b64(big.NewInt(int64(i.rsa.E)).Bytes())},
		ec("ec", "P-256", i.ec), ec("ec384", "P-384", i.ec384),
		{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(i.ed.Public().(ed25519.PublicKey))},
	}
}

func (i *issuer) publish(keys ...map[string]string) {
	i.write(string(must(json.Marshal(map[string]any{"keys": keys}))))
}

func (i *issuer) write(text string) {
	next := i.path + ".next"
	must(0, os.WriteFile(next, []byte(text), 0o600))
	must(0, os.Rename(next, i.path))
}

// claims of a token that holds.
func (i *issuer) claims() jwt.MapClaims {
	return jwt.MapClaims{"tenant": "acme", "exp": i.mock.Now().Add(time.Hour).Unix(), "iss": "https://id.example", "aud": []string{"api", "web"}}
}

func (i *issuer) sign(method jwt.SigningMethod, kid string, key any, claims jwt.Claims) string {
	t := jwt.NewWithClaims(method, claims)
	if kid != "" {
		t.Header["kid"] = kid
	}
	return must(t.SignedString(key))
}

// router is one whose only source is a claim, with more settings.
func (i *issuer) router(more string) (*routing.Router, *core.Config) {
	r := routing.New(routing.Options{Clock: i.mock})
	i.Cleanup(r.Close)
	return r, compile(i, fmt.Sprintf("routes: [{key: [{jwt_claim: tenant, jwks: {file: %q}%s}, {header: X-Tenant}]}]", i.path, more))
}

func bearer(t testing.TB, r *routing.Router, c *core.Config, token string) routing.Found {
	return ask(t, r, c, "Authorization: Bearer "+token)
}

func ask(t testing.TB, r *routing.Router, c *core.Config, header string) (f routing.Found) {
	r.Find(c, request(t, "GET / HTTP/1.1\nHost: h\nX-Tenant: other\n"+header), &f)
	return f
}

func TestEachKindOfKeyVerifiesItsOwnAlgorithms(t *testing.T) {
	i := newIssuer(t)
	r, c := i.router("")
	for _, m := range []struct {
		method jwt.SigningMethod
		kid    string
		key    any
	}{
		{jwt.SigningMethodRS256, "rsa", i.rsa},
		{jwt.SigningMethodRS512, "rsa", i.rsa},
		{jwt.SigningMethodPS256, "rsa", i.rsa},
		{jwt.SigningMethodPS384, "rsa", i.rsa},
		{jwt.SigningMethodES256, "ec", i.ec},
		{jwt.SigningMethodES384, "ec384", i.ec384},
		{jwt.SigningMethodEdDSA, "ed", i.ed},
		{jwt.SigningMethodES256, "", i.ec}, // without kid: those that fit are tried
	} {
		f := bearer(t, r, c, i.sign(m.method, m.kid, m.key, i.claims()))
		if f.Key != "acme" || f.Refuse != core.ClassNone || f.SourceName() != "jwt_claim tenant" {
			t.Errorf("%s with %q: %q %s", m.method.Alg(), m.kid, f.Key, f.Refuse)
		}
	}
}

func TestATokenThatDoesNotHoldIsRefused(t *testing.T) {
	i := newIssuer(t)
	r, c := i.router(`, issuer: "https://id.example", audience: api, leeway: 10s`)
	next, cn := i.router(", invalid: next")
	stranger := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	with := func(change func(c jwt.MapClaims)) string {
		claims := i.claims()
		change(claims)
		return i.sign(jwt.SigningMethodES256, "ec", i.ec, claims)
	}
	good := i.sign(jwt.SigningMethodES256, "ec", i.ec, i.claims())
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	// The oldest trick: the public key as the secret of an HMAC.
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(i.rsa.Public()))})
	critical := jwt.NewWithClaims(jwt.SigningMethodES256, i.claims())
	critical.Header["kid"], critical.Header["crit"] = "ec", []string{"exp"}
	oddKid := jwt.NewWithClaims(jwt.SigningMethodES256, i.claims())
	oddKid.Header["kid"] = 7
	for name, token := range map[string]string{
		"none":                     i.sign(jwt.SigningMethodNone, "ec", jwt.UnsafeAllowNoneSignatureType, i.claims()),
		"none, capitals":           b64([]byte(`{"alg":"None","kid":"ec"}`)) + "." + body + ".",
		"an HMAC with the key":     i.sign(jwt.SigningMethodHS256, "rsa", public, i.claims()),
		"an HMAC with the modulus": i.sign(jwt.SigningMethodHS256, "rsa", i.rsa.N.Bytes(), i.claims()),
		"another's signature":      i.sign(jwt.SigningMethodES256, "ec", stranger, i.claims()),
		"an unknown kid":           i.sign(jwt.SigningMethodES256, "nobody", i.ec, i.claims()),
		"the kid of another kind":  i.sign(jwt.SigningMethodES256, "rsa", i.ec, i.claims()),
		"a kid that is no text":    must(oddKid.SignedString(i.ec)),
		"an unknown crit":          must(critical.SignedString(i.ec)),
		"a changed body":           head + "." + b64([]byte(`{"tenant":"beta","exp":9999999999}`)) + "." + signature,
		"no signature":             head + "." + body + ".",
		"two parts":                head + "." + body,
		"rubbish":                  "rubbish",
		"too long":                 good + strings.Repeat("A", 17<<10),
		"expired":                  with(func(c jwt.MapClaims) { c["exp"] = i.mock.Now().Add(-11 * time.Second).Unix() }),
		"no exp":                   with(func(c jwt.MapClaims) { delete(c, "exp") }),
		"not yet":                  with(func(c jwt.MapClaims) { c["nbf"] = i.mock.Now().Add(11 * time.Second).Unix() }),
		"another issuer":           with(func(c jwt.MapClaims) { c["iss"] = "https://evil.example" }),
		"no issuer":                with(func(c jwt.MapClaims) { delete(c, "iss") }),
		"another audience":         with(func(c jwt.MapClaims) { c["aud"] = "web" }),
		"a claim that is a list":   with(func(c jwt.MapClaims) { c["tenant"] = []string{"acme"} }),
		"a claim that is 7.0":      with(func(c jwt.MapClaims) { c["tenant"] = json.Number("7.0") }),
		"a claim that is true":     with(func(c jwt.MapClaims) { c["tenant"] = true }),
	} {
		if f := bearer(t, r, c, token); f.Refuse != core.Unauthorized || f.Key != "" {
			t.Errorf("%s: refused as %s, key %q", name, f.Refuse, f.Key)
		}
		if strings.Contains(name, "issuer") || strings.Contains(name, "audience") || name == "expired" || name == "not yet" {
			continue // the other router has other settings
		}
		if f := bearer(t, next, cn, token); f.Refuse != core.ClassNone || f.Key != "other" {
			t.Errorf("%s, with invalid: next: refused as %s, key %q", name, f.Refuse, f.Key)
		}
	}
	for name, token := range map[string]string{
		"expired within the leeway": with(func(c jwt.MapClaims) { c["exp"] = i.mock.Now().Add(-9 * time.Second).Unix() }),
		"not yet within the leeway": with(func(c jwt.MapClaims) { c["nbf"] = i.mock.Now().Add(9 * time.Second).Unix() }),
	} {
		if f := bearer(t, r, c, token); f.Key != "acme" {
			t.Errorf("%s: refused as %s, key %q", name, f.Refuse, f.Key)
		}
	}
	if f := bearer(t, r, c, with(func(c jwt.MapClaims) { c["tenant"] = 7 })); f.Key != "7" {
		t.Errorf("a whole number: %q", f.Key)
	}
}

func TestWithoutATokenOrItsClaimTheNextSourceIsAsked(t *testing.T) {
	i := newIssuer(t)
	r, c := i.router("")
	claims := i.claims()
	delete(claims, "tenant")
	for _, header := range []string{"X: y", "Authorization: Basic am9lOmpvZQ==", "Authorization:", "Authorization: Bearer " + i.sign(jwt.SigningMethodEdDSA, "ed", i.ed, claims)} {
		if f := ask(t, r, c, header); f.Key != "other" || f.Refuse != core.ClassNone || f.Source != 1 {
			t.Errorf("%.30s: %q %s", header, f.Key, f.Refuse)
		}
	}
	good := i.sign(jwt.SigningMethodEdDSA, "ed", i.ed, i.claims())
	if f := ask(t, r, c, "authorization: bEARER  "+good); f.Key != "acme" {
		t.Errorf("the scheme in other letters: %q %s", f.Key, f.Refuse)
	}
	if f := ask(t, r, c, "Authorization: Bearer "+good+"\nAuthorization: Bearer "+good); f.Refuse != core.BadRequest {
		t.Errorf("two tokens: %q %s", f.Key, f.Refuse)
	}
}

func TestATokenMayStandInAnotherHeaderOrInACookie(t *testing.T) {
	i := newIssuer(t)
	good := i.sign(jwt.SigningMethodEdDSA, "ed", i.ed, i.claims())
	r, c := i.router(", token: {header: x-token}")
	if f := ask(t, r, c, "X-Token: "+good); f.Key != "acme" {
		t.Errorf("in a header: %q %s", f.Key, f.Refuse)
	}
	r, c = i.router(", token: {cookie: session}")
	if f := ask(t, r, c, "Cookie: a=b; session="+good); f.Key != "acme" {
		t.Errorf("in a cookie: %q %s", f.Key, f.Refuse)
	}
}

func TestAVerifiedTokenIsRememberedUntilItEnds(t *testing.T) {
	i := newIssuer(t)
	r, c := i.router(", leeway: 10s")
	token := i.sign(jwt.SigningMethodRS256, "rsa", i.rsa, i.claims())
	first := testing.AllocsPerRun(1, func() { bearer(t, r, c, token+"x") })
	bearer(t, r, c, token)
	if again := testing.AllocsPerRun(10, func() { bearer(t, r, c, token) }); again >= first {
		t.Errorf("%v allocations for a token that is known, %v for one that is not", again, first)
	}
	i.mock.Set(i.mock.Now().Add(time.Hour + 9*time.Second))
	if f := bearer(t, r, c, token); f.Key != "acme" {
		t.Errorf("within the leeway: %s", f.Refuse)
	}
	i.mock.Set(i.mock.Now().Add(2 * time.Second))
	if f := bearer(t, r, c, token); f.Refuse != core.Unauthorized {
		t.Errorf("a remembered token outlives its exp: %q", f.Key)
	}
}

// waitFor asks until the key files have been read again: they are watched on a
// goroutine of their own, which the mock clock's poll wakes.
func (i *issuer) waitFor(what string, ok func() bool) {
	i.Helper()
	for range 1000 {
		if ok() {
			return
		}
		i.mock.Add(5 * time.Second)
	}
	i.Errorf("never: %s", what)
}

func TestKeysRotateByTheFile(t *testing.T) {
	i := newIssuer(t)
	r, c := i.router("")
	claims := i.claims()
	claims["exp"] = i.mock.Now().Add(1000 * time.Hour).Unix()
	old := i.sign(jwt.SigningMethodES256, "ec", i.ec, claims)
	if f := bearer(t, r, c, old); f.Key != "acme" {
		t.Fatal(f.Refuse)
	}
	i.write("{damaged")
	i.mock.Add(30 * time.Second)
	if f := bearer(t, r, c, old); f.Key != "acme" {
		t.Errorf("a damaged file took the old keys away: %s", f.Refuse)
	}
	kept := i.keys()[3]
	i.publish(kept)
	i.waitFor("a token of a key that is gone is refused, though it was remembered", func() bool { return bearer(t, r, c, old).Refuse == core.Unauthorized })
	if f := bearer(t, r, c, i.sign(jwt.SigningMethodEdDSA, "ed", i.ed, claims)); f.Key != "acme" {
		t.Errorf("the key that stayed: %s", f.Refuse)
	}
	i.publish(append(i.keys(), kept)...)
	i.waitFor("a key that came is used", func() bool { return bearer(t, r, c, old).Key == "acme" })
}

func TestWithoutAKeyFileNoTokenIsValidUntilThereIsOne(t *testing.T) {
	i := newIssuer(t)
	must(0, os.Remove(i.path))
	r, c := i.router("")
	claims := i.claims()
	claims["exp"] = i.mock.Now().Add(1000 * time.Hour).Unix()
	token := i.sign(jwt.SigningMethodES256, "ec", i.ec, claims)
	if f := bearer(t, r, c, token); f.Refuse != core.Unauthorized {
		t.Errorf("without keys: %q %s", f.Key, f.Refuse)
	}
	i.publish(i.keys()...)
	i.waitFor("the file is read once it is there", func() bool { return bearer(t, r, c, token).Key == "acme" })
}

func TestKeySetsThatCannotBeAreNamed(t *testing.T) {
	i := newIssuer(t)
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	for name, keys := range map[string][]map[string]string{
		"nothing":         {},
		"a secret":        {{"kty": "oct", "kid": "x", "k": b64([]byte("secret"))}},
		"for encryption":  {{"kty": "OKP", "crv": "Ed25519", "use": "enc", "x": i.keys()[3]["x"]}},
		"a short RSA key": {{"kty": "RSA", "n": b64(small.N.Bytes()), "e": "AQAB"}},
		"off the curve":   {{"kty": "EC", "crv": "P-256", "x": b64(make([]byte, 32)), "y": b64([]byte{1})}},
		"short Ed25519":   {{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
		"an even e":       {{"kty": "RSA", "n": b64(i.rsa.N.Bytes()), "e": "AA"}},
		"another alg":     {{"kty": "RSA", "alg": "HS256", "n": b64(i.rsa.N.Bytes()), "e": "AQAB"}},
	} {
		i.publish(keys...)
		r, c := i.router("")
		for _, token := range []string{
			i.sign(jwt.SigningMethodHS256, "", []byte("secret"), i.claims()), i.sign(jwt.SigningMethodRS256, "", crypto.PrivateKey(small), i.claims()),
			i.sign(jwt.SigningMethodRS256, "", i.rsa, i.claims()),
		} {
			if f := bearer(t, r, c, token); f.Refuse != core.Unauthorized {
				t.Errorf("%s: %q %s", name, f.Key, f.Refuse)
			}
		}
	}
}

func BenchmarkToken(b *testing.B) {
	i := newIssuer(b)
	r, c := i.router("")
	for _, known := range []bool{true, false} {
		b.Run(map[bool]string{true: "remembered", false: "ES256"}[known], func(b *testing.B) {
			req := request(b, "GET / HTTP/1.1\nHost: h\nAuthorization: Bearer "+i.sign(jwt.SigningMethodES256, "ec", i.ec, i.claims()))
			bad := req.Clone(context.Background())
			bad.Header = http.Header{"Authorization": {req.Header.Get("Authorization")[:len(req.Header.Get("Authorization"))-2] + "AA"}}
			if !known {
				req = bad // refused ones are verified each time
			}
			var f routing.Found
			b.ReportAllocs()
			for b.Loop() {
				r.Find(c, req, &f)
			}
		})
	}
}
