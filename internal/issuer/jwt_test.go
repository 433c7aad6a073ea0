package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

func TestTokenSaysWhatTheIssuerSays(t *testing.T) {
	s := one(t, func(s *issuer.Settings) {
		s.Claims = issuer.Claims{Tenant: "tenant", Groups: "groups", Roles: "/realm_access/roles"}
		s.RequireTenant = true
	})
	exp := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	token := good("exp", exp.Unix(), "tenant", "acme", "groups", []string{"b", "a", "b"},
		"realm_access", fields{"roles": []string{"writer"}}, "cnf", fields{"jkt": sha("k"), "x5t#S256": sha("c")})
	want := issuer.Token{
		Method: "jwt", Issuer: issuer1, Subject: "alice", Tenant: "acme", Client: "agent", ID: "t-1",
		Groups: []string{"a", "b"}, Roles: []string{"writer"}, Scopes: []string{"tools.call", "tools.read"},
		Expires: exp, Thumbprint: sha("k"), CertificateSHA256: sha("c"),
	}
	for range 2 { // the second is remembered
		if diff := cmp.Diff(want, accepted(t, s, token)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

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

func TestAUT05_Kid(t *testing.T) {
	i := newIDP()
	i.keys = keySet(jwk(pair{kid: "k1", private: p256Key()}), jwk(pair{kid: "k2", private: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}))
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	kids := []any{
		"../../../../dev/null", "/dev/null", "'; --", "' OR 1=1", strings.Repeat("k", 64<<10), strings.Repeat("k", 257), 1,
		[]string{"k1"},
		fields{"kid": "k1"},
		nil, "", true, "k1\u0000", "k1\n", " k1", "k1 ", "K1", "k1\u200b", "k2", "https://evil.test/key", "file:///etc/passwd", "|id",
		"${jndi:ldap://evil.test}",
		"\uff4b1", "k1/../k1", "%6b1",
	}
	for range 10 {
		kids = append(kids, rand.Text())
	}
	for _, kid := range kids {
		refused(t, s, jws(header("kid", kid), claims(), "ES256", p256Key()))
	}
	for _, h := range []string{
		`{"alg":"ES256","kid":"k1","kid":"k2"}`, `{"alg":"ES256","kid":"k2","kid":"k1"}`, `{"alg":"none","alg":"ES256","kid":"k1"}`,
		`{"alg":"ES256","kid":"k2","\u006bid":"k1"}`, `{"alg":"ES256","Kid":"k1"}`, `{"alg":"ES256","Alg":"none","kid":"k1"}`, `{"alg":"ES256","kid":"k1","KID":"k2"}`,
		`{"alg":"ES256","\u212aid":"k1","kid":"k1"}`,
	} {
		refused(t, s, jws(h, claims(), "ES256", p256Key()))
	}
}

// What cannot be the id of a key makes nobody look for it.
func TestAUT05_KidsThatAreNone(t *testing.T) {
	i := newIDP()
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	for _, kid := range []any{strings.Repeat("k", 8<<10), strings.Repeat("k", 257), 1, []string{"k1"}, "", true, "k1\u0000", "k1\n", " k1", "k1 ", "k\u200b"} {
		refused(t, s, jws(header("kid", kid), claims(), "ES256", p256Key()))
	}
	if n := i.count("/jwks"); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

func TestAUT06_KeysThatTokensName(t *testing.T) {
	i := newIDP()
	network := serve(t, i)
	s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	evil := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	own := jwk(pair{kid: "k1", alg: "ES256", private: evil})
	cert, _ := certificate(t, "127.0.0.1")
	for _, more := range [][]any{
		{"jku", "https://sink.test/jwks"},
		{"x5u", "https://sink.test/cert"},
		{"jwk", own},
		{"x5c", []string{"MIIB"}},
		{"x5c", []string{base64.StdEncoding.EncodeToString(cert.Certificate[0])}},
		{"jku", "http://127.0.0.1/jwks"},
		{"jku", ""},
		{"jku", 1},
		{"x5u", []string{"https://sink.test"}},
		{"jwk", "k1"},
		{"jwk", fields{}},
		{"x5c", "MIIB"},
		{"jku", "https://sink.test/jwks", "jwk", own, "kid", nil},
		{"JWK", own},
		{"Jku", "https://sink.test"},
		{"jwk\u0000", own},
		{"x5u\u200b", "https://sink.test"},
	} {
		for _, private := range []crypto.Signer{evil, p256Key()} { // the true key does not help
			refused(t, s, jws(header(more...), claims(), "ES256", private))
		}
	}
	for _, address := range network.dialed() {
		if address != "127.0.0.1:80" {
			t.Errorf("%s was called", address)
		}
	}
	if n := i.count("/jwks"); n > 2 {
		t.Errorf("the key set was fetched %d times", n)
	}
}

func TestAUT07_TokensOfAnotherKind(t *testing.T) {
	loose := one(t, nil)
	strict := one(t, func(s *issuer.Settings) { s.TokenType = "at+jwt" })
	tok := func(h fields, more ...any) string { return jws(h, claims(more...), "ES256", p256Key()) }
	for _, typ := range []any{"at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"} {
		accepted(t, loose, tok(header("typ", typ)))
		accepted(t, strict, tok(header("typ", typ)))
	}
	for _, typ := range []any{"JWT", "jwt", nil} {
		accepted(t, loose, tok(header("typ", typ)))
		refused(t, strict, tok(header("typ", typ)))
	}
	for _, typ := range []any{
		"", "id+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "JWT ",
		"application/jwt;x", "JOSE", 1,
		[]string{"at+jwt"},
		"at+jwt\u0000", "at\u2063+jwt",
	} {
		refused(t, loose, tok(header("typ", typ)))
		refused(t, strict, tok(header("typ", typ)))
	}
	for _, h := range []fields{
		header("crit", []string{"foo"}), header("crit", []string{"exp"}), header("crit", []string{}), header("crit", "b64"),
		header("b64", false), header("b64", true),
		header("crit", []string{"b64"}, "b64", false), header("cty", "JWT"), header("cty", "jwt"), header("cty", "application/json"),
		header("zip", "DEF"), header("enc", "A128GCM"), header("Crit", []string{"foo"}), header("b64\u0000", false),
	} {
		refused(t, loose, tok(h))
	}
	for _, more := range [][]any{
		{"at_hash", "x"},
		{"c_hash", "x"},
		{"events", fields{"http://schemas.openid.net/event/backchannel-logout": fields{}}},
		{"events", fields{}},
		{"at_hash", ""},
		{"c_hash", false},
		{"events", 1},
		{"At_Hash", "x"},
		{"EVENTS", fields{}},
		{"c_hash\u200d", "x"},
	} {
		refused(t, loose, tok(header(), more...))
	}
	refused(t, loose, jws(header("cty", "JWT"), good(), "ES256", p256Key())) // a token in a token
}

func TestAUT13_Shapes(t *testing.T) {
	s := one(t, nil)
	accepted(t, s, good())
	jwe := b64([]byte(`{"alg":"A128KW","enc":"A128GCM"}`)) + "..AAAA.AAAA.AAAA"
	pbes := b64([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483648,"p2s":"AAAA"}`)) + ".AA.AA.AA.AA"
	bomb := b64([]byte(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`)) + "..AAAA." + strings.Repeat("A", 8000) + ".AAAA"
	deep := strings.Repeat("[", 6000)
	members := "{" + strings.TrimSuffix(strings.Repeat(`"a":1,`, 2000), ",") + "}"
	var many strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&many, `"%x":1,`, i)
	}
	tokens := []string{
		"", ".", "..", "...", "....", ".....", strings.Repeat(".", 10_000), strings.Repeat(".", 1<<20), strings.Repeat("a", 1<<20),
		strings.Repeat("a.", 1<<19),
		jwe, pbes, bomb, good() + ".", "." + good(), good() + ".a", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "e30.e30.", "e30..AA", ".e30.AA",
		jws(header(), deep, "ES256", p256Key()), jws(deep, claims(), "ES256", p256Key()), jws(header(), members, "ES256", p256Key()),
		jws(header(), `{"a":`+strings.Repeat(`{"a":`, 20)+"1"+strings.Repeat("}", 21), "ES256", p256Key()),
		jws(`{"alg":"ES256","kid":"k1","a":[[[1]]]}`, claims(), "ES256", p256Key()),
		jws(header(), "{"+many.String()+encode(claims())[1:], "ES256", p256Key()),
		strings.Repeat("\x00", 100), "\xff\xfe", "Bearer " + good(), good() + "\n", " " + good(), "\ufeff" + good(),
	}
	for i, token := range tokens {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			refused(t, s, token)
			cheap(t, len(token), func() { _, _ = verify(s, token) })
		})
	}
}

