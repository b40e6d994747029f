package server

import (
	"crypto/ed25519"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// authorizer decides about bearer tokens. Its rules can be replaced while it works.
type authorizer struct{ rules atomic.Pointer[Auth] }

// errUnauthorized does not say what is wrong with a token.
var errUnauthorized = &httpError{status: http.StatusUnauthorized, code: "AUTH_TOKEN_INVALID", message: "a valid bearer token is required"}

var errForbidden = &httpError{status: http.StatusForbidden, code: "AUTH_FORBIDDEN", message: "the token does not permit this"}

// identity is what the bearer of a token may do.
type identity struct {
	access    Access
	databases []string          // nil: all
	perDB     map[string]Access // of a signed token's "p"
	until     time.Time         // zero: for ever
}

// on is the access to a database.
func (id *identity) on(database string) Access {
	if id.perDB != nil {
		if a, ok := id.perDB[database]; ok {
			return a
		}
		return NoAccess
	}
	if id.databases != nil && !slices.Contains(id.databases, database) {
		return NoAccess
	}
	return id.access
}

// identify checks a token. Without rules everybody may read and write.
func (a *authorizer) identify(token string) (*identity, error) {
	rules := a.rules.Load()
	if !rules.Required() {
		return &identity{access: ReadWrite}, nil
	}
	if token == "" {
		return nil, errUnauthorized
	}
	var found *Token
	for i := range rules.Tokens {
		t := &rules.Tokens[i]
		// All are compared, so that the time says nothing of which it is.
		if subtle.ConstantTimeCompare([]byte(t.Secret), []byte(token)) == 1 {
			found = t
		}
	}
	if found != nil {
		return &identity{access: found.Access, databases: found.Databases}, nil
	}
	for _, key := range rules.Keys {
		if id, err := signed(token, key); err == nil {
			return id, nil
		}
	}
	return nil, errUnauthorized
}

// bearer is the token in a request's header, "" if there is none.
func bearer(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// claims are those of libSQL's tokens: "a" is the access ("ro", "rw", "admin"), "id"
// or "ns" restrict it to databases, "p" gives an access for each of some databases.
type claims struct {
	jwt.RegisteredClaims
	Access     string          `json:"a"`
	Namespace  string          `json:"id"`
	Namespaces json.RawMessage `json:"ns"`
	Parts      *struct {
		RO *namespaceList `json:"ro"`
		RW *namespaceList `json:"rw"`
	} `json:"p"`
}

type namespaceList struct {
	NS []string `json:"ns"`
}

// signed checks a JWT against one key.
func signed(token string, key ed25519.PublicKey) (*identity, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"EdDSA"}))
	if err != nil {
		return nil, err
	}
	id := &identity{}
	if c.ExpiresAt != nil {
		id.until = c.ExpiresAt.Time
	}
	if c.Parts != nil {
		id.perDB = map[string]Access{}
		if c.Parts.RO != nil {
			for _, ns := range c.Parts.RO.NS {
				id.perDB[ns] = ReadOnly
			}
		}
		if c.Parts.RW != nil {
			for _, ns := range c.Parts.RW.NS {
				id.perDB[ns] = ReadWrite
			}
		}
		return id, nil
	}
	switch c.Access {
	case "", "rw":
		id.access = ReadWrite
	case "ro":
		id.access = ReadOnly
	case "admin":
		id.access = Admin
	default:
		return nil, fmt.Errorf(`claim "a" is %q, want ro, rw or admin`, c.Access)
	}
	if len(c.Namespaces) > 0 && string(c.Namespaces) != "null" {
		var one string
		if json.Unmarshal(c.Namespaces, &one) == nil {
			id.databases = []string{one}
		} else if err := json.Unmarshal(c.Namespaces, &id.databases); err != nil {
			return nil, errors.New(`claim "ns" is neither a name nor a list of names`)
		}
	}
	if c.Namespace != "" {
		id.databases = []string{c.Namespace}
	}
	return id, nil
}

// ParseKey reads an Ed25519 public key: PEM, or the 32 bytes in base64 as libSQL's
// server takes them.
func ParseKey(text []byte) (ed25519.PublicKey, error) {
	if block, _ := pem.Decode(text); block != nil {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the PEM block is no public key: %w", err)
		}
		pub, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("the public key is of type %T, want Ed25519", key)
		}
		return pub, nil
	}
	s := strings.TrimRight(strings.TrimSpace(string(text)), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("the key is neither PEM nor base64")
	}
	if len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the key has %d bytes, want the %d of an Ed25519 public key", len(b), ed25519.PublicKeySize)
	}
	return b, nil
}

// ParseTokens reads a file of static tokens: on each line a token of at least 16
// characters, what it permits (ro, rw or admin; rw if left out), and optionally the
// databases, separated by commas. Lines that begin with # are comments.
func ParseTokens(text string) ([]Token, error) {
	var out []Token
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		t := Token{Secret: f[0], Access: ReadWrite}
		if len(t.Secret) < 16 {
			return nil, fmt.Errorf("line %d: the token has %d characters, want at least 16", i+1, len(t.Secret))
		}
		if len(f) > 1 {
			access, ok := map[string]Access{"ro": ReadOnly, "rw": ReadWrite, "admin": Admin}[f[1]]
			if !ok {
				return nil, fmt.Errorf("line %d: permission %q, want ro, rw or admin", i+1, f[1])
			}
			t.Access = access
		}
		if len(f) > 2 {
			t.Databases = strings.Split(f[2], ",")
		}
		if len(f) > 3 {
			return nil, fmt.Errorf("line %d: %d words, want a token, a permission and a list of databases", i+1, len(f))
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, errors.New("the file holds no token")
	}
	return out, nil
}
