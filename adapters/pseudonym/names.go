package pseudonym

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"strings"

	"lockstep/core"
	"lockstep/traces"
)

const (
	// nameLength is how many hex digits stand for a key: 96 bits, so that
	// among a million keys two have one pseudonym once in 10^17 recordings.
	nameLength = 24
	// ShortestFile is the least bytes of a secret for files that somebody redacts.
	ShortestFile = 16
	// ShortestLive is the least bytes of a secret for all that a router records.
	ShortestLive = 32

	mostKnown   = 1 << 16 // names kept at hand: keys that nobody configured are without number
	longestKept = 128     // bytes of a key whose name is kept
)

// Names gives keys other names under a secret: HMAC-SHA256 of the key, its
// first 24 hex digits. The same secret gives the same names, so that files
// join; without it a name cannot be guessed at, nor led back. It is not safe
// for concurrent use.
type Names struct {
	// Keep is how many names are kept at hand, of keys of any length; 0 means
	// 65,536, and none of keys over 128 bytes, for whatever clients send.
	Keep int

	mac   hash.Hash
	known map[string]string
	flag  string
}

// Read reads the secret from a file: at least that many bytes, a line feed at the end not counted.
func Read(path string, shortest int) (*Names, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		if wrong, ok := errors.AsType[*fs.PathError](err); ok {
			err = wrong.Err // which names the path too
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if b = bytes.TrimRight(b, "\r\n"); len(b) < shortest {
		return nil, fmt.Errorf("%s: the secret has %d bytes, and %d are the least: make one with head -c 32 /dev/urandom | base64", path, len(b), shortest)
	}
	return New(b), nil
}

// New returns the names under a secret. Read says how long one must be.
func New(secret []byte) *Names {
	p := &Names{mac: hmac.New(sha256.New, secret), known: map[string]string{}}
	p.flag = flagHashed + p.sum("\x00which secret\x00")[:12] // no key: they hold no NUL
	return p
}

// Of returns what stands for a key. The empty key, which means that there was none, stays.
func (p *Names) Of(key string) string {
	if key == "" {
		return ""
	}
	if name, known := p.known[key]; known {
		return name
	}
	name := p.sum(key)
	if len(key) > longestKept && p.Keep == 0 {
		return name
	}
	if len(p.known) >= cmp.Or(p.Keep, mostKnown) {
		clear(p.known)
	}
	p.known[strings.Clone(key)] = name
	return name
}

// Known returns how many names are at hand.
func (p *Names) Known() int { return len(p.known) }

func (p *Names) sum(text string) string {
	p.mac.Reset()
	p.mac.Write([]byte(text)) // never fails
	var sum [sha256.Size]byte
	return hex.EncodeToString(p.mac.Sum(sum[:0]))[:nameLength]
}

// Config gives the keys of a configuration their pseudonyms and leaves out what
// is for the edge alone.
func (p *Names) Config(c *core.Config) (*core.Config, error) {
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
		return nil, fmt.Errorf("hashing the keys of configuration %016x: %w", c.Digest(), err)
	}
	return out, nil
}

func (p *Names) keys(keys []core.KeySpec) {
	for i := range keys {
		keys[i].Key = p.Of(keys[i].Key)
	}
}

// flagHashed begins the flag in the header of a file whose keys are pseudonyms;
// a check of the secret follows, 48 bits of another hash under it.
const flagHashed = "keys-hashed:"

// Flag is what the header of a file says whose keys have these names.
func (p *Names) Flag() string { return p.flag }

// Hashed reports whether a file's keys are pseudonyms.
func Hashed(h *traces.Header) bool { return flagOf(h) != "" }

// Match says what is wrong when keys are to be looked up under these names in
// the file with that header, nil for nothing.
func (p *Names) Match(h *traces.Header) error {
	switch flag := flagOf(h); flag {
	case p.flag:
		return nil
	case "":
		return errors.New("its keys are not hashed: leave out --key-file")
	default:
		return fmt.Errorf("its keys are hashed under another secret (the file says %s, --key-file gives %s): name the key file of that time", flag, p.flag)
	}
}

// flagOf is the last flag, since what is hashed can be redacted again under another secret.
func flagOf(h *traces.Header) string {
	for i := len(h.Flags) - 1; i >= 0; i-- {
		if strings.HasPrefix(h.Flags[i], flagHashed) {
			return h.Flags[i]
		}
	}
	return ""
}
