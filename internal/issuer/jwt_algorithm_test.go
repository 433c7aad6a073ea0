package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"doorward/internal/issuer"
)

// Every algorithm that may be listed is one that works, with its own key alone.
func TestAlgorithms(t *testing.T) {
	keys := map[string]crypto.Signer{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(), "PS256": rsaKey(), "PS384": rsaKey(), "PS512": rsaKey(),
		"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key(), "EdDSA": edKey(),
	}
	for alg, private := range keys {
		t.Run(alg, func(t *testing.T) {
			i := newIDP()
			i.keys = keySet(jwk(pair{kid: "k", private: private}), jwk(pair{kid: "bound", alg: alg, private: private}))
			st := settings()
			st.Algorithms = []string{alg}
			s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
			for _, kid := range []string{"k", "bound"} {
				accepted(t, s, jws(fields{"alg": alg, "kid": kid}, claims(), alg, private))
			}
			refused(t, s, jws(fields{"alg": alg}, claims(), alg, private)) // two fit
			token := jws(fields{"alg": alg, "kid": "k"}, claims(), alg, private)
			for range 10 { // any bit
				raw := []byte(token)
				at := mathrand.IntN(len(raw))
				if raw[at] ^= 1; string(raw) != token && raw[at] != '.' {
					refused(t, s, string(raw))
				}
			}
		})
	}
}

func TestAUT01_AlgNone(t *testing.T) {
	s := one(t, func(s *issuer.Settings) { s.Algorithms = []string{"RS256", "ES256", "EdDSA"} })
	algs := []any{
		"none", "None", "NONE", "nOnE", "", nil,
		[]string{"RS256"},
		"none ", " none", "n\u00f6ne", "ES256 ", "es256", "Es256",
		"ES\u0000256", 256, true,
		fields{"a": 1},
		"ES256,none",
	}
	for i := range 16 { // every case of the four letters
		alg := []byte("none")
		for bit := range alg {
			if i>>bit&1 == 1 {
				alg[bit] -= 32
			}
		}
		algs = append(algs, string(alg))
	}
	for _, alg := range algs {
		for _, h := range []fields{header("alg", alg), with(header(), "alg", alg, "kid", nil)} {
			if alg == nil {
				h["typ"] = "JWT"
			}
			signed := jws(h, claims(), "ES256", p256Key())
			bare := signed[:strings.LastIndexByte(signed, '.')+1]
			for _, token := range []string{signed, bare, bare + "AA", bare + "none"} {
				refused(t, s, token)
			}
		}
	}
	refused(t, s, jws(`{"alg":null,"kid":"k1"}`, claims(), "ES256", p256Key()))
}

func TestAUT02_SharedKeyOfThePublicKey(t *testing.T) {
	i := newIDP()
	public := jwk(pair{kid: "k1", private: rsaKey()})
	i.keys = keySet(public)
	st := settings()
	st.Algorithms = []string{"RS256"}
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
	accepted(t, s, jws(fields{"alg": "RS256", "kid": "k1"}, claims(), "RS256", rsaKey()))

	der := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	pkcs1 := x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	text1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}))
	secrets := []string{
		text, strings.TrimSuffix(text, "\n"), strings.ReplaceAll(text, "\n", "\r\n"), text1, strings.TrimSuffix(text1, "\n"),
		string(der), string(pkcs1), public["n"].(string), string(rsaKey().N.Bytes()), base64.StdEncoding.EncodeToString(rsaKey().N.Bytes()),
		encode(public), i.keys, base64.StdEncoding.EncodeToString(der), "", "k1",
	}
	for _, secret := range secrets {
		for alg, hash := range map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512} {
			for _, said := range []string{alg, "RS256"} {
				input := b64([]byte(encode(fields{"alg": said, "kid": "k1"}))) + "." + b64([]byte(encode(claims())))
				mac := hmac.New(hash.New, []byte(secret))
				mac.Write([]byte(input))
				refused(t, s, input+"."+b64(mac.Sum(nil)))
			}
		}
	}
}

