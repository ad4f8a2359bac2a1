package recordings

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"lockstep/core"
	"lockstep/traces"
)

// pseudonymLength is how many hex digits stand for a key: 96 bits, so that
// among a million keys two have one pseudonym once in 10^17 recordings.
const pseudonymLength = 24

// Pseudonyms give keys other names under a secret: HMAC-SHA256 of the key, its
// first 24 hex digits. The same secret gives the same names, so that redacted
// files join; without it a name cannot be guessed at, nor led back.
type Pseudonyms struct {
	secret []byte
	known  map[string]string
}

// ReadPseudonyms reads the secret from a file: at least 16 bytes, a line feed at the end not counted.
func ReadPseudonyms(path string) (*Pseudonyms, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, Fault{path, plain(err)}
	}
	if b = bytes.TrimRight(b, "\r\n"); len(b) < 16 {
		return nil, fmt.Errorf("%s: the secret has %d bytes, and 16 are the least: make one with head -c 32 /dev/urandom | base64", path, len(b))
	}
	return &Pseudonyms{secret: b, known: map[string]string{}}, nil
}

// Of returns what stands for a key. The empty key, which means that there was none, stays.
func (p *Pseudonyms) Of(key string) string {
	if key == "" {
		return ""
	}
	if name, known := p.known[key]; known {
		return name
	}
	h := hmac.New(sha256.New, p.secret)
	h.Write([]byte(key)) // never fails
	name := hex.EncodeToString(h.Sum(nil))[:pseudonymLength]
	if len(p.known) < 1<<20 { // keys that nobody configured are without number
		p.known[key] = name
	}
	return name
}

// config gives the keys of a configuration their pseudonyms and leaves out what
// is for the edge alone.
func (p *Pseudonyms) config(c *core.Config) (*core.Config, error) {
	s := traces.SpecOf(c)
	s.Edge = ""
	for i := range s.Placements {
		s.Placements[i].Edge = ""
	}
	p.keys(s.Keys)
	for i := range s.Tables {
		p.keys(s.Tables[i].Keys)
	}
	out, err := core.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("redacting configuration %016x: %w", c.Digest(), err)
	}
	return out, nil
}

func (p *Pseudonyms) keys(keys []core.KeySpec) {
	for i := range keys {
		keys[i].Key = p.Of(keys[i].Key)
	}
}
