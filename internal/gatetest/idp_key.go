package gatetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rsaBits is the least that RFC 7518, section 3.3, allows.
const rsaBits = 2048

// Key is a key pair that signs tokens.
type Key struct {
	ID  string // kid
	Alg string // what it is made for; it signs with others of its kind too

	t       testing.TB
	private crypto.Signer
}

// NewKey makes a key for an algorithm of JWS.
func NewKey(t testing.TB, alg, id string) *Key {
	t.Helper()
	k := &Key{ID: id, Alg: alg, t: t}
	var err error
	switch {
	case alg == "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case strings.HasPrefix(alg, "ES"):
		k.private, err = ecdsa.GenerateKey(curves()[alg], rand.Reader)
	default:
		k.private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func curves() map[string]elliptic.Curve {
	return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
}

// Base64 is base64url without padding (RFC 7515, section 2).
func Base64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Public is the public half.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

// JWK is the public half as a key set has it.
func (k *Key) JWK() map[string]any {
	jwk := map[string]any{"kid": k.ID, "alg": k.Alg, "use": "sig"}
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", Base64(p.N.Bytes()), Base64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PrivateKey:
		point, err := p.PublicKey.Bytes()
		if err != nil {
			k.t.Fatal(err)
		}
		half := len(point) / 2
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", p.Params().Name, Base64(point[1:1+half]), Base64(point[1+half:])
	case ed25519.PrivateKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", Base64(p[ed25519.SeedSize:])
	}
	return jwk
}

// KeySet is a JWK Set of keys.
func KeySet(keys ...*Key) map[string]any {
	all := make([]any, 0, len(keys))
	for _, k := range keys {
		all = append(all, k.JWK())
	}
	return map[string]any{"keys": all}
}

// PEM is the private half (PKCS #8).
func (k *Key) PEM() string {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// texts are the lines of the private half, none of which may be anywhere.
func (k *Key) texts() []string {
	var all []string
	for line := range strings.SplitSeq(k.PEM(), "\n") {
		// The first line of a key in PKCS #8 says its kind, and the last may be short.
		if len(line) > 40 && !strings.HasPrefix(line, "-----") {
			all = append(all, line)
		}
	}
	return all[min(1, len(all)-1):]
}

// JWS signs any header and payload, as they are, with an algorithm that the key
// can do. It does not look into them.
func (k *Key) JWS(alg string, header, payload []byte) string {
	k.t.Helper()
	input := Base64(header) + "." + Base64(payload)
	return input + "." + Base64(k.sign(alg, input))
}

// sign is RFC 7518, section 3, and RFC 8037, section 3.1.
func (k *Key) sign(alg, input string) []byte {
	k.t.Helper()
	if p, ok := k.private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(p, []byte(input))
	}
	hash, sum := digest(alg, input)
	switch p := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, p, sum)
		if err != nil {
			k.t.Fatal(err)
		}
		size := (p.Params().BitSize + 7) / 8
		return slices.Concat(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size)))
	case *rsa.PrivateKey:
		sig, err := rsa.SignPKCS1v15(nil, p, hash, sum)
		if strings.HasPrefix(alg, "PS") {
			sig, err = rsa.SignPSS(rand.Reader, p, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		if err != nil {
			k.t.Fatal(err)
		}
		return sig
	}
	return nil
}

func digest(alg, input string) (crypto.Hash, []byte) {
	switch bits, _ := strconv.Atoi(alg[2:]); bits {
	case 384:
		sum := sha512.Sum384([]byte(input))
		return crypto.SHA384, sum[:]
	case 512:
		sum := sha512.Sum512([]byte(input))
		return crypto.SHA512, sum[:]
	}
	sum := sha256.Sum256([]byte(input))
	return crypto.SHA256, sum[:]
}

// Add makes a key for an algorithm and publishes it beside those that there are.
func (i *IDP) Add(alg string) *Key {
	i.t.Helper()
	i.mu.Lock()
	id := "k" + strconv.Itoa(len(i.keys)+1) + "-" + rand.Text()[:4]
	i.mu.Unlock()
	k := NewKey(i.t, alg, id)
	i.hide(k.texts()...)
	i.mu.Lock()
	i.keys = append(slices.Clip(i.keys), k)
	i.mu.Unlock()
	return k
}

// Drop takes a key out of what is published.
func (i *IDP) Drop(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = slices.DeleteFunc(slices.Clone(i.keys), func(o *Key) bool { return o == k })
}

// Key is the first published key that can sign with alg.
func (i *IDP) Key(alg string) *Key {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		_, isRSA := k.private.(*rsa.PrivateKey)
		if k.Alg == alg || isRSA && (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) {
			return k
		}
	}
	i.t.Fatalf("the identity provider has no key for %s", alg)
	return nil
}
