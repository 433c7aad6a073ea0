package login

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// entryVersion is the version of the files' format.
const entryVersion = 1

// entry is one login, as its file holds it. Everything that renewing needs is in
// it: what one authorization server gave out goes back to that one alone,
// whatever the gateway says of itself later.
type entry struct {
	Version int `json:"version"`

	// What makes it this login and no other.
	Issuer   string   `json:"issuer"`
	Resource string   `json:"resource"` // canonical
	Client   string   `json:"client"`   // as it was asked for; empty: registered
	Asked    []string `json:"asked"`    // scopes, sorted
	Machine  bool     `json:"machine"`  // a job's and not a person's

	Audience   string `json:"audience"` // the resource as the gateway writes it
	ClientID   string `json:"client_id"`
	Method     string `json:"method"`                 // of authentication
	Algorithms string `json:"algorithms,omitzero"`    // that the server takes of a key, with spaces
	Secret     string `json:"client_secret,omitzero"` // that registering gave
	SecretFrom string `json:"secret_from,omitzero"`   // where the client's own is
	KeyFrom    string `json:"key_from,omitzero"`      // or its key
	Endpoint   string `json:"token_endpoint"`         // of the issuer
	Revocation string `json:"revocation_endpoint,omitzero"`
	Reach      reach  `json:"reach"` // how near the issuer may be

	Access   string    `json:"access_token"`
	Refresh  string    `json:"refresh_token,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	Obtained time.Time `json:"obtained"` // the token
	Since    time.Time `json:"since"`    // the login
	Scopes   []string  `json:"scopes"`   // granted
}

func newEntry(resource string, a *attempt, near reach) *entry {
	e := &entry{
		Version: entryVersion, Issuer: a.server.Issuer, Resource: resource, Client: a.request.Client.asked(), Asked: a.scopes,
		Machine: a.flow == Machine, Audience: a.resource, ClientID: a.proof.id, Method: a.proof.method,
		Endpoint: a.server.Token, Revocation: a.server.Revocation, Reach: near, Since: time.Now().UTC(),
	}
	switch {
	case a.proof.key != nil:
		e.KeyFrom, e.Algorithms = a.request.Client.Key, strings.Join(a.server.Algorithms, " ")
	case a.proof.registered:
		e.Secret = a.proof.secret
	default:
		e.SecretFrom = a.request.Client.Secret
	}
	return e
}

// take puts what a token endpoint gave in the place of what was there. A server
// that rotates refresh tokens sends a new one; another's stays good (RFC 6749, 6).
func (e *entry) take(g *granted) {
	e.Access, e.Expires, e.Obtained = g.access, g.expires, time.Now().UTC()
	if g.refresh != "" {
		e.Refresh = g.refresh
	}
	switch {
	case g.scopes != nil:
		e.Scopes = g.scopes
	case e.Scopes == nil:
		e.Scopes = e.Asked
	}
}

// spare is how long before its end a token is renewed.
const spare = 60 * time.Second

// good tells whether the token can be used: it does not end within spare. One
// whose end is not known is used until it is refused.
func (e *entry) good() bool { return e.Expires.IsZero() || time.Until(e.Expires) > spare }

// renewable tells whether a new token can be had without a person.
func (e *entry) renewable() bool { return e.Machine || e.Refresh != "" }

func (e *entry) token() *Token {
	return &Token{
		Access: e.Access, Type: "Bearer", Expires: e.Expires, Resource: e.Resource, Issuer: e.Issuer, ClientID: e.ClientID,
		Scopes: append([]string{}, e.Scopes...), Renewable: e.renewable(),
	}
}

// name is the file's: a digest of what makes the login this one. Each part has
// its length before it, so that no two lists of parts read the same.
func (e *entry) name() string {
	h := sha256.New()
	kind := "person"
	if e.Machine {
		kind = "job"
	}
	for _, part := range append([]string{e.Issuer, e.Resource, e.Client, kind}, e.Asked...) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)) + entrySuffix
}

const entrySuffix = ".json"

// readEntry reads a file's content.
func readEntry(content []byte) (*entry, error) {
	var e entry
	if err := json.Unmarshal(content, &e, json.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New("is no login that this program wrote")
	}
	switch {
	case e.Version != entryVersion:
		return nil, fmt.Errorf("has version %d, and this program knows version %d", e.Version, entryVersion)
	case e.Issuer == "" || e.Resource == "" || e.Audience == "" || e.ClientID == "" || !goodToken(e.Access) || e.Reach <= nowhere || e.Reach > odd:
		return nil, errors.New("lacks something that every login has")
	}
	return &e, nil
}

// matches is the test for logins that the request means: all that it does not
// say is left open. A job's login is no person's.
func (r Request) matches(resource string, f Flow) func(*entry) bool {
	asked := r.Client.asked()
	want := slices.Clone(r.Scopes)
	slices.Sort(want)
	want = slices.Compact(want)
	return func(e *entry) bool {
		return e.Resource == resource &&
			(r.Issuer == "" || e.Issuer == r.Issuer) &&
			(asked == "" || e.Client == asked) &&
			(r.Scopes == nil || slices.Equal(e.Asked, want)) &&
			(f == NoFlow || e.Machine == (f == Machine))
	}
}