func TestAUT14_NamesThatReadAlike(t *testing.T) {
	s := one(t, func(s *issuer.Settings) { s.Claims.Groups = "/resource_access/groups" })
	body := encode(claims())
	insert := func(member string) string { return "{" + member + "," + body[1:] }
	after := func(member string) string { return body[:len(body)-1] + "," + member + "}" }
	accepted(t, s, jws(header(), insert(`"name":"Alice","x":{"SUB":1}`), "ES256", p256Key()))
	members := []string{
		`"sub":"adm"`, `"Sub":"adm"`, `"SUB":"adm"`, `"sub\u0000":"adm"`, `"\u0073ub":"adm"`, `"\u017fub":"adm"`, `"I\u0053S":"x"`,
		`"i\u017fs":"x"`, `"AUD":"x"`,
		`"Exp":1`, `"nbF":1`, `"IAT":1`, `"Scope":"adm"`, `"\u017fcope":"adm"`, `"CNF":{}`, `"sub\n":"adm"`, `"sub\u200b":"adm"`,
		`"sub\ufeff":"adm"`, `"\u202esub":"adm"`,
		`"Client_ID":"x"`, `"SCP":"x"`, `"x":{"a":1,"a":2}`, `"x":[{"a":1,"\u0061":2}]`, `"a\u0001b":1`, `"\u00ad":1`,
		`"Resource_Access":{}`, `"_Claim_Names":{}`, `"Jti":"x"`,
		`"resource_access":{"groups":"a","Groups":"b"}`, `"resource_access":{"groups":"a","groups\u0000":"b"}`,
	}
	for _, member := range members {
		refused(t, s, jws(header(), insert(member), "ES256", p256Key()))
		refused(t, s, jws(header(), after(member), "ES256", p256Key()))
	}
	for _, payload := range []string{
		body + "x", body + "{}", "[" + body + "]", `"` + body + `"`, "null", "1", "", " ", "\ufeff" + body, body[:len(body)-1], body[1:],
		strings.ReplaceAll(body, `"alice"`, "\"al\xffce\""),
		strings.ReplaceAll(body, `"alice"`, `"\ud800"`), strings.ReplaceAll(body, `"alice"`, `"\x61lice"`),
		strings.ReplaceAll(body, `"alice"`, "'alice'"), body[:len(body)-1] + ",}",
		strings.ReplaceAll(body, `"alice"`, "\"al\nice\""), "/**/" + body, strings.ReplaceAll(body, ":", "="), strings.Repeat("{", 10) + body,
	} {
		refused(t, s, jws(header(), payload, "ES256", p256Key()))
	}
}

