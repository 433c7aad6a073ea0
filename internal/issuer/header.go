package issuer

import (
	"slices"
	"strings"
)

// header is what a token's header says, judged.
type header struct {
	alg string
	kid string // empty: it names no key
}

// Members of a header that name a key or a place to fetch one, ask for what is
// not done here, or wrap another token. Nothing that a token names is fetched
// (AUT-06, AUT-07; RFC 8725 §3.10).
var forbiddenHeader = []string{"jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "enc", "cty"} //nolint:gochecknoglobals // a table; read-only

// readHeader judges the header of an access token.
func (a *authority) readHeader(o object) (header, error) {
	h, err := readSigned(o, a.settings.Algorithms, forbiddenHeader)
	if err != nil {
		return header{}, err
	}
	typ, found := o["typ"]
	name, _ := text(typ) // what is no string is no type
	name = strings.ToLower(name)
	access := name == "at+jwt" || name == "application/at+jwt" // RFC 9068 §2.1
	if !access && (a.settings.TokenType != "" || found && name != "jwt") {
		return header{}, invalid("typ is not that of an access token")
	}
	if kid, found := o["kid"]; found {
		var ok bool
		if h.kid, ok = text(kid); !ok || !clean(h.kid) {
			return header{}, invalid("kid is not 1 to 256 printable bytes")
		}
	}
	return h, nil
}

// readSigned judges what the headers of tokens and proofs have in common.
func readSigned(o object, algorithms, forbidden []string) (header, error) {
	if why := o.misnamed("alg", "kid", "typ", "jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"); why != "" {
		return header{}, invalid("the header: " + why)
	}
	if name, found := o.has(forbidden...); found {
		return header{}, invalid("the header has " + name)
	}
	alg, ok := text(o["alg"])
	if !ok || !slices.Contains(algorithms, alg) {
		return header{}, invalid("alg is not one that is accepted")
	}
	return header{alg: alg}, nil
}
