package routing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/filewatch"
	"lockstep/adapters/settings"
)

// verifyKey is one public key and the algorithms that it may verify: those of
// its own kind only, so that no token chooses how it is checked.
type verifyKey struct {
	id         string
	public     crypto.PublicKey
	algorithms []string
}

// keySet is the content of one JWKS file.
type keySet struct{ keys []verifyKey }

// keyFile is one JWKS file that is read again when it changes. A new content
// that cannot be read leaves the old one in use.
type keyFile struct {
	path string
	set  atomic.Pointer[keySet] // nil: never read well
	stop context.CancelFunc
}

// keyFiles are those that the configuration in force names. Its methods need a lock around them.
type keyFiles struct {
	log   *slog.Logger
	clock clock.Clock
	idle  bool // do not watch, for a look at a configuration only
	files []*keyFile
}

// keyFilesOf lists the files that settings name, each once.
func keyFilesOf(s *settings.Routing) (paths []string) {
	add := func(src *settings.Source) {
		if src != nil && src.JWT != nil && !slices.Contains(paths, src.JWT.JWKS) {
			paths = append(paths, src.JWT.JWKS)
		}
	}
	for i := range s.Routes {
		for k := range s.Routes[i].Sources {
			add(&s.Routes[i].Sources[k])
		}
		add(s.Routes[i].SplitBy)
	}
	return paths
}

// keep watches these files and no others; those that stay are not read again.
func (k *keyFiles) keep(paths []string) {
	k.files = slices.DeleteFunc(k.files, func(f *keyFile) bool {
		gone := !slices.Contains(paths, f.path)
		if gone {
			f.stop()
		}
		return gone
	})
	for _, path := range paths {
		if k.file(path) == nil {
			k.files = append(k.files, k.open(path))
		}
	}
}

func (k *keyFiles) file(path string) *keyFile {
	for _, f := range k.files {
		if f.path == path {
			return f
		}
	}
	return nil
}

// open reads a file now, so that the first request finds its keys, and then watches it.
func (k *keyFiles) open(path string) *keyFile {
	f := &keyFile{path: path, stop: func() {}}
	if k.idle {
		return f
	}
	f.load(k.log)
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	o := filewatch.Options{Patterns: []string{path}, Clock: k.clock, Changed: func() []string {
		f.load(k.log)
		return nil
	}}
	go func() { _ = filewatch.Run(ctx, o) }() // it ends with its context, and returns no other error
	return f
}

func (f *keyFile) load(log *slog.Logger) {
	data, err := os.ReadFile(f.path)
	var set *keySet
	if err == nil {
		set, err = readKeySet(data)
	}
	if err != nil {
		log.Error("a key file cannot be used: "+f.consequence(), "file", f.path, "error", err)
		return
	}
	f.set.Store(set)
}

func (f *keyFile) consequence() string {
	if f.set.Load() == nil {
		return "no token is valid until it can"
	}
	return "the keys read before stay in use"
}

// jwk is one key of a JWKS (RFC 7517, 7518, 8037).
type jwk struct {
	Type      string   `json:"kty"`
	ID        string   `json:"kid"`
	Use       string   `json:"use"`
	Ops       []string `json:"key_ops"`
	Algorithm string   `json:"alg"`
	N         string   `json:"n"`
	E         string   `json:"e"`
	Curve     string   `json:"crv"`
	X         string   `json:"x"`
	Y         string   `json:"y"`
}

// minRSA is the shortest RSA key in bits that is accepted (RFC 7518, 3.3).
const minRSA = 2048

// readKeySet reads the keys that can verify signatures. Keys for encryption,
// symmetric keys and kinds that this program does not know are passed over;
// a key that is damaged, or a set without a usable one, is an error.
func readKeySet(data []byte) (*keySet, error) {
	var in struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("reading a JWKS: %w", err)
	}
	out := &keySet{}
	for i := range in.Keys {
		j := &in.Keys[i]
		if j.Use != "" && j.Use != "sig" || len(j.Ops) > 0 && !slices.Contains(j.Ops, "verify") {
			continue
		}
		k, err := j.key()
		if err != nil {
			return nil, fmt.Errorf("key %d of the JWKS, kid %q: %w", i, j.ID, err)
		}
		if k.public != nil && len(k.algorithms) > 0 {
			out.keys = append(out.keys, k)
		}
	}
	if len(out.keys) == 0 {
		return nil, fmt.Errorf("the JWKS has no key that can verify a signature")
	}
	return out, nil
}

func (j *jwk) key() (k verifyKey, err error) {
	k.id = j.ID
	switch j.Type {
	case "RSA":
		k.algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		k.public, err = j.rsa()
	case "EC":
		k.algorithms = map[string][]string{"P-256": {"ES256"}, "P-384": {"ES384"}, "P-521": {"ES512"}}[j.Curve]
		if len(k.algorithms) > 0 {
			k.public, err = j.ecdsa()
		}
	case "OKP":
		if j.Curve == "Ed25519" {
			k.algorithms = []string{"EdDSA"}
			k.public, err = j.ed25519()
		}
	}
	if j.Algorithm != "" {
		k.algorithms = slices.DeleteFunc(k.algorithms, func(a string) bool { return a != j.Algorithm })
	}
	return k, err
}

func (j *jwk) rsa() (crypto.PublicKey, error) {
	n, err := decode("n", j.N)
	if err != nil {
		return nil, err
	}
	e, err := decode("e", j.E)
	if err != nil {
		return nil, err
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n)}
	if exponent := new(big.Int).SetBytes(e); exponent.IsInt64() && exponent.Int64() > 1 && exponent.Int64() < 1<<31 && exponent.Bit(0) == 1 {
		key.E = int(exponent.Int64())
	} else {
		return nil, fmt.Errorf("its exponent is none")
	}
	if bits := key.N.BitLen(); bits < minRSA || bits > 8192 {
		return nil, fmt.Errorf("it has %d bits, use %d to 8192", bits, minRSA)
	}
	return key, nil
}

func (j *jwk) ecdsa() (crypto.PublicKey, error) {
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[j.Curve]
	x, err := decode("x", j.X)
	if err != nil {
		return nil, err
	}
	y, err := decode("y", j.Y)
	if err != nil {
		return nil, err
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil, fmt.Errorf("its x and y have %d and %d bytes, not %d", len(x), len(y), size)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, fmt.Errorf("its point is not on %s", j.Curve)
	}
	return key, nil
}

func (j *jwk) ed25519() (crypto.PublicKey, error) {
	x, err := decode("x", j.X)
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("its x has %d bytes, not %d", len(x), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x), nil
}

func decode(name, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("its %s is not base64url", name)
	}
	return b, nil
}

// cacheSize bounds the tokens that are remembered for each source.
const cacheSize = 4096

// until is the last moment at which a token of that exp holds.
func until(exp time.Time, leeway time.Duration) time.Time { return exp.Add(leeway) }
