package issuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"math/big"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of an RSA modulus, in bits. NIST SP 800-57 ends the shorter in
// 2030; the longer costs a verifier a millisecond.
const (
	minRSA = 2048
	maxRSA = 8192
)

// maxProofRSA is that of a key that comes with a proof, and that anybody may
// send. It is what go-jose reads.
const maxProofRSA = 4096

// key is one public key, for signatures alone.
type key struct {
	kid    string // empty: it has none
	alg    string // the only algorithm; empty: each that fits the kind
	kind   string
	public crypto.PublicKey
	size   int         // of an RSA signature, in bytes
	print  string      // RFC 7638, SHA-256, base64url
	gone   atomic.Bool // the issuer no longer lists it
}

// takes tells whether signatures of alg can be checked with the key: its kind
// fits, and it was not made for another algorithm (RFC 8725 §3.1).
func (k *key) takes(alg string) bool {
	a, ok := algorithms[alg]
	return ok && a.kind == k.kind && (k.alg == "" || k.alg == alg)
}

// same tells whether two keys are one, listed again.
func (k *key) same(other *key) bool {
	return k.kid == other.kid && k.alg == other.alg && k.kind == other.kind && k.print == other.print
}

// maxKeyDepth is how deep a key may be nested: arrays of texts, and oth of RSA.
const maxKeyDepth = 3

// readKey reads a JWK (RFC 7517 §4). Its errors are our own text.
func readKey(raw jsontext.Value) (*key, error) {
	jwk, err := readObject(raw, maxKeyDepth)
	if err != nil {
		return nil, fmt.Errorf("a key that %w", err)
	}
	if why := jwk.misnamed("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y"); why != "" {
		return nil, errors.New(why)
	}
	if _, found := jwk.has("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"); found {
		return nil, errors.New("private or shared key material")
	}
	k := &key{}
	if err := k.describe(jwk); err != nil {
		return nil, err
	}
	kty, _ := text(jwk["kty"])
	switch kty {
	case "RSA":
		err = k.readRSA(jwk)
	case "EC":
		err = k.readEC(jwk)
	case "OKP":
		err = k.readEd25519(jwk)
	default:
		err = errors.New("a type of key that is not used here")
	}
	if err != nil {
		return nil, err
	}
	if k.alg != "" && !k.takes(k.alg) {
		return nil, errors.New("an algorithm that does not fit the key")
	}
	sum, err := (&jose.JSONWebKey{Key: k.public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("a key without a thumbprint")
	}
	k.print = encode64(sum)
	return k, nil
}

// describe reads what a key says of itself: its id, and what it is for.
func (k *key) describe(jwk object) error {
	var ok bool
	if v, found := jwk["kid"]; found {
		if k.kid, ok = text(v); !ok || !clean(k.kid) {
			return errors.New("a key id that is none")
		}
	}
	if v, found := jwk["alg"]; found {
		if k.alg, ok = text(v); !ok || k.alg == "" {
			return errors.New("an algorithm that is none")
		}
	}
	if v, found := jwk["use"]; found {
		if use, ok := text(v); !ok || use != "sig" {
			return errors.New("a key that is not for signatures")
		}
	}
	if v, found := jwk["key_ops"]; found {
		list, ok := texts(v, 10) // RFC 7517 §4.3 knows eight
		verifies := false
		for _, op := range list {
			verifies = verifies || op == "verify"
		}
		if !ok || !verifies {
			return errors.New("a key that is not for verifying")
		}
	}
	return nil
}

// field is one binary member of a key.
func (o object) field(name string) []byte {
	s, _ := text(o[name])
	b, _ := decode64(s)
	return b
}

func (k *key) readRSA(jwk object) error {
	n, e := jwk.field("n"), jwk.field("e")
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	switch bits := modulus.BitLen(); {
	case bits < minRSA:
		return errors.New("an RSA key of less than 2048 bits")
	case bits > maxRSA:
		return errors.New("an RSA key of more than 8192 bits")
	case modulus.Bit(0) == 0:
		return errors.New("an RSA key with an even modulus")
	case !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > math.MaxInt32 || exponent.Bit(0) == 0:
		return errors.New("an RSA key with a bad exponent")
	}
	public := &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
	k.kind, k.public, k.size = kindRSA, public, public.Size()
	return nil
}

func (k *key) readEC(jwk object) error {
	curves := map[string]elliptic.Curve{kindP256: elliptic.P256(), kindP384: elliptic.P384(), kindP521: elliptic.P521()}
	name, _ := text(jwk["crv"])
	curve, ok := curves[name]
	if !ok {
		return errors.New("a curve that is not used here")
	}
	x, y := jwk.field("x"), jwk.field("y")
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size { // RFC 7518 §6.2.1.2
		return errors.New("a point of the wrong length")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, bytes.Join([][]byte{{4}, x, y}, nil))
	if err != nil {
		return errors.New("a point that is not on its curve")
	}
	k.kind, k.public = name, public
	return nil
}

// readEd25519 leaves to go-jose what a key of the curve is: it knows the points
// of low order, for which a signature says nothing.
func (k *key) readEd25519(jwk object) error {
	if curve, _ := text(jwk["crv"]); curve != kindEd25519 {
		return errors.New("a curve that is not used here")
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON([]byte(`{"kty":"OKP","crv":"Ed25519","x":"` + encode64(jwk.field("x")) + `"}`)); err != nil {
		return errors.New("a point that is no Ed25519 key")
	}
	k.kind, k.public = kindEd25519, parsed.Key
	return nil
}