func TestAUT03_ECDSASignatures(t *testing.T) {
	s := one(t, nil)
	token := good()
	cut := strings.LastIndexByte(token, '.')
	input := token[:cut]
	sum := sha256.Sum256([]byte(input))
	raw := must(base64.RawURLEncoding.DecodeString(token[cut+1:]))
	der := must(ecdsa.SignASN1(rand.Reader, p256Key(), sum[:]))
	n := elliptic.P256().Params().N
	half := func(v *big.Int) []byte { return v.FillBytes(make([]byte, 32)) }
	minusOne, plusOne := new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Add(n, big.NewInt(1))
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	zero, r, sv := new(big.Int), new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	signatures := map[string][]byte{
		"DER": der, "63 bytes": raw[:63], "65 bytes": append([]byte{0}, raw...), "65 bytes after": append(raw[:64:64], 0),
		"none": {}, "one byte": {0}, "twice": append(raw[:64:64], raw...), "96 bytes": make([]byte, 96),
		"swapped": append(raw[32:64:64], raw[:32]...),
	}
	for name, pair := range map[string][2]*big.Int{
		"r=s=0": {zero, zero}, "r=0": {zero, sv}, "s=0": {r, zero}, "r=n": {n, sv}, "s=n": {r, n}, "r=s=n": {n, n},
		"r=n+1": {plusOne, sv}, "s=n+1": {r, plusOne}, "r=s=n-1": {minusOne, minusOne}, "r=s=2^256-1": {most, most},
		"r=s=1": {big.NewInt(1), big.NewInt(1)},
	} {
		signatures[name] = append(half(pair[0]), half(pair[1])...)
	}
	for name, signature := range signatures {
		t.Run(name, func(t *testing.T) { refused(t, s, input+"."+b64(signature)) })
	}
	accepted(t, s, token)
}

func TestAUT04_AlgorithmsAreTheConfigurations(t *testing.T) {
	i := newIDP()
	i.keys = keySet(jwk(pair{kid: "r", private: rsaKey()}), jwk(pair{kid: "k1", private: p256Key()}), jwk(pair{kid: "e", private: edKey()}),
		jwk(pair{kid: "p", private: p384Key()}), jwk(pair{kid: "bound", alg: "RS384", private: otherRSA()}))
	st := settings()
	st.Algorithms = []string{"RS256", "ES256"}
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
	accepted(t, s, jws(fields{"alg": "RS256", "kid": "r"}, claims(), "RS256", rsaKey()))
	for _, tc := range []struct {
		alg, kid string
		private  crypto.Signer
	}{
		{"PS256", "r", rsaKey()},
		{"RS384", "r", rsaKey()},
		{"RS512", "r", rsaKey()},
		{"PS384", "r", rsaKey()},
		{"PS512", "r", rsaKey()},
		{"ES384", "p", p384Key()},
		{"EdDSA", "e", edKey()},
		{"RS256", "bound", otherRSA()},
	} {
		refused(t, s, jws(fields{"alg": tc.alg, "kid": tc.kid}, claims(), tc.alg, tc.private))
		// With a list of its own, and with a listed algorithm that the signature is not of.
		refused(t, s, jws(fields{"alg": tc.alg, "kid": tc.kid, "algorithms": []string{tc.alg}, "alg_values_supported": tc.alg}, claims(), tc.alg, tc.private))
		refused(t, s, jws(fields{"alg": "ES256", "kid": tc.kid}, claims(), tc.alg, tc.private))
	}
	for _, alg := range []string{"ES256K", "HS256", "HS512", "RSA1_5", "dir", "A128KW", "Ed25519", "ES256-K", "RS1", "ML-DSA-44"} {
		refused(t, s, jws(fields{"alg": alg, "kid": "k1"}, claims(), "ES256", p256Key()))
	}
}
