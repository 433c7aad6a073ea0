package issuer

import (
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// The kinds of public key.
const (
	kindRSA     = "RSA"
	kindP256    = "P-256"
	kindP384    = "P-384"
	kindP521    = "P-521"
	kindEd25519 = "Ed25519"
)

// algorithm is a way to sign (RFC 7518 §3.1, RFC 8037 §3.1).
type algorithm struct {
	kind      string // of the one kind of key that it takes
	signature int    // length in bytes; 0: that of the key
}

// algorithms are all that there are for tokens and proofs: none has a shared key
// (AUT-01, AUT-02).
var algorithms = map[string]algorithm{ //nolint:gochecknoglobals // a table; read-only
	"RS256": {kind: kindRSA}, "RS384": {kind: kindRSA}, "RS512": {kind: kindRSA},
	"PS256": {kind: kindRSA}, "PS384": {kind: kindRSA}, "PS512": {kind: kindRSA},
	"ES256": {kindP256, 64}, "ES384": {kindP384, 96}, "ES512": {kindP521, 132},
	"EdDSA": {kindEd25519, 64},
}

// proofAlgorithms are for DPoP proofs when the configuration names none.
var proofAlgorithms = []string{"ES256", "RS256", "PS256", "EdDSA"} //nolint:gochecknoglobals // a table; read-only

func checkAlgorithms(list []string) error {
	for i, name := range list {
		if _, ok := algorithms[name]; !ok {
			return fmt.Errorf("algorithm %q is not one of RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA", name)
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("algorithm %s is listed twice", name)
		}
	}
	return nil
}

// checkSignature verifies c with exactly one key. The algorithm comes from a
// list of the configuration and fits the key.
func checkSignature(c *compact, alg string, k *key) (err error) {
	defer func() {
		if recover() != nil { // what it panicked with could hold the token
			err = invalid("checking the signature panicked")
		}
	}()
	want := algorithms[alg].signature
	if want == 0 {
		want = k.size
	}
	if len(c.signature) != want {
		return invalid("the signature has the wrong length")
	}
	jws, err := jose.ParseSignedCompact(c.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return invalid("the signature cannot be read")
	}
	payload, err := jws.Verify(k.public)
	if err != nil {
		return invalid("the signature is wrong")
	}
	if string(payload) != string(c.payload) {
		return invalid("two readings of one payload differ")
	}
	return nil
}
