package routing

import (
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/golang-jwt/jwt/v5"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// maxToken is the longest token in bytes that is looked at.
const maxToken = 16 << 10

// tokens is a key source that verifies tokens. What it has verified it
// remembers by the token's hash, until the token ends or the keys change.
type tokens struct {
	s      *settings.JWT
	file   *keyFile
	clock  clock.Clock
	parser *jwt.Parser

	mu    sync.Mutex
	set   *keySet // under which everything in known was verified
	known map[[sha256.Size]byte]verified
	order [][sha256.Size]byte // of known, oldest first; next is the oldest once it is full
	next  int
}

// verified is what a token said: its claim, and until when.
type verified struct {
	value string // "" where the token has no such claim
	until time.Time
}

func newTokens(s *settings.JWT, files *keyFiles) *tokens {
	options := []jwt.ParserOption{
		// What is here is only the widest choice: the key says which of them counts.
		jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}),
		jwt.WithExpirationRequired(), jwt.WithLeeway(s.Leeway), jwt.WithTimeFunc(files.clock.Now),
		jwt.WithJSONNumber(), jwt.WithStrictDecoding(),
	}
	if s.Issuer != "" {
		options = append(options, jwt.WithIssuer(s.Issuer))
	}
	if s.Audience != "" {
		options = append(options, jwt.WithAudience(s.Audience))
	}
	return &tokens{
		s: s, file: files.file(s.JWKS), clock: files.clock, parser: jwt.NewParser(options...),
		known: map[[sha256.Size]byte]verified{},
	}
}

// read returns the claim of the request's token.
func (t *tokens) read(q *query) (string, core.Class) {
	token, refuse := t.find(q)
	if token == "" || refuse != core.ClassNone {
		return "", refuse
	}
	v, ok := t.verify(token)
	switch {
	case ok:
		return v, core.ClassNone
	case t.s.Next:
		return "", core.ClassNone
	}
	return "", core.Unauthorized
}

// find returns the token that a request carries, "" for none.
func (t *tokens) find(q *query) (string, core.Class) {
	if t.s.Cookie != "" {
		return cookie(q.Header["Cookie"], t.s.Cookie, false)
	}
	if t.s.Header != "" {
		return one(q.Header[t.s.Header], false)
	}
	value, refuse := one(q.Header["Authorization"], false)
	const scheme = "bearer "
	if refuse != core.ClassNone || len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", refuse
	}
	return strings.TrimSpace(value[len(scheme):]), core.ClassNone
}

// verify returns what a token says; ok is false for one that does not hold.
func (t *tokens) verify(token string) (value string, ok bool) {
	set := t.file.set.Load()
	if set == nil || len(token) > maxToken {
		return "", false
	}
	hash, now := sha256.Sum256([]byte(token)), t.clock.Now()
	t.mu.Lock()
	if t.set != set { // other keys: what the old ones verified counts no more
		t.set, t.order, t.next = set, nil, 0
		clear(t.known)
	}
	v, found := t.known[hash]
	t.mu.Unlock()
	if found && now.Before(v.until) {
		return v.value, true
	}
	if v, ok = t.check(token, set); !ok {
		return "", false
	}
	t.remember(hash, v, set)
	return v.value, true
}

func (t *tokens) remember(hash [sha256.Size]byte, v verified, set *keySet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.set != set {
		return // the keys changed meanwhile
	}
	if _, found := t.known[hash]; !found {
		if len(t.order) < cacheSize {
			t.order = append(t.order, hash)
		} else {
			delete(t.known, t.order[t.next])
			t.order[t.next] = hash
			t.next = (t.next + 1) % cacheSize
		}
	}
	t.known[hash] = v
}

var errNoKey = errors.New("no key for this token")

// check verifies a token in full.
func (t *tokens) check(token string, set *keySet) (v verified, ok bool) {
	claims := jwt.MapClaims{}
	_, err := t.parser.ParseWithClaims(token, claims, func(head *jwt.Token) (any, error) {
		if _, critical := head.Header["crit"]; critical {
			return nil, errNoKey // it must be understood, and none is (RFC 7515, 4.1.11)
		}
		return set.find(head)
	})
	if err != nil {
		return verified{}, false
	}
	exp, err := claims.GetExpirationTime()
	if err != nil || exp == nil {
		return verified{}, false
	}
	v.until = until(exp.Time, t.s.Leeway)
	switch c := claims[t.s.Claim].(type) {
	case nil: // a good token that says nothing of it
	case string:
		v.value = c
	case json.Number:
		if strings.ContainsAny(c.String(), ".eE") {
			return verified{}, false // 7 and 7.0 must not be two tenants
		}
		v.value = c.String()
	default:
		return verified{}, false
	}
	return v, true
}

// find returns the keys that may verify a token: those with its kid, or, for
// one without, all; and of them those whose kind has its algorithm.
func (s *keySet) find(head *jwt.Token) (any, error) {
	id, named := head.Header["kid"].(string)
	if _, given := head.Header["kid"]; given && !named {
		return nil, errNoKey
	}
	var fit jwt.VerificationKeySet
	for i := range s.keys {
		k := &s.keys[i]
		if (!named || k.id == id) && slices.Contains(k.algorithms, head.Method.Alg()) {
			fit.Keys = append(fit.Keys, crypto.PublicKey(k.public))
		}
	}
	if len(fit.Keys) == 0 {
		return nil, errNoKey
	}
	return fit, nil
}