func TestAUT15_Base64url(t *testing.T) {
	s := one(t, nil)
	token := good()
	parts := strings.Split(token, ".")
	last := func(s string) string { // the same bytes, with other bits left over
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])+1])
	}
	changes := map[string]func(string) string{
		"padded": func(s string) string {
			return s + strings.Repeat("=", (4-len(s)%4)%4) + strings.Repeat("=", 4*(1-min(1, len(s)%4)))
		},
		"one =": func(s string) string { return s + "=" }, "two =": func(s string) string { return s + "==" },
		"plus": func(s string) string { return s[:3] + "+" + s[4:] }, "slash": func(s string) string { return s[:3] + "/" + s[4:] },
		"LF": func(s string) string { return s[:4] + "\n" + s[4:] }, "CR": func(s string) string { return s[:4] + "\r" + s[4:] },
		"LF after": func(s string) string { return s + "\n" },
		"space":    func(s string) string { return s[:4] + " " + s[4:] }, "space before": func(s string) string { return " " + s },
		"tab": func(s string) string { return s + "\t" },
		"NUL": func(s string) string { return s + "\x00" }, "percent": func(s string) string { return strings.Replace(s, s[:1], "%41", 1) },
		"length 1 mod 4": func(s string) string { return s[:len(s)-len(s)%4] + "A" },
		"NBSP":           func(s string) string { return s + "\u00a0" }, "empty": func(string) string { return "" },
	}
	for name, change := range changes {
		for i := range parts {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				p := append([]string{}, parts...)
				p[i] = change(p[i])
				refused(t, s, strings.Join(p, "."))
			})
		}
	}
	// The signature is 64 bytes, so its last character has bits to spare.
	refused(t, s, parts[0]+"."+parts[1]+"."+last(parts[2]))
	for pad := range 3 { // a header and a payload that have, too
		h := encode(header())
		p := encode(claims("pad", strings.Repeat("x", pad)))
		input := b64([]byte(h+strings.Repeat(" ", pad))) + "." + b64([]byte(p))
		first, second, _ := strings.Cut(input, ".")
		for _, changed := range []string{last(first) + "." + second, first + "." + last(second)} {
			if len(first)%4 == 0 && changed[:len(first)] != first || len(second)%4 == 0 && changed[len(first):] != input[len(first):] {
				continue // no bits to spare: these are other bytes
			}
			refused(t, s, changed+"."+b64(sign("ES256", p256Key(), changed)))
		}
	}
	accepted(t, s, token)
}

// A panic in the library or in what is handed in refuses, and ends nothing.
func TestAUT22_Panics(t *testing.T) {
	token := good()
	panicked := 0
	for _, public := range []crypto.PublicKey{
		nil, (*rsa.PublicKey)(nil), &rsa.PublicKey{}, &rsa.PublicKey{N: big.NewInt(0), E: 3}, &rsa.PublicKey{N: big.NewInt(-5), E: -1},
		(*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{}, &ecdsa.PublicKey{Curve: elliptic.P256()},
		&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, //nolint:staticcheck // a broken key is the point
		[]byte{},
		[]byte("secret"), "key", 1,
		struct{}{},
	} {
		for _, alg := range []string{"ES256", "RS256", "PS256", "EdDSA", "HS256"} {
			signed := jws(header("alg", alg), claims(), "ES256", p256Key())
			err := issuer.CheckWith(signed, alg, public)
			if !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("%T and %s: %v", public, alg, err)
			} else if strings.Contains(err.Error(), "panicked") {
				panicked++
			}
		}
	}
	if panicked == 0 {
		t.Error("none of the keys made the library panic: this shows nothing")
	}
	s := one(t, nil)
	accepted(t, s, token)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 1000 {
				got, err := s.Verify(context.Background(), nobody, token, func(string) string { panic(token) })
				if err == nil || errors.Is(err, issuer.ErrInvalid) || got.Subject != "" || strings.Contains(err.Error(), token[:20]) {
					t.Errorf("a panic: %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := s.Verify(context.Background(), nobody, token, nil); err == nil {
		t.Error("accepted for no resource")
	}
	accepted(t, s, token)
}

func TestAUT30_CachesAreOfWholeTokens(t *testing.T) {
	s := one(t, nil)
	// The same header, and payloads that begin with the same 200 bytes.
	pad := strings.Repeat("p", 200)
	token := func(sub string) string {
		c := encode(claims("sub", sub))
		return jws(header(), `{"a":"`+pad+`",`+c[1:], "ES256", p256Key())
	}
	alice, bob := token("alice"), token("bob")
	for range 3 {
		if got := accepted(t, s, alice); got.Subject != "alice" {
			t.Errorf("got %s", got.Subject)
		}
		if got := accepted(t, s, bob); got.Subject != "bob" {
			t.Errorf("got %s", got.Subject)
		}
	}
	a, b := strings.Split(alice, "."), strings.Split(bob, ".")
	forged := []string{
		a[0] + "." + a[1] + "." + b[2], a[0] + "." + b[1] + "." + a[2], b[0] + "." + b[1] + "." + a[2], alice + " ", " " + alice,
		alice + "\n", strings.ToUpper(alice), strings.ToLower(alice), alice + "=", alice + "\x00",
	}
	for _, n := range []int{20, 32, 64, 128, 250} {
		forged = append(forged, alice[:n]+strings.Repeat("A", len(alice)-n), alice[:len(alice)-1]+"!", alice[:n])
	}
	for _, token := range forged {
		refused(t, s, token)
	}
	if n, _, _ := s.Remembered(); n != 2 {
		t.Errorf("%d tokens are remembered, want 2: a refusal is not", n)
	}
}

func TestAUT31_CachesAreOfOneResource(t *testing.T) {
	s := one(t, func(s *issuer.Settings) { s.OtherAudiences = true })
	const other = "https://gw.test/other"
	single, both := good(), good("aud", []string{ours, other})
	for range 2 {
		accepted(t, s, single)
		accepted(t, s, both)
		for _, audience := range []string{
			other, "", ours + "/", "https://gw.test/mc", strings.ToUpper(ours), ours + "\x00", " " + ours, other + ours,
			"https://gw.test", "*",
		} {
			if _, err := s.Verify(context.Background(), nobody, single, resource(audience)); !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("a token for %s was used for %q: %v", ours, audience, err)
			}
		}
		if _, err := s.Verify(context.Background(), nobody, both, resource(other)); err != nil {
			t.Error(err)
		}
	}
}
